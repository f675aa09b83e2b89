"""Arguments that are no arrays, results that are True and False, and edges with a sentence of their own."""

import numpy as np
import pytest

from course_lib.attention import causal_mask
from course_lib.checks.judging.functions import judge_function
from course_lib.checks.running.runner import LocalRunner
from course_lib.checks.showing.rendering import render_result
from course_lib.checks.tasks import Family, FunctionTask, Named, WrongProgram

SEQ_LEN = (Named("seq_len"),)


def below(seq_len):
    return np.tri(seq_len, k=-1, dtype=bool)


def task_of(reference, *families, programs=(), arguments=SEQ_LEN, axes=("n_queries", "n_keys")):
    return FunctionTask(
        name="toy", lesson=6, title="Toy", asked="`toy` returns a table.", arguments=arguments,
        result=Named("mask", axes), reference=reference, families=families, programs=programs,
    )  # fmt: skip


def sized(size, **options):
    return Family(f"{size} tokens", lambda rng: {"seq_len": size}, **options)


MASK = task_of(
    causal_mask, sized(3), sized(1), programs=(WrongProgram("below", None, below, "Not itself.", "the diagonal."),)
)
RNG = task_of(
    lambda x, rng: x + rng.normal(size=x.shape),
    Family("two rows", lambda rng: {"x": rng.normal(size=(2, 3)), "rng": np.random.default_rng(7)}),
    Family("three rows", lambda rng: {"x": rng.normal(size=(3, 2)), "rng": np.random.default_rng(8)}),
    arguments=(Named("x", ("n", "d")), Named("rng")), axes=("n", "d"),
)  # fmt: skip


def judge(task, answer):
    return judge_function(task, answer, seed=0, run=LocalRunner())


def test_a_table_of_truths_passes_in_any_style():
    assert judge(MASK, causal_mask).passed
    assert judge(MASK, lambda n: np.tri(n, dtype=bool).tolist()).passed
    assert judge(MASK, lambda n: [[j <= i for j in range(n)] for i in range(n)]).passed


@pytest.mark.parametrize("dtype", [int, float])
def test_numbers_in_place_of_truths_are_told(dtype):
    result = judge(MASK, lambda seq_len: np.tri(seq_len, dtype=dtype))
    assert result.status == "not_yet"
    assert f"must hold True and False (dtype bool), and yours holds numbers ({np.dtype(dtype)})" in result.message
    assert "The places are right." in result.message
    assert "your mask\n" in repr(render_result(result)).replace("  ", "")
    assert judge(MASK, lambda seq_len: below(seq_len).astype(dtype)).program is None


def test_a_wrong_truth_is_told_where_and_drawn_in_words():
    result = judge(MASK, lambda seq_len: np.ones((seq_len, seq_len), bool))
    assert (
        "For seq_len = 3, 3 of 9 entries differ; at `mask[0, 1]`, False was expected and True came." in result.message
    )
    drawn = repr(render_result(result))
    assert [line.split() for line in drawn.split("\n")[4:7]] == [
        ["True", "False", "False", "True", "True*", "True*"],
        ["True", "True", "False", "True", "True", "True*"],
        ["True", "True", "True", "True", "True", "True"],
    ]
    assert "seq_len = 3" in drawn


def test_truths_turned_round_are_told():
    assert "changed places everywhere" in judge(MASK, lambda n: ~causal_mask(n)).message
    assert "is the transpose of the expected one" in judge(MASK, lambda n: causal_mask(n).T).message


def test_a_wrong_size_is_named_by_the_number_it_comes_from():
    said = judge(MASK, lambda seq_len: np.ones((seq_len, seq_len + 1), bool)).message
    assert "must have shape (n_queries=3, n_keys=3), and yours has (seq_len=3, 4)" in said


def test_a_named_program_of_truths_is_found():
    assert judge(MASK, lambda n: [[j < i for j in range(n)] for i in range(n)]).program == "below"


def test_each_call_gets_a_generator_in_the_same_state():
    assert judge(RNG, lambda x, rng: x + rng.standard_normal(x.shape)).passed
    drawn = repr(render_result(judge(RNG, lambda x, rng: x)))
    assert "rng (a Generator)" in drawn
    assert "rng = np.random.default_rng(7)" in drawn


def test_a_changed_list_is_noticed():
    lengths = task_of(
        lambda lengths: np.array(lengths), Family("two", lambda rng: {"lengths": [2, 1]}),
        Family("three", lambda rng: {"lengths": [3, 1, 2]}), arguments=(Named("lengths"),), axes=("batch",),
    )  # fmt: skip

    def sorts(lengths):
        before = list(lengths)
        lengths.sort()
        return before

    said = judge(lengths, sorts).message
    assert "changed its own input `lengths`" in said
    assert "For lengths = [2, 1]" in judge(lengths, lambda lengths: [0, 0]).message


def test_an_edge_has_sentences_of_its_own():
    edge = task_of(causal_mask, sized(3), sized(1, stage="edge", so_far="One token is rare.", look="the first row."))
    result = judge(edge, lambda seq_len: np.tri(seq_len, dtype=bool) & (seq_len > 1))
    assert "One token is rare. For seq_len = 1, 1 of 1 entries differs" in result.message
    assert result.message.endswith("Where to look: the first row.")
    plain = task_of(causal_mask, sized(3), sized(1, stage="edge"))
    assert "with a rare one it is not" in judge(plain, lambda n: np.tri(n, dtype=bool) & (n > 1)).message
