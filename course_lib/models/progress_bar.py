"""A progress bar for long work: in a notebook it fills in place, in a terminal it rewrites its line."""

import html
import sys
import time
from typing import Any


class ProgressBar:
    """Show how far something is; call it with what is done and what there is in all.

    It is what `TrainingRun.run` takes as `report`.

    Parameters
    ----------
    label : str
    every : float
        Seconds between two changes, at least.
    """

    def __init__(self, label: str, *, every: float = 0.25) -> None:
        self.label, self.every = label, every
        self._shown: Any = None
        self._next, self._began = 0.0, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        """Show how far it is; at most every `every` seconds, and at the end."""
        now = time.monotonic()
        if now < self._next and done < total:
            return
        self._next = now + self.every
        seconds = now - self._began
        left = f", about {seconds / done * (total - done):.0f} s left" if 0 < done < total else ""
        self._show(f"{self.label}: step {done:,} of {total:,}{left}", done / max(total, 1))

    def _show(self, text: str, share: float) -> None:
        kernel = notebook_display()
        if kernel is None:
            if sys.stderr.isatty():
                print(f"\r{text:<70}", end="\n" if share >= 1 else "", file=sys.stderr, flush=True)
            return
        bar = f'<progress value="{share:.4f}" max="1" aria-label="{html.escape(self.label)}"></progress>'
        shown = {"text/plain": text, "text/html": f'<div role="status">{bar} {html.escape(text)}</div>'}
        if self._shown is None:
            self._shown = kernel(shown, raw=True, display_id=True)
        else:
            self._shown.update(shown, raw=True)


def notebook_display() -> Any:
    """Return IPython's `display` where a notebook shows it, else None."""
    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    return display if shell is not None and hasattr(shell, "kernel") else None
