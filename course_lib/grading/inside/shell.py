"""The IPython shell in which a submission's cells run: no history, no terminal, plots drawn to nowhere."""

import ast
import sys
from typing import Any

from IPython.core.history import HistoryManager
from IPython.core.inputtransformer2 import TransformerManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

_MOST_TEXT = 500


class Shell(InteractiveShell):
    """A shell as a kernel has it, as far as cells can tell."""

    def enable_gui(self, gui: Any = None) -> None:
        """Accept ``%matplotlib inline``; no window is opened."""

    def transform_cell(self, raw_cell: str) -> str:
        """Return the cell without IPython's own syntax; most have none, and to look for it takes long."""
        if _has_usual_transformers(self) and _is_plain(raw_cell):
            return raw_cell if raw_cell.endswith("\n") else raw_cell + "\n"
        transformed: str = super().transform_cell(raw_cell)  # type: ignore[no-untyped-call]
        return transformed

    def ask_exit(self) -> None:
        """Accept ``exit``; the next cell runs all the same."""

    def showtraceback(self, *_arguments: Any, **_options: Any) -> None:
        """Print an exception in one line: to format a whole traceback takes longer than most cells."""
        kind, error, _ = sys.exc_info()
        if kind is not None:
            print(f"{kind.__name__[:_MOST_TEXT]}: {str(error)[:_MOST_TEXT]}")

    showsyntaxerror = showtraceback


_LISTS = ("cleanup_transforms", "line_transforms", "token_transformers")
_USUAL = TransformerManager()  # type: ignore[no-untyped-call]


def _has_usual_transformers(shell: Shell) -> bool:
    """Say whether cells are changed by what IPython brings, and by nothing that a notebook has put there."""
    manager = shell.input_transformer_manager
    return (
        type(manager) is TransformerManager
        and all(getattr(manager, name, None) == getattr(_USUAL, name) for name in _LISTS)
        and not shell.input_transformers_post
    )


def _is_plain(cell: str) -> bool:
    """Say whether a cell is Python as it stands, so that IPython's transformers would hand it back unchanged.

    What they change is no Python, but for blank lines at the start, prompts, which could stand in a text or be an
    annotation (``In [1]: x``), and single lines, which could be a command (``ls``).
    """
    if cell[:1].isspace() or "In [" in cell or ">>>" in cell or "\n" not in cell.rstrip():
        return False
    try:
        ast.parse(cell)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def make_shell() -> Shell:
    """Return the shell, with all imported that a first cell imports."""
    HistoryManager.enabled = False  # type: ignore[assignment]
    config = Config()
    config.HistoryManager.enabled = False
    config.Completer.use_jedi = False
    shell = Shell.instance(config=config)
    shell.run_cell("pass", store_history=False)  # type: ignore[no-untyped-call]
    return shell
