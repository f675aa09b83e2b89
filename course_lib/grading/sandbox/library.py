"""The course's library as it goes into the jail: without what the exercise asks for, and without any check.

An exercise is marked with the functions of the lessons before it. What it asks for itself, what is as good as the
answer, and what comes later is not in the jail at all, neither as a file nor in memory: its name can be imported, so
that an import line does not fail, and says so when it is called.
"""

import ast
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import course_lib

_HERE = Path(course_lib.__file__).parent

# The exercise in which each public function is asked for, or the lesson that brings it. In an exercise there are the
# functions with a smaller number.
_LESSONS: Mapping[str, int] = {
    "project": 1,
    "dot_product_scores": 2, "scaled_scores": 2,
    "softmax": 3,
    "attention": 4, "attention_weights": 4, "weighted_sum": 4,
    "self_attention": 5,
    "causal_mask": 6, "padding_mask": 6,
    "split_heads": 7, "merge_heads": 7, "multi_head_attention": 7,
    "alibi_bias": 8, "rotate": 8, "sinusoidal_positions": 8,
    "KeyValueCache": 9, "repeat_kv": 8,  # brought, and asked for in 11
    "sliding_window_mask": 9, "tiled_attention": 9,
    "attention_backward": 10, "attention_entropy": 10, "dropout": 10, "head_diversity": 10,
    "mean_attention_distance": 10, "softmax_backward": 10,
    "induction_score": 11, "previous_token_score": 11,
}  # fmt: skip
# Of an earlier lesson, and the answer all the same: in 06 what takes a mask.
_ANSWERS_TOO: Mapping[int, frozenset[str]] = {
    6: frozenset({"attention", "attention_weights", "self_attention"}),
    11: frozenset({"repeat_kv"}),
}  # fmt: skip

_WHOLE = ("errors.py", "shapes.py", "plots", "checks/result.py", "checks/tasks.py", "checks/running")
_OF_THE_JAIL = ("grading/__init__.py", "grading/protocol.py", "grading/inside")


def given_functions(lesson: int) -> frozenset[str]:
    """Return the functions of `course_lib.attention` that an exercise may use."""
    answers = _ANSWERS_TOO.get(lesson, frozenset())
    return frozenset(name for name, asked in _LESSONS.items() if asked < lesson and name not in answers)


def write_library(folder: Path, lesson: int) -> None:
    """Write the library of an exercise into `folder`, as the package ``course_lib``.

    Parameters
    ----------
    folder : Path
        Empty.
    lesson : int
        The exercise's number.
    """
    package = folder / "course_lib"
    for name in (*_WHOLE, *_OF_THE_JAIL):
        source, target = _HERE / name, package / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    _write(package / "__init__.py", '"""The course\'s library, as it is while an exercise is graded."""\n')
    for name in ("checks", "models", "widgets"):
        stand_in = _HERE / "grading/inside/standing_in" / f"{name}.py"
        _write(package / name / "__init__.py", stand_in.read_text(encoding="utf-8"))
    answers = {name for name, asked in _LESSONS.items() if asked == lesson and name != "repeat_kv"}
    answers |= _ANSWERS_TOO.get(lesson, frozenset())
    for name, text in _attention(given_functions(lesson), frozenset(answers)).items():
        _write(package / "attention" / f"{name}.py", text)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class _Definition:
    module: str
    name: str


def _attention(given: Iterable[str], answers: frozenset[str]) -> dict[str, str]:
    """Return the text of each module of `attention`, with the definitions that the given functions need.

    Where one of them needs an answer, such as `attention` with a window, that is missing there, too.
    """
    modules = {path.stem: _Module(path) for path in sorted((_HERE / "attention").glob("*.py"))}
    public = modules["__init__"]
    needed: set[_Definition] = set()
    waiting = [_Definition(public.imported[name], name) for name in given]
    while waiting:
        definition = waiting.pop()
        if definition not in needed:
            needed.add(definition)
            if definition.name not in answers:
                waiting.extend(modules[definition.module].needed_by(definition.name))
    texts = {
        name: module.keeping({one.name for one in needed if one.module == name}, answers)
        for name, module in modules.items()
        if any(one.module == name for one in needed)
    }
    return texts | {"__init__": _init(public.imported, frozenset(given))}


class _Module:
    """A module's text, cut up by its definitions."""

    def __init__(self, path: Path) -> None:
        self._text = path.read_text(encoding="utf-8")
        self._statements = {name: node for node in ast.parse(self._text).body for name in _names_made(node)}
        self._imports = [node for node in ast.parse(self._text).body if isinstance(node, ast.Import | ast.ImportFrom)]
        self.imported = {
            alias.name: node.module.rpartition(".")[2]
            for node in self._imports
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("course_lib.attention.")
            for alias in node.names
        }
        self._name = path.stem

    def needed_by(self, name: str) -> Iterator[_Definition]:
        """Give the definitions of this package that one of this module uses."""
        for word in _words(self._statements[name]):
            if word in self.imported:
                yield _Definition(self.imported[word], word)
            elif word in self._statements and word != name:
                yield _Definition(self._name, word)

    def keeping(self, names: set[str], answers: frozenset[str]) -> str:
        """Return the text with the definitions of `names` and the imports that these use; `answers` are missing."""
        there = names - answers
        words = {word for name in there for word in _words(self._statements[name])}
        lines = [text for node in self._imports if (text := _import_of(node, words))]
        lines += _missing(names & answers)
        kept = {id(self._statements[name]): self._statements[name] for name in there}
        in_order = sorted(kept.values(), key=lambda node: node.lineno)
        return "\n".join([*lines, *(self._source(node) for node in in_order)]) + "\n"

    def _source(self, node: ast.stmt) -> str:
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
        assert node.end_lineno is not None
        return "\n".join(self._text.splitlines()[first - 1 : node.end_lineno])


def _names_made(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return [one.id for target in targets for one in ast.walk(target) if isinstance(one, ast.Name)]
    return []


def _words(node: ast.AST) -> set[str]:
    """Return every name that a definition uses, also in text that is an annotation."""
    words = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    for one in ast.walk(node):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and one.value.isidentifier():
            words.add(one.value)
    return words


def _import_of(node: ast.Import | ast.ImportFrom, words: set[str]) -> str:
    kept = [alias for alias in node.names if (alias.asname or alias.name).split(".")[0] in words]
    if not kept:
        return ""
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names=kept))
    return ast.unparse(ast.ImportFrom(module=node.module, names=kept, level=0))


def _missing(names: Iterable[str]) -> list[str]:
    lines = [f"{name} = missing({name!r})" for name in sorted(names)]
    return ["from course_lib.grading.inside.missing import missing", *lines] if lines else []


def _init(public: Mapping[str, str], given: frozenset[str]) -> str:
    lines = [f"from course_lib.attention.{public[name]} import {name}" for name in sorted(given)]
    lines += _missing(name for name in public if name not in given)
    return "\n".join([*lines, f"__all__ = {sorted(public)!r}", ""])
