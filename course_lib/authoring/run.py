"""Run a derived notebook with the Python that runs the builder, away from anybody's settings and progress."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from course_lib.authoring.derive import UNSTORED
from course_lib.authoring.errors import BuildError
from course_lib.authoring.outputs import clean_outputs

CELL_SECONDS = 300
_SOCKET_NAME = 95  # letters; systems take 104 to 108, and a number is put behind it
_RAISES = "raises-exception"
# What a terminal or a person's settings would change in an output.
_UNWANTED = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "PYTHONWARNINGS", "MPLBACKEND", "MPLSTYLE")


def run_notebook(
    notebook: NotebookNode,
    folder: Path,
    *,
    advance: Callable[[], None] = lambda: None,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run every cell in place, with `folder` as the working directory, and clean what came out.

    Parameters
    ----------
    notebook : NotebookNode
    folder : Path
        Where the notebook belongs.
    advance : callable
        Called after each code cell; what it raises ends the run.
    variables : mapping
        Environment variables that the kernel gets besides.

    Raises
    ------
    BuildError
        If a cell raises, writes to stderr, or shows something that only this machine or this run would show.
    """
    title = _title(notebook)
    _execute(notebook, folder, advance, variables=variables)
    # The run leaves the kernel's own description behind; what was derived stays.
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _refuse_trouble(title, cell)
            unstored = UNSTORED in cell.metadata.get("tags", [])
            cell.outputs = [] if unstored else clean_outputs(cell.outputs, where=f"{title}, cell {cell.id}")
            cell.metadata.pop("execution", None)


def run_with_widgets(
    notebook: NotebookNode, folder: Path, *, advance: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Run every cell in place as `run_notebook` does, keep views of widgets, and return the state of all widgets.

    Returns
    -------
    dict
        By model id, each as nbformat's widget state has it: ``model_name``, ``state`` and, where there are any,
        ``buffers``.

    Raises
    ------
    BuildError
        If a cell raises or writes to stderr.
    """
    _execute(notebook, folder, advance, store_widget_state=True)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            _refuse_trouble(_title(notebook), cell)
    kept = notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {})
    return dict(kept.get("state", {}))


def _title(notebook: NotebookNode) -> str:
    return f"{notebook.metadata.course.kind} {notebook.metadata.course.title!r}"


def _execute(
    notebook: NotebookNode,
    folder: Path,
    advance: Callable[[], None],
    *,
    store_widget_state: bool = False,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> None:
    with tempfile.TemporaryDirectory(prefix="course-build-") as scratch:
        client = _Client(
            notebook,
            sockets=Path(scratch) / "kernel",
            timeout=CELL_SECONDS,
            record_timing=False,
            store_widget_state=store_widget_state,
            resources={"metadata": {"path": str(folder)}},
            on_cell_executed=lambda **_: advance(),
        )
        try:
            with contextlib.suppress(CellExecutionError):  # the cell itself tells
                client.execute(env={**_environment(Path(scratch)), **variables})
        except (CellTimeoutError, DeadKernelError) as error:
            raise BuildError(f"{_title(notebook)} did not end: {_first_line(str(error))}") from error
        except RuntimeError as error:  # what jupyter_client raises where a kernel stays silent
            raise BuildError(f"{_title(notebook)}: no Python could be started to run it ({error}).") from error


class _ThisPython(KernelSpecManager):
    """Knows one kernel: the Python that runs the builder, whatever kernels a person has installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        from ipykernel.kernelspec import RESOURCES, get_kernel_dict

        return KernelSpec(resource_dir=str(RESOURCES), **get_kernel_dict(extra_arguments=["--log-level=ERROR"]))


class _Client(NotebookClient):
    """Speaks with its kernel through files, where the system can: no port is taken, and no network is needed."""

    def __init__(self, notebook: NotebookNode, *, sockets: Path, **options: Any) -> None:
        super().__init__(notebook, **options)
        can = os.name == "posix" and len(str(sockets)) < _SOCKET_NAME
        self.connection = {"transport": "ipc", "ip": str(sockets)} if can else {}

    def create_kernel_manager(self) -> Any:
        specs = _ThisPython()
        self.km = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=specs, **self.connection)
        return self.km


def _environment(scratch: Path) -> dict[str, str]:
    """Return the environment of the kernel: ours, without personal settings, progress in a scratch folder."""
    matplotlibrc = scratch / "matplotlibrc"
    matplotlibrc.touch()
    kept = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
    return kept | {
        "COURSE_PROGRESS": str(scratch / "progress.json"),
        "IPYTHONDIR": str(scratch / "ipython"),
        "MATPLOTLIBRC": str(matplotlibrc),
        "PYTHONHASHSEED": "0",
    }


def _refuse_trouble(title: str, cell: NotebookNode) -> None:
    if _RAISES in cell.metadata.get("tags", []):
        return
    for output in cell.outputs:
        if output.output_type == "error":
            raise BuildError(
                f"{title}, cell {cell.id} raised {output.ename}: {_first_line(output.evalue)}. If that is the point "
                f'of the cell, give it tags=["{_RAISES}"].'
            )
        if output.output_type == "stream" and output.name == "stderr":
            raise BuildError(f"{title}, cell {cell.id} wrote to stderr: {_first_line(output.text)}")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "(no text)"
