"""How long a check takes: `python benchmarks/checks.py`. The promise is a median under 100 ms for every task.

For each task: the reference (a right answer, every case and property) and every named wrong program (which also
searches for the mistake), five seeds each. What is timed is `evaluate`; drawing and recording are timed once more with
`check`, whose progress file is put into a folder of its own.
"""

import contextlib
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from course_lib.checks import check, evaluate
from course_lib.checks.engine import TASKS
from course_lib.checks.tasks import ChoiceTask, FunctionTask, OrderTask, Task

SEEDS = range(5)


def answers(task: Task) -> list[Any]:
    """Return a right answer and all known wrong ones."""
    if isinstance(task, FunctionTask):
        return [task.reference, *(program.program for program in task.programs)]
    if isinstance(task, OrderTask):
        return [task.solution, "CDEAB", "CFEGB", "CEAB", "FCEAB"]
    assert isinstance(task, ChoiceTask)
    return list(task.options)


def milliseconds(call: Callable[..., object], *arguments: Any, **options: Any) -> float:
    """Time one call."""
    started = time.perf_counter()
    call(*arguments, **options)
    return 1000 * (time.perf_counter() - started)


def main() -> None:
    """Print a row for each task."""
    print(f"{'task':<28}{'calls':>6}{'median ms':>11}{'p99 ms':>8}{'max ms':>8}{'check median ms':>17}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COURSE_PROGRESS"] = f"{folder}/progress.json"
        for name, task in TASKS.items():
            given = answers(task)
            evaluate(name, given[0])  # imports and caches
            times = sorted(milliseconds(evaluate, name, answer, seed=seed) for seed in SEEDS for answer in given)
            with contextlib.redirect_stdout(io.StringIO()):
                shown = statistics.median(milliseconds(check, name, answer) for answer in given)
            late = times[min(len(times) - 1, int(0.99 * len(times)))]
            print(
                f"{name:<28}{len(times):>6}{statistics.median(times):>11.1f}{late:>8.1f}{times[-1]:>8.1f}{shown:>17.1f}"
            )


if __name__ == "__main__":
    main()
