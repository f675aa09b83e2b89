"""Numbers and claims in the prose of lesson 11, computed with the real model; and the lesson without it, to its end."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from course_lib.attention import induction_score, previous_token_score
from course_lib.models.language_model import (
    carried_sizes,
    effect_without,
    first_token_score,
    generate,
    head_weights,
    load_model,
    strongest_heads,
    token_losses,
)
from course_lib.models.language_model.fetch import WHEEL_BYTES, describe_model
from course_lib.models.language_model.stand_in import stand_in

ROOT = Path(__file__).parents[3]
BLOCK = 50  # as in conftest.py and in the lesson
QUESTION = "What is the capital of France?"


@pytest.fixture(scope="module")
def prose():
    lines = (ROOT / "notebooks/source/11_real_model.py").read_text(encoding="utf-8").splitlines()
    return " ".join(line.removeprefix("#").strip() for line in lines)


def test_the_size_of_the_download_and_of_what_it_becomes(real, prose):
    assert "It downloads 93 MB and takes 640 MB on disk" in prose
    assert round(WHEEL_BYTES / 1e6) == 93
    assert round(describe_model()["megabytes"], -1) == 640
    assert "each token reads all 538 MB of weights once" in prose
    assert round(4 * real.n_parameters / 1e6) == 538


def test_sizes_and_tokens(real, prose):
    config = real.config
    assert "some of its 270 heads" in prose
    assert config.n_layers * config.n_heads == 270
    assert "three query heads share one head of keys and values" in prose
    assert config.n_repeats == 3
    assert "That gives 49,152 scores for what comes next" in prose
    assert real.forward([300, 301]).shape == (2, 49_152)
    assert "yours turns with the base 10,000, and this model was trained with 100,000" in prose
    assert config.rotary_base == 100_000
    assert "a digit is always one" in prose
    assert real.tokenizer.pieces(real.tokenizer.encode("2017")) == list("2017")


def test_the_calls_of_softmax(real, prose):
    assert "8 runs through 30 layers are 240 calls of softmax" in prose
    model = real.use(
        softmax=lambda s: (
            np.exp(s - s.max(-1, keepdims=True)) / np.exp(s - s.max(-1, keepdims=True)).sum(-1, keepdims=True)
        )
    )
    answer = generate(model, QUESTION, show=False)
    assert (1 + len(answer.tokens), model.calls["softmax"]) == (8, 240)
    assert "`repeat_kv` is called for keys and for values, `project` before the heads and after them" in prose
    model = real.use(repeat_kv=lambda x, n: np.repeat(x, n, axis=0), project=lambda x, weight: x @ weight)
    model.forward(answer.prompt)
    assert model.calls == {"repeat_kv": 60, "project": 60}


def test_without_the_mask_it_answers_something_else(real, usual_answer, prose):
    assert 'ask("predict_without_mask")' in prose
    without = real.use(causal_mask=lambda seq_len: np.ones((seq_len, seq_len), bool))
    assert usual_answer.text == "The capital of France is Paris."
    assert generate(without, QUESTION, n_tokens=20, show=False).text != usual_answer.text


def test_the_second_block_surprises_far_less(real, repeated, prose):
    assert "By the second block it is far less surprised" in prose
    assert "The first block surprises it more than if it gave every token an equal share" in prose
    losses = token_losses(real, repeated(0).tokens)
    assert losses[: BLOCK - 1].mean() > np.log(real.config.vocabulary_size)
    assert losses[BLOCK:].mean() < 0.25 * losses[: BLOCK - 1].mean()


def test_induction_heads_live_on_one_previous_token_head(real, repeated, prose):
    assert "The induction heads live on what layer 16 head 0 writes" in prose
    assert "layer 11 head 1, with nearly the same score, is of no use to them" in prose
    tokens, weights = repeated(0)
    previous = previous_token_score(weights)
    assert [(found.layer, found.head) for found in strongest_heads(previous, 2)] == [(16, 0), (11, 1)]
    assert previous[11, 1] > 0.9 * previous[16, 0]
    whole = induction_score(weights, BLOCK)
    for head, most, least in (((16, 0), 0.4, 0.0), ((11, 1), 1.1, 0.9)):
        left = induction_score(head_weights(real, tokens, without_heads=[head]), BLOCK)
        for place in ((18, 6), (17, 4)):
            assert least <= left[place] / whole[place] < most


def test_what_is_lost_without_a_head(real, repeated, prose):
    assert "Its neighbours are not missed at all here" in prose
    assert "Without the previous-token head of layer 16 it rises even more" in prose
    heads = [(18, 6), (18, 5), (18, 0), (16, 0)]
    effect = effect_without(real, repeated(0).tokens, heads, first=BLOCK + 1)
    assert effect[16, 0] > effect[18, 6] > 1
    assert max(abs(effect[18, 5]), abs(effect[18, 0])) < 0.1


@pytest.mark.parametrize("seed", [0, 1, 2])  # three first tokens
def test_half_of_the_weight_rests_on_the_first_token_and_brings_less(real, repeated, seed, prose):
    assert "about half of all weight rests there, whatever the token is" in prose
    tokens, weights = repeated(seed)
    sinks = first_token_score(weights).mean()
    sizes = carried_sizes(real, tokens)
    carried = (sizes / sizes.sum(axis=-1, keepdims=True))[:, :, 1:, 0].mean()
    assert 0.4 < sinks < 0.6
    assert carried < 0.75 * sinks


def test_the_head_that_the_picture_opens_with_looks_at_what_came_after_the_first_mary(real, prose):
    assert "The second Mary is picked" in prose
    tokens = real.tokenizer.encode("I met Mary Smith near a forest. Who else has met Mary Smith there?")
    pieces = real.tokenizer.pieces(tokens)
    assert (pieces[12], pieces.index(" Smith")) == (" Mary", 3)
    assert head_weights(real, tokens)[18, 6, 12].argmax() == 3


def test_the_stand_in_has_the_real_models_layers_and_needs_no_package():
    code = (
        "import sys; sys.modules['gguf'] = sys.modules['tokenizers'] = None\n"
        "from course_lib.models.language_model import generate, load_model\n"
        "model = load_model(or_stand_in=True)\n"
        "print(len(generate(model, 'What is it?', n_tokens=5, show=False).tokens))"
    )
    environment = {**os.environ, "COURSE_MODEL_FOLDER": os.devnull}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert "Run `course model fetch`" in done.stdout
    assert "random weights stands in: all cells run, and mean nothing" in done.stdout
    assert stand_in().config.n_layers == 30
    assert (stand_in().config.n_heads, stand_in().config.n_repeats) == (9, 3)


def test_two_texts_of_the_lesson_have_as_many_words_for_the_stand_in():
    tokenizer = stand_in().tokenizer
    france, italy = (tokenizer.encode(f"The capital of {name} is") for name in ("France", "Italy"))
    assert len(france) == len(italy) == 5
    assert tokenizer.decode(italy) == "The capital of Italy is"


@pytest.mark.parametrize("notebook", ["notebooks/11_real_model.ipynb", "exercises/11_real_model.ipynb"])
def test_lesson_and_exercise_reach_their_end_without_the_model(notebook, tmp_path, monkeypatch):
    import nbformat

    from course_lib.authoring.run import run_notebook

    monkeypatch.setenv("COURSE_MODEL_FOLDER", str(tmp_path))
    book = nbformat.read(ROOT / notebook, as_version=4)
    run_notebook(book, tmp_path)
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert not [output for output in outputs if output.output_type == "error"]
    assert any("course model fetch" in output.get("text", "") for output in outputs)


def test_load_model_says_what_to_run_where_no_stand_in_is_wanted(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MODEL_FOLDER", str(tmp_path))
    with pytest.raises(Exception, match="course model fetch"):
        load_model()
