"""What the training benchmark makes of its measurements: means, ranges, pairs of runs with the same seed."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "training_report.py"
spec = importlib.util.spec_from_file_location("training_report", PATH)
training_report = importlib.util.module_from_spec(spec)
spec.loader.exec_module(training_report)

NAMES = (*training_report.ANSWERS, *training_report.HEADS)


def measured(*held_out):
    return [{**dict.fromkeys(NAMES, 0.25), "held-out accuracy": share} for share in held_out]


def test_a_cell_is_the_mean_and_the_range_over_the_seeds():
    assert training_report.cell("held-out accuracy", [0.5, 0.75, 1.0]) == "75 % (50 % to 100 %)"
    assert training_report.cell("distance", iter([8.0, 9.0])) == "8.50 (8.00 to 9.00)"


def test_above_compares_runs_of_the_same_seed():
    assert training_report.above(measured(0.9, 0.5, 0.8), measured(0.8, 0.6, 0.8)) == "1 of 3"
    with pytest.raises(ValueError, match="argument 2 is longer"):
        training_report.above(measured(0.9), measured(0.8, 0.6))


def test_report_has_both_tables_and_a_row_for_each_setting():
    text = training_report.report({80: {"plain": measured(0.5, 0.75), "other": measured(0.75, 0.7)}})
    assert "2 seeds" in text
    assert "## What it answers, after 80 steps" in text
    plain, other = (next(line for line in text.splitlines() if line.startswith(f"| {name} |")) for name in
                    ("plain", "other"))  # fmt: skip
    assert "| 62 % (50 % to 75 %) |" in plain
    assert plain.endswith("|  |")
    assert other.endswith("| 1 of 2 |")
    heads = text.split("## Where its heads look at the gap, after 80 steps")[1]
    assert "| other | 25 % (25 % to 25 %) | 25 % (25 % to 25 %) | 0.25 (0.25 to 0.25) | 0.25 (0.25 to 0.25) |" in heads
