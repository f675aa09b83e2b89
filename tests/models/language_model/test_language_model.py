"""The language model: it agrees with a plain one, whoever does the steps, with and without a cache."""

import gguf
import numpy as np
import pytest
from language_model_specification import dequantised, logits
from tiny_language_model import TINY, tiny_tensors, write_tiny

import course_lib.attention as library
from course_lib.errors import CourseError, DtypeError, OptionError, ShapeError
from course_lib.models.language_model import LanguageModelConfig, load_model

TOKENS = [5, 77, 260, 3, 77, 140, 5, 8, 99, 31, 202, 41]


def stored_tensors():
    """The tiny model's tensors as they come back from their blocks, read by hand."""
    tensors = {}
    for name, (array, kind) in tiny_tensors().items():
        raw = gguf.quants.quantize(array, gguf.GGMLQuantizationType[kind])
        tensors[name] = dequantised(raw, kind, array.shape)
    return tensors


@pytest.fixture(scope="module")
def expected():
    return logits(stored_tensors(), TINY, TOKENS)


def attention_by_hand(query, key, value):
    scores = query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1])
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return exponentials / exponentials.sum(axis=-1, keepdims=True) @ value


def masked_attention(query, key, value, mask):
    return library.attention(query, key, value, mask=mask)


def rotate_ten_thousand(x, positions):
    """The function of exercise 08, which knows one base only."""
    angles = np.asarray(positions)[:, np.newaxis] * 10_000.0 ** (-np.arange(0, x.shape[-1], 2) / x.shape[-1])
    turned = np.empty_like(x)
    turned[..., 0::2] = x[..., 0::2] * np.cos(angles) - x[..., 1::2] * np.sin(angles)
    turned[..., 1::2] = x[..., 0::2] * np.sin(angles) + x[..., 1::2] * np.cos(angles)
    return turned


STEPS = {
    "project": lambda x, weight: np.einsum("si,io->so", x, weight),
    "split_heads": lambda x, n_heads: np.stack(np.split(x, n_heads, axis=-1)),
    "merge_heads": lambda x: np.concatenate(list(x), axis=-1),
    "rotate": rotate_ten_thousand,
    "repeat_kv": lambda x, n_repeats: np.repeat(x, n_repeats, axis=0),
    "causal_mask": lambda seq_len: np.tri(seq_len, dtype=bool),
    "scaled_scores": lambda query, key: query @ np.swapaxes(key, -1, -2) / np.sqrt(query.shape[-1]),
    "softmax": lambda scores: np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True),
    "weighted_sum": lambda weights, value: weights @ value,
}


def test_logits_are_those_of_the_plain_model(tiny, expected):
    np.testing.assert_allclose(tiny.forward(TOKENS), expected, atol=2e-4)


@pytest.mark.parametrize(
    "functions",
    [
        *({name: step} for name, step in STEPS.items()),
        STEPS,
        {"attention": attention_by_hand},
        {"masked_attention": masked_attention, "causal_mask": STEPS["causal_mask"]},
        {"rotate": library.rotate},
    ],
    ids=lambda functions: "+".join(functions),
)
def test_learners_functions_give_the_same(tiny, expected, functions):
    model = tiny.use(**functions)
    np.testing.assert_allclose(model.forward(TOKENS), expected, atol=2e-4)
    assert all(count > 0 for count in model.calls.values())
    assert set(model.calls) == set(functions)
    assert not tiny.calls


@pytest.mark.parametrize("functions", [{}, STEPS, {"attention": attention_by_hand}], ids=["library", "steps", "whole"])
@pytest.mark.parametrize("cuts", [[1] * 12, [7, 1, 4], [5, 7]], ids=str)
def test_a_cache_changes_nothing(tiny, expected, functions, cuts):
    model = tiny.use(**functions)
    cache, parts, at = model.new_cache(), [], 0
    for n in cuts:
        parts.append(model.forward(TOKENS[at : at + n], cache=cache))
        at += n
    np.testing.assert_allclose(np.concatenate(parts), expected, atol=2e-4)


def test_a_long_text_in_blocks_of_rows_and_queries_is_the_same(tiny):
    tokens = np.random.default_rng(1).integers(260, size=120)
    in_blocks = tiny.forward(tokens)
    plain = tiny.use(masked_attention=masked_attention, project=STEPS["project"]).forward(tokens)
    np.testing.assert_allclose(in_blocks, plain, atol=2e-4)
    np.testing.assert_array_equal(tiny.forward(tokens, last_only=True)[0].shape, (plain.shape[1],))
    np.testing.assert_allclose(tiny.forward(tokens, last_only=True)[0], plain[-1], atol=2e-4)


def test_a_wrong_function_is_named_with_what_it_returned(tiny):
    with pytest.raises(
        ShapeError, match=r"Your repeat_kv has to return an array of shape \(4, 12, 16\).*\(2, 12, 16\)"
    ):
        tiny.use(repeat_kv=lambda x, n_repeats: x).forward(TOKENS)
    with pytest.raises(ShapeError, match=r"Your softmax .* returned None"):
        tiny.use(softmax=lambda scores: None).forward(TOKENS)
    with pytest.raises(ShapeError, match=r"Your softmax .* returned Ellipsis"):
        tiny.use(softmax=lambda scores: ...).forward(TOKENS)
    with pytest.raises(OptionError, match="Your softmax returned NaN"):
        tiny.use(softmax=lambda scores: scores * np.nan).forward(TOKENS)
    with pytest.raises(ShapeError, match="returned a tuple of 2"):
        tiny.use(attention=lambda query, key, value: (query, key)).forward(TOKENS)
    with pytest.raises(ShapeError, match="returned an array of complex"):
        tiny.use(softmax=lambda scores: scores + 1j).forward(TOKENS)
    with pytest.raises(OptionError, match="causal_mask has to return True where a query may attend"):
        tiny.use(causal_mask=lambda seq_len: np.where(np.tri(seq_len), 0, -np.inf)).forward(TOKENS)


def test_a_learners_own_error_stays_what_it_is_and_says_in_which_step_it_was(tiny):
    with pytest.raises(ZeroDivisionError) as raised:
        tiny.use(softmax=lambda scores: 1 / 0).forward(TOKENS)
    assert raised.value.__notes__ == ["This happened in your softmax, called as softmax(scores), with (4, 12, 12)."]
    with pytest.raises(ValueError, match="matmul") as raised:
        tiny.use(project=lambda x, weight: x @ weight.T).forward(TOKENS)
    assert raised.value.__notes__ == [
        "This happened in your project, called as project(x, weight), with (12, 64), (64, 128)."
    ]


def test_use_says_which_steps_there_are(tiny):
    with pytest.raises(OptionError, match=r"no step 'attend'.*project, split_heads"):
        tiny.use(attend=attention_by_hand)
    with pytest.raises(OptionError, match="softmax would never be called"):
        tiny.use(attention=attention_by_hand, softmax=STEPS["softmax"])
    with pytest.raises(OptionError, match="must be a function"):
        tiny.use(softmax=3)
    with pytest.raises(OptionError, match=r"no step 'SplitHeads' to replace\. Did you mean split_heads\?"):
        tiny.use(SplitHeads=STEPS["split_heads"])
    with pytest.raises(OptionError, match=r"model\.use\(softmax=softmax\): attention_by_hand came without a name"):
        tiny.use(attention_by_hand)
    assert "with your softmax" in repr(tiny.use(softmax=STEPS["softmax"]))


def test_heads_left_out_count_as_nothing(tiny):
    everything = [(1, head) for head in range(4)]
    without = tiny.forward(TOKENS, without_heads=everything)
    assert np.abs(without - tiny.forward(TOKENS)).max() > 0.1
    muted = dict(tiny.parameters)
    muted["layer_1.attention.w_output"] = np.zeros_like(muted["layer_1.attention.w_output"])
    np.testing.assert_allclose(without, type(tiny)(tiny.config, muted, tiny.tokenizer).forward(TOKENS), atol=1e-4)
    one = tiny.forward(TOKENS, without_heads=[(1, 2)])
    assert np.abs(one - without).max() > 0.1
    with pytest.raises(OptionError, match="no head 4 in a layer 0"):
        tiny.forward(TOKENS, without_heads=[(0, 4)])
    with pytest.raises(OptionError, match=r"a pair \(layer, head\), such as \(18, 6\), but one is 1"):
        tiny.forward(TOKENS, without_heads=(1, 2))


def test_given_weights_take_the_place_of_the_heads_own(tiny):
    own = []
    usual = tiny.forward(TOKENS, record=lambda layer, heads: own.append(heads.weights))
    np.testing.assert_allclose(tiny.forward(TOKENS, weights=np.stack(own)), usual, atol=1e-4)
    even = np.broadcast_to(np.tri(12) / np.arange(1, 13)[:, np.newaxis], (3, 4, 12, 12)).astype(np.float32)
    assert np.abs(tiny.forward(TOKENS, weights=even) - usual).max() > 0.1
    with pytest.raises(ShapeError, match=r"weights must have shape \(3, 4, 12, 12\)"):
        tiny.forward(TOKENS, weights=even[:2])


@pytest.mark.parametrize(
    ("tokens", "error"),
    [([0.5], DtypeError), ([[1]], ShapeError), ([], ShapeError), ([268], OptionError), ([-1], OptionError)],
)  # fmt: skip
def test_tokens_are_looked_at(tiny, tokens, error):
    with pytest.raises(error, match="tokens must"):
        tiny.forward(tokens)


def test_a_text_longer_than_the_model_reads_is_refused_at_once_or_in_parts(tiny):
    with pytest.raises(OptionError, match="reads 128 tokens at most, but there are 129"):
        tiny.forward([7] * 129)
    cache = tiny.new_cache()
    tiny.forward([7] * 120, cache=cache)
    with pytest.raises(OptionError, match="at most, but there are 120 before and 9"):
        tiny.forward([7] * 9, cache=cache)
    assert cache[0].n_seen == 120
    with pytest.raises(OptionError, match="cache must come from new_cache"):
        tiny.forward([7], cache=cache[:2])


def test_a_file_of_another_kind_says_what_is_missing(tmp_path):
    with pytest.raises(CourseError, match="no file"):
        load_model(tmp_path / "absent.gguf")
    (tmp_path / "text.gguf").write_text("no model", encoding="utf-8")
    with pytest.raises(CourseError, match="not a complete GGUF file"):
        load_model(tmp_path / "text.gguf")
    with pytest.raises(CourseError, match=r"does not say|architecture is 'gpt2'"):
        load_model(write_tiny(tmp_path / "other.gguf", architecture="gpt2"))
    with pytest.raises(CourseError, match="cut text into words is 'llama-bpe'"):
        load_model(write_tiny(tmp_path / "pre.gguf", pre="llama-bpe"))
    tensors = tiny_tensors()
    array, _ = tensors["blk.1.ffn_up.weight"]
    with pytest.raises(CourseError, match=r"blk.1.ffn_up.weight is stored as Q5_0, but .* F32, Q4_1, Q8_0"):
        load_model(write_tiny(tmp_path / "kind.gguf", tensors={**tensors, "blk.1.ffn_up.weight": (array, "Q5_0")}))
    del tensors["blk.1.ffn_up.weight"]
    with pytest.raises(CourseError, match=r"no tensor blk.1.ffn_up.weight"):
        load_model(write_tiny(tmp_path / "less.gguf", tensors=tensors))


@pytest.mark.parametrize("wrong", [{"n_heads": 3}, {"n_kv_heads": 3}, {"n_layers": 0}, {"rotary_base": -1.0}])
def test_sizes_that_do_not_fit_are_refused(wrong):
    with pytest.raises(OptionError):
        LanguageModelConfig(**{"vocabulary_size": 9, **TINY, **wrong})


def test_a_cut_off_file_is_no_model(tiny_path, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(tiny_path.read_bytes()[:20_000])
    with pytest.raises(CourseError, match="not a complete GGUF file"):
        load_model(cut)
