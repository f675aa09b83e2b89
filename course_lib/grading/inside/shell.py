"""The IPython shell in which a submission's cells run: no history, no terminal, plots drawn to nowhere."""

import sys
from typing import Any

from IPython.core.history import HistoryManager
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

_MOST_TEXT = 500


class Shell(InteractiveShell):
    """A shell as a kernel has it, as far as cells can tell."""

    def enable_gui(self, gui: Any = None) -> None:
        """Accept ``%matplotlib inline``; no window is opened."""

    def ask_exit(self) -> None:
        """Accept ``exit``; the next cell runs all the same."""

    def showtraceback(self, *_arguments: Any, **_options: Any) -> None:
        """Print an exception in one line: to format a whole traceback takes longer than most cells."""
        kind, error, _ = sys.exc_info()
        if kind is not None:
            print(f"{kind.__name__[:_MOST_TEXT]}: {str(error)[:_MOST_TEXT]}")

    showsyntaxerror = showtraceback


def make_shell() -> Shell:
    """Return the shell, with all imported that a first cell imports."""
    HistoryManager.enabled = False  # type: ignore[assignment]
    config = Config()
    config.HistoryManager.enabled = False
    config.Completer.use_jedi = False
    shell = Shell.instance(config=config)
    shell.run_cell("pass", store_history=False)  # type: ignore[no-untyped-call]
    return shell
