"""The command `course site`."""

import json
from pathlib import Path
from typing import Annotated

import typer

NOT_COMPILED = (
    "Node.js is not installed here, so what notebooks import could not be compiled beforehand, and Python takes "
    "longer to start in a browser. Install Node.js 18 or newer and make the site again.\n"
)


def site(
    out: Annotated[Path, typer.Option(help="The folder to write; a site that was made before is replaced.")],
    wheels: Annotated[
        Path | None, typer.Option(help="A folder with the wheels of Pyodide's distribution; by default fetched.")
    ] = None,
    pyodide: Annotated[
        Path | None, typer.Option(help="A folder with Pyodide's npm package; by default fetched with npm.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(help="What is fetched once is kept here; by default .course/site in the course.")
    ] = None,
    reading_only: Annotated[
        bool, typer.Option("--reading-only", help="Only the pages to read; needs nothing from anywhere.")
    ] = False,
    lesson: Annotated[list[str] | None, typer.Option(help="Only these lessons among the pages to read.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was made as JSON.")] = False,
) -> None:
    """Make a site for any web server: notebooks that run in the browser, and pages to read whose pictures move.

    Nothing on the site asks any other host. docs/site.md tells how to publish it, and what differs in a browser.

    Examples: `course site --out public`, `course site --out public --reading-only`
    """
    from course_lib.cli import progress_bar
    from course_lib.lab import course_folder
    from course_lib.site import Places, build_site, n_steps

    root = course_folder()
    if root is None:
        raise typer.BadParameter("the course is not in this folder; go to the folder that holds start.py.")
    for name, folder in (("--wheels", wheels), ("--pyodide", pyodide)):
        if folder is not None and not folder.is_dir():
            raise typer.BadParameter(f"{name} must be a folder, and {folder} is none.")
    places = Places.of(root, cache=cache, wheels=wheels, pyodide=pyodide)
    names = tuple(lesson or ())
    with progress_bar("Making the site", n_steps(places, reading_only=reading_only, names=names)) as advance:
        made = build_site(out, places, reading_only=reading_only, names=names, advance=advance)
    if as_json:
        typer.echo(json.dumps({
            "folder": str(made.folder), "pages": made.n_pages, "files": made.n_files, "bytes": made.n_bytes,
            "notebooks": made.has_notebooks, "compiled": made.is_compiled,
        }))  # fmt: skip
        return
    typer.echo(
        f"{made.n_pages} pages{' and the notebooks' if made.has_notebooks else ''} are in {made.folder}: "
        f"{made.n_files} files, {made.n_bytes / 1e6:.1f} MB.\n"
        f"{NOT_COMPILED if made.has_notebooks and not made.is_compiled else ''}"
        f"To look at it here: python3 -m http.server --bind 127.0.0.1 --directory {made.folder}"
    )
