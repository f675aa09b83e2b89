"""The benchmark of grading measures what its page says: processor time of all processes, the same points, memory."""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "benchmarks" / "grading.py"
PAGE = ROOT / "docs" / "grading_benchmark.md"


@pytest.fixture(scope="module")
def benchmark():
    spec = importlib.util.spec_from_file_location("benchmarks_grading", SOURCE)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def test_processor_time_is_that_of_a_commands_children_too(benchmark, tmp_path):
    busy = "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}], check=True)"
    cpu, wall, _ = benchmark.measured([sys.executable, "-c", code], tmp_path)
    assert cpu >= 0.3
    assert wall > 0
    with pytest.raises(RuntimeError, match="ended with 3: bad"):
        benchmark.measured([sys.executable, "-c", "print('bad'); raise SystemExit(3)"], tmp_path)


def test_the_table_compares_cost_and_points(benchmark):
    ours = benchmark.Run("this course", 100, 10.0, 5.0, {"a": 7.0, "b": 3.0})
    peer = benchmark.Run("nbgrader", 2, 5.0, 5.0, {"a": 7.0, "b": 2.0})
    table = benchmark.table_of([ours, ours], [peer])
    assert "| this course, jailed | 100 | 100 ms | 1 |" in table
    assert "| nbgrader 0.9.6 | 2 | 2500 ms | 25.0 | 20 | 1 of 2 |" in table


def test_memory_is_told_by_its_first_and_last_fifth(benchmark):
    said = benchmark.memory_in_words([(number * 100, 100.0 + number) for number in range(1, 11)])
    assert "over 1,000 submissions" in said
    assert "102 MiB on average in the first fifth, 110 MiB in the last, 110 MiB at most" in re.sub(r"\s+", " ", said)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_counts_this_process_and_those_below_it(benchmark):
    assert 20 < benchmark.memory_of_all() < 4000


def test_the_page_is_what_the_benchmark_writes(benchmark):
    text = PAGE.read_text(encoding="utf-8")
    parts = {"peers": "TABLE", "memory": "MEMORY", "kills": "KILLS"}
    made = benchmark.page_of(parts)
    assert text.startswith(made.split("TABLE")[0])
    for peer, goal in benchmark.GOALS.items():
        cells = rf"\| (\d+) \| \d+ ms \| ([\d.]+) \| {goal} \| (\d+) of \1 \|"
        row = re.search(rf"^\| {peer} [\d.]+ {cells}$", text, re.MULTILINE)
        assert row, peer
        assert float(row[2]) > 5
        assert row[1] == row[3], "the same points for all"
    assert "byte for byte; with 1, 2 and 4 processes: the same; on dask's scheduler" in text
    assert "ANOTHER" not in text
