"""Make a class: who hands in what, written as a folder, an nbgrader tree, or the zip of an LMS."""

import copy
import functools
import json
import random
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from course_lib import attention
from course_lib.checks.engine import evaluate, find_task
from course_lib.checks.tasks import FunctionTask, OrderTask
from course_lib.errors import GradingError
from course_lib.grading.assignments import ASSIGNMENTS, Asked
from course_lib.grading.synthetic.hostile import HOSTILE, with_attack
from course_lib.grading.synthetic.standing_alone import standing_alone

DUE = "due.json"
_SHARES = {"right": 40, "wrong": 30, "unfinished": 20, "hostile": 10}  # of a hundred learners
_HARMLESS = (
    "print('let me look', split_heads if 'split_heads' in globals() else None)",
    "import warnings\nwarnings.warn('I wonder')",
    "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.close()",
    "scratch = [number ** 2 for number in range(10)]\nscratch",
)
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the same seed, the same bytes


@dataclass(frozen=True)
class HandIn:
    """What an invented learner hands in, and what it is due.

    Attributes
    ----------
    kind : {"right", "wrong", "unfinished", "hostile"}
    about : str
        The mistakes or the attack, by name.
    data : bytes
    tasks : mapping of str to str
        The status that each task is due; empty for what is refused.
    points : float
    """

    kind: str
    about: str
    data: bytes
    tasks: dict[str, str]
    points: float


@dataclass(frozen=True)
class Wrong:
    """A known mistake as a cell."""

    task: str
    slug: str
    answer: str
    source: str


def make(
    root: Path, out: Path, count: int, *, seed: int = 0, exercise: str, honest: bool = False, layout: str = "folder"
) -> int:
    """Write a class of invented learners, and `DUE` beside it.

    Parameters
    ----------
    root : Path
        The course folder, whose exercises and solutions they hand in.
    out : Path
        A folder that is not there yet, or is empty.
    count : int
    seed : int
        The same seed gives the same class, byte for byte.
    exercise : str
    honest : bool
        Leave out the hostile ones.
    layout : {"folder", "nbgrader", "canvas", "moodle"}

    Returns
    -------
    int
        How many learners were written.

    Raises
    ------
    GradingError
        The folder has something in it, or the exercise or its solution is not there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise GradingError(f"{out} is not empty. Choose another folder with --out, so that nothing of yours is lost.")
    try:
        handed_in = [hand_in(root, exercise, number, seed=seed, honest=honest) for number in range(1, count + 1)]
        out.mkdir(parents=True, exist_ok=True)
        learners = _write(out, layout, exercise, handed_in)
        due = [
            {
                "learner": learner, "exercise": exercise, "kind": one.kind, "about": one.about, "tasks": one.tasks,
                "points": one.points,
            }
            for learner, one in zip(learners, handed_in, strict=True)
        ]  # fmt: skip
        (out / DUE).write_text(json.dumps(due, indent=1) + "\n", encoding="utf-8", newline="\n")
    except OSError as error:
        raise GradingError(f"The class cannot be made: {error.filename}: {error.strerror}.") from error
    return count


def hand_in(root: Path, exercise: str, number: int, *, seed: int = 0, honest: bool = False) -> HandIn:
    """Return what the learner of a number hands in."""
    rng = random.Random(f"{seed}:{exercise}:{number}")
    shares = {kind: share for kind, share in _SHARES.items() if not (honest and kind == "hostile")}
    kind = rng.choices(list(shares), list(shares.values()))[0]
    if kind == "hostile":
        return _hostile(root, exercise, rng)
    asked = ASSIGNMENTS[exercise].asked
    content = _content(root / "exercises/solutions" / f"{exercise}.ipynb", number)
    stubs = _content(root / "exercises" / f"{exercise}.ipynb", number)
    tasks, names = {one.task: "passed" for one in asked}, []
    if kind == "wrong":
        for wrong in _some_wrong(exercise, rng):
            _replace(content, wrong.task, wrong.source)
            tasks[wrong.task] = "not_yet"
            names.append(wrong.slug)
    if kind == "unfinished":
        for one in asked[rng.randrange(len(asked)) :]:
            _replace(content, one.task, "".join(_answer_cell(stubs, one.task)["source"]))
            tasks[one.task] = "unfinished"
            names.append(one.task)
    _follow(content, tasks)
    if rng.random() < 0.5:
        place = rng.randrange(2, len(content["cells"]))
        content["cells"].insert(place, _cell(rng.choice(_HARMLESS)))
    points = sum(_points(task) for task, status in tasks.items() if status == "passed")
    return HandIn(kind, ", ".join(names), _as_bytes(content), tasks, points)


def _hostile(root: Path, exercise: str, rng: random.Random) -> HandIn:
    chosen = rng.choice(HOSTILE)
    if chosen.data is not None:
        return HandIn("hostile", chosen.name, chosen.data + rng.randbytes(4).hex().encode() * bool(chosen.data), {}, 0)
    content = with_attack(_content(root / "exercises" / f"{exercise}.ipynb", rng.getrandbits(32)), chosen)
    tasks = {one.task: "unfinished" for one in ASSIGNMENTS[exercise].asked}
    return HandIn("hostile", chosen.name, _as_bytes(content), tasks, 0)


def _content(path: Path, number: int) -> dict[str, Any]:
    """Return a notebook as a learner saves it: without outputs, and with a line that no other has."""
    content: dict[str, Any] = copy.deepcopy(_read(path))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    content["metadata"].pop("course", None)
    content["cells"].append(_cell(f"# {number}"))
    return content


@functools.cache
def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def _cell(source: str) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source}


def _as_bytes(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=1) + "\n").encode()


def _answer_cell(content: dict[str, Any], task: str) -> dict[str, Any]:
    """Return the solution cell above the check of a task."""
    answer: dict[str, Any] = {}
    for cell in content["cells"]:
        metadata = cell["metadata"].get("nbgrader", {})
        if metadata.get("solution"):
            answer = cell
        if metadata.get("grade") and f'check("{task}"' in "".join(cell["source"]):
            break
    return answer


def _replace(content: dict[str, Any], task: str, source: str) -> None:
    _answer_cell(content, task)["source"] = source


def _follow(content: dict[str, Any], tasks: dict[str, str]) -> None:
    """A right step that calls a wrong one is wrong with it, in the notebook and for the grader."""
    broken: list[str] = []
    for task, status in tasks.items():
        source = "".join(_answer_cell(content, task)["source"])
        if status == "passed" and any(re.search(rf"\b{name}\(|[(,] *{name}\b", source) for name in broken):
            tasks[task] = "not_yet"
        if tasks[task] != "passed":
            broken.append(task)


def _points(task: str) -> float:
    found = find_task(task)
    return float(found.points) if found is not None else 0.0


def _some_wrong(exercise: str, rng: random.Random) -> list[Wrong]:
    """Draw a mistake for one to three tasks, the rare kinds as often as the common ones."""
    by_task: dict[str, list[Wrong]] = {}
    for wrong in wrong_answers(exercise):
        by_task.setdefault(wrong.task, []).append(wrong)
    tasks = rng.sample(sorted(by_task), min(len(by_task), rng.randint(1, 3)))
    drawn = []
    for task in sorted(tasks):
        shuffled = rng.sample(by_task[task], len(by_task[task]))
        drawn += [next(wrong for wrong in shuffled if is_rejected(wrong))]
    return drawn


@functools.cache
def wrong_answers(exercise: str) -> tuple[Wrong, ...]:
    """Return the known mistakes of an exercise that can be written as a cell."""
    found: list[Wrong] = []
    before: frozenset[str] = frozenset()
    for asked in ASSIGNMENTS[exercise].asked:
        found += _wrong_answers(asked, before)
        before |= {asked.answer}
    return tuple(found)


def _wrong_answers(asked: Asked, before: frozenset[str]) -> Iterator[Wrong]:
    task = find_task(asked.task)
    if isinstance(task, OrderTask):
        for letter in task.solution[1:]:
            order = task.solution.replace(letter, "")
            yield Wrong(task.name, f"without_{letter}", asked.answer, f'{asked.answer} = "{order}"')
    if not isinstance(task, FunctionTask):
        return
    for program in task.programs:
        source = standing_alone(program.program, asked.answer, before)
        if source is not None:
            yield Wrong(task.name, program.slug, asked.answer, source)


@functools.cache
def is_rejected(wrong: Wrong) -> bool:
    """Say whether a cell is rejected, and, where it is a named program, for what it is."""
    names: dict[str, Any] = {name: getattr(attention, name) for name in attention.__all__}
    names["np"] = np
    exec(compile(wrong.source, "<a known mistake>", "exec"), names)  # of this library's own checks
    result = evaluate(wrong.task, names[wrong.answer])
    return not result.passed and result.program in (wrong.slug, None)


def _write(out: Path, layout: str, exercise: str, handed_in: list[HandIn]) -> list[str]:
    """Write the notebooks; return the learners as the grader will call them."""
    places = [_place(layout, exercise, number) for number in range(1, len(handed_in) + 1)]
    if layout in ("folder", "nbgrader"):
        for (name, _), one in zip(places, handed_in, strict=True):
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_bytes(one.data)
    else:
        with zipfile.ZipFile(out / "submissions.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for (name, _), one in zip(places, handed_in, strict=True):
                archive.writestr(zipfile.ZipInfo(name, _ZIP_TIME), one.data, zipfile.ZIP_DEFLATED)
    return [learner for _, learner in places]


def _place(layout: str, exercise: str, number: int) -> tuple[str, str]:
    """Return where a learner's notebook goes, and what the grader will call the learner."""
    file, name, account = f"{exercise}.ipynb", f"learner-{number:04}", 4000 + number
    canvas, moodle = f"learner{number:04}", f"Learner {number:04}"
    return {
        "folder": (f"submissions/{name}/{file}", name),
        "nbgrader": (f"submitted/{name}/{exercise}/{file}", name),
        "canvas": (f"{canvas}_{account}_{90000 + number}_{file}", f"{canvas} ({account})"),
        "moodle": (f"{moodle}_{account}_assignsubmission_file_/{file}", f"{moodle} ({account})"),
    }[layout]
