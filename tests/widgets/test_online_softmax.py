"""OnlineSoftmax without a front end: blocks, what is kept, the same answer as ordinary softmax, messages."""

from typing import Any

import numpy as np
import pytest

from course_lib import attention as steps
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import OnlineSoftmax

RNG = np.random.default_rng(4)
SCORES = 2 * RNG.normal(size=7)
VALUE = RNG.normal(size=(7, 3))


def make(**options: Any) -> OnlineSoftmax:
    return OnlineSoftmax(SCORES, VALUE, **options)


@pytest.mark.parametrize("block_size", range(1, 8))
def test_after_each_block_the_output_is_softmax_of_what_was_read(block_size: int) -> None:
    online = make(block_size=block_size)
    assert online.n_blocks == int(np.ceil(7 / block_size))
    for block in range(online.n_blocks):
        read = SCORES[: (block + 1) * block_size]
        assert online.maxima[block] == read.max()
        np.testing.assert_allclose(online.sums[block], np.exp(read - read.max()).sum(), rtol=1e-12)
        weights = steps.softmax(read)
        np.testing.assert_allclose(online.outputs[block], weights @ VALUE[: len(read)], atol=1e-12)
    np.testing.assert_allclose(online.outputs[-1], online.ordinary, atol=1e-14)
    np.testing.assert_allclose(online.ordinary, steps.softmax(SCORES) @ VALUE, atol=1e-14)


def test_factors_say_how_much_of_the_earlier_sums_is_left() -> None:
    online = OnlineSoftmax([1.0, 3.0, 2.0], [[1.0], [2.0], [3.0]], block_size=1)
    np.testing.assert_allclose(online.factors, [0, np.exp(-2), 1])
    np.testing.assert_allclose(online.sums, [1, np.exp(-2) + 1, np.exp(-2) + 1 + np.exp(-1)])


def test_huge_scores_do_not_overflow() -> None:
    online = OnlineSoftmax([100.0, -100.0, 100.0, 99.0], [[1.0], [0.0], [3.0], [0.0]], block_size=2)
    assert np.isfinite(online.sums).all()
    np.testing.assert_allclose(online.outputs[-1], online.ordinary, atol=1e-14)


def test_output_is_that_of_the_blocks_read() -> None:
    online = make(block_size=3)
    np.testing.assert_array_equal(online.output, np.zeros(3))
    online.step = 2
    np.testing.assert_array_equal(online.output, online.outputs[1])


def test_scores_and_values_can_be_set_and_scores_are_numbers_of_their_own() -> None:
    online = make()
    online.scores_2 = 9.0
    assert online.scores[2] == 9.0
    online.scores = -SCORES
    np.testing.assert_array_equal(online.scores, -SCORES)
    online.value = 2 * VALUE[:, :1]
    assert online.outputs.shape == (3, 1)


def test_larger_blocks_keep_the_step_among_them() -> None:
    online = make(block_size=1, step=7)
    online.block_size = 4
    assert (online.step, online.n_blocks) == (2, 2)
    online.set_state({"block_size": 1, "step": 7})  # as the page sends it: together
    assert (online.step, online.block_size) == (7, 1)


def test_online_softmax_says_what_is_kept() -> None:
    online = OnlineSoftmax([0, 0, np.log(2), np.log(2)], [[6, 0], [0, 0], [0, 0], [3, 6]], block_size=2)
    assert repr(online) == "4 scores in blocks of 2, none read yet; ordinary softmax gives (2.00, 2.00)."
    online.step = 1
    assert repr(online).startswith("After 1 of 2 blocks: maximum 0.00, sum 2.00, output (3.00, 0.00);")


def test_online_softmax_picture_and_sliders_follow_the_state() -> None:
    online = make()
    before = online.figure()
    online.step = 1
    assert online.figure().png() != before.png()
    assert "after 1 of 3 blocks" in online.figure().caption
    assert [slider.max for slider in online.sliders().children] == [7, 3]
    assert [slider.description for slider in online.sliders("scores", 1).children] == ["scores 1"]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((SCORES,), {}, OptionError, "Give scores and value together"),
        ((SCORES[:1], VALUE[:1]), {}, ShapeError, "2 to 12 tokens, but there are 1"),
        ((np.zeros(10**6), np.zeros((10**6, 1))), {}, ShapeError, "2 to 12 tokens, but there are 1000000"),
        ((SCORES, VALUE[:5]), {}, ShapeError, r"value must have shape \(n_keys=7, d_v\)"),
        ((SCORES, np.zeros((7, 4))), {}, ShapeError, "d_v up to 3"),
        ((VALUE, VALUE), {}, ShapeError, r"scores must have shape \(n_keys,\)"),
        ((np.full(7, np.nan), VALUE), {}, OptionError, "scores must hold finite numbers"),
        ((500 * np.ones(7), VALUE), {}, OptionError, "scores must stay between -100 and 100"),
        ((["a"] * 7, VALUE), {}, DtypeError, "scores must hold real numbers"),
        ((SCORES, VALUE, 8), {}, OptionError, "block_size must be between 1 and 7, but it is 8"),
        ((SCORES, VALUE, 0), {}, OptionError, "block_size must be between 1 and 12"),
        ((SCORES, VALUE, 2.5), {}, OptionError, "block_size must be a whole number"),
        ((SCORES, VALUE), {"step": 4}, OptionError, "step must be between 0 and 3, the blocks there are"),
        ((), {"controls": ["play"]}, OptionError, "controls must name some of step, block_size"),
    ],
)
def test_online_softmax_names_what_is_wrong(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        OnlineSoftmax(*arguments, **options)
