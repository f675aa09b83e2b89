"""The names, signatures and docstrings that notebooks, users and outside checks rely on."""

import doctest
import importlib
import inspect
import re
import types

import pytest

OPTIONS = "mask=None, is_causal=False, offset=0, window=None, scale=None"

# Names and defaults as published; annotations may grow, these may not change.
SIGNATURES = {
    "course_lib.attention": {
        "project": "(x, weight, bias=None)",
        "dot_product_scores": "(query, key)",
        "scaled_scores": "(query, key, *, scale=None)",
        "softmax": "(scores, *, axis=-1, temperature=1.0)",
        "weighted_sum": "(weights, value)",
        "attention_weights": f"(query, key, *, {OPTIONS})",
        "attention": f"(query, key, value, *, {OPTIONS})",
        "tiled_attention": f"(query, key, value, *, {OPTIONS}, block_size=None, n_threads=None)",
        "self_attention": f"(x, w_query, w_key, w_value, *, {OPTIONS})",
        "split_heads": "(x, n_heads)",
        "merge_heads": "(x)",
        "repeat_kv": "(x, n_repeats)",
        "multi_head_attention": f"(x, w_query, w_key, w_value, w_output, n_heads, *, memory=None, {OPTIONS})",
        "causal_mask": "(n_queries, n_keys=None, *, offset=0)",
        "padding_mask": "(lengths, n_keys)",
        "sliding_window_mask": "(n_queries, n_keys, window, *, offset=0)",
        "sinusoidal_positions": "(seq_len, d_model)",
        "rotate": "(x, positions, *, base=10000.0, interleaved=True)",
        "alibi_bias": "(n_heads, n_queries, n_keys, *, offset=0)",
        "KeyValueCache": "(window=None)",
        "softmax_backward": "(weights, grad_weights)",
        "attention_backward": f"(query, key, value, grad_output, *, {OPTIONS})",
        "attention_entropy": "(weights)",
        "mean_attention_distance": "(weights, *, offset=0)",
        "head_diversity": "(weights)",
        "induction_score": "(weights, period)",
        "previous_token_score": "(weights)",
        "dropout": "(weights, rate, rng)",
    },
    "course_lib.checks": {
        "check": "(name, answer)",
        "evaluate": "(name, answer)",
        "hint": "(name)",
        "progress": "()",
        "ask": "(name)",
        "show_lines": "(name)",
    },
}
WIDGETS = {
    "AllHeads", "AttentionStage", "Cost", "Heads", "MaskBoard", "OnlineSoftmax", "OrderLines", "Positions", "Predict",
    "Projection", "Score", "Shuffle", "SoftmaxBars", "Training", "WeightedSum", "save_html",
}  # fmt: skip
RESULT_FIELDS = {"status", "confusion", "message", "points", "max_points"}
ATTENTION = importlib.import_module("course_lib.attention")


def plain_signature(function):
    """A signature without annotations."""
    signature = inspect.signature(function)
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    return str(signature.replace(parameters=bare, return_annotation=inspect.Signature.empty))


@pytest.mark.parametrize(
    ("module", "name", "signature"),
    [(module, name, text) for module, names in SIGNATURES.items() for name, text in names.items()],
)
def test_signature_is_as_published(module, name, signature):
    found = plain_signature(getattr(importlib.import_module(module), name))
    if module == "course_lib.checks":  # a grader may pass more, by keyword; what is published stays as it is
        found = re.sub(r"(, )?\*, .*(?=\))", "", found)
    assert found == signature


def test_attention_exports_exactly_what_is_published():
    assert set(ATTENTION.__all__) == set(SIGNATURES["course_lib.attention"])
    public = {
        name for name, value in vars(ATTENTION).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }  # fmt: skip
    assert public == set(ATTENTION.__all__)


def test_loops_specify_what_attention_computes():
    loops = importlib.import_module("course_lib.attention.loops")
    missing = [name for name in ATTENTION.__all__ if not callable(getattr(loops, name, None))]
    assert not missing, f"no plain loop for {missing}"


def test_checks_and_widgets_export_what_is_published():
    checks, widgets = (importlib.import_module(f"course_lib.{name}") for name in ("checks", "widgets"))
    assert set(SIGNATURES["course_lib.checks"]) <= set(checks.__all__)
    assert set(widgets.__all__) >= WIDGETS
    for module in (checks, widgets):
        assert all(hasattr(module, name) for name in module.__all__)


def test_evaluate_returns_a_result_with_the_published_fields():
    from course_lib.checks import evaluate

    result = evaluate("softmax", lambda scores: None)
    assert set(dir(result)) >= RESULT_FIELDS
    assert result.status == "not_started"
    assert result.confusion is None


@pytest.mark.parametrize("name", ATTENTION.__all__)
def test_docstring_says_what_goes_in_comes_out_and_where_it_is_from(name):
    function = getattr(ATTENTION, name)
    text = inspect.getdoc(function)
    for section in ("Parameters", "Returns", "Raises", "References", "Examples"):
        assert re.search(rf"^{section}\n-+$", text, re.MULTILINE), section
    parameters = text.split("Parameters\n", 1)[1].split("Returns\n", 1)[0]
    for parameter in inspect.signature(function).parameters:
        assert re.search(rf"^(?:\w+, )*{parameter}\b", parameters, re.MULTILINE), parameter
    if inspect.isclass(function):  # a class takes its arrays in its methods
        parameters += "".join(method.__doc__ or "" for _, method in inspect.getmembers(function, inspect.isfunction))
    assert "shape (" in parameters or "n_queries" in parameters
    places = r"\d{4}.*(?:equation|section|table|footnote|page|algorithm|appendix)|section|footnote"
    assert re.search(places, text.split("References\n", 1)[1])


@pytest.mark.parametrize("name", ATTENTION.__all__)
def test_docstring_has_an_example_of_two_rows_or_more(name):
    examples = doctest.DocTestParser().get_examples(inspect.getdoc(getattr(ATTENTION, name)))
    assert examples
    assert any(example.want.count("\n") >= 2 for example in examples)
