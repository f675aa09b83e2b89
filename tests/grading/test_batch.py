"""Marking a class: whatever the number of jobs, and however often it is stopped, the gradebook is the same."""

import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from course_lib.errors import GradingError
from course_lib.grading.batch import checks_digest, grade_all, settings_of, unknown_names
from course_lib.grading.collecting import survey
from course_lib.grading.engines import LocalEngine
from course_lib.grading.gradebook import FILE, Gradebook, read
from course_lib.grading.serving import Options
from notebooks import SEVEN, exercise, write

HERE = Path(__file__).parent
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the grader needs Linux")


def grade(folder, out, options, *, jobs=1, engine=None, **more):
    """Mark a folder; give the gradebook's bytes and the summary."""
    with Gradebook(out) as book, engine or LocalEngine(options, jobs) as executor:
        summary = grade_all(survey([folder]), book, executor=executor, options=options, **more)
    return (out / FILE).read_bytes(), summary


def kinds(out):
    return {one.learner: one.kind for one in read(out)}


def test_a_class_is_marked_and_no_one_harms_another(class_of, fake, tmp_path):
    folder = class_of(5, dies="# DIE NOW", raises="# RAISE", broken=b"{", dies_once=f"# DIE ONCE {tmp_path}/once")
    seen = []
    _, summary = grade(folder, tmp_path / "out", fake, jobs=2, advance=seen.append)
    assert summary.counts == {"marked": 6, "refused": 1, "unmarked": 2}
    assert summary.problems == 3
    assert len(seen) == 9
    got = {one.learner: one for one in read(tmp_path / "out")}
    assert got["dies_once"].kind == "marked"
    assert "2 processes that mark ended over it" in got["dies"].reason
    assert "ValueError: on purpose" in got["raises"].reason
    assert "our fault" in got["raises"].reason
    assert "no valid JSON" in got["broken"].reason
    assert got["learner-000"].marks
    assert got["learner-000"].settings == f"seed 0, checks {checks_digest()}"


@pytest.fixture
def undisturbed(class_of, fake, tmp_path):
    """A folder to mark, and the gradebook that an undisturbed run gives."""
    folder = class_of(24, broken=b"[]", dies="# DIE NOW")
    return folder, grade(folder, tmp_path / "undisturbed", fake)[0]


@pytest.mark.parametrize("jobs", [2, 4])
def test_any_number_of_jobs_gives_the_same_bytes(undisturbed, fake, tmp_path, jobs):
    folder, expected = undisturbed
    assert grade(folder, tmp_path / "out", fake, jobs=jobs)[0] == expected


def test_marking_again_gives_the_same_bytes_and_another_seed_others(undisturbed, fake, tmp_path):
    folder, expected = undisturbed
    assert grade(folder, tmp_path / "undisturbed", fake)[0] == expected
    other = replace(fake, seed=1)
    assert grade(folder, tmp_path / "undisturbed", other)[0] != expected


def test_resume_keeps_what_was_marked_with_the_same_settings_only(undisturbed, fake, tmp_path):
    folder, expected = undisturbed
    got, summary = grade(folder, tmp_path / "undisturbed", fake, resume=True)
    assert got == expected
    assert summary.counts == {"kept": 25, "unmarked": 1}, "what the grader failed on is tried again"
    _, summary = grade(folder, tmp_path / "undisturbed", replace(fake, seconds=5.0), resume=True)
    assert summary.counts["kept"] == 0


def test_a_changed_notebook_is_marked_and_the_old_one_stays(undisturbed, fake, tmp_path):
    folder, _ = undisturbed
    write(folder / "learner-003" / f"{SEVEN}.ipynb", exercise())
    _, summary = grade(folder, tmp_path / "undisturbed", fake, resume=True)
    assert summary.counts["marked"] == 1
    assert sum(one.learner == "learner-003" for one in read(tmp_path / "undisturbed")) == 2


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {here!r})
from test_batch import Options, grade
options = Options(marker="fake_marking:FakeMarker")
_, summary = grade(Path(sys.argv[1]), Path(sys.argv[2]), options, jobs=2, resume=True)
print("interrupted" if summary.interrupted else "done")
"""


def start(folder, out):
    code = SCRIPT.format(here=str(HERE))
    return subprocess.Popen([sys.executable, "-c", code, folder, out], stdout=subprocess.PIPE, text=True)


def rows_written(out):
    try:
        return len(read(out))
    except GradingError:  # not there yet, or just being written
        return 0


def survivors(out):
    """Processes that still know the folder of a run."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if str(out).encode() in (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_killed_at_random_moments_and_resumed_the_gradebook_is_the_same(undisturbed, fake, tmp_path, monkeypatch):
    """Ten moments, of the start, the middle and the end; benchmarks/grading.py does it in the jail, at twenty."""
    folder, expected = undisturbed
    out = tmp_path / "killed"
    monkeypatch.setenv("COURSE_TEST_RUN", str(out))
    moments = random.Random(5)
    stopped = 0
    for _ in range(10):
        process = start(folder, out)
        goal, deadline = rows_written(out) + moments.randrange(0, 6), time.monotonic() + 60
        while process.poll() is None and rows_written(out) < goal and time.monotonic() < deadline:
            time.sleep(moments.random() * 0.01)
        stopped += process.poll() is None
        process.kill()
        process.communicate()
        assert not list(out.glob("gradebook.damaged-*"))
    assert stopped >= 5
    process = start(folder, out)
    assert process.communicate(timeout=120)[0] == "done\n"
    assert (out / FILE).read_bytes() == expected
    deadline = time.monotonic() + 60
    while survivors(out) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert survivors(out) == []


def test_ctrl_c_keeps_what_is_done_and_resume_finishes_it(undisturbed, fake, tmp_path):
    folder, expected = undisturbed
    out = tmp_path / "stopped"
    process = start(folder, out)
    deadline = time.monotonic() + 60
    while rows_written(out) < 4 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "interrupted\n"
    assert process.returncode == 0
    n_kept = len(read(out))
    assert 4 <= n_kept < 26
    got, summary = grade(folder, out, fake, resume=True)
    assert got == expected
    assert summary.counts["kept"] >= n_kept - 1


def test_only_learners_or_exercises_are_marked_and_the_others_left(class_of, fake, tmp_path):
    folder = class_of(3)
    write(folder / "learner-000" / "02_scores.ipynb", exercise("02_scores"))
    found = survey([folder])
    _, summary = grade(folder, tmp_path / "a", fake, only=["learner-001"])
    assert summary.counts == {"marked": 1}
    assert kinds(tmp_path / "a") == {"learner-001": "marked"}
    grade(folder, tmp_path / "b", fake, only=["2"])
    assert [one.exercise for one in read(tmp_path / "b")] == ["02_scores"]
    grade(folder, tmp_path / "c", fake, only=["02_scores", "learner-002"])
    assert [one.learner for one in read(tmp_path / "c")] == ["learner-000", "learner-002"]
    assert unknown_names(["learner-001", "07", "nobody"], found) == ["nobody"]


def test_every_notebook_can_be_taken_for_one_exercise(class_of, fake, tmp_path):
    folder = class_of(2)
    grade(folder, tmp_path / "out", fake)
    _, summary = grade(folder, tmp_path / "out", fake, exercise="06_masks", resume=True)
    assert summary.counts == {"marked": 2}, "what was taken for another exercise is not kept"
    assert {one.exercise for one in read(tmp_path / "out")} == {"06_masks"}


def test_a_marker_that_cannot_stand_says_why(fake):
    with pytest.raises(GradingError, match="no user namespaces here"):
        LocalEngine(replace(fake, marker="fake_marking:refusing"), 2).__enter__()
    with pytest.raises(GradingError, match=r"did not start.*a mistake of ours"):
        LocalEngine(replace(fake, marker="fake_marking:crashing"), 1).__enter__()


def test_what_lies_where_the_instructor_stands_is_not_imported(class_of, fake, tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')", encoding="utf-8")
    folder = class_of(1)
    monkeypatch.chdir(tmp_path)
    assert grade(folder, tmp_path / "out", fake)[1].counts == {"marked": 1}


def test_settings_tell_what_marks_depend_on():
    assert settings_of(Options()) == f"seed 0, checks {checks_digest()}"
    assert settings_of(Options(seed=3, seconds=2.5)).startswith("seed 3, seconds 2.5, checks ")
    assert settings_of(Options(trust=True)) == settings_of(Options())


def test_memory_stays_flat(class_of, fake, tmp_path):
    """The parent holds one submission a process, however many there are."""
    folder = class_of(1)
    found = survey([folder])
    taken = 0

    def one_at_a_time():
        nonlocal taken
        for _ in range(50):
            taken += 1
            yield found[0]

    with Gradebook(tmp_path / "out") as book, LocalEngine(fake, 2) as executor:
        most = 0

        def advance(entry):
            nonlocal most
            finished.append(1)
            most = max(most, taken - len(finished))

        finished = []
        grade_all(one_at_a_time(), book, executor=executor, options=fake, advance=advance)
    assert len(finished) == 50
    assert most <= 4  # two in work, one read ahead, one being handed over
    assert os.path.getsize(tmp_path / "out" / FILE) < 200_000
