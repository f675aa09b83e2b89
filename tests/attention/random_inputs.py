"""Random attention inputs whose axis sizes all differ, shared by the tests of this folder."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

SIZES = (2, 3, 4, 5, 6, 7)


@dataclass
class AttentionInputs:
    query: np.ndarray
    key: np.ndarray
    value: np.ndarray
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def arrays(self):
        return self.query, self.key, self.value


@st.composite
def attention_inputs(draw, dtypes=(np.float32, np.float64), with_options=True):
    """Draw query, key and value (with or without batch and heads, grouped or not) and options of every kind."""
    n_queries, n_keys, d_k, d_v = draw(st.permutations(SIZES))[:4]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(dtypes))
    leading, key_leading = draw(
        st.sampled_from([((), ()), ((3,), (3,)), ((2, 4), (2, 4)), ((2, 6), (2, 3)), ((6,), (2,)), ((2, 4), (2, 1))])
    )
    query = rng.standard_normal((*leading, n_queries, d_k)).astype(dtype)
    key = rng.standard_normal((*key_leading, n_keys, d_k)).astype(dtype)
    value = rng.standard_normal((*key_leading, n_keys, d_v)).astype(dtype)
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
