"""Positions: sinusoids, rotation and ALiBi against loops, published formulas, onnxruntime, and what they promise."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import assert_agrees, random_array

from course_lib import attention as att
from course_lib.attention import loops

seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from([np.float16, np.float32, np.float64])
bases = st.sampled_from([10.0, 10_000.0, 500_000.0])
TOLERANCE = {np.float16: 4e-3, np.float32: 1e-6, np.float64: 1e-12}


def rotated_by_complex_numbers(x, positions, base, interleaved):
    """Equation 34 of RoFormer in its complex form: multiply each pair, as one number, by exp(i p theta)."""
    half = x.shape[-1] // 2
    theta = base ** (-np.arange(half) / half)
    turn = np.exp(1j * positions[..., np.newaxis] * theta)
    real, imaginary = (x[..., 0::2], x[..., 1::2]) if interleaved else (x[..., :half], x[..., half:])
    turned = (real.astype(np.float64) + 1j * imaginary) * turn
    if interleaved:
        return np.stack([turned.real, turned.imag], axis=-1).reshape(*turned.shape[:-1], -1)
    return np.concatenate([turned.real, turned.imag], axis=-1)


@st.composite
def rotation_inputs(draw, axes=(((), ()), ((3,), ()), ((2, 3), (2, 1)), ((), (3,)), ((2, 1), (3,)))):
    leading, position_leading = draw(st.sampled_from(axes))
    seq_len, half = draw(st.sampled_from([(1, 3), (3, 1), (5, 2), (4, 5)]))
    rng = np.random.default_rng(draw(seeds))
    x = random_array(rng, *leading, seq_len, 2 * half, dtype=draw(dtypes))
    positions = rng.integers(0, draw(st.sampled_from([4, 1000])), (*position_leading, seq_len))
    if draw(st.booleans()):
        positions = positions + 0.25  # between two tokens, as where positions are interpolated
    return x, positions, draw(bases), draw(st.booleans())


@settings(max_examples=300, deadline=None)
@given(rotation_inputs())
def test_rotate_agrees_with_loops_and_with_complex_numbers(inputs):
    x, positions, base, interleaved = inputs
    rotated = att.rotate(x, positions, base=base, interleaved=interleaved)
    specification = loops.rotate(x, positions, base=base, interleaved=interleaved)
    assert rotated.dtype == x.dtype
    assert rotated.shape == specification.shape
    tolerance = TOLERANCE[x.dtype.type]
    np.testing.assert_allclose(rotated, specification, rtol=tolerance, atol=tolerance)
    published = rotated_by_complex_numbers(x, positions, base, interleaved)
    np.testing.assert_allclose(rotated, published, rtol=tolerance, atol=tolerance)


@settings(max_examples=200, deadline=None)
@given(seeds, st.integers(-50, 50), st.integers(0, 30), bases, st.booleans())
def test_rotated_scores_depend_on_the_distance_only(seed, shift, distance, base, interleaved):
    rng = np.random.default_rng(seed)
    query, key = random_array(rng, 1, 8), random_array(rng, 1, 8)

    def score(position):
        turned = (
            att.rotate(a, [p], base=base, interleaved=interleaved)
            for a, p in ((query, position), (key, position + distance))
        )
        return att.dot_product_scores(*turned)

    np.testing.assert_allclose(score(7), score(7 + shift), atol=1e-11)


@settings(max_examples=100, deadline=None)
@given(rotation_inputs())
def test_rotate_keeps_lengths_and_turns_back(inputs):
    x, positions, base, interleaved = inputs
    x = x.astype(np.float64)
    rotated = att.rotate(x, positions, base=base, interleaved=interleaved)
    lengths = np.broadcast_to(np.linalg.norm(x, axis=-1), rotated.shape[:-1])
    np.testing.assert_allclose(np.linalg.norm(rotated, axis=-1), lengths, atol=1e-12)
    back = att.rotate(rotated, -np.asarray(positions), base=base, interleaved=interleaved)
    np.testing.assert_allclose(back, np.broadcast_to(x, back.shape), atol=1e-12)


def test_rotate_leaves_position_zero_and_its_input_alone():
    x = random_array(np.random.default_rng(0), 2, 3, 4)
    before = x.copy()
    np.testing.assert_array_equal(att.rotate(x, np.zeros(3, int)), x)
    att.rotate(x, [1, 2, 3])
    np.testing.assert_array_equal(x, before)


def test_rotate_in_float32_is_exact_far_away():
    """Angles made in float32 would be wrong by several hundredths at position 1,000,003."""
    x = random_array(np.random.default_rng(0), 2, 6, dtype=np.float32)
    far = att.rotate(x, [1_000_003, 1_000_003])
    np.testing.assert_allclose(far, att.rotate(x.astype(np.float64), [1_000_003] * 2), atol=1e-6)


def test_the_two_layouts_are_one_rotation_of_other_pairs():
    x = random_array(np.random.default_rng(0), 3, 6)
    apart = np.concatenate([x[:, 0::2], x[:, 1::2]], axis=-1)  # neighbours put half of d_k apart
    turned, turned_apart = att.rotate(x, [1, 2, 3]), att.rotate(apart, [1, 2, 3], interleaved=False)
    np.testing.assert_allclose(np.concatenate([turned[:, 0::2], turned[:, 1::2]], axis=-1), turned_apart, atol=1e-14)
    assert not np.allclose(att.rotate(x, [1, 2, 3], interleaved=False), turned)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 9), st.integers(1, 9))
def test_sinusoidal_positions_agree_with_loops(seq_len, d_model):
    table = att.sinusoidal_positions(seq_len, d_model)
    assert_agrees(table, loops.sinusoidal_positions(seq_len, d_model), np.float64)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 60), st.integers(0, 60))
def test_sinusoidal_positions_shift_by_a_rotation(position, shift):
    """Section 3.5: the vector at p + k is a linear map of that at p, the same for all p; it is the rotation by k."""
    table = att.sinusoidal_positions(130, 8)
    cosine_first = table.reshape(130, 4, 2)[..., ::-1].reshape(130, 8)
    np.testing.assert_allclose(
        att.rotate(cosine_first[[position]], [shift]), cosine_first[[position + shift]], atol=1e-12
    )


def test_positions_make_attention_see_the_order():
    rng = np.random.default_rng(0)
    x, order = random_array(rng, 5, 6), rng.permutation(5)
    maps = [random_array(rng, 6, size) for size in (4, 4, 3)]
    positions = att.sinusoidal_positions(5, 6)
    np.testing.assert_allclose(att.self_attention(x[order], *maps), att.self_attention(x, *maps)[order], atol=1e-12)
    seen = att.self_attention(x + positions, *maps)[order]
    assert not np.allclose(att.self_attention(x[order] + positions, *maps), seen, atol=1e-2)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 20), st.integers(0, 5), st.integers(0, 6), st.integers(-3, 4))
def test_alibi_bias_agrees_with_loops(n_heads, n_queries, n_keys, offset):
    bias = att.alibi_bias(n_heads, n_queries, n_keys, offset=offset)
    assert_agrees(bias, loops.alibi_bias(n_heads, n_queries, n_keys, offset=offset), np.float64)


# The slopes that the paper prints for 8 and 16 heads, and what its published code gives for 6 and 12.
EIGHT = [2.0**-k for k in range(1, 9)]
PUBLISHED_SLOPES = {
    2: [2**-4, 2**-8],
    6: [2**-2, 2**-4, 2**-6, 2**-8, 2**-1, 2**-3],
    8: EIGHT,
    12: [*EIGHT, 2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5],
    16: [2 ** (-k / 2) for k in range(1, 17)],
}


@pytest.mark.parametrize("n_heads", PUBLISHED_SLOPES)
def test_alibi_slopes_are_as_published(n_heads):
    np.testing.assert_allclose(-att.alibi_bias(n_heads, 1, 2)[:, 0, 1], PUBLISHED_SLOPES[n_heads], rtol=1e-15)


def test_alibi_with_causality_is_the_published_bias():
    """The published code adds slope * key position; within a row that differs by a constant, which softmax ignores."""
    rng = np.random.default_rng(0)
    query, key = random_array(rng, 4, 5, 3, dtype=np.float32), random_array(rng, 4, 5, 3, dtype=np.float32)
    published = np.array([2**-2, 2**-4, 2**-6, 2**-8])[:, np.newaxis, np.newaxis] * np.arange(5)
    weights = att.attention_weights(query, key, mask=att.alibi_bias(4, 5, 5), is_causal=True)
    np.testing.assert_allclose(weights, att.attention_weights(query, key, mask=published, is_causal=True), atol=1e-6)


def test_alibi_bias_with_offset_is_the_last_rows_of_the_whole():
    np.testing.assert_array_equal(att.alibi_bias(3, 2, 6, offset=4), att.alibi_bias(3, 6, 6)[:, 4:])


def test_positions_give_no_warning_at_the_edges():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert att.rotate(np.zeros((2, 0, 4)), []).shape == (2, 0, 4)
        assert att.rotate(np.full((1, 2), 6e4, np.float16), [0.8]).dtype == np.float16
        assert att.sinusoidal_positions(0, 3).shape == (0, 3)


@pytest.mark.parity
@settings(max_examples=100, deadline=None)
@given(seeds, st.booleans(), st.sampled_from([np.float16, np.float32]))
def test_rotate_agrees_with_the_onnx_operator(seed, interleaved, dtype):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed: pip install onnxruntime onnx")
    onnx = pytest.importorskip("onnx", reason="onnx is not installed: pip install onnxruntime onnx")
    rng = np.random.default_rng(seed)
    batch, n_heads, seq_len, d_k, n_positions = 2, 3, 5, 8, 64
    x, positions = (
        random_array(rng, batch, n_heads, seq_len, d_k, dtype=dtype),
        rng.integers(0, n_positions, (batch, seq_len)),
    )
    angles = np.arange(n_positions)[:, np.newaxis] * 10_000.0 ** (-np.arange(d_k // 2) / (d_k // 2))
    inputs = {"x": x, "cos": np.cos(angles).astype(dtype), "sin": np.sin(angles).astype(dtype), "positions": positions}
    values = [
        onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in (inputs | {"rotated": x}).items()
    ]
    node = onnx.helper.make_node("RotaryEmbedding", list(inputs), ["rotated"], interleaved=int(interleaved))
    graph = onnx.helper.make_graph([node], "rotation", values[:-1], values[-1:])
    opset = onnx.helper.make_opsetid("", 23)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10).SerializeToString()
    (expected,) = runtime.InferenceSession(model, providers=["CPUExecutionProvider"]).run(None, inputs)
    rotated = att.rotate(x, positions[:, np.newaxis], interleaved=interleaved)
    np.testing.assert_allclose(rotated, expected, rtol=2 * TOLERANCE[dtype], atol=2 * TOLERANCE[dtype])
