"""Training without a front end: the run as it was given, the numbers at a step, what travels to the page, messages."""

from typing import Any

import numpy as np
import pytest

from course_lib.attention import attention_entropy, mean_attention_distance
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.widgets import Training
from course_lib.widgets import training_example as example

RNG = np.random.default_rng(0)
STEPS = [0, 5, 10, 40]
LOSSES = {"training": [2.0, 1.0, 0.5, 0.25], "held-out": [np.nan, 1.5, np.nan, 1.25]}
WEIGHTS = RNG.dirichlet(np.ones(5), (2, 3, 4))  # 2 snapshots, 3 heads, 4 queries, 5 keys


def make(**options: Any) -> Training:
    return Training(STEPS, LOSSES, WEIGHTS, **{"weight_steps": [5, 40], **options})


def test_training_gives_what_was_recorded_at_the_step() -> None:
    training = make(accuracy={"held-out": [np.nan, 0.5, np.nan, 0.75]})
    assert training.loss == {"training": 2.0, "held-out": pytest.approx(np.nan, nan_ok=True)}
    expected = {0: (0, 2.0, 0), 5: (1, 1.0, 0), 8: (2, 0.5, 0), 24: (2, 0.5, 0), 26: (3, 0.25, 1), 40: (3, 0.25, 1)}
    for step, (position, loss, snapshot) in expected.items():
        training.step = step
        assert (training.position, training.loss["training"], training.snapshot) == (position, loss, snapshot)
        np.testing.assert_array_equal(training.weights, WEIGHTS[snapshot])
    training.step = 10
    assert training.loss["held-out"] == 1.5, "the last that was measured"
    assert training.accuracy == {"held-out": 0.5}


def test_training_measures_its_heads_where_nothing_else_is_given() -> None:
    training = make(step=40)
    np.testing.assert_array_equal(training.metrics["distance"], mean_attention_distance(WEIGHTS)[1])
    np.testing.assert_array_equal(training.metrics["entropy"], attention_entropy(WEIGHTS).mean(axis=-1)[1])
    own = make(metrics={"ablated": [[1, 2, 3], [4, 5, 6]]}, step=40)
    assert {name: list(numbers) for name, numbers in own.metrics.items()} == {"ablated": [4, 5, 6]}


def test_training_hands_the_page_what_it_was_given_to_the_documented_precision() -> None:
    training = make(accuracy={"training": [0.1, 0.2, 0.3, 0.4]})
    assert np.frombuffer(training.steps_data, "<i4").tolist() == STEPS
    assert np.frombuffer(training.weight_steps_data, "<i4").tolist() == [5, 40]
    losses = np.frombuffer(training.losses_data, "<f4").reshape(2, 4)
    np.testing.assert_allclose(losses, list(LOSSES.values()), rtol=1e-7)
    np.testing.assert_allclose(np.frombuffer(training.accuracy_data, "<f4"), [0.1, 0.2, 0.3, 0.4], rtol=1e-7)
    weights = np.frombuffer(training.weights_data, np.uint8).reshape(WEIGHTS.shape) / 255
    assert np.abs(weights - WEIGHTS).max() <= 1 / 510
    metrics = np.frombuffer(training.metrics_data, "<f4").reshape(2, 2, 3)
    np.testing.assert_allclose(metrics[0], mean_attention_distance(WEIGHTS), rtol=1e-6)
    assert (training.curves, training.measured) == (["training", "held-out"], ["training"])
    assert (training.n_heads, len(training.query_tokens), len(training.tokens)) == (3, 4, 5)


def test_training_at_its_limits_sends_a_megabyte_and_not_more() -> None:
    weights = np.full((200, 8, 24, 24), 1 / 24)
    training = Training(np.arange(200), {"training": np.ones(200)}, weights)
    assert len(training.weights_data) == 921_600
    longest = Training(np.arange(10_000), {name: np.ones(10_000) for name in "abcd"})
    assert len(longest.losses_data) + len(longest.steps_data) == 200_000


def test_training_arrays_cannot_be_written_into() -> None:
    training = make()
    for array in (training.weights, training.losses["training"], training.steps, training.metrics["distance"]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_training_says_its_state_in_one_sentence() -> None:
    training = make(accuracy={"training": [0.1, 0.2, 0.3, 0.4]}, metrics={})
    assert repr(training) == (
        "At step 0 of 0 to 40 the training loss is 2.00 (10 % right), the held-out loss not measured yet."
    )
    training.step = 40
    assert "the training loss is 0.25 (40 % right), the held-out loss 1.25." in repr(training)
    tiny = Training([0, 1], {"training": [1.0, 1e-5]}, step=1)
    assert repr(tiny).endswith("the training loss is 1.0e-05.")
    assert repr(Training()) == repr(Training())


@pytest.mark.parametrize("options", [{}, {"step": 40, "log_scale": True}, {"tokens": ["$x^", "<b>", "汉字", "_", "a"]}])
def test_training_draws_itself(options: dict[str, Any]) -> None:
    training = make(**options)
    picture = training.figure()
    assert repr(picture) == repr(training)
    assert picture.png() == training.figure().png()
    other = make(**{**options, "step": 10}).figure()
    assert other.png() != picture.png()


@pytest.mark.parametrize("n_heads", [1, 2, 5, 8])
def test_training_draws_any_number_of_heads_or_none(n_heads: int) -> None:
    weights = np.full((4, n_heads, 24, 3), 1 / 3)
    assert Training(STEPS, LOSSES, weights).figure().png().startswith(b"\x89PNG")
    assert Training(STEPS, LOSSES).figure().png().startswith(b"\x89PNG")


def test_training_sliders_run_from_the_first_step_to_the_last() -> None:
    training = make(step=10)
    slider = training.sliders().children[0]
    assert (slider.min, slider.max, slider.step, slider.value) == (0, 40, 5, 10)
    assert training.links[0][1] == "step"
    with pytest.raises(OptionError, match="no slider for 'loss'; there is one for each of step"):
        training.sliders("loss")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"steps": [0, 5, 5, 40]}, OptionError, "steps must rise, but 5 follows 5"),
        ({"steps": [0, 5, 7.5, 40]}, OptionError, "whole numbers"),
        ({"steps": [-1, 5, 10, 40]}, OptionError, "whole numbers from 0"),
        ({"steps": [0, 5, 10, 2**31]}, OptionError, "whole numbers from 0"),
        ({"steps": [0]}, ShapeError, "with 2 or more steps"),
        ({"steps": np.arange(10**6)}, ShapeError, "10000 steps, but it has 1000000. Keep every tenth"),
        ({"steps": "abc"}, DtypeError, "steps must hold real numbers"),
        ({"steps": None}, OptionError, "steps and losses together"),
        ({"losses": {"training": [1, 2, 3]}}, ShapeError, "one number for each of the 4 steps"),
        ({"losses": {"training": [1, 2, 3, np.inf]}}, OptionError, "must be finite, but it holds inf"),
        ({"losses": {"training": [np.nan] * 4}}, OptionError, "never measured"),
        ({"losses": [1, 2, 3, 4]}, DtypeError, "losses must map names to arrays"),
        ({"losses": {}}, OptionError, "may name 1 to 4 arrays, but it names 0"),
        ({"losses": {3: [1, 2, 3, 4]}}, OptionError, "A name in losses must be"),
        ({"weights": np.zeros((2, 3, 10**3, 10**3))}, ShapeError, "24 queries .* but it has 1000. Take a part"),
        ({"weights": np.zeros((2, 9, 4, 4))}, ShapeError, "8 heads .* but it has 9"),
        ({"weights": np.zeros((201, 1, 2, 2))}, ShapeError, "200 snapshots .* but it has 201"),
        ({"weights": np.zeros((3, 4, 5))}, ShapeError, r"\(n_snapshots, n_heads, n_queries, n_keys\)"),
        ({"weights": np.full((2, 1, 2, 2), np.nan)}, OptionError, "between 0 and 1, but one of them is nan"),
        ({"weights": np.full((2, 1, 2, 2), 1.5)}, OptionError, "one of them is 1.5"),
        ({"weights": WEIGHTS[:1]}, ShapeError, "weights has 1 snapshots, but weight_steps has 2"),
        ({"weight_steps": None}, ShapeError, "Give weight_steps"),
        ({"weights": None}, OptionError, "belong to weights, which are missing"),
        ({"tokens": ["a"]}, ShapeError, "tokens: there must be one token for each of the 5 keys"),
        ({"query_tokens": ["a"]}, ShapeError, "each of the 4 queries"),
        ({"metrics": {"x": [1, 2]}}, ShapeError, r"\(n_snapshots, n_heads\) = \(2, 3\)"),
        ({"metrics": {"x": np.full((2, 3), np.nan)}}, OptionError, "finite"),
        ({"accuracy": {"training": [0, 1, 2, 0]}}, OptionError, "between 0 and 1, but it holds 2"),
        ({"accuracy": {"test": [0, 1, 1, 0]}}, OptionError, "of training, held-out, but there is one of 'test'"),
        ({"step": 41}, OptionError, "step must be between 0 and 40, but it is 41"),
        ({"step": "ten"}, OptionError, "step must be a finite number"),
        ({"controls": ["stop"]}, OptionError, "controls must name some of play, step, log"),
        ({"losses": {"training": [1, 0, 1, 1]}, "log_scale": True}, OptionError, "above 0, but one of them is 0"),
    ],
)
def test_training_names_what_is_wrong(changes: dict[str, Any], error: type[CourseError], message: str) -> None:
    given = {"steps": STEPS, "losses": LOSSES, "weights": WEIGHTS, "weight_steps": [5, 40], **changes}
    with pytest.raises(error, match=message):
        Training(**given)


def test_training_keeps_its_step_when_another_is_refused() -> None:
    training = make(step=10)
    for bad in (-1, np.nan, 1000):
        with pytest.raises(OptionError):
            training.step = bad
    assert training.step == 10
    with pytest.raises(OptionError, match="without weights"):
        _ = Training(STEPS, LOSSES).weights
    with pytest.raises(OptionError, match="weights belong to a run"):
        Training(weights=WEIGHTS)


# The example


def test_example_learns_by_the_gradient_of_its_loss() -> None:
    rng = np.random.default_rng(1)
    sequences, model = example.letters(5, rng), example.Model(rng)
    before = [weight.copy() for weight in model.maps]
    model.learn(sequences)
    steps_taken = [after - weight for after, weight in zip(model.maps, before, strict=True)]
    model.maps = before
    for weight, step in zip(before, steps_taken, strict=True):
        place = np.unravel_index(np.argmax(np.abs(step)), step.shape)
        losses = []
        for nudge in (1e-5, -2e-5):
            weight[place] += nudge
            losses.append(model.score(sequences)[0])
        weight[place] += 1e-5
        slope = (losses[0] - losses[1]) / 2e-5
        assert step[place] == pytest.approx(-example._RATE * slope, rel=1e-6)


def test_example_is_a_real_run_in_which_the_heads_share_the_work_out() -> None:
    run = example.example_run()
    assert run.losses["training"][0] == pytest.approx(np.log(example.N_LETTERS), abs=0.1), "it begins with guessing"
    assert run.losses["training"][-1] < 0.05
    assert run.losses["held-out"][40] - run.losses["training"][40] > 0.1, "for a while it knows its examples better"
    assert run.accuracy["held-out"][-1] > 0.95
    previous = [np.diagonal(head, -1)[1:].mean() for head in run.weights[-1]]
    first = [head[2:, 0].mean() for head in run.weights[-1]]
    assert previous[0] > 0.9 > 0.3 > previous[1]
    assert first[1] > 0.9 > 0.3 > first[0]
    example.example_run.cache_clear()
    np.testing.assert_array_equal(example.example_run().weights, run.weights)
