"""Build every notebook from its source, or check that those on disk are what the sources make."""

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from nbformat import NotebookNode

from course_lib.authoring.compare import first_difference
from course_lib.authoring.derive import EXERCISE, LESSON, SOLUTION, derive
from course_lib.authoring.errors import BuildError
from course_lib.authoring.run import run_notebook
from course_lib.authoring.source import Source, read_source
from course_lib.authoring.stored import (
    as_text,
    derived_from_same,
    holds_work,
    is_edited,
    put_aside,
    read_notebook,
    write_text,
)

AT_ONCE = 2  # kernels; a third gains nothing on the two cores that a course is usually built on
# Outputs that are stored come from the real language model, or the build says that it is not here.
_STORED_RUN = MappingProxyType({"COURSE_NO_STAND_IN": "1"})
_DERIVED_NAME = re.compile(r"\d\d_[a-z0-9_]+")  # a learner's own notebooks have other names


@dataclass(frozen=True)
class Plan:
    """One notebook to derive: from which source, as what, to where."""

    source: Path
    kind: str
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What became of one notebook.

    `state` is "written", "unchanged", "kept" or "failed" after a build, and "fresh", "stale", "hand-edited",
    "duplicated id", "missing", "orphan" or "failed" after a check. `cell` is the first cell concerned, if one is.
    """

    notebook: str
    state: str
    reason: str = ""
    cell: str | None = None

    @property
    def ok(self) -> bool:
        """Whether there is nothing to do about it."""
        return self.state in ("written", "unchanged", "fresh")


Advance = Callable[[], None]


def course_folder(start: Path | None = None) -> Path:
    """Find the course by walking up from `start` (the working directory).

    Raises
    ------
    BuildError
        If no folder on the way holds notebooks/, exercises/ and pyproject.toml.
    """
    start = Path.cwd() if start is None else start
    for folder in (start, *start.parents):
        if all((folder / name).exists() for name in ("notebooks", "exercises", "pyproject.toml")):
            return folder
    raise BuildError("No course here: go to the folder that holds notebooks/, exercises/ and pyproject.toml.")


def plan(root: Path, names: Sequence[str] = ()) -> list[Plan]:
    """List the notebooks that the sources under `root` make.

    Parameters
    ----------
    root : Path
        The course folder.
    names : sequence of str
        Only notebooks of these: a number ("03"), a name ("03_softmax") or a notebook's path. Empty: all.

    Raises
    ------
    BuildError
        If a name fits no source.
    """
    plans: list[Plan] = []
    for path in sorted((root / "notebooks" / "source").glob("*.py")):
        plans.append(Plan(path, LESSON, root / "notebooks" / f"{path.stem}.ipynb"))
    for path in sorted((root / "exercises" / "source").glob("*.py")):
        plans.append(Plan(path, EXERCISE, root / "exercises" / f"{path.stem}.ipynb"))
        plans.append(Plan(path, SOLUTION, root / "exercises" / "solutions" / f"{path.stem}.ipynb"))
    for name in names:
        if not any(_fits(one, name) for one in plans):
            raise BuildError(
                f"No source for {name!r}. Give a number such as 03, a name such as 03_softmax, or nothing."
            )
    return [one for one in plans if not names or any(_fits(one, name) for name in names)]


def build(
    root: Path, names: Sequence[str] = (), *, force: bool = False, advance: Advance = lambda: None
) -> Iterator[Outcome]:
    """Derive, run and write notebooks, two at a time; a notebook that holds somebody's work stays.

    Parameters
    ----------
    root : Path
        The course folder.
    names : sequence of str
        As in `plan`.
    force : bool
        Write over a notebook that holds work, after a copy of it was put aside.
    advance : callable
        Called after every cell that ran.

    Yields
    ------
    Outcome
        One for each notebook, as it is done.
    """

    def one(task: Plan) -> Outcome:
        task.target.parent.mkdir(parents=True, exist_ok=True)
        return _write(root, task, _make(task, advance=advance), force=force)

    yield from _each(root, plan(root, names), one)


def check(
    root: Path, names: Sequence[str] = (), *, run: bool = True, advance: Advance = lambda: None
) -> Iterator[Outcome]:
    """Compare every notebook on disk with what its source makes; nothing is written.

    Parameters
    ----------
    root : Path
        The course folder.
    names : sequence of str
        As in `plan`.
    run : bool
        Whether to run lessons and solutions and compare outputs; without, all else is compared, in a second or two.
    advance : callable
        Called after every cell that ran.

    Yields
    ------
    Outcome
        One for each notebook, and one for each that has no source.
    """

    def one(task: Plan) -> Outcome:
        stored = read_notebook(task.target)
        if stored is None:
            return Outcome(_name(root, task.target), "missing", "build it")
        fresh = _make(task, run=run, advance=advance)
        return _compare(_name(root, task.target), stored, fresh, outputs=run or task.kind == EXERCISE)

    plans = plan(root, names)
    yield from _each(root, plans, one)
    if not names:
        yield from _orphans(root, {one.target for one in plans})


def cells_to_run(root: Path, names: Sequence[str] = ()) -> int:
    """Count the code cells of a whole build, for a progress bar; a source that cannot be read counts nothing."""
    count = 0
    for one in plan(root, names):
        try:
            source = read_source(one.source)
        except BuildError:
            continue
        count += 0 if one.kind == EXERCISE else sum(cell.kind == "code" for cell in source.cells)
    return count


def _fits(one: Plan, name: str) -> bool:
    stem = Path(name).stem
    return one.source.stem == stem or one.source.stem.partition("_")[0] == stem


def _each(root: Path, plans: Sequence[Plan], work: Callable[[Plan], Outcome]) -> Iterator[Outcome]:
    def safely(one: Plan) -> Outcome:
        try:
            return work(one)
        except BuildError as error:
            return Outcome(_name(root, one.target), "failed", str(error))

    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        yield from pool.map(safely, plans)
    finally:  # also when the reader stops: what has not begun never will
        pool.shutdown(cancel_futures=True)


def _make(one: Plan, *, run: bool = True, advance: Advance) -> NotebookNode:
    source: Source = read_source(one.source)
    notebook = derive(source, one.kind)
    if run and one.kind != EXERCISE:
        run_notebook(notebook, one.target.parent, advance=advance, variables=_STORED_RUN)
    return notebook


def _write(root: Path, task: Plan, fresh: NotebookNode, *, force: bool) -> Outcome:
    name = _name(root, task.target)
    text = as_text(fresh)
    try:
        stored = read_notebook(task.target)
    except BuildError as error:
        if not force:
            return Outcome(name, "kept", f"{error} Or use --force, which puts a copy aside first.")
        return _replace(name, task.target, text)
    if stored is not None and holds_work(stored):
        if force:
            return _replace(name, task.target, text)
        if derived_from_same(stored, fresh):
            return Outcome(name, "unchanged", "it holds your work, on the present version")
        return Outcome(
            name, "kept", "it holds work and its source is newer. --force writes the new one and puts a copy aside."
        )
    if stored is not None and not is_edited(stored) and first_difference(fresh, stored, outputs=True) is None:
        return Outcome(name, "unchanged")
    write_text(task.target, text)
    return Outcome(name, "written")


def _replace(name: str, path: Path, text: str) -> Outcome:
    copy = put_aside(path)
    write_text(path, text)
    return Outcome(name, "written", f"your version is {copy.name}")


def _compare(name: str, stored: NotebookNode, fresh: NotebookNode, *, outputs: bool) -> Outcome:
    edited = is_edited(stored)
    difference = first_difference(fresh, stored, outputs=outputs)
    if difference is None and edited:
        difference = (None, "an output was changed since it was built")
    if difference is None:
        return Outcome(name, "fresh")
    cell, what = difference
    state = "duplicated id" if "two cells" in what else "hand-edited" if edited else "stale"
    return Outcome(name, state, what, cell)


def _orphans(root: Path, targets: set[Path]) -> Iterator[Outcome]:
    for folder in (root / "notebooks", root / "exercises", root / "exercises" / "solutions"):
        for path in sorted(folder.glob("*.ipynb")):
            if path not in targets and _DERIVED_NAME.fullmatch(path.stem):
                yield Outcome(_name(root, path), "orphan", "it has no source")


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()
