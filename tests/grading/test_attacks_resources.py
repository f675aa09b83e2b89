"""Notebooks that take more time, memory, disk, processes or output than there is for them: stopped, and only they."""

from dataclasses import replace

import pytest
from hostile import CHECKS, HASTY, IMPORTS, PATIENT, RIGHT, Attack, run_among_honest
from hostile import run as run_alone

from course_lib.grading.marking import Marker

LOOPS = {
    "loop": "while True:\n    pass",
    "loop-that-catches-all": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"
    ),
    "loop-that-ignores-signals": (
        "import signal\nfor number in range(1, 65):\n    try:\n        signal.signal(number, signal.SIG_IGN)\n"
        "    except (OSError, ValueError):\n        pass\nwhile True:\n    pass"
    ),
    "loop-in-c": "import collections, itertools\ncollections.deque(itertools.repeat(0), maxlen=0)",
    "sleep": "import time\ntime.sleep(100_000)",
}
GREEDY = {
    "three-gigabytes": "big = bytearray(3 << 30)",
    "memory-in-pieces": "pieces = []\nwhile True:\n    pieces.append(bytearray(1 << 20))",
    "disk-filled-by-one-file": ("with open('big', 'wb') as file:\n    while True:\n        file.write(bytes(1 << 20))"),
    "disk-filled-by-many-files": (
        "for number in range(100_000):\n    with open(f'file-{number}', 'wb') as file:\n        file.write(bytes(4096))"
    ),
    "fork-bomb": "import os\nwhile True:\n    os.fork()",
    "thread-bomb": (
        "import threading, time\nstarted = []\nwhile True:\n"
        "    thread = threading.Thread(target=time.sleep, args=(60,), daemon=True)\n"
        "    thread.start()\n    started.append(thread)"
    ),
    "descriptors": "files = []\nwhile True:\n    files.append(open('/dev/null'))",
    "huge-exception": "raise ValueError('x' * 10**8)",
    "huge-class-name": "raise type('X' * 10**7, (Exception,), {})('x')",
    "huge-traceback": "def f(n):\n    if n == 0:\n        raise ValueError('x' * 10**6)\n    f(n - 1)\nf(900)",
}
FLOODS = {
    "flood-of-output": "line = 'x' * 1000\nfor _ in range(100_000):\n    print(line)",
    "flood-of-errors": "import sys\nfor _ in range(100_000):\n    print('x' * 1000, file=sys.stderr)",
    "flood-below-python": (
        "import os\ntry:\n    while True:\n        os.write(1, bytes(65536))\nexcept OSError:\n    pass"
    ),
    "huge-repr": "'x' * 10**8",
    "many-displays": (
        "from IPython.display import display\nfor _ in range(2000):\n    display({'text/html': 'x' * 10_000})"
    ),
}
RESULTS = {
    "huge-result": "return np.zeros((3000, 3000))",
    "huge-result-in-names-only": "return np.broadcast_to(0.0, (10**6, 10**6))",
    "endless-iterator": "import itertools\n    return itertools.count()",
    "endless-list": (
        "class L(list):\n        def __len__(self):\n            return 1\n"
        "        def __getitem__(self, n):\n            return 0\n"
        "        def __iter__(self):\n            while True:\n                yield 0\n    return L([1])"
    ),
    "deep-list": "deep = []\n    for _ in range(100_000):\n        deep = [deep]\n    return deep",
    "flood-below-python": "import os\n    for _ in range(1000):\n        os.write(1, bytes(65536))\n    return 0",
    "many-axes": "return np.zeros((1,) * 40)",
}


def in_a_cell(name, code, **options):
    """Everything is right, and one cell wants too much: the others count."""
    return Attack(f"{name}-in-a-cell", (IMPORTS, code, *RIGHT.values(), CHECKS), deserved=4, **options)


def in_the_answer(name, code, **options):
    body = "\n".join("    " + line for line in code.split("\n")) if "return" not in code else "    " + code
    cells = (IMPORTS, f"def softmax(scores):\n{body}", RIGHT["softmax_with_temperature"], RIGHT["attention_weights"])
    return Attack(f"{name}-in-the-answer", (*cells, CHECKS), deserved=2, **options)


ATTACKS = [
    *(in_a_cell(name, code, fails=True) for name, code in (LOOPS | GREEDY).items()),
    *(in_the_answer(name, code) for name, code in (LOOPS | GREEDY | RESULTS).items()),
]
BORNE = [in_a_cell(name, code) for name, code in FLOODS.items()]  # these end, and nothing has to be stopped


@pytest.fixture(scope="module")
def marker():
    with Marker(limits=HASTY) as made:
        yield made


@pytest.fixture(scope="module")
def patient_marker():
    """One that gives a busy machine the time to swallow a flood."""
    with Marker(limits=replace(PATIENT, memory_bytes=HASTY.memory_bytes)) as made:
        yield made


def assert_is_short(marked):
    assert len(marked.printed) <= 2 * HASTY.printed_characters
    assert all(len(mark.message) < 5000 for mark in marked.marks)
    assert all(len(remark) < 1000 for remark in marked.remarks)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_is_stopped_alone(marker, attack):
    assert_is_short(run_alone(marker, attack))


@pytest.mark.parametrize("attack", BORNE, ids=lambda attack: attack.name)
def test_is_borne_alone(patient_marker, attack):
    assert_is_short(run_alone(patient_marker, attack))


def test_is_stopped_among_honest_ones(marker):
    run_among_honest(marker, ATTACKS)


def test_is_borne_among_honest_ones(patient_marker):
    run_among_honest(patient_marker, BORNE)
