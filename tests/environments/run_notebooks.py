"""Run notebooks in one Python, cell by cell in IPython, and tell what came: for environments without a Jupyter server.

    python run_notebooks.py [--steps NOTEBOOK:CELL=NUMBER] COURSE NOTEBOOK...

One line of JSON for each notebook: its seconds, the first cell that raised, the cells whose text is not the stored one.
Needs the course's own packages and IPython, and nothing of Jupyter, so that it runs in Pyodide too.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml")  # what nbval compares
NOT_COMPARED = {"nbval-ignore-output", "output-not-stored"}


def text_of(content: str | list[str]) -> str:
    """Return text that a notebook stores whole or in lines."""
    return content if isinstance(content, str) else "".join(content)


def stored_texts(cell: dict[str, Any]) -> list[str]:
    """Return what a stored cell printed, then the texts of all that it showed, in order."""
    printed = "".join(text_of(output["text"]) for output in cell["outputs"] if output["output_type"] == "stream")
    shown = (output["data"] for output in cell["outputs"] if "data" in output)
    return [printed, *(text_of(data[kind]) for data in shown for kind in TEXTS if kind in data)]


def shortened(cell: dict[str, Any], steps: dict[str, int]) -> str:
    """Return the source of a cell, with the steps of training that it asks for replaced where `steps` names it."""
    source = text_of(cell["source"])
    if cell["id"] not in steps:
        return source
    short, found = re.subn(r"^N_STEPS = \d+$", f"N_STEPS = {steps[cell['id']]}", source, flags=re.MULTILINE)
    if found != 1:
        raise SystemExit(f"cell {cell['id']} has {found} lines N_STEPS = ..., one is wanted")
    return short


def fresh_shell(folder: Path) -> Any:
    """Return IPython with an empty namespace, in `folder`; results are shown as a notebook shows them."""
    from IPython.core.displayhook import DisplayHook
    from IPython.core.interactiveshell import InteractiveShell

    class Shown(DisplayHook):
        def write_output_prompt(self) -> None:
            """A notebook has its own."""

        def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
            self.shell.display_pub.publish(format_dict, md_dict)

    os.chdir(folder)
    shell = InteractiveShell.instance(colors="NoColor", displayhook_class=Shown)
    shell.history_manager.enabled = False
    shell.reset(new_session=True)
    return shell


def run_cell(shell: Any, source: str) -> tuple[BaseException | None, list[str]]:
    """Run one cell; return what it raised, and what it printed and showed."""
    from IPython.utils.capture import capture_output

    with capture_output() as captured:
        sys.displayhook = shell.displayhook  # the capturing one would print
        result = shell.run_cell(source, store_history=True)
    shown = (output.data for output in captured.outputs)
    texts = [text_of(data[kind]) for data in shown for kind in TEXTS if kind in data]
    return result.error_before_exec or result.error_in_exec, [captured.stdout + captured.stderr, *texts]


def run_notebook(course: Path, name: str, steps: dict[str, int]) -> dict[str, Any]:
    """Run the cells in order in a fresh namespace, up to the first that raises; return what is to be told."""
    path = course / name
    cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    unknown = set(steps) - {cell["id"] for cell in cells}
    report: dict[str, Any] = {"notebook": name, "cells": 0, "of": len(cells), "differ": {}, "raised": None}
    shell, seconds = fresh_shell(path.parent), {}
    if unknown:
        report["raised"] = [", ".join(sorted(unknown)), "there is no such cell to be shortened"]
        return report
    for cell in cells:
        tags = set(cell["metadata"].get("tags", ()))
        start = time.perf_counter()
        raised, texts = run_cell(shell, shortened(cell, steps))
        seconds[cell["id"]] = round(time.perf_counter() - start, 2)
        report["cells"] += 1
        if (raised is not None) != ("raises-exception" in tags):
            report["raised"] = [cell["id"], repr(raised) if raised else "it should have raised"]
            report["shown"] = texts[0][-2000:]
            break
        if raised is None and not tags & NOT_COMPARED and texts != stored_texts(cell):
            report["differ"][cell["id"]] = [stored_texts(cell), texts]
    report["seconds"] = round(sum(seconds.values()), 1)
    report["slowest"] = dict(sorted(seconds.items(), key=lambda item: -item[1])[:3])
    return report


def versions() -> dict[str, str]:
    """Return what the notebooks run on."""
    import matplotlib
    import matplotlib.font_manager  # the first import says that it takes its time
    import numpy

    python = ".".join(map(str, sys.version_info[:2]))
    return {
        "python": python,
        "platform": sys.platform,
        "numpy": numpy.__version__,
        "matplotlib": matplotlib.__version__,
    }


def reports(course: Path, notebooks: list[str], steps: dict[str, dict[str, int]]) -> Iterator[dict[str, Any]]:
    """Run the notebooks of the course in `course` one after the other, each with no progress made before."""
    with tempfile.TemporaryDirectory() as scratch:
        progress = Path(scratch, "progress.json")
        inline = "module://matplotlib_inline.backend_inline"  # as a kernel has it
        os.environ |= {"COURSE_PROGRESS": str(progress), "IPYTHONDIR": scratch, "MPLBACKEND": inline}
        yield versions()
        for name in notebooks:
            progress.unlink(missing_ok=True)
            yield run_notebook(course, name, steps.get(name, {}))
        os.chdir(course)


def main(arguments: list[str]) -> None:
    """Print the reports as lines of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("course", type=Path, help="the folder of the course")
    parser.add_argument("notebooks", nargs="+", help="notebooks, by their paths in the course")
    parser.add_argument("--steps", action="append", default=[], metavar="NOTEBOOK:CELL=NUMBER", help="train shorter")
    options = parser.parse_args(arguments)
    steps: dict[str, dict[str, int]] = {}
    for notebook, cell, number in (re.fullmatch(r"(.+):(.+)=(\d+)", one).groups() for one in options.steps):
        steps.setdefault(notebook, {})[cell] = int(number)
    for report in reports(options.course.resolve(), options.notebooks, steps):
        print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
