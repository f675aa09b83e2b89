"""Write a named wrong program as a learner would have: as one cell that needs nothing of the checks."""

import ast
import builtins
import functools
import importlib
import inspect
import math
from collections.abc import Callable, Iterator
from types import FunctionType, ModuleType
from typing import Any

from course_lib import attention

_OURS = "course_lib.checks"


class _NotAlone(Exception):
    """The program hangs together with the checks in a way that no cell can have."""


def standing_alone(program: Callable[..., Any], answer: str, own: frozenset[str] = frozenset()) -> str | None:
    """Return a cell that defines `program` under the name `answer`, or None where it cannot be written as one.

    Parameters
    ----------
    program : callable
        A function of the checks; what it uses of them is written into the cell, too.
    answer : str
        The name under which the notebook holds the answer.
    own : frozenset of str
        Functions of `course_lib.attention` that the notebook has under the same name, written by its learner.
    """
    pieces = _Pieces(own, taken={answer} | own)
    try:
        pieces.define(answer, program)
    except (_NotAlone, OSError, TypeError, SyntaxError):
        return None
    return pieces.written()


class _Pieces:
    """The imports and definitions of a cell, each before what uses it."""

    def __init__(self, own: frozenset[str], taken: set[str]) -> None:
        self._own, self._taken = own, taken
        self._names: list[tuple[Any, str]] = []  # what is there already, and its name in the cell
        self._imports: set[str] = set()
        self._definitions: list[str] = []

    def written(self) -> str:
        """Return the cell."""
        imports = ["\n".join(sorted(self._imports))] if self._imports else []
        return "\n\n\n".join([*imports, *self._definitions]) + "\n"

    def define(self, name: str, function: object) -> None:
        """Write a function of the checks under a name, behind all that it uses."""
        if not isinstance(function, FunctionType) or not function.__module__.startswith(_OURS):
            raise _NotAlone(name)
        if function.__kwdefaults__ or function.__defaults__:
            raise _NotAlone(name)
        self._names.append((function, name))
        node = _Bare().visit(_definition_of(function))
        renamed = {used: self._name_of(used, value) for used, value in _used(function, node)}
        node.name = name
        self._definitions.append(ast.unparse(ast.fix_missing_locations(_Renamed(renamed).visit(node))))

    def _name_of(self, wanted: str, value: object) -> str:
        """Return the name of a value in the cell, which is brought in if it is not there."""
        for known, name in self._names:
            if known is value:
                return name
        public = getattr(value, "__name__", "")
        if isinstance(value, FunctionType) and getattr(attention, public, None) is value and public in self._own:
            return public
        name, count = wanted, 2
        while name in self._taken:
            name, count = f"{wanted}_{count}", count + 1
        self._taken.add(name)
        if isinstance(value, ModuleType):
            self._imports.add(f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}"))
        elif isinstance(value, FunctionType) and getattr(attention, public, None) is value:
            self._imports.add(f"from course_lib.attention import {public}" + ("" if public == name else f" as {name}"))
        elif isinstance(value, bool | int | float | str | None):
            is_odd = isinstance(value, float) and not math.isfinite(value)
            self._definitions.append(f'{name} = float("{value}")' if is_odd else f"{name} = {value!r}")
            return name  # two equal numbers are not one thing
        else:
            self.define(name, value)
            return name
        self._names.append((value, name))
        return name


def _used(function: FunctionType, node: ast.FunctionDef) -> Iterator[tuple[str, object]]:
    """Yield what a function takes from around it, by the name that it has there."""
    around = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name in _free_names(node):
        if name in around:
            yield name, around[name].cell_contents
        elif name in function.__globals__:
            yield name, function.__globals__[name]
        elif not hasattr(builtins, name) and name != node.name:
            raise _NotAlone(name)


@functools.cache
def _tree(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


def _definition_of(function: FunctionType) -> ast.FunctionDef:
    """Return the definition of a function, a copy; a lambda becomes one."""
    code = function.__code__
    arguments = list(code.co_varnames[: code.co_argcount])
    found: list[ast.FunctionDef | ast.Lambda] = []
    for node in ast.walk(_tree(function.__module__)):
        if isinstance(node, ast.FunctionDef) and node.name == code.co_name and node.lineno == code.co_firstlineno:
            found.append(node)
        if isinstance(node, ast.Lambda) and code.co_name == "<lambda>" and _holds(node.body, function):
            found.append(node)
    same = [node for node in found if [one.arg for one in node.args.args] == arguments]
    if not same:
        raise _NotAlone(code.co_name)
    node = min(same, key=lambda one: (one.end_lineno or 0) - one.lineno)  # of nested ones the inner one
    copy = ast.parse(ast.unparse(node)).body[0]
    if isinstance(copy, ast.FunctionDef):
        return copy
    if isinstance(copy, ast.Expr) and isinstance(copy.value, ast.Lambda):
        made = ast.parse("def made(): pass").body[0]
        if isinstance(made, ast.FunctionDef):
            made.args, made.body = copy.value.args, [ast.Return(copy.value.body)]
            return made
    raise _NotAlone(code.co_name)


def _holds(body: ast.expr, function: FunctionType) -> bool:
    """Say whether all of a function's instructions come from this expression, and begin at it."""
    places = [place for place in function.__code__.co_positions() if place[0] is not None and place[2] is not None]
    places = [place for place in places if place[1] != place[0] or place[2] != place[3]]
    ours = [(place[0] or 0, place[2] or 0) for place in places if (place[2], place[3]) != (0, 0)]
    ends = [(place[1] or 0, place[3] or 0) for place in places if (place[2], place[3]) != (0, 0)]
    return bool(ours) and min(ours) == (body.lineno, body.col_offset) and max(ends) <= (
        body.end_lineno or 0, body.end_col_offset or 0,
    )  # fmt: skip


class _Bare(ast.NodeTransformer):
    """Takes away types and docstrings, which learners do not write."""

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        node.returns = None
        if ast.get_docstring(node) is not None and len(node.body) > 1:
            node.body = node.body[1:]
        self.generic_visit(node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            return ast.Pass()
        return ast.Assign([node.target], node.value)


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._names.get(node.id, node.id)
        return node


def _free_names(node: ast.FunctionDef) -> Iterator[str]:
    """Yield the names that a definition takes from around it."""
    made = {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}
    loads = []
    for one in ast.walk(node):
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Load):
            loads.append(one.id)
        elif isinstance(one, ast.Name):
            made.add(one.id)
        elif isinstance(one, ast.FunctionDef) and one is not node:
            made.add(one.name)
    yield from dict.fromkeys(name for name in loads if name not in made)
