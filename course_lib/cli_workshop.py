"""The `course workshop` commands; as all commands, they import their work when they are called."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer()

Folder = Annotated[Path | None, typer.Option("--folder", help="The workshop's folder, with everybody's work in it.")]


@app.callback(invoke_without_command=True)
def workshop(
    context: typer.Context,
    folder: Folder = None,
    port: Annotated[int | None, typer.Option(help="The port to serve on; a free one from 8000 if not given.")] = None,
    address: Annotated[str, typer.Option(help="Listen on this address only, such as 127.0.0.1 to rehearse.")] = "",
    lesson: Annotated[str | None, typer.Option(help="What learners see first: a number, a name or a path.")] = None,
    code: Annotated[str | None, typer.Option(help="The class code; by default one is made, and stays.")] = None,
    memory: Annotated[str, typer.Option(help="Memory of a learner.")] = "1G",
    cpus: Annotated[float, typer.Option(min=0.1, help="Processors of a learner.")] = 1.0,
    idle: Annotated[int, typer.Option(min=1, help="Minutes after which an unused server is stopped.")] = 60,
    first_uid: Annotated[
        int | None, typer.Option(help="As root: learners run as this user and the next 999; 20000 if not given.")
    ] = None,
    trust_the_room: Annotated[
        bool, typer.Option("--trust-the-room", help="Not as root: let learners' programs run as you.")
    ] = False,
    certificate: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="For https.")] = None,
    key: Annotated[Path | None, typer.Option(exists=True, dir_okay=False, help="Of the certificate.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Start nothing; print the whole configuration.")] = False,
) -> None:
    """Open the course to a class: learners join with a name and the class code, each with a copy of their own.

    Every learner gets a JupyterLab on this machine; you get a view of the class. Ctrl-C ends all servers; started again
    on the same folder, everybody finds their work. Set COURSE_WORKSHOP_PASSWORD to choose your password.

    Examples: `course workshop --lesson 3`, `course workshop --dry-run`, `course workshop export submissions.zip`
    """
    if context.invoked_subcommand is not None:
        return
    from course_lib.workshop import command

    wishes = command.Wishes(
        folder=folder, address=address, port=port, lesson=lesson, code=code, memory=memory, cpus=cpus,
        idle_minutes=idle, first_uid=first_uid, trust_the_room=trust_the_room,
        certificate=certificate and certificate.resolve(), key=key and key.resolve(),
    )  # fmt: skip
    set_up, password = command.set_up(wishes, write=not dry_run)
    if dry_run:
        typer.echo(command.as_json(command.dry_run(set_up)))
    else:
        command.open_workshop(set_up, password)


@app.command()
def prepare() -> None:
    """Install the workshop's proxy ahead, while there is a network.

    Example: `course workshop prepare`
    """
    from course_lib.workshop import command, proxy

    command.need_jupyterhub()
    typer.echo(f"The proxy is in {proxy.install()}. A workshop needs no other machine from here on.")


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="The zip to write.")] = Path("submissions.zip"), folder: Folder = None
) -> None:
    """Collect the learners' exercise notebooks, for `course grade`.

    Example: `course workshop export submissions.zip`
    """
    from course_lib.workshop import command

    count = command.export(folder or command.default_folder(), out)
    typer.echo(f"{count} notebooks written to {out}")


@app.command()
def results(
    folder: Folder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON in place of CSV.")] = False,
) -> None:
    """Print how far everybody is: a line for each learner and task.

    Example: `course workshop results > class.csv`
    """
    from course_lib.workshop import command

    rows, table = command.class_rows(folder or command.default_folder())
    typer.echo(json.dumps(rows, indent=2) if as_json else table.rstrip(os.linesep))


@app.command()
def release(name: Annotated[str, typer.Argument(help="The learner's name.")], folder: Folder = None) -> None:
    """Let a learner who has lost their PIN take up their name again, for a quarter of an hour.

    Example: `course workshop release "Ada L"`
    """
    from course_lib.workshop import command

    command.release(folder or command.default_folder(), name)
    typer.echo(f"{name} may join again without a PIN, and gets a new one.")
