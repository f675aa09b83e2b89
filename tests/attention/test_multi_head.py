"""Heads: splitting and merging, shared key heads, several heads at once; against loops, PyTorch and properties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_inputs import assert_agrees, masking_options, random_array

from course_lib import attention as att
from course_lib.attention import loops

seeds = st.integers(0, 2**32 - 1)
dtypes = st.sampled_from([np.float16, np.float32, np.float64])
leading_axes = st.sampled_from([(), (3,), (2, 3)])


@settings(max_examples=150, deadline=None)
@given(seeds, dtypes, leading_axes, st.permutations((2, 3, 4, 5)))
def test_split_merge_and_repeat_agree_with_loops_and_undo_each_other(seed, dtype, leading, sizes):
    n_heads, seq_len, d_k, n_repeats = sizes
    x = random_array(np.random.default_rng(seed), *leading, seq_len, n_heads * d_k, dtype=dtype)
    heads = att.split_heads(x, n_heads)
    assert_agrees(heads, loops.split_heads(x, n_heads), dtype)
    assert_agrees(att.merge_heads(heads), loops.merge_heads(heads), dtype)
    np.testing.assert_array_equal(att.merge_heads(heads), x)
    assert_agrees(att.repeat_kv(heads, n_repeats), loops.repeat_kv(heads, n_repeats), dtype)
    np.testing.assert_array_equal(att.repeat_kv(heads, n_repeats)[..., ::n_repeats, :, :], heads)


def test_split_heads_differs_from_a_reshape():
    """The published bug: reshaped at once, a head holds parts of several tokens."""
    x = np.arange(24.0).reshape(3, 8)
    assert not np.array_equal(att.split_heads(x, 2), x.reshape(2, 3, 4))
    np.testing.assert_array_equal(att.split_heads(x, 2)[1, 2], x[2, 4:])


@st.composite
def multi_head_inputs(draw, dtypes=(np.float32, np.float64), with_memory=True):
    """Draw tokens, a memory or none, maps for heads that share key heads or not, and masking options."""
    seq_len, n_keys, d_k, d_v, d_out = draw(st.permutations((2, 3, 5, 6, 7)))
    n_heads, n_kv_heads = draw(st.sampled_from([(1, 1), (4, 4), (4, 2), (4, 1), (6, 3)]))
    rng, dtype = np.random.default_rng(draw(seeds)), draw(st.sampled_from(dtypes))
    leading, d_model, d_memory = draw(st.sampled_from([(), (3,), (2, 3)])), 9, 8
    memory = None
    if with_memory and draw(st.booleans()):
        memory = random_array(rng, *leading, n_keys, d_memory, dtype=dtype)
    else:
        n_keys, d_memory = seq_len, d_model
    x = random_array(rng, *leading, seq_len, d_model, dtype=dtype)
    shapes = [
        (d_model, n_heads * d_k),
        (d_memory, n_kv_heads * d_k),
        (d_memory, n_kv_heads * d_v),
        (n_heads * d_v, d_out),
    ]
    maps = [(rng.standard_normal(shape) / np.sqrt(shape[0])).astype(dtype) for shape in shapes]
    options = draw(masking_options(rng, (*leading, n_heads), seq_len, n_keys, dtype))
    return x, maps, n_heads, options | {"memory": memory}


@settings(max_examples=200, deadline=None)
@given(multi_head_inputs(dtypes=(np.float16, np.float32, np.float64)))
def test_multi_head_attention_agrees_with_loops(inputs):
    x, maps, n_heads, options = inputs
    output = att.multi_head_attention(x, *maps, n_heads, **options)
    # In float16, each of the four steps rounds its result.
    assert_agrees(output, loops.multi_head_attention(x, *maps, n_heads, **options), x.dtype, scale_of_numbers=5)


@given(multi_head_inputs(dtypes=(np.float64,)))
@settings(max_examples=50, deadline=None)
def test_multi_head_attention_is_the_sum_of_what_its_heads_write(inputs):
    """W_O has one block of rows for each head: laying heads side by side and mixing them is a sum."""
    x, (w_query, w_key, w_value, w_output), n_heads, options = inputs
    memory = x if options["memory"] is None else options["memory"]
    d_k = w_query.shape[1] // n_heads
    n_kv_heads = w_key.shape[1] // d_k
    query = att.split_heads(att.project(x, w_query), n_heads)
    key, value = (att.split_heads(att.project(memory, w), n_kv_heads) for w in (w_key, w_value))
    heads = att.attention(query, key, value, **{name: options[name] for name in options if name != "memory"})
    written = heads @ w_output.reshape(n_heads, -1, w_output.shape[-1])
    output = att.multi_head_attention(x, w_query, w_key, w_value, w_output, n_heads, **options)
    np.testing.assert_allclose(output, written.sum(axis=-3), atol=1e-12)


def test_multi_head_attention_of_one_head_is_self_attention_and_a_projection():
    rng = np.random.default_rng(0)
    x, w_query, w_key, w_value, w_output = (random_array(rng, *s) for s in [(6, 3), (3, 4), (3, 4), (3, 5), (5, 2)])
    one_head = att.multi_head_attention(x, w_query, w_key, w_value, w_output, 1, is_causal=True)
    by_hand = att.project(att.self_attention(x, w_query, w_key, w_value, is_causal=True), w_output)
    np.testing.assert_allclose(one_head, by_hand, atol=1e-14)


def test_multi_head_attention_outputs_follow_the_tokens_when_they_are_shuffled():
    rng = np.random.default_rng(0)
    x, maps = random_array(rng, 5, 6), [random_array(rng, *s) for s in [(6, 8), (6, 8), (6, 4), (4, 3)]]
    order = rng.permutation(5)
    shuffled = att.multi_head_attention(x[order], *maps, 2)
    np.testing.assert_allclose(shuffled, att.multi_head_attention(x, *maps, 2)[order], atol=1e-12)


def test_multi_head_attention_over_its_own_tokens_as_memory_is_self_attention():
    rng = np.random.default_rng(0)
    x, maps = random_array(rng, 5, 6), [random_array(rng, *s) for s in [(6, 8), (6, 4), (6, 6), (12, 3)]]
    with_memory = att.multi_head_attention(x, *maps, 4, memory=x)
    np.testing.assert_array_equal(with_memory, att.multi_head_attention(x, *maps, 4))


@pytest.mark.parity
class TestAgainstTorch:
    @pytest.fixture(autouse=True)
    def torch(self):
        self.torch = pytest.importorskip("torch", reason="PyTorch is not installed: pip install torch==2.13.0")

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_multi_head_attention_agrees_with_torch_multihead_attention(self, data):
        torch = self.torch
        batch, n_queries, n_keys, d_k = data.draw(st.permutations((2, 3, 4, 5)))
        n_heads, d_memory = data.draw(st.sampled_from([1, 2, 4, 6])), 7
        d_model = n_heads * d_k
        rng = np.random.default_rng(data.draw(seeds))
        dtype = data.draw(st.sampled_from([np.float32, np.float64]))
        x, memory = random_array(rng, batch, n_queries, d_model, dtype=dtype), None
        d_asked = d_model
        if data.draw(st.booleans()):
            memory, d_asked = random_array(rng, batch, n_keys, d_memory, dtype=dtype), d_memory
        asked = x if memory is None else memory
        n_keys = asked.shape[1]
        maps = [
            random_array(rng, d, d_model, dtype=dtype) / np.sqrt(d).astype(dtype)
            for d in (d_model, d_asked, d_asked, d_model)
        ]
        peer = torch.nn.MultiheadAttention(
            d_model, n_heads, bias=False, kdim=d_asked, vdim=d_asked, batch_first=True, dtype=torch.from_numpy(x).dtype
        )
        with torch.no_grad():
            names = ["q_proj_weight", "k_proj_weight", "v_proj_weight"]
            weights = {name: torch.from_numpy(w.T.copy()) for name, w in zip(names, maps[:3], strict=True)}
            if peer.in_proj_weight is None:
                for name, weight in weights.items():
                    getattr(peer, name).copy_(weight)
            else:
                peer.in_proj_weight.copy_(torch.cat(list(weights.values())))
            peer.out_proj.weight.copy_(torch.from_numpy(maps[3].T.copy()))
            lengths = rng.integers(1, n_keys + 1, batch)  # at least one real token: PyTorch answers NaN otherwise
            padding = att.padding_mask(lengths, n_keys)
            pairs = rng.random((n_queries, n_keys)) < 0.7
            pairs[:, 0] = True
            expected, weights_seen = peer(
                *(torch.from_numpy(a) for a in (x, asked, asked)),
                key_padding_mask=torch.from_numpy(~padding), attn_mask=torch.from_numpy(~pairs),
                average_attn_weights=False,
            )  # fmt: skip
        mask = padding[:, np.newaxis, np.newaxis, :] & pairs
        output = att.multi_head_attention(x, *maps, n_heads, memory=memory, mask=mask)
        tolerance = {np.float32: 2e-6, np.float64: 1e-12}[dtype]
        np.testing.assert_allclose(output, expected.numpy(), rtol=10 * tolerance, atol=tolerance)
        query, key = (att.split_heads(att.project(a, w), n_heads) for a, w in ((x, maps[0]), (asked, maps[1])))
        weights = att.attention_weights(query, key, mask=mask)
        np.testing.assert_allclose(weights, weights_seen.numpy(), rtol=10 * tolerance, atol=tolerance)

    @settings(max_examples=150, deadline=None)
    @given(inputs=multi_head_inputs())
    def test_grouped_heads_agree_with_torch_grouped_query_attention(self, inputs):
        torch = self.torch
        x, maps, n_heads, options = inputs
        asked = x if options["memory"] is None else options["memory"]
        n_kv_heads = maps[1].shape[1] // (maps[0].shape[1] // n_heads)
        batch = (-1, *x.shape[-2:]), (-1, *asked.shape[-2:])
        projected = zip(
            (batch[0], batch[1], batch[1]), (x, asked, asked), maps[:3], (n_heads, n_kv_heads, n_kv_heads), strict=True
        )
        heads = [
            (torch.from_numpy(a.reshape(shape)) @ torch.from_numpy(w)).unflatten(-1, (count, -1)).transpose(1, 2)
            for shape, a, w, count in projected
        ]
        mixed = torch.nn.functional.scaled_dot_product_attention(*heads, is_causal=True, enable_gqa=True)
        expected = (mixed.transpose(1, 2).flatten(-2) @ torch.from_numpy(maps[3])).numpy()
        output = att.multi_head_attention(x, *maps, n_heads, memory=options["memory"], is_causal=True)
        tolerance = {np.dtype(np.float32): 2e-6, np.dtype(np.float64): 1e-12}[x.dtype]
        np.testing.assert_allclose(output, expected.reshape(output.shape), rtol=10 * tolerance, atol=tolerance)
