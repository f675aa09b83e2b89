"""Break right programs in one small place each: a check is only as good as the wrong programs that it rejects.

The named wrong programs of a task are mistakes that people are known to make. Mutants are the mistakes that nobody
thought of: every solution, and every right program of another style, with one axis, scale, comparison or constant
changed at a time.
"""

import ast
import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from course_lib.checks.quality.mutations import Function, changes


@dataclass(frozen=True)
class RightProgram:
    """A right answer, as text that can be changed.

    Attributes
    ----------
    task : str
    function : ast node
        A definition, or an expression whose value is the answer.
    names : mapping of str to object
        What the text may use.
    """

    task: str
    function: Function
    names: Mapping[str, Any] = field(repr=False, default_factory=dict)

    @property
    def title(self) -> str:
        """The first line, cut where it is long."""
        line = _line(self.function).removeprefix("def ").removesuffix(":")
        return line if len(line) <= 60 else f"{line[:59]}…"

    def build(self, function: Function | None = None) -> Any:
        """Return the answer that the text makes; `function` takes the place of its own."""
        function = self.function if function is None else function
        if isinstance(function, ast.FunctionDef):
            body: ast.stmt = function
            name = function.name
        else:
            name = "answer"
            body = ast.Assign(targets=[ast.Name(name, ast.Store())], value=function)
        module = ast.fix_missing_locations(ast.Module(body=[body], type_ignores=[]))
        names = dict(self.names)
        # A function of this project's own sources, which its tests run as well.
        exec(compile(module, "<mutant>", "exec"), names)
        return names[name]


@dataclass(frozen=True)
class Mutant:
    """A right program that was changed in one place.

    Attributes
    ----------
    task : str
    before, after : str
        The line that was changed, as it was and as it is.
    program : RightProgram
    function : ast node
    """

    task: str
    before: str
    after: str
    program: RightProgram = field(repr=False, compare=False)
    function: Function = field(repr=False, compare=False)

    def build(self) -> Any:
        """Return the changed function."""
        return self.program.build(self.function)


def programs_of_source(path: Path) -> list[RightProgram]:
    """Return the functions that a notebook's source hands to `check`, with all that stands above them."""
    programs: list[RightProgram] = []
    names: dict[str, Any] = {}
    functions: dict[str, ast.FunctionDef] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef):
            names = _run([node], names)
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = node
        task, function = _checked(node)
        if function in functions:
            programs.append(RightProgram(task, functions[function], names))
    return programs


def _checked(node: ast.stmt) -> tuple[str, str]:
    """Return the task and the function's name of a statement ``check("task", function)``, else two empty texts."""
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "check":
        first, second = (*call.args, None, None)[:2]
        if isinstance(first, ast.Constant) and isinstance(first.value, str) and isinstance(second, ast.Name):
            return first.value, second.id
    return "", ""


def programs_of_variants(path: Path) -> list[RightProgram]:
    """Return the programs in a module's ``CORRECT``: a dictionary of lists of functions by task."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tables = [node.value for node in tree.body if isinstance(node, ast.Assign) and _is_named(node, "CORRECT")]
    definitions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    names = _run([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)])
    programs = []
    for table in tables:
        assert isinstance(table, ast.Dict)
        for key, row in zip(table.keys, table.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(row, ast.List | ast.Tuple):
                for entry in row.elts:
                    function = definitions.get(entry.id, entry) if isinstance(entry, ast.Name) else entry
                    programs.append(RightProgram(str(key.value), function, names))
    return programs


def _is_named(node: ast.Assign, name: str) -> bool:
    return any(isinstance(target, ast.Name) and target.id.startswith(name) for target in node.targets)


def _run(nodes: list[ast.stmt], names: Mapping[str, Any] | None = None) -> dict[str, Any]:
    made = dict(names or {})
    # Imports and definitions of this project's own sources, which its tests run as well.
    exec(compile(ast.Module(body=nodes, type_ignores=[]), "<source>", "exec"), made)
    return made


def mutants_of(program: RightProgram) -> Iterator[Mutant]:
    """Change a program in every place and way that the rules know, one at a time."""
    whole, seen = ast.unparse(program.function), set()
    for place, node in enumerate(_nodes(program.function)):
        for change in range(len(changes(node, program.function))):
            function = copy.deepcopy(program.function)
            target = list(_nodes(function))[place]
            statement = _statement_of(function, target)
            before = _line(statement)
            changed = changes(target, function)[change]
            is_statement = target is statement
            function = _replaced(function, target, changed)
            text = ast.unparse(function)
            if text != whole and text not in seen:
                seen.add(text)
                after = _line(changed if is_statement else _statement_of(function, changed))
                yield Mutant(program.task, before, after, program, function)


def _nodes(function: Function) -> Iterator[ast.AST]:
    """Walk all that may be changed: no docstring, no decorator, no number behind a minus, which goes with its sign."""
    skipped: set[int] = set()
    for node in ast.walk(function):
        if isinstance(node, ast.FunctionDef):
            skipped |= {id(inner) for decorator in node.decorator_list for inner in ast.walk(decorator)}
            if ast.get_docstring(node) is not None:
                skipped |= {id(inner) for inner in ast.walk(node.body[0])}
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and isinstance(node.operand, ast.Constant):
            skipped.add(id(node.operand))
        if isinstance(node, ast.keyword) and node.arg == "strict":  # of zip: it changes no number
            skipped.add(id(node.value))
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("reshape"):  # any minus means "the rest"
            skipped |= {id(inner) for inner in ast.walk(node) if isinstance(inner, ast.UnaryOp)}
        if id(node) not in skipped:
            yield node


def _statement_of(function: Function, target: ast.AST) -> ast.AST:
    """Return the innermost statement around a node; of an expression, the whole."""
    innermost: ast.AST = function
    for node in ast.walk(function):
        if isinstance(node, ast.stmt) and any(inner is target for inner in ast.walk(node)):
            innermost = node
    return innermost


def _line(node: ast.AST) -> str:
    return ast.unparse(node).split("\n")[0]


class _Replacer(ast.NodeTransformer):
    def __init__(self, target: ast.AST, changed: ast.AST) -> None:
        self._target, self._changed = target, changed

    def visit(self, node: ast.AST) -> Any:
        return self._changed if node is self._target else self.generic_visit(node)


def _replaced(function: Function, target: ast.AST, changed: ast.AST) -> Function:
    result: Function = _Replacer(target, changed).visit(function)
    return result
