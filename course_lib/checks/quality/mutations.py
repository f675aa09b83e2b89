"""The ways to break a line of array code: another axis, no scale, a comparison turned round, off by one.

Each rule takes a node of a syntax tree and returns what may stand in its place.
"""

import ast
from collections.abc import Callable, Iterator

Function = ast.FunctionDef | ast.expr

_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.FloorDiv: ast.Mod, ast.MatMult: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_ORDERED = (ast.Sub, ast.Div, ast.MatMult, ast.Pow, ast.Mod, ast.FloorDiv)  # a - b is not b - a

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt, ast.GtE), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,), ast.NotEq: (ast.Eq,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,), ast.NotIn: (ast.In,),
}  # fmt: skip

# A function, and what is easily written in its place.
_FUNCTIONS = {
    "max": "min", "min": "max", "maximum": "minimum", "minimum": "maximum", "sum": "mean", "mean": "sum",
    "argmax": "argmin", "argmin": "argmax", "exp": "exp2", "exp2": "exp", "log": "log2", "log2": "log", "sin": "cos",
    "cos": "sin", "triu": "tril", "tril": "triu", "any": "all", "all": "any", "zeros": "ones", "ones": "zeros",
    "zeros_like": "ones_like", "ones_like": "zeros_like", "repeat": "tile", "tile": "repeat", "floor": "ceil",
    "append": "insert", "multiply": "add", "add": "multiply", "vstack": "hstack", "hstack": "vstack",
}  # fmt: skip
# Functions of one array that are easily left out.
_LEFT_OUT = {
    "exp", "sqrt", "log", "abs", "swapaxes", "transpose", "moveaxis", "cumsum", "softmax", "copy", "reversed", "square",
    "conj", "flip", "roll", "triu", "tril", "mean",
}  # fmt: skip
_KEPT_KEYWORDS = {"strict", "dtype", "out"}  # without them the same numbers come


def changes(node: ast.AST, function: Function) -> list[ast.AST]:
    """Return all that may stand in the place of `node` in `function`."""
    return [changed for kind, rule in _RULES if isinstance(node, kind) for changed in rule(node, function)]


def _constants(node: ast.Constant, function: Function) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield from (_number(value + step) for step in (1, -1))
    elif isinstance(value, float):
        yield ast.Constant(value * 1.5 if value else 1.0)
    elif isinstance(value, str) and "->" in value and len(value.split("->")[1].strip(".")) > 1:
        yield ast.Constant(value[:-2] + value[-1] + value[-2])  # einsum: the result on its side


def _number(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _signs(node: ast.UnaryOp, function: Function) -> Iterator[ast.AST]:
    number = node.operand.value if isinstance(node.operand, ast.Constant) else None
    if isinstance(node.op, ast.USub) and isinstance(number, int):
        yield from (_number(-number + step) for step in (1, -1))
        return
    if isinstance(node.op, ast.USub) and isinstance(number, float):
        yield ast.UnaryOp(ast.USub(), ast.Constant(number * 1.5))
    yield node.operand


def _operations(node: ast.BinOp, function: Function) -> Iterator[ast.AST]:
    kind = type(node.op)
    if kind in _ORDERED:
        yield ast.BinOp(node.right, node.op, node.left)
    if kind is not ast.MatMult:  # drop a scale, a term, a mask
        yield node.left
    if kind in (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr):
        yield node.right
    if kind in _OPERATORS:
        yield ast.BinOp(node.left, _OPERATORS[kind](), node.right)
    if kind is ast.MatMult:
        yield ast.BinOp(node.left, node.op, _turned(node.right))
        yield ast.BinOp(_turned(node.left), node.op, node.right)
        yield ast.BinOp(node, ast.Mult(), ast.Constant(2))  # add a scale


def _turned(array: ast.expr) -> ast.expr:
    return ast.Call(ast.Attribute(array, "swapaxes", ast.Load()), [_number(-1), _number(-2)], [])


def _comparisons(node: ast.Compare, function: Function) -> Iterator[ast.AST]:
    if len(node.ops) == 1:
        for other in _COMPARISONS[type(node.ops[0])]:
            yield ast.Compare(node.left, [other()], node.comparators)


def _junctions(node: ast.BoolOp, function: Function) -> Iterator[ast.AST]:
    yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
    yield from node.values


def _calls(node: ast.Call, function: Function) -> Iterator[ast.AST]:
    name, array = _called(node)
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg not in _KEPT_KEYWORDS:
            yield ast.Call(node.func, node.args, [other for other in node.keywords if other is not keyword])
    if name in _FUNCTIONS:
        yield ast.Call(_renamed(node.func, _FUNCTIONS[name]), node.args, node.keywords)
    if name in _LEFT_OUT and array is not None:
        yield array
    if name == "where" and len(node.args) == 3:
        yield ast.Call(node.func, [node.args[0], node.args[2], node.args[1]], node.keywords)
    if name == "range":
        last = ast.BinOp(node.args[min(1, len(node.args) - 1)], ast.Sub(), ast.Constant(1))
        yield ast.Call(node.func, [*node.args[:-1], last] if len(node.args) < 3 else node.args, [])


def _called(node: ast.Call) -> tuple[str, ast.expr | None]:
    """Return the name of a called function, and the array that it works on: `np.exp(x)` and `x.exp()` are alike."""
    if isinstance(node.func, ast.Attribute):
        owner = node.func.value
        is_module = isinstance(owner, ast.Name) and owner.id in ("np", "math", "numpy")
        return node.func.attr, (node.args[0] if node.args else None) if is_module else owner
    if isinstance(node.func, ast.Name):
        return node.func.id, node.args[0] if node.args else None
    return "", None


def _renamed(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(function.value, name, ast.Load())
    return ast.Name(name, ast.Load())


def _attributes(node: ast.Attribute, function: Function) -> Iterator[ast.AST]:
    if node.attr == "T":
        yield node.value
    if node.attr == "inf":
        yield ast.Constant(0.0)


def _names(node: ast.Name, function: Function) -> Iterator[ast.AST]:
    """Put another argument of the function into the place of one."""
    around = [one for one in ast.walk(function) if isinstance(one, ast.FunctionDef | ast.Lambda)]
    for one in around[:1]:
        arguments = [argument.arg for argument in one.args.args]
        if isinstance(node.ctx, ast.Load) and node.id in arguments:
            yield from (ast.Name(other, ast.Load()) for other in arguments if other != node.id)


def _branches(node: ast.IfExp, function: Function) -> Iterator[ast.AST]:
    yield ast.IfExp(node.test, node.orelse, node.body)


def _statements(node: ast.stmt, function: Function) -> Iterator[ast.AST]:
    if isinstance(node, ast.AugAssign):
        if type(node.op) in _OPERATORS:
            yield ast.AugAssign(node.target, _OPERATORS[type(node.op)](), node.value)
        yield ast.Pass()
    elif isinstance(node, ast.If):
        yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
    elif isinstance(node, ast.Continue | ast.Break) or _is_drop_worthy(node, function):
        yield ast.Pass()


def _is_drop_worthy(node: ast.stmt, function: Function) -> bool:
    """Say whether the function still has all its names without the statement; dropping others proves nothing."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    if not isinstance(node, ast.Assign):
        return False
    target = node.targets[0]
    if not isinstance(target, ast.Name):
        return isinstance(target, ast.Subscript)
    if isinstance(function, ast.FunctionDef) and target.id in [argument.arg for argument in function.args.args]:
        return True
    return any(
        isinstance(other, ast.Name) and isinstance(other.ctx, ast.Store) and other.id == target.id
        for statement in ast.walk(function)
        if isinstance(statement, ast.Assign) and statement.lineno < node.lineno
        for other in statement.targets
    )


_RULES: tuple[tuple[type[ast.AST], Callable[..., Iterator[ast.AST]]], ...] = (
    (ast.Constant, _constants),
    (ast.UnaryOp, _signs),
    (ast.BinOp, _operations),
    (ast.Compare, _comparisons),
    (ast.BoolOp, _junctions),
    (ast.Call, _calls),
    (ast.Attribute, _attributes),
    (ast.Name, _names),
    (ast.IfExp, _branches),
    (ast.stmt, _statements),
)
