"""Numbers and claims that stand in the prose of a lesson, computed: change one side and this fails."""

from pathlib import Path

import numpy as np
import pytest

from course_lib.attention import dot_product_scores, mean_attention_distance, softmax
from course_lib.models import TrainingOptions, TrainingRun, draw_sentences, share_right

SOURCES = Path(__file__).parents[1] / "notebooks" / "source"


def prose_of(number):
    (source,) = SOURCES.glob(f"{number}_*.py")
    lines = [line.removeprefix("#").strip() for line in source.read_text(encoding="utf-8").splitlines()]
    return " ".join(lines)


def test_lesson_01_the_two_thin_matrices_hold_a_quarter():
    assert "d_model, d_k = 512, 64" in prose_of("01")
    assert "The two thin matrices hold a quarter of the numbers" in prose_of("01")
    assert 2 * 512 * 64 / 512**2 == 0.25
    rng = np.random.default_rng(0)
    merged = rng.standard_normal((20, 3)) @ rng.standard_normal((20, 3)).T
    assert np.linalg.matrix_rank(merged) == 3  # "its rank is at most d_k"
    assert not np.allclose(merged, merged.T)  # "nothing makes it symmetric"


def test_lesson_02_the_entry_worked_out_by_hand():
    assert "query 1 is `[2, 0]`, key 2 is `[-1, 1]`, and `2 * -1 + 0 * 1` is -2, in row 1, column 2" in prose_of("02")
    assert dot_product_scores([[1, 2], [2, 0]], [[3, 1], [0, 1], [-1, 1]])[1, 2] == -2


def test_lesson_02_spread_is_the_square_root_of_d_k():
    assert "takes the spread back to 1" in prose_of("02")
    query, key = np.random.default_rng(1).standard_normal((2, 200_000, 64))
    assert (query * key).sum(axis=-1).std() == pytest.approx(8, rel=0.01)


def test_lesson_03_the_weights_done_in_the_head():
    assert "become 1 and 3, and the weights a quarter and three quarters" in prose_of("03")
    np.testing.assert_allclose(softmax([0, np.log(3)]), [0.25, 0.75])


def test_lesson_03_where_exp_overflows():
    assert "In float32, which models use, a score of 89 is enough, and in float16 one of 12" in prose_of("03")
    with np.errstate(over="ignore"):
        for dtype, score in ((np.float32, 89), (np.float16, 12)):
            assert np.isinf(np.exp(dtype(score)))
            assert np.isfinite(np.exp(dtype(score - 1)))


def test_lesson_03_the_scale_is_a_temperature():
    assert r"the scale of lesson 02 is nothing but a temperature of $\sqrt{d_k}$" in prose_of("03")
    scores = np.random.default_rng(0).standard_normal((2, 5))
    np.testing.assert_allclose(softmax(scores, temperature=np.sqrt(7)), softmax(scores / np.sqrt(7)))


def test_lesson_05_a_loop_that_keeps_90_percent_loses_more_than_a_tenth_at_each_step():
    assert "it fades by more than a tenth at each step" in prose_of("05")
    rng = np.random.default_rng(1)
    rotation = np.linalg.qr(rng.standard_normal((8, 8)))[0]
    state = rng.standard_normal(8)
    assert np.linalg.norm(0.9 * rotation @ state) == pytest.approx(0.9 * np.linalg.norm(state))
    change = 1e-6 * rng.standard_normal(8)
    kept = np.linalg.norm(np.tanh(state + change) - np.tanh(state)) / np.linalg.norm(change)
    assert kept < 1


def test_exercise_05_louder_tokens_get_sharper_weights():
    x = np.random.default_rng(2).standard_normal((4, 3))
    quiet, loud = (softmax(dot_product_scores(scale * x, scale * x)).max(axis=-1) for scale in (1, 2))
    assert (loud >= quiet).all()


def test_lesson_09_the_bill_of_ten_million_tokens():
    prose, n = prose_of("09"), 10_000_000
    assert "32 layers, 32 heads of 128 components, 8 of them for keys and values, 2 bytes for each number" in prose
    assert "At 100,000 a single table would take 20 GB" in prose
    assert 2 * 100_000**2 == 20e9
    assert "At ten million it would be 200,000 GB" in prose
    assert 2 * n**2 == 200_000e9
    assert "the cache of one text is 1,311 GB even with shared heads" in prose
    assert 2 * 2 * 32 * 8 * 128 * n == pytest.approx(1311e9, rel=1e-3)
    assert "reading the text once takes three days. A window makes four minutes of it" in prose
    operations = 2 * 2 * 32 * 32 * 128
    assert operations * n * (n + 1) / 2 / 1e14 / 86_400 == pytest.approx(3, abs=0.1)
    assert operations * n * 4097 / 1e14 / 60 == pytest.approx(4, abs=0.5)


def test_lesson_09_keys_made_without_a_cache():
    assert "500,500 keys for a text of 1,000 tokens, in place of 1,000" in prose_of("09")
    assert sum(range(1, 1001)) == 500_500


def test_lesson_09_the_online_softmax_by_hand():
    assert "the exponentials are 1, 2 and 4 sevenths of their sum" in prose_of("09")
    np.testing.assert_allclose(softmax(np.log([1, 2, 4])), np.array([1, 2, 4]) / 7)
    assert softmax(np.log([1, 2, 4])) @ [14, 7, 0] == pytest.approx(4)


def rows_of_table(text):
    """Return the rows of a Markdown table by their first cell, without lines between head and body."""
    rows = [[cell.strip() for cell in line.strip("# |\n").split("|")] for line in text.splitlines() if "|" in line]
    return {first: rest for first, *rest in rows if not set(first) <= set("- ")}


def training_tables():
    page = (SOURCES.parents[1] / "docs" / "training_benchmark.md").read_text(encoding="utf-8")
    answers, heads = (rows_of_table(part) for part in page.split("## ")[1:])
    return [{name: dict(zip(rows["setting"], cells, strict=False)) for name, cells in rows.items() if name != "setting"}
            for rows in (answers, heads)]  # fmt: skip


def test_lesson_10_quotes_the_table_of_the_benchmark():
    answers, heads = training_tables()
    lesson = (SOURCES / "10_training.py").read_text(encoding="utf-8")
    (cell,) = (cell for cell in lesson.split("# %% ") if cell.startswith("[markdown] cures-table"))
    columns, *quoted = rows_of_table(cell).items()
    assert [name for name, _ in quoted] == list(answers)
    for name, cells in quoted:
        assert cells == [answers[name].get(column, "") for column in columns[1]][: len(cells)], name
        assert len(cells) >= 2
    assert "72 % to 92 %, than most" in prose_of("10")
    assert "(72 % to 92 %)" in answers["plain"]["held-out accuracy"]
    assert "the heads do differ more (0.62 against 0.45)" in prose_of("10")
    assert "*more* alike (0.20)" in prose_of("10")
    for name, diversity in {"head diversity 0.05": "0.62", "plain": "0.45", "weight decay 1": "0.20"}.items():
        assert heads[name]["diversity"].startswith(diversity)
    assert "accuracy falls to 62 % in the mean" in prose_of("10")
    assert answers["weight decay 1"]["without its main head"].startswith("62 %")
    guide = (SOURCES.parents[1] / "docs/teaching/10_training.md").read_text(encoding="utf-8")
    assert "For weight decay: better with each of the five" in guide
    assert answers["weight decay 1"]["above plain"] == "5 of 5"
    assert "For dropout, 4 of 5" in guide
    assert answers["dropout 0.3"]["above plain"] == "4 of 5"


def test_lesson_10_a_head_that_looks_everywhere_alike_has_distance_7_5():
    assert "If a head looked at all 16 tokens alike, its distance would be 7.5" in prose_of("10")
    assert mean_attention_distance(np.full((1, 16), 1 / 16), offset=15) == pytest.approx(7.5)


def test_lesson_10_what_it_says_of_the_plain_run_holds_from_half_of_it_on():
    sentences = draw_sentences(600, agreement=0.95, rng=np.random.default_rng(0))
    held_out, conflict = (draw_sentences(500, agreement=a, rng=np.random.default_rng(100)) for a in (0.5, 0.0))
    run = TrainingRun(sentences, held_out, TrainingOptions(n_steps=400, record_every=100))
    run.run()
    after_100, last = run.records[1], run.records[-1]
    assert "are all right soon. The held-out ones are not" in prose_of("10")
    assert last.training_accuracy > 0.99
    assert last.held_out_accuracy < 0.95
    assert "their *loss* is higher at the end than after 100 steps" in prose_of("10")
    assert last.held_out_loss > 1.1 * after_100.held_out_loss
    assert last.training_loss < 0.1 * after_100.training_loss
    done = run.model.forward(held_out.tokens)
    assert "It leans on the nearest noun" in prose_of("10")
    assert share_right(run.model.forward(conflict.tokens).logits, conflict) < last.held_out_accuracy - 0.05
    assert "In the mean these look farther, and still the last noun gets more than its sixteenth" in prose_of("10")
    assert last.attention_distance.mean() > 7.5
    assert done.weights[0][:, :, -1, -2].mean() > 1 / 16
    assert "some heads are missed more than others, none does it all" in prose_of("10")
    without = [share_right(run.model.forward(held_out.tokens, without_heads=[(0, h)]).logits, held_out)
               for h in range(4)]  # fmt: skip
    assert max(without) - min(without) > 0.03
    assert min(without) > 0.6
