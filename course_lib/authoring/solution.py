"""The marked lines of an exercise: the solution has them, the learner's version has a stub in their place."""

from course_lib.authoring.errors import BuildError

BEGIN = "### BEGIN SOLUTION"
END = "### END SOLUTION"
STUB = "### STUB"
DEFAULT_STUB = "...  # your code here"


def has_solution(text: str) -> bool:
    """Say whether a cell has marked lines.

    Examples
    --------
    >>> has_solution("weights = 1"), has_solution("### BEGIN SOLUTION\\nweights = 1\\n### END SOLUTION")
    (False, True)
    """
    return any(line.strip().startswith((BEGIN, END, STUB)) for line in text.splitlines())


def without_markers(text: str, *, where: str = "cell") -> str:
    """Return the solution: the text without the lines that only mark it.

    Examples
    --------
    >>> print(without_markers("a = 1\\n### BEGIN SOLUTION stub: b = ...\\nb = 2\\n### END SOLUTION"))
    a = 1
    b = 2
    """
    return "\n".join(line for line, role in _roles(text, where) if role in ("given", "solution"))


def with_stubs(text: str, *, where: str = "cell") -> str:
    """Return the learner's version: each marked block replaced by its stub, at the marker's indentation.

    Examples
    --------
    >>> print(with_stubs("def f(x):\\n    ### BEGIN SOLUTION stub: y = ...\\n    y = x\\n    ### END SOLUTION\\n    return y"))
    def f(x):
        y = ...
        return y
    """  # noqa: E501
    lines: list[str] = []
    for line, role in _roles(text, where):
        if role == "given":
            lines.append(line)
        elif role == "stub":
            lines.append(line.rstrip())
    return "\n".join(lines)


def _roles(text: str, where: str) -> list[tuple[str, str]]:
    """Give each line its role: given, solution, marker or stub (a stub's line is the text that replaces)."""
    roles: list[tuple[str, str]] = []
    begun: str | None = None  # the indentation of the open block
    n_stubs = 0
    for line in text.splitlines():
        stripped = line.strip()
        indent = line[: len(line) - len(line.lstrip())]
        if stripped.startswith(BEGIN):
            if begun is not None:
                raise BuildError(f"{where}: '{BEGIN}' inside of another; the first needs its '{END}'.")
            begun, n_stubs = indent, 0
            stub = _stub_of(stripped, where)
            if stub:
                roles.append((indent + stub, "stub"))
                n_stubs += 1
        elif stripped.startswith(STUB):
            if begun is None:
                raise BuildError(f"{where}: '{STUB}' stands between '{BEGIN}' and '{END}'.")
            roles.append((begun + stripped.removeprefix(STUB).removeprefix(" "), "stub"))
            n_stubs += 1
        elif stripped == END:
            if begun is None:
                raise BuildError(f"{where}: '{END}' without its '{BEGIN}'.")
            if not n_stubs:
                roles.append((begun + DEFAULT_STUB, "stub"))
            begun = None
        else:
            roles.append((line, "given" if begun is None else "solution"))
    if begun is not None:
        raise BuildError(f"{where}: '{BEGIN}' without its '{END}'.")
    return roles


def _stub_of(marker: str, where: str) -> str:
    rest = marker.removeprefix(BEGIN).strip()
    if rest and not rest.startswith("stub:"):
        raise BuildError(f"{where}: after '{BEGIN}' only 'stub: ...' may follow, not {rest!r}.")
    return rest.removeprefix("stub:").strip()
