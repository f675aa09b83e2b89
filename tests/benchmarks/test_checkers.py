"""The comparison with other checkers counts what it says it counts."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

SOURCE = Path(__file__).parents[2] / "benchmarks" / "checkers.py"


@pytest.fixture(scope="module")
def checkers():
    spec = importlib.util.spec_from_file_location("benchmarks_checkers", SOURCE)
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_a_program_is_wrong_only_on_what_the_exercise_allows(checkers):
    def clipped(x):
        return np.minimum(x, 50)

    small, large = checkers.normal((2, 3)), lambda rng: (rng.normal(size=(2, 3)) + 100,)
    assert not checkers.differs(lambda x: x, clipped, small)
    assert checkers.differs(lambda x: x, clipped, large)
    assert checkers.differs(lambda x: x, lambda x: x[9], small)


def test_counts_tell_messages_apart_but_for_their_numbers(checkers):
    counts = checkers.Counts()
    for name, is_right, accepted, message in [
        ("a", False, False, "max_abs_err 0.619"),
        ("b", False, False, "max_abs_err 1e-05"),
        ("c", False, False, "max_abs_err inf"),
        ("d", False, False, "a shape"),
        ("e", False, True, ""),
        ("f", True, True, ""),
        ("g", True, False, "a shape"),
    ]:
        counts.add(name, is_right, checkers.Verdict(accepted, message))
    assert (counts.rejected, counts.wrong, counts.accepted, counts.right) == (4, 5, 1, 2)
    assert (counts.missed, counts.refused, len(counts.messages)) == (["e"], ["g"], 2)


def test_a_pair_is_judged_by_both(checkers, monkeypatch):
    seen = []

    def lazy(exercise, answer):
        seen.append((exercise, answer))
        return checkers.Verdict(True, "fine")

    monkeypatch.setitem(checkers.CHECKERS, "lazy", ("lazy", lazy))
    pair = checkers.Pair("lazy", "softmax", "any", lambda function: function, checkers.large_rows)
    of_peer, of_ours, _ = checkers.compare(pair)
    assert of_peer.rejected == 0
    assert of_peer.wrong == of_ours.wrong == of_ours.rejected > 10
    assert of_peer.right == of_peer.accepted == of_ours.accepted > 3
    assert len(seen) == of_peer.wrong + of_peer.right
    assert "| lazy | any | 0 of" in checkers.row(pair, "lazy", of_peer)


def test_without_the_peers_no_page_is_written(checkers, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(checkers, "PAGE", tmp_path / "page.md")
    monkeypatch.setattr(checkers.importlib.util, "find_spec", lambda name: None)
    checkers.main()
    assert "Not installed, so left out: mlsys-lab, torch-judge." in capsys.readouterr().out
    assert not (tmp_path / "page.md").exists()


def test_every_pair_adapts_the_right_function_to_what_the_peer_asks(checkers):
    """With the peers at hand, the right function passes their tests, so that a rejection means something."""
    pytest.importorskip("torch_judge")
    pytest.importorskip("mlsys")
    for pair in checkers.PAIRS:
        if pair.task in checkers.TASKS:
            verdict = checkers.CHECKERS[pair.peer][1](pair.exercise, pair.adapt(checkers.TASKS[pair.task].reference))
            assert verdict.accepted, (pair.peer, pair.exercise, verdict.message)
