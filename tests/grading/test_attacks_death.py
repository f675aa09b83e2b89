"""Notebooks that end, crash or stop their own process, or try to end the grader's: they lose that answer only."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hostile import (
    CHECKS,
    HASTY,
    IMPORTS,
    RIGHT,
    Attack,
    honest,
    instead_of_softmax,
    run_among_honest,
    without_seconds,
)
from hostile import run as run_alone

from course_lib.grading.conversation import Conversation
from course_lib.grading.marking import Marker

CRASH = "import ctypes; ctypes.string_at(0)"
DEADLY = {
    "sys-exit": "import sys; sys.exit(0)",
    "os-exit": "import os; os._exit(0)",
    "segfault": CRASH,
    "abort": "import os; os.abort()",
    "stack-overflow": "import sys; sys.setrecursionlimit(10**9)\n{indent}f = lambda *a: repr(f(*a))\n{indent}f()",
    "killing-itself": "import os; os.kill(os.getpid(), 9)",
    "stopping-itself": "import os; os.kill(os.getpid(), 19)",
    "closing-everything": "import os; os.closerange(0, 4096)",
}


def in_a_cell(name, code):
    """Everything is right, and one cell is deadly: the others count."""
    code = code.format(indent="")
    return Attack(f"{name}-in-a-cell", (IMPORTS, code, *RIGHT.values(), CHECKS), deserved=4, fails=True)


def in_the_answer(name, code):
    """One answer is deadly; it scores nothing, and the others do."""
    cells = (
        IMPORTS, "def softmax(scores):\n    " + code.format(indent="    "), RIGHT["softmax_with_temperature"],
        RIGHT["attention_weights"], CHECKS,
    )  # fmt: skip
    return Attack(f"{name}-in-the-answer", cells, deserved=2)


ATTACKS = [
    *(in_a_cell(name, code) for name, code in DEADLY.items()),
    *(in_the_answer(name, code) for name, code in DEADLY.items()),
    instead_of_softmax("def softmax(scores):\n    return softmax(scores)", name="recursion-error"),
    in_a_cell(
        "killing-the-parent",
        "import os, signal\nfor target in (os.getppid(), 0, -1, 1, 2, 3):\n"
        "    for number in (9, 15, 19):\n        try:\n            os.kill(target, number)\n        except OSError:\n"
        "            pass\nos.killpg(0, 9)",
    ),
    Attack(
        "ending-in-a-repr",
        (
            IMPORTS, "import os\nclass Deadly:\n    def __repr__(self):\n        os._exit(3)\nDeadly()",
            *RIGHT.values(), CHECKS,
        ),
        deserved=4, fails=True,
    ),
    Attack(
        "ending-when-looked-at",
        (
            IMPORTS, RIGHT["softmax"], RIGHT["attention_weights"],
            "import os\nclass Deadly:\n    @property\n    def __class__(self):\n        os._exit(3)\n"
            "softmax_with_temperature = Deadly()", CHECKS,
        ),
        deserved=3,
    ),
    Attack(
        "ending-in-an-exceptions-text",
        (
            IMPORTS, RIGHT["softmax_with_temperature"], RIGHT["attention_weights"],
            "import os\nclass Deadly(Exception):\n    def __str__(self):\n        os._exit(3)\n"
            "def softmax(scores):\n    raise Deadly", CHECKS,
        ),
        deserved=2,
    ),
    *(
        Attack(
            f"{name}-when-asked-again",
            (
                IMPORTS, RIGHT["softmax_with_temperature"], RIGHT["attention_weights"], RIGHT["softmax"],
                "import os\nright, seen = softmax, []\ndef softmax(scores):\n    if scores.tobytes() in seen[1:]:\n"
                f"        {code}\n    seen.append(scores.tobytes())\n    return right(scores)", CHECKS,
            ),
            deserved=2,
        )
        for name, code in (("exit", "os._exit(0)"), ("a-loop", "while True: pass"), ("another-answer", "scores *= 2"))
    ),
]  # fmt: skip
# An exit in Python is caught where the answer is called; the first process of a namespace cannot signal itself.
STOPPED = {f"{name}-in-the-answer" for name in ("os-exit", "segfault", "abort", "stack-overflow", "closing-everything")}
STOPPED |= {"exit-when-asked-again"}


@pytest.fixture(scope="module")
def marker():
    with Marker(limits=HASTY) as made:
        yield made


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_loses_only_what_it_broke_alone(marker, attack):
    marked = run_alone(marker, attack)
    softmax = next(mark for mark in marked.marks if mark.task == "softmax")
    if attack.name in STOPPED:
        assert softmax.status == "stopped"
        assert "Your function was called, and it" in softmax.message


def test_loses_only_what_it_broke_among_honest_ones(marker):
    run_among_honest(marker, ATTACKS)


def test_a_lost_zygote_is_replaced(marker):
    """Somebody ends the warm process, such as a system that is out of memory: the next submission gets another."""
    expected = run_alone(marker, ATTACKS[0])
    for zygote in marker._zygotes.values():
        zygote._process.kill()
        zygote._process.wait()
    again = run_alone(marker, ATTACKS[0])
    assert again.marks == expected.marks


def test_a_zygote_that_is_lost_in_the_middle_costs_nobody_a_point(marker, monkeypatch):
    expected = marker.mark(honest())
    call, calls = Conversation.call, []

    def losing(conversation, *arguments):
        calls.append(arguments)
        if len(calls) == 10:
            marker._zygotes["03_softmax"]._process.kill()
        return call(conversation, *arguments)

    monkeypatch.setattr(Conversation, "call", losing)
    assert without_seconds(marker.mark(honest())) == without_seconds(expected)
    assert len(calls) > 10


@pytest.mark.parametrize("level", ["full", "limited"])
def test_a_grader_that_is_killed_takes_all_with_it(level):
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from hostile import IMPORTS, submission
from course_lib.grading.conversation import Conversation
from course_lib.grading.marking import Marker
from course_lib.grading.sandbox import levels
if {level!r} == "limited":
    levels.find_bubblewrap = lambda: None
with Marker() as marker:
    marker.tested()
    print(marker._folder, flush=True)
    marker.mark(submission("endless", IMPORTS, "while True:\\n    pass"))
"""
    grader = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    folder = Path(grader.stdout.readline().strip())
    below = psutil.Process(grader.pid).children(recursive=True)
    assert below
    grader.kill()
    grader.wait()
    grader.stdout.close()
    assert not psutil.wait_procs(below, timeout=30)[1]
    assert folder.exists()
    with Marker():  # the next run clears away what could not be
        assert not folder.exists()
