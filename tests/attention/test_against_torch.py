"""Agreement with PyTorch's scaled_dot_product_attention: every option, random shapes, to rounding."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_inputs import attention_inputs

from course_lib.attention import attention, project, softmax

torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0 for the parity tests")
pytestmark = pytest.mark.parity

TOLERANCE = {np.dtype(np.float32): 1e-6, np.dtype(np.float64): 1e-12}


def with_four_axes(array):
    return torch.from_numpy(array.reshape((1,) * (4 - array.ndim) + array.shape))


@settings(max_examples=1500, deadline=None)
@given(attention_inputs())
def test_attention_agrees_with_torch(inputs):
    mask = torch.from_numpy(inputs.mask_written_out())  # PyTorch has no window, and no causal offset
    peer = torch.nn.functional.scaled_dot_product_attention(
        *(with_four_axes(array) for array in inputs.arrays),
        attn_mask=mask,
        scale=inputs.options["scale"],
        enable_gqa=inputs.query.ndim > 2,
    ).numpy()
    nothing_allowed = np.isneginf(mask.numpy()).all(axis=-1)
    output = attention(*inputs.arrays, **inputs.options)
    peer = peer.reshape(output.shape)
    # PyTorch's answer for a query that may attend to nothing has changed between releases; ours is zero.
    nothing_allowed = np.broadcast_to(nothing_allowed, output.shape[:-1])
    tolerance = TOLERANCE[inputs.query.dtype]
    np.testing.assert_allclose(output[~nothing_allowed], peer[~nothing_allowed], rtol=tolerance, atol=tolerance)
    assert np.all(output[nothing_allowed] == 0)


@settings(max_examples=200, deadline=None)
@given(attention_inputs(with_options=False))
def test_attention_causal_agrees_with_torch_own_causal_option(inputs):
    arrays = [with_four_axes(array) for array in inputs.arrays]
    peer = torch.nn.functional.scaled_dot_product_attention(*arrays, is_causal=True, enable_gqa=inputs.query.ndim > 2)
    output = attention(*inputs.arrays, is_causal=True)
    tolerance = TOLERANCE[inputs.query.dtype]
    np.testing.assert_allclose(output, peer.numpy().reshape(output.shape), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_and_project_agree_with_torch(dtype):
    rng = np.random.default_rng(0)
    x, weight, bias = (rng.standard_normal(shape).astype(dtype) for shape in [(2, 4, 3), (3, 5), (5,)])
    linear = torch.nn.functional.linear(*(torch.from_numpy(a) for a in (x, weight.T.copy(), bias)))
    np.testing.assert_allclose(project(x, weight, bias), linear.numpy(), atol=TOLERANCE[np.dtype(dtype)])
    for axis in (0, 1, 2):
        peer = torch.softmax(torch.from_numpy(x), dim=axis).numpy()
        np.testing.assert_allclose(softmax(x, axis=axis), peer, atol=TOLERANCE[np.dtype(dtype)])
