"""The commands of an instructor who marks notebooks: `course grade`, `gradebook`, `feedback`, `class`, `nbgrader`."""

import contextlib
import json
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from course_lib.errors import CourseError

if TYPE_CHECKING:
    from course_lib.grading.batch import Summary
    from course_lib.grading.collecting import Found
    from course_lib.grading.engines import Executor
    from course_lib.grading.entries import Entry
    from course_lib.grading.sandbox.self_test import Tried
    from course_lib.grading.serving import Options

Json = Annotated[bool, typer.Option("--json", help="Print what was found as JSON, for a program to read.")]
Out = Annotated[Path, typer.Option("--out", help="The folder of the gradebook.")]
GRADED = Path("graded")
MIB = 2**20


class Format(StrEnum):
    """What a gradebook can be written as."""

    csv = "csv"
    canvas = "canvas"
    moodle = "moodle"
    gradescope = "gradescope"
    nbgrader = "nbgrader"


class Layout(StrEnum):
    """How a made class is laid out."""

    folder = "folder"
    nbgrader = "nbgrader"
    canvas = "canvas"
    moodle = "moodle"


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to the `course` command."""
    app.command()(grade)
    app.command()(feedback)
    app.command("nbgrader")(lay_out_nbgrader)
    app.add_typer(gradebook_app, name="gradebook")
    app.add_typer(class_app, name="class")


def grade(
    submissions: Annotated[
        list[Path] | None,
        typer.Argument(help="Folders of notebooks, nbgrader's submitted/ tree, zips of an LMS.", show_default=False),
    ] = None,
    out: Out = GRADED,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say how well notebooks can be shut in on this machine; mark nothing.")
    ] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes that mark; by default one for each core.")] = None,
    timeout: Annotated[float | None, typer.Option(min=0.1, help="Seconds for a submission; 60 if not given.")] = None,
    memory: Annotated[int | None, typer.Option(min=64, help="MiB for a submission; 1024 if not given.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep what was marked before in the same way.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Only this learner or exercise; may be said again.")] = None,
    exercise: Annotated[str | None, typer.Option(help="Take every notebook for this exercise.")] = None,
    seed: Annotated[int, typer.Option(help="What the inputs are drawn with; keep it from the class.")] = 0,
    dask: Annotated[str | None, typer.Option(help="Mark on the workers of this scheduler, tcp://HOST:PORT.")] = None,
    trust: Annotated[
        bool, typer.Option("--trust", help="Run notebooks also where they cannot be shut in. For your own work only.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Mark notebooks of people you don't know, and write a gradebook.

    Every notebook runs shut in, and is judged by the checks of the course from outside. Ctrl-C keeps what is done. The
    exit status is 1 where a file could not be marked.

    Examples: `course grade submissions.zip --out graded`, `course grade class/ --only 07 --resume`,
    `course grade --explain`
    """
    if explain:
        _explain(as_json)
        return
    if not submissions:
        raise typer.BadParameter("Say what to mark: a folder, a zip or a notebook. `course grade --help` has examples.")
    from course_lib.grading.collecting import survey
    from course_lib.grading.serving import Options

    named = _exercise(exercise)
    memory_bytes = None if memory is None else memory * MIB
    options = Options(seed=seed, seconds=timeout, memory_bytes=memory_bytes, trust=trust)
    found = survey(submissions)
    _look_at(found, only or [])
    summary, notes = _mark(found, out, options, _engine(options, jobs, dask), resume, only or [], named)
    _report(summary, notes, out, as_json)
    raise typer.Exit(1 if summary.problems or summary.interrupted else 0)


def _explain(as_json: bool) -> None:
    from dataclasses import asdict

    from course_lib.grading.marking import Marker
    from course_lib.grading.sandbox.levels import find_level

    level = find_level()
    tried: tuple[Tried, ...] = ()
    if level.name != "none":
        with Marker() as marker:  # raises where something works that the level shuts
            tried = marker.tested()
    if as_json:
        typer.echo(json.dumps({**asdict(level), "tried": [asdict(one) for one in tried]}, indent=2))
    else:
        typer.echo(str(level))
        for one in tried:
            typer.echo(f"  tried     {one.what}: {'shut' if one.is_shut else 'open'}")
    raise typer.Exit(1 if level.name == "none" else 0)


def _exercise(name: str | None) -> str | None:
    from course_lib.grading.assignments import ASSIGNMENTS, find_assignment

    if name is None:
        return None
    found = find_assignment(name)
    if found is None:
        raise typer.BadParameter(f"There is no exercise {name!r}. There are {', '.join(ASSIGNMENTS)}.")
    return found.name


def _look_at(found: "list[Found]", only: list[str]) -> None:
    from course_lib.grading.batch import unknown_names

    if not found:
        raise CourseError(
            "There is no notebook in what you gave. Notebooks end in .ipynb; zips and folders are looked into."
        )
    if unknown := unknown_names(only, found):
        raise typer.BadParameter(f"--only {unknown[0]}: neither a learner of this class nor an exercise.")


def _engine(options: "Options", jobs: int | None, dask: str | None) -> "Executor":
    if dask is not None:
        from course_lib.grading.dask_engine import DaskEngine

        return DaskEngine(options, dask)
    from course_lib.grading.engines import LocalEngine, jobs_here

    return LocalEngine(options, jobs or jobs_here())


def _mark(
    found: "list[Found]", out: Path, options: "Options", engine: "Executor", resume: bool, only: list[str],
    exercise: str | None,
) -> "tuple[Summary, list[str]]":  # fmt: skip
    from course_lib.grading.batch import grade_all
    from course_lib.grading.gradebook import Gradebook

    with Gradebook(out) as gradebook:
        for note in gradebook.notes:
            typer.echo(f"course: {note}", err=True)
        with engine as executor, _bar(len(found)) as advance:
            summary = grade_all(
                found, gradebook, executor=executor, options=options, resume=resume, only=only, exercise=exercise,
                advance=advance,
            )  # fmt: skip
        return summary, gradebook.notes


@contextlib.contextmanager
def _bar(total: int) -> "Iterator[Callable[[Entry | None], None]]":
    """Show how far it is, how fast, and how long it will take; tell at once of what cannot be marked."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining
    from rich.text import Text

    from course_lib.grading.reports.safe import one_line

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f}/s" if task.speed else "–/s")

    console = Console(stderr=True, soft_wrap=True)
    columns = (TextColumn("Marking"), BarColumn(), MofNCompleteColumn(), Rate(), Remaining(compact=True))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        parts = bar.add_task("Marking", total=total)

        def advance(entry: "Entry | None") -> None:
            bar.advance(parts)
            if entry is not None and entry.kind != "marked":
                named = f"{entry.kind:<9} {one_line(entry.learner, 40)}  {one_line(entry.name, 60)}"
                bar.console.print(f"{named}: {one_line(entry.reason, 200)}", style="red", markup=False, highlight=False)

        yield advance


def _report(summary: "Summary", notes: list[str], out: Path, as_json: bool) -> None:
    from course_lib.grading.gradebook import FILE

    if as_json:
        typer.echo(json.dumps({**summary.as_data(), "gradebook": (out / FILE).as_posix(), "notes": notes}, indent=2))
        return
    counts = summary.counts
    parts = [f"{counts['marked']} marked", *(f"{counts[one]} kept" for one in ("kept",) if counts[one])]
    parts += [f"{counts[one]} {one}" for one in ("refused", "unmarked") if counts[one]]
    each = (
        f", {1000 * summary.cpu_seconds / counts['marked']:.0f} ms of processor time each" if counts["marked"] else ""
    )
    typer.echo(f"{', '.join(parts)} in {summary.wall_seconds:.1f} s{each}: {out / FILE}")
    if summary.interrupted:
        typer.echo("Stopped. What is done is kept; the same command with --resume goes on.")


gradebook_app = typer.Typer(help="Look at a gradebook, or write it for another system.", no_args_is_help=True)


@gradebook_app.command("show")
def show_gradebook(
    out: Out = GRADED,
    learner: Annotated[str | None, typer.Option(help="Only this learner, with every task and remark.")] = None,
    as_json: Json = False,
) -> None:
    """Show the points of a class, exercise by exercise.

    Examples: `course gradebook show --out graded`, `course gradebook show --learner ada`
    """
    from course_lib.grading import gradebook
    from course_lib.grading.reports import table

    entries = gradebook.read(out)
    if learner is not None:
        entries = [entry for entry in entries if entry.learner == learner]
        if not entries:
            raise CourseError(f"There is no learner {learner!r} in {out}.")
    if as_json:
        typer.echo(json.dumps(table.as_data(entries), indent=2))
    elif learner is not None:
        table.show_learner(entries)
    else:
        table.show_class(entries)


@gradebook_app.command("export")
def export_gradebook(
    to: Annotated[Format, typer.Option("--format", help="For whom.")],
    out: Out = GRADED,
    file: Annotated[
        Path | None, typer.Option("--to", help="Where to; a file or folder beside the gradebook if not given.")
    ] = None,
    exercise: Annotated[str | None, typer.Option(help="Only this exercise.")] = None,
    roster: Annotated[
        Path | None, typer.Option(help="canvas, moodle: the class as the system exports it; its columns are filled in.")
    ] = None,
    course: Annotated[Path | None, typer.Option(help="nbgrader: the folder of the nbgrader course.")] = None,
) -> None:
    """Write the gradebook as CSV, for Canvas or Moodle, for Gradescope, or into nbgrader's own.

    Examples: `course gradebook export --format csv`, `course gradebook export --format canvas --roster canvas.csv`,
    `course gradebook export --format nbgrader --course nbgrader_course`
    """
    from course_lib.grading import exports, gradebook

    if (to is Format.nbgrader) != (course is not None):
        raise typer.BadParameter("--course FOLDER goes with --format nbgrader, and --format nbgrader needs it.")
    named = _exercise(exercise)
    entries = [entry for entry in gradebook.read(out) if named is None or entry.exercise == named]
    written, notes = exports.export(entries, to.value, file or course or out, roster=roster, is_named=file is not None)
    for note in notes:
        typer.echo(f"course: {note}", err=True)
    typer.echo(f"written to {written}")
    raise typer.Exit(1 if notes else 0)


def feedback(
    out: Out = GRADED,
    to: Annotated[Path | None, typer.Option("--to", help="Where to; by default beside the gradebook.")] = None,
    learner: Annotated[str | None, typer.Option(help="Only this learner.")] = None,
) -> None:
    """Write one page for each learner: every task with its points, what was found, and their code.

    The pages need no network and run nothing; they can be sent or printed.

    Examples: `course feedback --out graded`, `course feedback --learner ada --to pages`
    """
    from course_lib.grading import gradebook
    from course_lib.grading.reports import feedback as pages

    entries = gradebook.read(out)
    if learner is not None and learner not in {entry.learner for entry in entries}:
        raise CourseError(f"There is no learner {learner!r} in {out}.")
    chosen = [entry for entry in entries if learner in (None, entry.learner)]
    folder = to or out / "feedback"
    with _bar(len({entry.learner for entry in chosen})) as advance:
        written = pages.write_pages(chosen, folder, advance=lambda: advance(None))
    typer.echo(f"{len(written)} page{'s' if len(written) != 1 else ''} written to {folder}")


class_app = typer.Typer(help="Make a class of invented learners.", no_args_is_help=True)


@class_app.command("make")
def make_class(
    count: Annotated[int, typer.Argument(min=1, metavar="N", help="How many learners.")],
    out: Annotated[Path, typer.Option("--out", help="A folder that is not there yet, or is empty.")] = Path("class"),
    seed: Annotated[int, typer.Option(help="The same seed makes the same class.")] = 0,
    exercise: Annotated[str, typer.Option(help="What they hand in.")] = "07",
    honest: Annotated[bool, typer.Option("--honest", help="No hostile notebooks.")] = False,
    layout: Annotated[Layout, typer.Option(help="How they are handed in.")] = Layout.folder,
) -> None:
    """Make a class to try the grader on: right, wrong, unfinished and hostile notebooks, and what each is due.

    Examples: `course class make 30 --out class --seed 1`, `course class make 100 --exercise 03 --layout moodle`
    """
    from course_lib.authoring import BuildError, course_folder
    from course_lib.grading import synthetic

    named = _exercise(exercise)
    try:
        root = course_folder()
    except BuildError as error:
        raise typer.BadParameter(str(error)) from error
    if named is not None:
        made = synthetic.make(root, out, count, seed=seed, exercise=named, honest=honest, layout=layout.value)
        typer.echo(f"{made} learners in {out}; what each is due stands in {out / synthetic.DUE}")


def lay_out_nbgrader(
    folder: Annotated[Path, typer.Argument(help="The nbgrader course; it is made if it is not there.")],
    exercise: Annotated[list[str] | None, typer.Option(help="Only this one; may be said again.")] = None,
) -> None:
    """Lay out an nbgrader course with the exercises, for those who collect, show or grade with nbgrader.

    Examples: `course nbgrader my_course`, `course nbgrader my_course --exercise 07`
    """
    from course_lib.authoring import BuildError, course_folder
    from course_lib.grading.exports import nbgrader

    named = [name for name in map(_exercise, exercise or []) if name is not None]
    try:
        root = course_folder()
    except BuildError as error:
        raise typer.BadParameter(str(error)) from error
    for path in nbgrader.lay_out(root, folder, named):
        typer.echo(f"written       {path}")
