"""What the attention benchmark makes of its measurements: exponents, ratios, the report and the picture."""

import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "attention_report.py"
spec = importlib.util.spec_from_file_location("attention_report", PATH)
attention_report = importlib.util.module_from_spec(spec)
spec.loader.exec_module(attention_report)


def results_of(times, memory=(), skipped=()):
    return {
        "machine": {"processors": "2"},
        "settings": {"n_heads": 8, "d_k": 64, "n_threads": 2},
        "peers": {"attention": "ours", "PyTorch": "theirs"},
        "times": [
            {"case": case, "n": n, "peer": peer, "seconds": seconds, "difference": 1e-7}
            for case, n, peer, seconds in times
        ],
        "memory": [
            {"case": case, "n": n, "peer": peer, "extra_bytes": extra, "method": "tracemalloc"}
            for case, n, peer, extra in memory
        ],
        "skipped": list(skipped),
        "minutes": 1.5,
    }


SIZES = (256, 1024, 2048, 4096)
RESULTS = results_of(
    times=[
        *(("full", n, "attention", [n * n * 1e-8, n * n * 1e-8, 9.0]) for n in SIZES),
        *(("full", n, "PyTorch", [0.0, 2 * n * n * 1e-8, 9.0]) for n in SIZES),
    ],
    memory=[("full", n, "attention", 3 * 2**20) for n in SIZES],
    skipped=[{"peer": "PyTorch", "case": "full", "n": n, "why": "too much"} for n in (8192, 16384)],
)


@pytest.mark.parametrize("power", [0.0, 1.0, 2.0])
def test_exponent_finds_the_power_and_ignores_small_sizes(power):
    sizes = [4, 64, 1024, 2048, 4096]
    amounts = [7.0, 7.0, *(3 * size**power for size in sizes[2:])]
    assert attention_report.exponent(sizes, amounts) == pytest.approx(power, abs=1e-5)


def test_exponent_needs_three_sizes():
    assert attention_report.exponent([1024, 2048], [1.0, 4.0]) is None


def test_ratio_is_the_peers_median_over_ours():
    times = attention_report.medians(RESULTS, "full")
    assert attention_report.ratio(times, "PyTorch", 2048) == pytest.approx(2.0)
    assert attention_report.ratio(times, "PyTorch", 8192) is None


def test_exponents_are_fitted_by_case_and_peer():
    fitted = attention_report.exponents(RESULTS)
    assert fitted["full"]["attention"] == {"time": pytest.approx(2.0), "memory": pytest.approx(0.0, abs=1e-5)}


def test_report_has_a_row_for_each_size_and_says_what_was_not_run():
    text = attention_report.report(RESULTS)
    assert "| 2,048 | 41.9 | 2.00 |" in text
    assert "| 4,096 | 3.0 |" in text
    assert "* PyTorch (full 8,192, full 16,384): too much" in text
    assert "differ by 1e-07 at most" in text


def test_picture_is_small(tmp_path):
    attention_report.draw(RESULTS, tmp_path / "picture.png")
    assert 1_000 < (tmp_path / "picture.png").stat().st_size < 200_000
