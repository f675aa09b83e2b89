"""One class, marked by this course's grader, by nbgrader and by otter-grader: processor time, points, memory.

    python benchmarks/grading.py             500 honest submissions, the peers on the first 24, memory over 5,000
    python benchmarks/grading.py --quick     30, 2 and 100: to see that it works; the page is not written
    python benchmarks/grading.py --parts memory --keep FOLDER     one part; the others as FOLDER has them from before

All marks are of one run on one machine, this grader before and after each peer. Processor time is that of the whole
command and all processes that came of it, also of those that nobody in it waited for, such as a jail that was ended;
from its start to its end, divided by the number of submissions. Each command marks the class in one go, so that its
start is shared out, and in one process after the other. The peers stand in fresh environments beside this one's
packages. What cannot be installed is left out, and said.
"""

import argparse
import contextlib
import ctypes
import json
import os
import platform
import random
import resource
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import venv
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "grading"))

from dask_cluster import Cluster, end  # noqa: E402  (from tests/)

from course_lib.checks.engine import find_task  # noqa: E402
from course_lib.grading import gradebook  # noqa: E402
from course_lib.grading.assignments import ASSIGNMENTS  # noqa: E402
from course_lib.grading.batch import grade_all  # noqa: E402
from course_lib.grading.collecting import Found  # noqa: E402
from course_lib.grading.engines import LocalEngine  # noqa: E402
from course_lib.grading.exports import nbgrader  # noqa: E402
from course_lib.grading.serving import Options  # noqa: E402
from course_lib.grading.synthetic import DUE, make  # noqa: E402
from course_lib.grading.synthetic.making import hand_in  # noqa: E402

PAGE = ROOT / "docs" / "grading_benchmark.md"
EXERCISE = "07_multi_head"
PEERS = {"nbgrader": "nbgrader==0.9.6", "otter-grader": "otter-grader==7.0.0"}
PARTS = ("peers", "memory", "kills")
GOALS = {"nbgrader": 20, "otter-grader": 30}
_PR_SET_CHILD_SUBREAPER = 36


@dataclass
class Run:
    """What marking cost and gave.

    Attributes
    ----------
    name : str
    count : int
    cpu, wall : float
        Seconds of all of them together.
    points : mapping of str to float
        By learner.
    note : str
    """

    name: str
    count: int
    cpu: float = 0.0
    wall: float = 0.0
    points: dict[str, float] = field(default_factory=dict)
    note: str = ""

    @property
    def each(self) -> float:
        """Processor seconds of a submission."""
        return self.cpu / max(1, self.count)


def measured(command: list[Any], folder: Path, environment: dict[str, str] | None = None) -> tuple[float, float, str]:
    """Run a command; give its processor seconds, with all its processes, its wall seconds and what it said."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ran = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    wall = time.perf_counter() - started
    _wait_for_orphans()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if ran.returncode:
        raise RuntimeError(f"{command[0]} ended with {ran.returncode}: {(ran.stdout + ran.stderr)[-2000:]}")
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, wall, ran.stdout


def adopt_orphans() -> None:
    """Become the parent of whatever loses its own below this process; only what was waited for is counted."""
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise RuntimeError("the processes of a command cannot all be counted on this system")


def _wait_for_orphans(seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    with contextlib.suppress(ChildProcessError):
        while True:
            pid, _ = os.waitpid(-1, os.WNOHANG)
            if pid == 0 and time.monotonic() > until:
                raise RuntimeError("a command left a process behind that does not end")
            if pid == 0:
                time.sleep(0.05)


def run_ours(folder: Path, jobs: int = 1) -> Run:
    """Mark the class with `course grade`, all of it; with one process, as the peers do, unless more are asked for."""
    out = folder / "graded"
    shutil.rmtree(out, ignore_errors=True)
    command = [
        sys.executable,
        "-m",
        "course_lib",
        "grade",
        folder / "submitted",
        "--out",
        out,
        "--json",
        "--jobs",
        jobs,
    ]
    cpu, wall, said = measured(command, ROOT)
    summary = json.loads(said)
    entries = gradebook.read(out)
    if summary["marked"] != len(entries):
        raise RuntimeError(f"{len(entries)} notebooks, {summary['marked']} marked")
    return Run("this course", len(entries), cpu, wall, {one.learner: one.points for one in entries})


def environment_of(name: str, folder: Path) -> Path | None:
    """Make an environment with a peer, beside the packages of this one; None where it cannot be installed."""
    place = folder / f"environment-{name}"
    python = place / "bin" / "python"
    if not python.exists():
        venv.create(place, with_pip=True)
        site = Path(subprocess.check_output(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True).strip())  # fmt: skip
        (site / "beside.pth").write_text(f"{sysconfig.get_path('purelib')}\n{ROOT}\n", encoding="utf-8")
    ran = subprocess.run([python, "-m", "pip", "install", "-q", PEERS[name]], capture_output=True, text=True)
    if ran.returncode:
        print(f"{PEERS[name]} cannot be installed, so left out: {ran.stderr.strip().splitlines()[-1:]}")
        return None
    return python


def peers_environment(python: Path, folder: Path) -> dict[str, str]:
    """Return the environment variables of a peer's run; nothing of it is written outside of `folder`."""
    path = os.pathsep.join([str(python.parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "HOME": str(folder), "COURSE_PROGRESS": str(folder / "progress.json")}


def run_nbgrader(folder: Path, python: Path, count: int) -> Run:
    """Mark the first `count` with `nbgrader autograde`, in one go."""
    course = folder / "course-of-nbgrader"
    shutil.rmtree(course, ignore_errors=True)
    nbgrader.lay_out(ROOT, course, [EXERCISE])
    for learner in learners_of(folder)[:count]:
        shutil.copytree(folder / "submitted" / learner, course / "submitted" / learner)
    environment = peers_environment(python, course)
    measured([python, "-m", "nbgrader", "generate_assignment", EXERCISE], course, environment)
    cpu, wall, _ = measured([python, "-m", "nbgrader", "autograde", EXERCISE], course, environment)
    code = (
        "import json, sys; from nbgrader.api import Gradebook; book = Gradebook('sqlite:///gradebook.db');"
        f"print(json.dumps({{one.student.id: one.score for one in book.assignment_submissions({EXERCISE!r})}}))"
    )
    points = json.loads(measured([python, "-c", code], course, environment)[2].splitlines()[-1])
    return Run("nbgrader", count, cpu, wall, points)


OTTER_TEST = '''OK_FORMAT = True

test = {{
    "name": "{task}",
    "points": {points},
    "suites": [{{
        "cases": [{{
            "code": r""">>> from course_lib.checks import evaluate
>>> evaluate("{task}", {answer}).passed
True""", "hidden": False, "locked": False,
        }}],
        "scored": True, "setup": "", "teardown": "", "type": "doctest",
    }}],
}}
'''


def run_otter(folder: Path, python: Path, count: int) -> Run:
    """Mark the first `count` with `otter run`, which is one command for each."""
    place = folder / "otter"
    shutil.rmtree(place, ignore_errors=True)
    (place / "tests").mkdir(parents=True)
    for asked in ASSIGNMENTS[EXERCISE].asked:
        task = find_task(asked.task)
        text = OTTER_TEST.format(task=asked.task, answer=asked.answer, points=task.points if task else 0)
        (place / "tests" / f"{asked.task}.py").write_text(text, encoding="utf-8")
    environment = peers_environment(python, place)
    otter = python.parent / "otter"
    measured([otter, "generate", "-t", "tests", "-o", "autograder.zip", "--no-environment"], place, environment)
    run = Run("otter-grader", count)
    for learner in learners_of(folder)[:count]:
        out = place / "out" / learner
        out.mkdir(parents=True)
        notebook = shutil.copy(folder / "submitted" / learner / EXERCISE / f"{EXERCISE}.ipynb", out)
        command = [otter, "run", "--no-logo", "-a", place / "autograder.zip", "-o", out, notebook]
        cpu, wall, _ = measured(command, place, environment)
        results = json.loads((out / "results.json").read_text(encoding="utf-8"))
        run.points[learner] = sum(test.get("score", 0.0) for test in results["tests"])
        run.cpu, run.wall = run.cpu + cpu, run.wall + wall
    return run


def learners_of(folder: Path) -> list[str]:
    """Return the learners of the class."""
    return [one["learner"] for one in json.loads((folder / DUE).read_text(encoding="utf-8"))]


def memory_over(count: int, jobs: int) -> list[tuple[int, float]]:
    """Mark `count` different submissions; give the memory of the grader and all its processes, in MiB, on the way."""

    def handed_in() -> Iterator[Found]:
        for number in range(1, count + 1):
            data = hand_in(ROOT, EXERCISE, number, seed=1, honest=True).data
            yield Found(f"learner-{number:05}", f"{EXERCISE}.ipynb", lambda data=data: data)  # type: ignore[misc]

    seen: list[tuple[int, float]] = []
    done = 0

    def advance(entry: object) -> None:
        nonlocal done
        done += 1
        if done % max(1, count // 50) == 0:
            seen.append((done, memory_of_all()))

    options = Options()
    with tempfile.TemporaryDirectory() as out, gradebook.Gradebook(Path(out)) as book:
        with LocalEngine(options, jobs) as engine:
            grade_all(handed_in(), book, executor=engine, options=options, advance=advance)
        if sum(1 for _ in book.entries()) != count:
            raise RuntimeError("a submission has no entry")
    return seen


def memory_of_all() -> float:
    """Return the memory of this process and all below it, pages that several share counted once, in MiB."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue
        parents.setdefault(parent, []).append(int(entry.name))
    total, left = 0.0, [os.getpid()]
    while left:
        process = left.pop()
        left += parents.get(process, [])
        try:
            text = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += next((int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")), 0)
    return total / 1024


def killed_and_resumed(moments: int, count: int = 60) -> str:
    """Mark a class once undisturbed, then killed at random moments and resumed, then with other numbers of jobs."""
    rng = random.Random(7)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make(ROOT, folder / "class", count, exercise=EXERCISE, seed=5)

        def command(out: str, *more: str) -> list[str]:
            marks = [sys.executable, "-m", "course_lib", "grade", str(folder / "class"), "--out", str(folder / out)]
            return [*marks, *more]

        def bytes_of(out: str, *more: str) -> bytes:
            subprocess.run(command(out, *more), cwd=ROOT, capture_output=True, check=False)
            return (folder / out / gradebook.FILE).read_bytes()

        started = time.perf_counter()
        expected = bytes_of("undisturbed", "--jobs", "2")
        usual = time.perf_counter() - started
        n_killed = 0
        while n_killed < moments:
            process = subprocess.Popen(command("killed", "--jobs", "2", "--resume"), cwd=ROOT,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
            try:
                process.wait(rng.uniform(0, 1.2 * usual / 4))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            n_killed += process.returncode == -9
            if process.returncode != -9:  # all is marked: begin again, for the moments that are left
                same = (folder / "killed" / gradebook.FILE).read_bytes() == expected
                shutil.rmtree(folder / "killed")
                if not same:
                    return "Killed and resumed, the gradebook was another one."
        same = bytes_of("killed", "--jobs", "2", "--resume") == expected
        same_jobs = [bytes_of(f"jobs-{jobs}", "--jobs", str(jobs)) == expected for jobs in (1, 4)]
        with contextlib.ExitStack() as stack:
            cluster = cluster_of_two(folder / "dask", stack)
            same_dask = bytes_of("dask", "--dask", cluster.address) == expected
            killing = threading.Timer(usual / 2, end, [cluster.workers[0]])  # as the other one goes on
            killing.start()
            same_killed = bytes_of("dask-killed", "--dask", cluster.address) == expected
            killing.join()
    return (
        f"A class of {count}, hostile ones among them, killed with SIGKILL at {moments} random moments and resumed: "
        f"{'the same gradebook, byte for byte' if same else 'ANOTHER gradebook'}; with 1, 2 and 4 processes: "
        f"{'the same' if all(same_jobs) else 'ANOTHER'}; on dask's scheduler and two workers, and with one of them "
        f"killed in the middle: {'the same' if same_dask and same_killed else 'ANOTHER'}."
    )


def cluster_of_two(folder: Path, stack: contextlib.ExitStack) -> Cluster:
    """Start a scheduler and two workers by dask's own commands."""
    cluster = Cluster(folder, stack)
    for _ in range(2):
        cluster.add_worker()
    cluster.await_workers(2)
    return cluster


def same_points(ours: Run, peer: Run) -> int:
    """Return for how many learners the points are the same."""
    return sum(abs(points - ours.points[learner]) < 1e-9 for learner, points in peer.points.items())


def mean_of(runs: list[Run]) -> Run:
    """Return what a run of several took on average."""
    cpu, wall = (sum(getattr(run, name) for run in runs) / len(runs) for name in ("cpu", "wall"))
    return replace(runs[0], cpu=cpu, wall=wall)


def table_of(all_ours: list[Run], peers: list[Run]) -> str:
    """Return what marking the class cost and gave, as a table; a peer is compared with the runs around it."""
    ours = mean_of(all_ours)
    lines = [
        "| | submissions | processor time each | times ours | goal | same points as ours |",
        "|---|---:|---:|---:|---:|---:|",
        f"| this course, jailed | {ours.count} | {1000 * ours.each:.0f} ms | 1 | | |",
    ]
    for place, peer in enumerate(peers):
        ratio, goal = peer.each / mean_of(all_ours[place : place + 2]).each, GOALS[peer.name]
        same = f"{same_points(ours, peer)} of {peer.count}"
        row = f"| {PEERS[peer.name].replace('==', ' ')} | {peer.count} | {1000 * peer.each:.0f} ms"
        lines.append(f"{row} | {ratio:.1f} | {goal} | {same} |")
    return "\n".join(lines)


def usual_in_words(usual: Run) -> str:
    """Say what marking costs as `course grade` does it where nobody says otherwise."""
    return (
        f"With a process for each of {os.cpu_count()} processors, as `course grade` marks by itself, this grader took "
        f"{usual.wall:.0f} s for the {usual.count} submissions, {1000 * usual.each:.0f} ms of processor time each."
    )


def memory_in_words(memory: list[tuple[int, float]]) -> str:
    """Return what became of the memory."""
    first = [mib for _, mib in memory[: max(1, len(memory) // 5)]]
    last = [mib for _, mib in memory[-max(1, len(memory) // 5) :]]
    return (
        f"Memory of the grader and all its processes over {memory[-1][0]:,} submissions, shared pages counted once: "
        f"{sum(first) / len(first):.0f} MiB on average in the first fifth, {sum(last) / len(last):.0f} MiB in the "
        f"last, {max(mib for _, mib in memory):.0f} MiB at most."
    )


def page_of(parts: dict[str, str]) -> str:
    """Return the page."""
    return (
        "# Grading, beside nbgrader and otter-grader\n\n"
        "`python benchmarks/grading.py` writes this page. A class of invented learners hands in exercise 07: right, "
        "wrong in known ways, and unfinished. Every grader marks the same files one after the other, in one run on one "
        "machine, this one before and after each peer; the peers are slow, so they mark the first ones only. nbgrader "
        "and otter-grader run the notebook in a kernel of its own and let it judge itself; this grader runs it in a "
        "jail and judges outside.\n\n"
        f"{parts['peers']}\n\n"
        "Processor time is that of all processes of a command, its start and the ended jails included. The points are "
        "what each grader itself gives; otter-grader calls this course's `evaluate` in its tests, nbgrader the "
        "notebook's own `check` cells.\n\n"
        f"{parts['memory']}\n\n{parts['kills']}\n\n"
        f"Measured with Python {platform.python_version()} on {platform.system()} {platform.machine()}, "
        f"{os.cpu_count()} processors.\n"
    )


def marked_by_all(size: int, of_peers: int, kept: Path) -> str | None:
    """Let every grader mark the same class; None where a peer is missing."""
    pythons = {name: environment_of(name, kept) for name in PEERS}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "class"
        make(ROOT, folder, size, exercise=EXERCISE, honest=True, layout="nbgrader")
        ours = [run_ours(folder)]
        runs = {"nbgrader": run_nbgrader, "otter-grader": run_otter}
        peers = []
        for name, python in pythons.items():  # ours before and after each: a machine is not the same for minutes
            if python is not None:
                peers.append(runs[name](folder, python, of_peers))
                ours.append(run_ours(folder))
        usual = run_ours(folder, os.cpu_count() or 1)
    table = f"{table_of(ours, peers)}\n\n{usual_in_words(usual)}"
    print(table)
    return table if len(peers) == len(PEERS) else None


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small numbers; the page is not written")
    parser.add_argument("--peers", type=int, default=0, help="how many the peers mark")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="measure only these")
    parser.add_argument("--keep", type=Path, help="a folder for environments and for what other parts found")
    given = parser.parse_args()
    adopt_orphans()
    size, of_memory, moments, small = (30, 100, 2, 12) if given.quick else (500, 5000, 20, 60)
    with tempfile.TemporaryDirectory() as scratch:
        kept = given.keep or Path(scratch)
        kept.mkdir(parents=True, exist_ok=True)
        findings = kept / "findings.json"
        parts: dict[str, str] = json.loads(findings.read_text(encoding="utf-8")) if findings.exists() else {}
        if "peers" in given.parts:
            table = marked_by_all(size, given.peers or (2 if given.quick else 24), kept)
            parts |= {"peers": table} if table is not None else {}
        if "memory" in given.parts:
            parts["memory"] = memory_in_words(memory_over(of_memory, min(2, os.cpu_count() or 1)))
            print(parts["memory"])
        if "kills" in given.parts:
            parts["kills"] = killed_and_resumed(moments, small)
            print(parts["kills"])
        if not given.quick:
            findings.write_text(json.dumps(parts, indent=1), encoding="utf-8")
            if set(parts) == set(PARTS):
                PAGE.write_text(page_of(parts), encoding="utf-8", newline="\n")
                print(f"written to {PAGE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
