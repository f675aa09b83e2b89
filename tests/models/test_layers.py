"""Every layer's way back agrees with finite differences, and does what its formula says."""

import numpy as np
import pytest

from course_lib.attention import dropout, head_diversity, softmax
from course_lib.models.layers import HeadsOptions, attend, cross_entropy, embedding, layer_norm, linear, relu

RNG = np.random.default_rng(0)
X, WEIGHT, BIAS = RNG.normal(size=(2, 3, 5)), RNG.normal(size=(5, 4)), RNG.normal(size=4)
GAIN, SHIFT = RNG.normal(size=5), RNG.normal(size=5)
QUERY, KEY, VALUE = RNG.normal(size=(3, 2, 4, 5, 6))  # (batch, n_heads, seq_len, d_k)


def numeric_gradient(function, array, step=1e-6):
    """Central differences of a scalar function of one array."""
    grad = np.zeros_like(array)
    for index in np.ndindex(array.shape):
        up, down = array.copy(), array.copy()
        up[index] += step
        down[index] -= step
        grad[index] = (function(up) - function(down)) / (2 * step)
    return grad


LAYERS = {
    "linear": (linear, (X, WEIGHT, BIAS)),
    "layer_norm": (layer_norm, (X, GAIN, SHIFT)),
    "relu": (relu, (X,)),
    "embedding": (lambda table: embedding(np.array([[2, 0, 2], [1, 2, 1]]), table), (RNG.normal(size=(4, 5)),)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_lead_the_gradient_back(name):
    layer, arguments = LAYERS[name]
    output, backward = layer(*arguments)
    grad_output = RNG.normal(size=output.shape)
    grads = backward(grad_output)
    assert len(grads) == len(arguments)
    for place, grad in enumerate(grads):

        def loss(array, place=place):
            changed = [array if other == place else argument for other, argument in enumerate(arguments)]
            return float(np.sum(layer(*changed)[0] * grad_output))

        np.testing.assert_allclose(grad, numeric_gradient(loss, arguments[place]), atol=1e-7)


@pytest.mark.parametrize("options", [HeadsOptions(), HeadsOptions(is_causal=True), HeadsOptions(dropout=0.4),
                                     HeadsOptions(diversity=3.0)], ids=str)  # fmt: skip
def test_attend_leads_the_gradient_back(options):
    grad_output = RNG.normal(size=VALUE.shape)
    arguments = (QUERY, KEY, VALUE)

    def run(*arrays):
        return attend(*arrays, options, np.random.default_rng(5))

    grads = run(*arguments).backward(grad_output)
    for place, grad in enumerate(grads):

        def loss(array, place=place):
            heads = run(*(array if other == place else argument for other, argument in enumerate(arguments)))
            return float(np.sum(heads.output * grad_output)) - options.diversity * heads.diversity

        np.testing.assert_allclose(grad, numeric_gradient(loss, arguments[place]), atol=1e-7)


def test_attend_measures_the_diversity_of_the_course():
    heads = attend(QUERY, KEY, VALUE, HeadsOptions(diversity=1.0))
    assert heads.diversity == pytest.approx(head_diversity(heads.weights).mean(), abs=1e-12)


def test_attend_drops_weights_as_the_course_does():
    scores = QUERY.astype(np.float32) @ KEY.astype(np.float32).swapaxes(-1, -2) / np.sqrt(np.float32(6))
    value = VALUE.astype(np.float32)
    heads = attend(*(array.astype(np.float32) for array in (QUERY, KEY, VALUE)), HeadsOptions(dropout=0.5),
                   np.random.default_rng(1))  # fmt: skip
    kept = np.random.default_rng(1).random(scores.shape, dtype=np.float32) >= 0.5
    np.testing.assert_allclose(heads.output, (softmax(scores) * kept * 2) @ value, atol=1e-6)
    assert np.isin(dropout(np.ones((3, 5)), 0.5, np.random.default_rng(1)), [0, 2]).all()
    np.testing.assert_allclose(heads.weights.sum(axis=-1), 1, atol=1e-6)  # the weights are told before dropout


def test_layer_norm_gives_mean_0_and_variance_1():
    output, _ = layer_norm(100 * X + 7, np.ones(5), np.zeros(5))
    np.testing.assert_allclose(output.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(output.var(axis=-1), 1, atol=1e-6)


def test_cross_entropy_is_the_log_of_the_number_of_equal_choices():
    logits = np.zeros((2, 3, 8))
    loss, grad = cross_entropy(logits, np.array([[1, -1, -1], [-1, 7, 0]]))
    assert loss == pytest.approx(np.log(8))
    assert grad[0, 0, 1] == pytest.approx((1 / 8 - 1) / 3)
    assert grad[0, 1].tolist() == [0.0] * 8


def test_cross_entropy_leads_the_gradient_back():
    logits, targets = RNG.normal(size=(2, 3, 4)), np.array([[0, 3, -1], [2, -1, 1]])
    numeric = numeric_gradient(lambda array: cross_entropy(array, targets)[0], logits)
    np.testing.assert_allclose(cross_entropy(logits, targets)[1], numeric, atol=1e-8)
