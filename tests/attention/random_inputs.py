"""Random attention inputs whose axis sizes all differ, shared by the tests of this folder."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from course_lib.attention import loops

SIZES = (2, 3, 4, 5, 6, 7)
# Leading axes of query, key and value: none, a batch, heads, groups of heads that share a key and value head.
USUAL_AXES = [
    ((), (), ()), ((3,), (3,), (3,)), ((2, 4), (2, 4), (2, 4)), ((2, 6), (2, 3), (2, 3)), ((6,), (2,), (2,)),
    ((2, 4), (2, 1), (2, 1)),
]  # fmt: skip
# Every array copied along some axis: missing, of size 1, or shared by a group; key and value need not be alike.
COPIED_AXES = [
    ((4,), (), ()), ((), (3,), (3,)), ((), (), (3,)), ((6,), (2,), (3,)), ((1, 4), (3, 2), (2,)),
    ((2, 1), (2, 5), (5,)), ((3,), (3,), (2, 1, 1)), ((2, 1, 4), (3, 2), (2, 3, 1)),
]  # fmt: skip

TOLERANCE = {np.float16: 4e-3, np.float32: 2e-6, np.float64: 1e-13}


def assert_agrees(result, specification, dtype, scale_of_numbers=1.0):
    """See that a result has the dtype, and the shape and numbers of the plain loops."""
    assert result.dtype == dtype
    assert result.shape == specification.shape
    tolerance = TOLERANCE[np.dtype(dtype).type]
    np.testing.assert_allclose(result, specification, rtol=10 * tolerance, atol=tolerance * scale_of_numbers)


def random_array(rng, *shape, dtype=np.float64):
    return rng.standard_normal(shape).astype(dtype)


@dataclass
class AttentionInputs:
    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def arrays(self):
        return self.query, self.key, self.value

    def mask_written_out(self):
        """Write mask, is_causal, offset and window as one float mask: 0, -inf, or what the float mask adds."""
        n_queries, n_keys = self.query.shape[-2], self.key.shape[-2]
        pair_options = {name: self.options[name] for name in ("is_causal", "offset", "window")}
        allowed = [[loops.may_attend(i, j, **pair_options) for j in range(n_keys)] for i in range(n_queries)]
        bias = np.where(allowed, 0, -np.inf).astype(self.query.dtype)
        mask = self.options.get("mask")
        if mask is not None:
            bias = bias + (np.where(mask, 0, -np.inf).astype(bias.dtype) if mask.dtype == np.bool_ else mask)
        return np.broadcast_to(bias, (*bias.shape[:-2], n_queries, n_keys)).copy()


@st.composite
def attention_inputs(draw, dtypes=(np.float32, np.float64), with_options=True, axes=tuple(USUAL_AXES)):
    """Draw query, key and value (with or without batch and heads, grouped or not) and options of every kind."""
    n_queries, n_keys, d_k, d_v = draw(st.permutations(SIZES))[:4]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(dtypes))
    leading, key_leading, value_leading = draw(st.sampled_from(axes))
    query = rng.standard_normal((*leading, n_queries, d_k)).astype(dtype)
    key = rng.standard_normal((*key_leading, n_keys, d_k)).astype(dtype)
    value = rng.standard_normal((*value_leading, n_keys, d_v)).astype(dtype)
    options = draw(masking_options(rng, leading, n_queries, n_keys, dtype)) if with_options else {}
    return AttentionInputs(query, key, value, options)


@st.composite
def masking_options(draw, rng, leading, n_queries, n_keys, dtype):
    options: dict[str, Any] = {}
    mask_kind = draw(st.sampled_from([None, "bool", "float", "row", "padding"]))
    shape = (*leading, n_queries, n_keys) if draw(st.booleans()) else (n_queries, n_keys)
    if mask_kind == "bool":
        options["mask"] = rng.random(shape) < 0.6  # some rows end up fully masked
    elif mask_kind == "float":
        options["mask"] = np.where(rng.random(shape) < 0.3, -np.inf, rng.standard_normal(shape)).astype(dtype)
    elif mask_kind == "row":
        options["mask"] = rng.random((n_queries, 1)) < 0.5
    elif mask_kind == "padding":
        options["mask"] = np.arange(n_keys) < draw(st.integers(0, n_keys))
    options["is_causal"] = draw(st.booleans())
    options["offset"] = draw(st.integers(-2, 6))
    side = st.none() | st.integers(0, 4)
    options["window"] = draw(st.none() | st.integers(0, 4) | st.tuples(side, side))
    options["scale"] = draw(st.none() | st.sampled_from([0.0, 0.3, 1.0, -0.5]))
    return options
