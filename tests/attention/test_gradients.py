"""Gradients by hand against the loops, finite differences and PyTorch's autograd, for every option and broadcast."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import COPIED_AXES, USUAL_AXES, assert_agrees, attention_inputs, random_array

from course_lib import attention as att
from course_lib.attention import loops

seeds = st.integers(0, 2**32 - 1)
ALL_AXES = [*USUAL_AXES, *COPIED_AXES]
NAMES = ("grad_query", "grad_key", "grad_value")


def with_grad_output(inputs, seed):
    output = att.attention(*inputs.arrays, **inputs.options)
    return random_array(np.random.default_rng(seed), *output.shape, dtype=output.dtype)


@settings(max_examples=150, deadline=None)
@given(seeds, st.sampled_from([np.float16, np.float32, np.float64]))
def test_softmax_backward_agrees_with_loops(seed, dtype):
    rng = np.random.default_rng(seed)
    weights = att.softmax(random_array(rng, 2, 3, 5)).astype(dtype)
    weights[0, 1] = 0  # a fully masked query
    grad_weights = random_array(rng, 4, 2, 3, 5, dtype=dtype)
    grad_scores = att.softmax_backward(weights, grad_weights)
    assert_agrees(grad_scores, loops.softmax_backward(weights, grad_weights), dtype)
    assert np.all(grad_scores[:, 0, 1] == 0)


@settings(max_examples=100, deadline=None)
@given(seeds, st.sampled_from([0.1, 1.0, 10.0]))
def test_softmax_backward_rows_sum_to_zero_and_ignore_a_shift(seed, size):
    rng = np.random.default_rng(seed)
    weights, grad_weights = att.softmax(random_array(rng, 4, 6) * size), random_array(rng, 4, 6)
    grad_scores = att.softmax_backward(weights, grad_weights)
    np.testing.assert_allclose(grad_scores.sum(axis=-1), 0, atol=1e-14)
    np.testing.assert_allclose(att.softmax_backward(weights, grad_weights + 5), grad_scores, atol=1e-13)


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_softmax_backward_agrees_with_finite_differences(seed):
    rng = np.random.default_rng(seed)
    scores, grad_weights, step = (random_array(rng, 4, 6) for _ in range(3))
    h = 1e-6
    numeric = np.sum((att.softmax(scores + h * step) - att.softmax(scores - h * step)) * grad_weights) / (2 * h)
    by_hand = np.sum(att.softmax_backward(att.softmax(scores), grad_weights) * step)
    np.testing.assert_allclose(by_hand, numeric, atol=1e-7)


@settings(max_examples=300, deadline=None)
@given(attention_inputs(dtypes=(np.float16, np.float32, np.float64), axes=ALL_AXES), seeds)
def test_attention_backward_agrees_with_loops(inputs, seed):
    grad_output = with_grad_output(inputs, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        grads = att.attention_backward(*inputs.arrays, grad_output, **inputs.options)
    expected = loops.attention_backward(*inputs.arrays, grad_output, **inputs.options)
    for grad, plain, array in zip(grads, expected, inputs.arrays, strict=True):
        assert grad.shape == array.shape
        assert_agrees(grad, plain, array.dtype, scale_of_numbers=10)


@settings(max_examples=200, deadline=None)
@given(attention_inputs(dtypes=(np.float64,), axes=ALL_AXES), seeds)
def test_attention_backward_agrees_with_finite_differences(inputs, seed):
    """Move query, key and value along a random direction; the loss must change as the gradients say."""
    grad_output = with_grad_output(inputs, seed)
    rng, h = np.random.default_rng(seed), 1e-6
    directions = [random_array(rng, *array.shape) for array in inputs.arrays]

    def loss(h):
        moved = [array + h * direction for array, direction in zip(inputs.arrays, directions, strict=True)]
        return np.sum(att.attention(*moved, **inputs.options) * grad_output)

    grads = att.attention_backward(*inputs.arrays, grad_output, **inputs.options)
    slope = sum(np.sum(grad * direction) for grad, direction in zip(grads, directions, strict=True))
    np.testing.assert_allclose(slope, (loss(h) - loss(-h)) / (2 * h), rtol=1e-5, atol=1e-6)


def test_attention_backward_returns_the_dtype_of_each_array():
    rng = np.random.default_rng(0)
    query, key, value = (random_array(rng, *s, dtype=d) for s, d in [((4, 3), "f2"), ((5, 3), "f4"), ((5, 2), "f8")])
    grads = att.attention_backward(query, key, value, np.ones((4, 2), np.float32))
    assert [grad.dtype for grad in grads] == [np.float16, np.float32, np.float64]


def test_attention_backward_of_masked_pairs_is_zero():
    rng = np.random.default_rng(0)
    query, key, value = (random_array(rng, *shape) for shape in [(3, 2), (4, 2), (4, 5)])
    mask = np.array([[True, True, False, True], [False] * 4, [True, False, False, True]])
    grad_query, grad_key, grad_value = att.attention_backward(query, key, value, np.ones((3, 5)), mask=mask)
    assert np.all(grad_query[1] == 0)
    assert np.all(grad_key[2] == 0)
    assert np.all(grad_value[2] == 0)
    assert np.all(grad_query[[0, 2]] != 0)


@pytest.mark.parity
class TestAgainstTorch:
    @pytest.fixture(autouse=True)
    def torch(self):
        self.torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

    def parameters(self, inputs):
        return [self.torch.tensor(array, requires_grad=True) for array in inputs.arrays]

    def open_mask(self, inputs, grad_output):
        """Let queries that may attend to nothing attend to all, but with no gradient; PyTorch would give NaN."""
        bias = inputs.mask_written_out()
        nothing_allowed = np.isneginf(bias).all(axis=-1, keepdims=True)
        opened = np.where(nothing_allowed, 0, bias).astype(bias.dtype)
        closed = np.where(nothing_allowed, 0, grad_output).astype(bias.dtype)
        return self.torch.from_numpy(opened), self.torch.from_numpy(closed)

    def assert_agrees(self, inputs, grad_output, parameters):
        grads = att.attention_backward(*inputs.arrays, grad_output, **inputs.options)
        tolerance = {np.float32: 1e-5, np.float64: 1e-10}[inputs.query.dtype.type]
        for name, grad, parameter in zip(NAMES, grads, parameters, strict=True):
            np.testing.assert_allclose(grad, parameter.grad.numpy(), rtol=tolerance, atol=tolerance, err_msg=name)

    @settings(max_examples=400, deadline=None)
    @given(inputs=attention_inputs(), seed=seeds)
    def test_attention_backward_agrees_with_autograd_through_torch_attention(self, inputs, seed):
        grad_output = with_grad_output(inputs, seed)
        bias, grad = self.open_mask(inputs, grad_output)
        parameters = self.parameters(inputs)
        four = [p.reshape((1,) * (4 - p.ndim) + p.shape) for p in parameters]
        output = self.torch.nn.functional.scaled_dot_product_attention(
            *four, attn_mask=bias, scale=inputs.options["scale"], enable_gqa=inputs.query.ndim > 2
        )
        output.reshape(grad.shape).backward(grad)
        self.assert_agrees(inputs, grad_output, parameters)

    @settings(max_examples=300, deadline=None)
    @given(inputs=attention_inputs(axes=ALL_AXES), seed=seeds)
    def test_attention_backward_of_copies_agrees_with_autograd_through_the_formula(self, inputs, seed):
        grad_output = with_grad_output(inputs, seed)
        bias, grad = self.open_mask(inputs, grad_output)
        query, key, value = parameters = self.parameters(inputs)
        scale = inputs.options["scale"]
        scale = query.shape[-1] ** -0.5 if scale is None else scale
        weights = self.torch.softmax(query @ heads_for(query, key).mT * scale + bias, dim=-1)
        (weights @ heads_for(weights, value)).backward(grad)
        self.assert_agrees(inputs, grad_output, parameters)


def heads_for(query, array):
    """Repeat the heads of a tensor for their groups; what is missing or 1 is left to broadcasting."""
    if min(query.ndim, array.ndim) < 3 or 1 in (query.shape[-3], array.shape[-3]):
        return array
    return array.repeat_interleave(query.shape[-3] // array.shape[-3], dim=-3)
