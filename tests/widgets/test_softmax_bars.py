"""SoftmaxBars without a front end: scores, draws, its arrays, its words, its messages."""

from typing import Any

import numpy as np
import pytest

from course_lib.attention import softmax
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import SoftmaxBars
from course_lib.widgets.draws import N_DRAWS, SAMPLE_SIZES

SCORES = np.random.default_rng(3).normal(size=5)


def make(**options: Any) -> SoftmaxBars:
    return SoftmaxBars(SCORES, tokens=list("abcde"), **options)


def from_draws(**options: Any) -> SoftmaxBars:
    return SoftmaxBars.from_draws(**{"n_keys": 4, "largest_d_k": 300, "rng": np.random.default_rng(4), **options})


@pytest.mark.parametrize("options", [{}, {"temperature": 0.3}, {"added": 2.5}, {"temperature": 4.0, "added": -3.0}])
def test_bars_are_computed_by_the_attention_core(options: dict[str, float]) -> None:
    bars = make(**options)
    shown = SCORES + options.get("added", 0.0)
    temperature = options.get("temperature", 1.0)
    np.testing.assert_allclose(bars.scores, shown, rtol=1e-14)
    np.testing.assert_allclose(bars.exponentials, np.exp(shown / temperature), rtol=1e-13)
    np.testing.assert_allclose(bars.weights, softmax(shown, temperature=temperature), rtol=1e-13)
    assert bars.weights.sum() == pytest.approx(1)


def test_bars_adding_to_all_changes_no_weight_but_doubling_does() -> None:
    bars = make()
    before = bars.weights
    bars.added = 4.0
    np.testing.assert_allclose(bars.weights, before, rtol=1e-12)
    bars.scores = 2 * SCORES
    assert bars.weights.max() > before.max()


def test_bars_setting_scores_takes_what_was_added_back() -> None:
    bars = make(added=2.0)
    bars.scores = SCORES
    assert bars.added == 0
    np.testing.assert_array_equal(bars.scores, SCORES)
    bars.scores_1 = 3.5
    assert bars.scores[1] == 3.5
    assert bars.start["scores_1"] == SCORES[1]


def test_bars_exponentials_overflow_to_infinity_and_weights_do_not() -> None:
    bars = SoftmaxBars([100, 99, 0], temperature=0.1)
    assert np.isinf(bars.exponentials[:2]).all()
    np.testing.assert_allclose(bars.weights, softmax([100, 99, 0], temperature=0.1))
    assert bars.figure().png().startswith(b"\x89PNG")


def test_bars_say_their_state_in_one_deterministic_sentence() -> None:
    assert repr(SoftmaxBars([0, np.log(3)])) == "Scores 0.00 and 1.10 become the weights 0.25 and 0.75."
    assert repr(from_draws()) == repr(from_draws())
    assert repr(from_draws(d_k=16, scaling="1/sqrt(d_k)", n_pairs=50)).startswith(
        "At d_k = 16 the dot products of 50 random pairs, times 1/sqrt(d_k), spread by "
    )


def test_bars_show_themselves_live_as_picture_and_in_words() -> None:
    for bars in (make(), from_draws()):
        data, _ = bars._repr_mimebundle_()
        assert data["text/plain"] == repr(bars)
        assert {"image/png", "application/vnd.jupyter.widget-view+json"} <= set(data)
    before = bars.figure().png()
    bars.d_k = 200
    assert bars.figure().png() != before


@pytest.mark.parametrize("n_keys", range(2, 9))
def test_bars_draw_any_number_of_keys(n_keys: int) -> None:
    names = ["$x^", "<b>", "it's", "汉字", "a" * 40, "_", "", "8"][:n_keys]
    assert SoftmaxBars(np.arange(n_keys), tokens=names).figure().png().startswith(b"\x89PNG")
    assert len(SoftmaxBars.from_draws(n_keys, 2, d_k=2).weights) == n_keys


def test_draws_are_prefix_sums_of_one_draw_and_the_table_holds_them() -> None:
    bars = from_draws()
    rng = np.random.default_rng(4)
    query, key = rng.standard_normal((N_DRAWS, 1, 300)), rng.standard_normal((N_DRAWS, 4, 300))
    pairs = rng.standard_normal((2, 2000, 300))
    rows = np.frombuffer(bars.table, "<f4").reshape(-1, 300)
    assert len(rows) == N_DRAWS * 4 + len(SAMPLE_SIZES)
    for d_k, draw in ((1, 0), (64, 3), (300, 7)):
        bars.d_k, bars.draw = d_k, draw
        expected = (query[draw, :, :d_k] * key[draw, :, :d_k]).sum(axis=-1)
        np.testing.assert_allclose(bars.scores, expected, rtol=1e-5, atol=1e-5)
        np.testing.assert_array_equal(rows[draw * 4 : draw * 4 + 4, d_k - 1], bars.scores.astype(np.float32))
        for n_pairs in (2, 500):
            bars.n_pairs = n_pairs
            products = (pairs[0, :n_pairs, :d_k] * pairs[1, :n_pairs, :d_k]).sum(axis=-1)
            assert bars.spread == pytest.approx(products.std(), rel=1e-5)


@pytest.mark.parametrize("d_k", [4, 64, 300])
def test_draws_spread_by_the_root_of_d_k_and_only_its_inverse_takes_that_back(d_k: int) -> None:
    bars = from_draws(d_k=d_k, n_pairs=2000)
    assert bars.spread == pytest.approx(np.sqrt(d_k), rel=0.08)
    bars.scaling = "1/sqrt(d_k)"
    assert bars.scale == pytest.approx(1 / np.sqrt(d_k))
    assert bars.spread == pytest.approx(1, rel=0.08)
    bars.scaling = "1/d_k"
    assert bars.spread == pytest.approx(1 / np.sqrt(d_k), rel=0.08)


def test_draws_scale_the_scores_and_the_weights_follow() -> None:
    plain, scaled = from_draws(d_k=256), from_draws(d_k=256, scaling="1/sqrt(d_k)")
    np.testing.assert_allclose(scaled.scores, plain.scores / 16, rtol=1e-12)
    np.testing.assert_allclose(scaled.weights, softmax(plain.scores / 16), rtol=1e-12)


def test_draws_say_little_from_few_pairs_and_much_from_many() -> None:
    errors = {}
    for n_pairs in (5, 2000):
        spreads = [from_draws(n_pairs=n_pairs, d_k=64, rng=np.random.default_rng(seed)).spread for seed in range(6)]
        errors[n_pairs] = np.abs(np.array(spreads) / 8 - 1).max()
    assert errors[5] > 0.2
    assert errors[2000] < 0.06


def test_draws_are_the_same_for_everybody_and_others_for_another_generator() -> None:
    assert SoftmaxBars.from_draws().table == SoftmaxBars.from_draws().table
    assert SoftmaxBars.from_draws(rng=np.random.default_rng(1)).table != SoftmaxBars.from_draws().table


@pytest.mark.parametrize(
    ("bars", "names", "descriptions", "ranges"),
    [
        (make(), ("scores", 1, "added"), ["scores b", "added"], [(-4, 4), (-5, 5)]),
        (make(), (), [f"scores {name}" for name in "abcde"] + ["temperature"], [(-4, 4)] * 5 + [(0.1, 5)]),
        (from_draws(), (), ["d_k"], [(1, 300)]),
    ],
)
def test_bars_sliders_are_named_after_what_they_move(
    bars: SoftmaxBars, names: tuple[str | int, ...], descriptions: list[str], ranges: list[tuple[float, float]]
) -> None:
    sliders = bars.sliders(*names).children
    assert [slider.description for slider in sliders] == descriptions
    assert [(slider.min, slider.max) for slider in sliders] == ranges


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (([[1, 2]],), {}, ShapeError, r"scores must have shape \(n_keys,\), one number a key, but it has \(1, 2\)"),
        (([1],), {}, ShapeError, "2 to 8 tokens, but there are 1"),
        ((np.zeros(10**6),), {}, ShapeError, "2 to 8 tokens, but there are 1000000"),
        (([1, np.nan],), {}, OptionError, "scores must hold finite numbers"),
        (([1, 1000],), {}, OptionError, "between -100 and 100"),
        ((["a", "b"],), {}, DtypeError, "scores must hold real numbers"),
        ((), {"temperature": 0}, OptionError, "temperature must be between"),
        ((), {"added": "more"}, OptionError, "added must be a finite number"),
        ((), {"controls": ["d_k"]}, OptionError, "controls must name some of temperature, added, double"),
        ((), {"tokens": ["a"]}, ShapeError, "one token for each of the 4"),
    ],
)
def test_bars_name_what_is_wrong(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        SoftmaxBars(*arguments, **options)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"n_keys": 9}, ShapeError, "2 to 8 keys, but n_keys is 9"),
        ({"n_keys": 2.5}, OptionError, "n_keys must be a whole number"),
        ({"largest_d_k": 10**6}, OptionError, "largest_d_k must be at most 1024, but it is 1000000"),
        ({"largest_d_k": 1}, OptionError, "largest_d_k must be at least 2"),
        ({"rng": 3}, OptionError, "rng must be a numpy Generator"),
        ({"d_k": 301}, OptionError, "d_k must be between 1 and 300, but it is 301"),
        ({"d_k": 0}, OptionError, "d_k must be between 1 and"),
        ({"d_k": 2.5}, OptionError, "d_k must be a whole number"),
        ({"scaling": "sqrt"}, OptionError, "scaling must name some of none, 1/d_k, 1/sqrt"),
        ({"n_pairs": 3}, OptionError, "n_pairs must be one of 2, 5, 10, 20"),
        ({"controls": ["double"]}, OptionError, "controls must name some of temperature, d_k"),
    ],
)
def test_draws_name_what_is_wrong(options: dict[str, Any], error: type[CourseError], message: str) -> None:
    with pytest.raises(error, match=message):
        from_draws(**options)


def test_draws_refuse_scores_of_the_readers_own() -> None:
    bars = from_draws()
    before = bars.scores
    with pytest.raises(OptionError, match="dot products of random draws and cannot be set"):
        bars.scores = [1, 2, 3, 4]
    np.testing.assert_array_equal(bars.scores, before)
