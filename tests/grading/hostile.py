"""Attacks on the grader as notebooks, and what must be true after each: no point, no leak, no hang, nothing left."""

import hashlib
import os
import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from course_lib.grading.marking import Limits
from course_lib.grading.submission import Cell, Submission

# Short, so that what has to be stopped is stopped soon; honest work takes a tenth of it on a busy machine.
HASTY = Limits(seconds=12, cell_seconds=1, call_seconds=1, memory_bytes=512 << 20)
PATIENT = Limits(seconds=120, cell_seconds=60, call_seconds=60)  # where nothing has to be stopped

IMPORTS = "import numpy as np\nfrom course_lib.checks import check, hint, progress"
RIGHT = {
    "softmax": """
        def softmax(scores):
            exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return exponentials / exponentials.sum(axis=-1, keepdims=True)
    """,
    "softmax_with_temperature": """
        def softmax_with_temperature(scores, temperature):
            scaled = scores / temperature
            exponentials = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
            return exponentials / exponentials.sum(axis=-1, keepdims=True)
    """,
    "attention_weights": """
        def attention_weights(query, key):
            scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
            exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
            return exponentials / exponentials.sum(axis=-1, keepdims=True)
    """,
}
WRONG = """
    def softmax(scores):
        return scores * 0 + 0.25

    def softmax_with_temperature(scores, temperature):
        return scores * 0 + 0.25

    def attention_weights(query, key):
        return query * 0 + 0.25
"""
CHECKS = """
    check("softmax", softmax)
    check("softmax_with_temperature", softmax_with_temperature)
    check("bug_hunt_softmax", attention_weights)
"""


@dataclass(frozen=True)
class Attack:
    """A hostile notebook.

    Attributes
    ----------
    name : str
    cells : tuple of str
        Its code.
    deserved : int
        The points for what is right in it.
    fails : bool
        Whether a cell of it is meant to fail; else the attack is only counted where all of its cells ran.
    """

    name: str
    cells: tuple[str, ...]
    deserved: int = 0
    fails: bool = False

    def submission(self):
        return submission(self.name, *self.cells)


def submission(learner, *cells, exercise="03_softmax"):
    """A notebook with these code cells."""
    sources = tuple(textwrap.dedent(cell).strip() for cell in cells)
    digest = hashlib.sha256("\0".join((learner, *sources)).encode()).hexdigest()
    return Submission(learner, exercise, f"{learner}.ipynb", digest, tuple(Cell("code", source) for source in sources))


def honest(learner="honest"):
    """A notebook in which everything is right."""
    return submission(learner, IMPORTS, *RIGHT.values(), CHECKS)


def before_wrong(*code, **options):
    """The cells of a notebook with wrong answers, after code that is to make them count."""
    return Attack(options.pop("name"), (IMPORTS, *code, WRONG, CHECKS), **options)


def after_wrong(*code, **options):
    """The cells of a notebook with wrong answers, before code that is to make them count."""
    return Attack(options.pop("name"), (IMPORTS, WRONG, CHECKS, *code), **options)


def instead_of_softmax(code, **options):
    """A notebook whose softmax is the attack; the answer to the second task is right, and keeps its point."""
    checks = 'check("softmax", softmax)', 'check("softmax_with_temperature", softmax_with_temperature)'
    cells = (IMPORTS, code, RIGHT["softmax_with_temperature"], *checks)
    return Attack(options.pop("name"), cells, deserved=1, **options)


def without_seconds(marked):
    """All of a result that must be the same every time."""
    return replace(marked, cpu_seconds=0, wall_seconds=0)


LEFT_BEHIND = "left-behind-by-a-submission"  # attacks that write outside put this into the name
SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", str(Path.home()), os.getcwd())


def survivors():
    """The processes below this one, but for the warm ones, and files that attacks tried to leave."""
    here = psutil.Process()
    processes = [process for process in here.children(recursive=True) if not _is_warm(process)]
    files = [path for folder in SHARED_FOLDERS for path in Path(folder).glob(f"*{LEFT_BEHIND}*")]
    return [f"process {process.pid}: {process.name()}" for process in processes] + files


def _is_warm(process):
    """Whether a process is bubblewrap or the zygote that it runs; a submission's is the child of that."""
    try:
        above = [parent.pid for parent in process.parents()]
        distance = above.index(os.getpid())
        return distance == 0 or process.parent().name() == "bwrap"
    except psutil.NoSuchProcess:
        return True


def run(marker, attack):
    """Mark an attack, and see that nothing but its marks came of it."""
    marked = marker.mark(attack.submission())
    assert marked.points == attack.deserved, marked.marks
    assert marked.wall_seconds < PATIENT.seconds
    assert not survivors()
    if not attack.fails:
        assert not marked.remarks
    return marked


def run_among_honest(marker, attacks, alone=None):
    """Mark the attacks among honest notebooks: all score as when each was alone.

    With `alone`, the results by the attacks' names, every mark must be the same: for attacks that no clock stops.
    """
    expected = without_seconds(marker.mark(honest()))
    assert expected.points == expected.max_points == 4
    for number, attack in enumerate(attacks):
        attacked = marker.mark(attack.submission())
        assert attacked.points == attack.deserved, attack.name
        if alone and attack.name in alone:
            assert attacked.marks == alone[attack.name].marks, attack.name
        if number % 3 == 0:
            assert without_seconds(marker.mark(honest())) == expected, attack.name
    assert without_seconds(marker.mark(honest())) == expected
    assert not survivors()
