"""How long a check takes: `python benchmarks/checks.py`. The promise: median under 100 ms, p99 under 500 ms, each task.

For each task: the right answers (every case and property), every known wrong one (which also searches for the mistake)
and, where two mistakes at once are known, every tenth pair and an answer that nothing explains; three seeds each. What
is timed is `evaluate`; drawing and recording are timed once more with `check`, whose progress file is put into a folder
of its own. Ends with exit status 1 where a task breaks the promise.
"""

import contextlib
import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from course_lib.checks import check, evaluate
from course_lib.checks.engine import TASKS
from course_lib.checks.quality import survey
from course_lib.checks.quality.report import known_programs
from course_lib.checks.tasks import FunctionTask, Task

ROOT = Path(__file__).parents[1]
SEEDS = range(3)
MEDIAN, LATE = 100.0, 500.0  # milliseconds


def milliseconds(call: Callable[..., object], *arguments: Any, **options: Any) -> float:
    """Time one call."""
    started = time.perf_counter()
    call(*arguments, **options)
    return 1000 * (time.perf_counter() - started)


def unexplained(task: Task) -> list[Callable[..., Any]]:
    """Return answers for which all pairs of mistakes are tried: some that are one, and one that none explains."""
    if not isinstance(task, FunctionTask) or not task.pairs:
        return []
    return [*(pair.program for pair in task.pairs[::10]), lambda *arguments: 1.234 * task.reference(*arguments) + 0.1]


def main() -> int:
    """Print a row for each task; return how many break the promise."""
    print(f"{'task':<28}{'calls':>6}{'median ms':>11}{'p99 ms':>8}{'max ms':>8}{'check median ms':>17}")
    broken = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COURSE_PROGRESS"] = f"{folder}/progress.json"
        for name, task in TASKS.items():
            right = [program.build() for program in survey.right_programs(ROOT) if program.task == name]
            given = [*right, *(known.answer for known in known_programs(task)), *unexplained(task)]
            evaluate(name, given[0])  # imports and caches
            times = sorted(milliseconds(evaluate, name, answer, seed=seed) for seed in SEEDS for answer in given)
            with contextlib.redirect_stdout(io.StringIO()):
                shown = statistics.median(milliseconds(check, name, answer) for answer in given)
            median, late = statistics.median(times), times[min(len(times) - 1, int(0.99 * len(times)))]
            is_broken = median >= MEDIAN or late >= LATE
            broken += is_broken
            print(
                f"{name:<28}{len(times):>6}{median:>11.1f}{late:>8.1f}{times[-1]:>8.1f}{shown:>17.1f}"
                f"{'  too slow' if is_broken else ''}"
            )
    return broken


if __name__ == "__main__":
    sys.exit(1 if main() else 0)
