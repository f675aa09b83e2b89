"""What the benchmark of the language model makes of its measurements: speeds, ratios, memory, agreement."""

import importlib.util
from pathlib import Path

PATH = Path(__file__).parents[2] / "benchmarks" / "language_model_report.py"
spec = importlib.util.spec_from_file_location("language_model_report", PATH)
page = importlib.util.module_from_spec(spec)
spec.loader.exec_module(page)

TIMES = {
    "read, course": [2.0, 1.0, 4.0], "read, your functions": [4.0, 4.0, 4.0], "read, transformers": [1.0, 3.0, 1.0],
    "write, course": [0.1, 0.1, 0.2], "write, your functions": [0.5, 0.5, 0.5], "write, transformers": [0.2, 0.2, 0.2],
}  # fmt: skip
LOADED = [page.Loading(0.5, 1.0, 0.7), page.Loading(0.25, 2.0, 0.9), page.Loading(9.0, 3.0, 0.8)]
MACHINE = {"threads": "2", "Python": "3.11.7", "torch": "2.13.0"}


def row(text, *cells):
    (found,) = (line for line in text.splitlines() if line.startswith("| " + " | ".join(cells) + " |"))
    return [cell.strip() for cell in found.strip("|").split("|")][len(cells) :]


def test_a_ratio_compares_medians_and_above_1_is_faster():
    assert page.ratio(TIMES, "read") == 0.5
    assert page.ratio(TIMES, "write") == 2.0
    assert page.ratio(TIMES, "read", "your functions") == 0.25


def test_the_page_has_speeds_with_their_range_and_ratios():
    text = page.report(TIMES, LOADED, page.Agreement(20, 1.06e-4, 19), MACHINE)
    assert row(text, "read 512 tokens", "course") == ["256.0", "128.0 to 512.0", "0.50"]
    assert row(text, "read 512 tokens", "transformers") == ["512.0", "170.7 to 512.0", ""]
    assert row(text, "write one token after another", "your functions") == ["2.0", "2.0 to 2.0", "0.40"]
    assert "on the same 2 threads" in text
    assert "Python 3.11.7, torch 2.13.0" in text


def test_the_page_has_loading_memory_and_agreement():
    text = page.report(TIMES, LOADED, page.Agreement(20, 1.06e-4, 19), MACHINE)
    assert "* 0.50 s until the model is loaded, imports and all; 2.00 s until the first token" in text
    assert "* 0.80 GiB of memory at its highest, and never more than 0.90 GiB" in text
    assert "On 20 prompts the scores of all next tokens differ by 1.1e-04 at most" in text
    assert "On 19 of 20 both write the same 50 tokens" in text
    assert "prompts" not in page.report(TIMES, LOADED, None, MACHINE)
