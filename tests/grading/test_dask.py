"""Marking on dask's workers, started by dask's own commands: the same gradebook, and a killed worker loses nothing."""

import contextlib
import sys
from dataclasses import replace

import pytest
from dask_cluster import Cluster, end, until
from test_batch import grade

from course_lib.errors import GradingError
from course_lib.grading import dask_engine
from course_lib.grading.dask_engine import DaskEngine
from course_lib.grading.gradebook import read

pytest.importorskip("distributed", reason="needs the dask extra")
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the grader needs Linux")


@pytest.fixture
def cluster(fake, tmp_path):
    with contextlib.ExitStack() as stack:
        made = Cluster(tmp_path / "dask", stack)
        made.add_worker()
        made.add_worker()
        made.await_workers(2)
        yield made


def test_workers_give_the_same_gradebook_also_where_one_is_killed_in_the_middle(cluster, class_of, fake, tmp_path):
    folder = class_of(24, broken=b"[]", dies="# DIE NOW", raises="# RAISE")
    expected, _ = grade(folder, tmp_path / "local", fake)
    got, summary = grade(folder, tmp_path / "far", fake, engine=DaskEngine(fake, cluster.address))
    assert got == expected
    assert summary.counts == {"marked": 24, "refused": 1, "unmarked": 2}

    seen = []

    def kill_one(entry):
        seen.append(entry)
        if len(seen) == 8:
            end(cluster.workers[0])

    got, summary = grade(folder, tmp_path / "killed", fake, engine=DaskEngine(fake, cluster.address), advance=kill_one)
    assert cluster.workers[0].poll() is not None
    assert got == expected
    assert summary.counts["marked"] == 24


def test_what_is_not_there_or_another_course_is_told(cluster, fake, tmp_path, monkeypatch):
    monkeypatch.setattr(dask_engine, "checks_digest", lambda: "another")
    with pytest.raises(GradingError, match="another one than here"):
        DaskEngine(fake, cluster.address).__enter__()
    monkeypatch.undo()
    with pytest.raises(GradingError, match="no user namespaces here"):
        DaskEngine(replace(fake, marker="fake_marking:refusing"), cluster.address).__enter__()
    for worker in cluster.workers:
        end(worker)
    with pytest.raises(GradingError, match="no workers"):
        until(lambda: DaskEngine(fake, cluster.address).__enter__().__exit__())


def test_a_scheduler_that_is_not_there_is_told(fake, monkeypatch):
    monkeypatch.setattr(dask_engine, "_SECONDS_TO_CONNECT", 2)
    with pytest.raises(GradingError, match=r"no dask scheduler at .*dask scheduler"):
        DaskEngine(fake, "tcp://127.0.0.1:1").__enter__()


def test_a_scheduler_that_goes_in_the_middle_is_told_and_what_was_marked_is_kept(cluster, class_of, fake, tmp_path):
    folder = class_of(24)
    seen = []

    def kill_the_scheduler(entry):
        seen.append(entry)
        if len(seen) == 5:
            end(cluster.scheduler)

    with pytest.raises(GradingError, match=r"is gone.*--resume"):
        grade(folder, tmp_path / "out", fake, engine=DaskEngine(fake, cluster.address), advance=kill_the_scheduler)
    assert len(read(tmp_path / "out")) >= 5
    got, summary = grade(folder, tmp_path / "out", fake, resume=True)
    assert summary.counts["kept"] >= 5
    assert got == grade(folder, tmp_path / "local", fake)[0]
