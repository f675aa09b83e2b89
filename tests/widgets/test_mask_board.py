"""MaskBoard without a front end: rules, the mask they make, what each way to mask gives, words and messages."""

from typing import Any

import numpy as np
import pytest

from course_lib import attention as steps
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import MaskBoard

RNG = np.random.default_rng(3)
SCORES = RNG.normal(size=(4, 6))
CAUSAL = np.tri(4, 6, dtype=bool)


def make(**options: Any) -> MaskBoard:
    return MaskBoard(SCORES, **{"is_causal": False, **options})


@pytest.mark.parametrize("offset", [-2, 0, 3])
@pytest.mark.parametrize("window", [None, (1, 2), (None, 0), 1])
@pytest.mark.parametrize("length", [None, 0, 4])
@pytest.mark.parametrize("is_causal", [False, True])
def test_mask_board_combines_the_rules_as_attention_does(
    is_causal: bool, length: int | None, window: Any, offset: int
) -> None:
    board = make(is_causal=is_causal, length=length, window=window, offset=offset)
    real = steps.padding_mask(6 if length is None else length, 6)
    identity = np.sqrt(6) * np.eye(6)
    expected = steps.attention_weights(
        SCORES, identity, mask=real, is_causal=is_causal, offset=offset, window=window
    )  # fmt: skip
    np.testing.assert_allclose(board.weights, expected, atol=1e-12)
    np.testing.assert_array_equal(board.mask, expected > 0)
    np.testing.assert_allclose(board.row_sums, board.mask.any(axis=1), atol=1e-12)


def test_mask_board_starts_with_a_sentence_under_the_causal_mask() -> None:
    board = MaskBoard()
    np.testing.assert_array_equal(board.mask, np.tri(5, dtype=bool))
    assert board.tokens == board.key_tokens == ["the", "cat", "sat", "down", "[pad]"]
    board.is_padded = True
    assert not board.mask[:, 4].any(), "the switch shows something at once"


def test_mask_board_scores_move_the_weights() -> None:
    board = make()
    np.testing.assert_array_equal(board.scores, SCORES)
    board.scores = -SCORES
    np.testing.assert_allclose(board.weights, steps.softmax(-SCORES), atol=1e-12)
    with pytest.raises(ValueError, match="read-only"):
        board.scores[0, 0] = 1.0


def test_mask_board_mask_set_by_hand_comes_back() -> None:
    board = make(length=4)
    mask = RNG.random((4, 6)) < 0.5
    board.mask = mask
    np.testing.assert_array_equal(board.mask, mask)
    assert not board.is_padded, "the padding forbade what the mask allows"
    assert board.blocked == np.argwhere(~mask).tolist()


def test_mask_board_mask_keeps_the_rules_that_agree_with_it() -> None:
    board = make(is_causal=True, length=5)
    mask = CAUSAL.copy()
    mask[3, 0] = False
    board.mask = mask
    assert (board.is_causal, board.is_padded) == (True, True)
    assert board.blocked == [[3, 0]]
    assert board.forbidden_by(3, 0) == ["hand"]
    assert board.forbidden_by(0, 5) == ["causal", "padding"]
    assert board.forbidden_by(3, 3) == []


def test_mask_board_zeroed_weights_are_not_shared_out_again() -> None:
    board = make(is_causal=True, how="zero_weights")
    np.testing.assert_allclose(board.weights, steps.softmax(SCORES) * CAUSAL, atol=1e-12)
    assert np.all(board.row_sums < 1)


def test_mask_board_scores_times_zero_leave_weight_on_forbidden_keys() -> None:
    board = make(is_causal=True, how="zero_scores")
    np.testing.assert_allclose(board.weights, steps.softmax(SCORES * CAUSAL), atol=1e-12)
    assert np.all(board.weights[~CAUSAL] > 0)
    np.testing.assert_allclose(board.row_sums, 1)


@pytest.mark.parametrize(
    ("empty_row", "expected"), [("zeros", np.zeros(6)), ("uniform", np.full(6, 1 / 6)), ("nan", np.full(6, np.nan))]
)
def test_mask_board_row_without_keys(empty_row: str, expected: np.ndarray) -> None:
    board = make(is_causal=True, offset=-1, empty_row=empty_row)
    np.testing.assert_allclose(board.weights[0], expected)
    right = steps.softmax(np.where(np.tri(4, 6, -1), SCORES, -np.inf))
    np.testing.assert_allclose(board.weights[1:], right[1:], atol=1e-12, err_msg="the other rows are right")


def test_mask_board_read_the_other_way_is_the_complement() -> None:
    board = make(is_causal=True, polarity="block")
    np.testing.assert_array_equal(board.mask, CAUSAL)
    np.testing.assert_array_equal(board.allowed, ~CAUSAL)
    np.testing.assert_allclose(board.weights, steps.softmax(np.where(CAUSAL, -np.inf, SCORES)), atol=1e-12)


def test_mask_board_says_its_state_in_one_deterministic_sentence() -> None:
    board = MaskBoard([[0, np.log(3)], [1, 1]])
    said = "The mask (causal) lets 3 of 4 pairs attend; with score −∞ where forbidden, the rows sum to 1.00, 1.00."
    assert repr(board) == said
    board.offset, board.empty_row = -1, "nan"
    assert repr(board).endswith("the rows sum to NaN, 1.00.")
    board.is_causal, board.polarity, board.how = False, "block", "zero_weights"
    assert repr(board) == (
        "Read with True = blocked, the mask (no rule) lets 0 of 4 pairs attend; with weight × 0 where forbidden, "
        "the rows sum to 0.00, 0.00."
    )


@pytest.mark.parametrize("options", [{}, {"polarity": "block"}, {"length": 0, "empty_row": "nan"}])
def test_mask_board_shows_a_picture_of_its_state(options: dict[str, Any]) -> None:
    board = make(window=(1, 0), **options)
    data, _ = board._repr_mimebundle_()
    assert {"text/plain", "image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    before = board.figure().png()
    assert repr(board.figure()) == repr(board)
    board.blocked = [[1, 1], [2, 2]]
    assert board.figure().png() != before


def test_mask_board_sliders_are_linked_by_name() -> None:
    board = make()
    sliders = board.sliders().children
    assert [slider.description for slider in sliders] == ["offset", "length", "window_left", "window_right"]
    assert [(slider.min, slider.max, slider.step) for slider in sliders[:2]] == [(-8, 8, 1), (0, 6, 1)]


def test_mask_board_window_of_none_has_no_bound() -> None:
    board = make(window=(None, 2))
    assert board.window == (None, 2)
    board.window = None
    assert (board.window, board.is_windowed) == (None, False)
    board.is_windowed = True
    assert board.window == (None, 2), "the switch brings back the window that was"


def test_mask_board_blocked_pairs_are_kept_in_order_and_once() -> None:
    board = make()
    board.blocked = [[3, 1], [0, 2], [3, 1]]
    assert board.blocked == [[0, 2], [3, 1]]


def test_mask_board_reset_goes_back_to_what_it_was_made_with() -> None:
    board = make(is_causal=True, length=5, mask=CAUSAL & (np.arange(6) < 4))
    for name, value in board.start.items():
        assert getattr(board, name) == value
    assert board.start["blocked"] == board.blocked
    assert {"is_causal", "offset", "how", "polarity", "empty_row"} <= set(board.start)


@pytest.mark.parametrize(
    ("scores", "options", "error", "message"),
    [
        (np.zeros((1, 4)), {}, ShapeError, "2 to 8 queries by 2 to 8 keys"),
        (np.zeros((10**6, 2)), {}, ShapeError, "2 to 8 queries by 2 to 8 keys"),
        (np.zeros(4), {}, ShapeError, r"shape \(n_queries, n_keys\)"),
        ([["a", "b"]] * 2, {}, DtypeError, "scores must hold real numbers"),
        ([[1, 2], [3]], {}, DtypeError, "different lengths"),
        ([[0, -np.inf], [0, 0]], {}, OptionError, "scores must hold finite numbers, but it holds -inf"),
        ([[0, 1000], [0, 0]], {}, OptionError, "between -100 and 100"),
        (SCORES, {"tokens": ["a"]}, ShapeError, "one token for each of the 4 queries"),
        (SCORES, {"key_tokens": ["a"]}, ShapeError, "key_tokens: there must be one token for each of the 6 keys"),
        (SCORES, {"key_tokens": "abcdef"}, DtypeError, "key_tokens must be a list of words"),
        (SCORES, {"offset": 9}, OptionError, "offset must be between -8 and 8"),
        (SCORES, {"offset": 0.5}, OptionError, "offset must be a whole number"),
        (SCORES, {"length": 7}, OptionError, "length must be between 0 and n_keys=6"),
        (SCORES, {"length": -1}, OptionError, "length must be between 0 and 8"),
        (SCORES, {"window": (1, 2, 3)}, OptionError, "window must be a whole number or"),
        (SCORES, {"window": (1, -2)}, OptionError, "window must be at least 0"),
        (SCORES, {"window": 17}, OptionError, "window_left must be between 0 and 16"),
        (SCORES, {"mask": np.ones((4, 6))}, DtypeError, "mask must be bool, True = may attend"),
        (SCORES, {"mask": np.ones((6, 4), bool)}, ShapeError, r"shape \(4, 6\), but you passed \(6, 4\)"),
        (SCORES, {"how": "multiply"}, OptionError, "how must be one of minus_infinity, zero_weights, zero_scores"),
        (SCORES, {"polarity": True}, CourseError, "polarity must be one of attend, block"),
        (SCORES, {"empty_row": "ones"}, OptionError, "empty_row must be one of zeros, uniform, nan"),
        (SCORES, {"selected": 4}, OptionError, "rows 0 to 3"),
        (SCORES, {"selected_key": 6}, OptionError, "selected_key must be between 0 and 5"),
        (SCORES, {"controls": ["temperature"]}, OptionError, "controls must name some of causal"),
    ],
)
def test_mask_board_names_what_is_wrong(
    scores: Any, options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        MaskBoard(scores, **options)


def test_mask_board_keeps_its_state_when_a_new_one_is_refused() -> None:
    board = make()
    before = board.weights
    for name, bad in (
        ("scores", np.zeros((4, 5))),
        ("score_rows", "text"),
        ("blocked", [[0, 6]]),
        ("blocked", [7]),
        ("length", 7),
        ("mask", CAUSAL.astype(int)),
    ):
        with pytest.raises(CourseError):
            setattr(board, name, bad)
    np.testing.assert_array_equal(board.weights, before)
