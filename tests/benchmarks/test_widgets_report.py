"""What the widgets' benchmark makes of its measurements."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
spec = importlib.util.spec_from_file_location("widgets_report", FOLDER / "widgets_report.py")
widgets_report = importlib.util.module_from_spec(spec)
spec.loader.exec_module(widgets_report)


def row(press, **others):
    empty = {"press": press, "drag": [50.0], "steps": [0.0], "backlog": [0.0], "rest": [8.0], "set": [[30.0, 10.0]]}
    return {**empty, **others}


def results_of(variants):
    page = {"heap": 10 * 2**20, "elements": 1000, "listeners": 100}
    return {
        "machine": {"processors": "2"},
        "alone": variants,
        "together": {},
        "many": {
            "n_widgets": 50, "seconds_to_show": 2.0, "press": [10.0, 12.0], "drag": 55.0, "backlog": 0.0,
            "before": page, "after": {"heap": 20 * 2**20, "elements": 6000, "listeners": 600},
        },
        "minutes": 1.5,
    }  # fmt: skip


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (50, 5), (95, 10), (100, 10)])
def test_percentile_is_one_of_the_numbers(percent, expected):
    assert widgets_report.percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == expected


def test_missed_names_widgets_that_miss_a_goal_and_holds_peers_to_nothing():
    found = widgets_report.missed(
        {
            "Fast": row([9.0, 14.0, 20.0]),
            "Slow": row([18.0, 17.5, 40.0], drag=[30.0]),
            "Stepping": row([9.0], drag=[7.5], steps=[8.0]),
            "Skipping": row([9.0], drag=[6.0], steps=[8.0]),
            "interact + plt.show": row([217.0], drag=[3.0]),
        }
    )
    assert list(found.values()) == [["Slow"], ["Slow"], ["Slow", "Skipping"], ["Slow"]]


def test_report_says_which_goals_are_held():
    text = widgets_report.report(results_of({"Fast": row([9.0, 16.0, 99.0]), "interact + plt.show": row([300.0])}))
    assert "* press to paint at most 17 ms in the median: held by all." in text
    assert "* at most 34 ms at p95: missed by Fast." in text
    assert "All in one notebook" not in text, "not measured"


def test_report_gives_medians_p95_and_how_many_times_faster():
    text = widgets_report.report(
        results_of(
            {
                "Stage": row([9.0, 12.0, 30.0], drag=[40.0, 60.0, 50.0], set=[[20.0, 8.0], [40.0, None], [30.0, 10.0]]),
                "interact + plt.show": row([240.0], set=[[170.0, None]]),
            }
        )
    )
    assert "| Stage | 12.0 | 30.0 | 20.0 | 50.0 |  | 0 | 8 | 30 | 9 |" in text
    assert "| interact + plt.show | 240.0 | 240.0 |  | 50.0 |  | 0 | 8 | 170 |  |" in text
    assert "| JavaScript heap, MiB | 10.0 | 20.0 | 0.2 |" in text
    assert "| DOM nodes | 1,000 | 6,000 | 100.0 |" in text


def test_report_leaves_empty_what_was_not_measured():
    text = widgets_report.report(results_of({"Still": row([], rest=[], set=[])}))
    assert "| Still |  |  |  | 50.0 |  | 0 |  |  |  |" in text


def test_benchmark_explains_itself():
    pytest.importorskip("playwright", reason="needs the dev extra")
    done = subprocess.run(
        [sys.executable, str(FOLDER / "widgets.py"), "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--quick" in done.stdout
