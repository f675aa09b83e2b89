"""Writing: the same each time, drawn with a seed, interrupted with what was written kept."""

import numpy as np
import pytest

from course_lib.errors import DtypeError, OptionError
from course_lib.models.language_model import generate, generation, next_token, stream

PROMPT = [5, 77, 260, 3]


def test_temperature_0_takes_the_highest_score(tiny):
    written = list(stream(tiny, PROMPT, n_tokens=20))
    text = list(PROMPT)
    for token in written:  # each from the whole text anew, without a cache
        assert token == int(tiny.forward(text)[-1].argmax())
        text.append(token)
    assert written == list(stream(tiny, PROMPT, n_tokens=20))


def test_a_temperature_draws_as_often_as_the_probabilities_say():
    scores, rng = np.log(np.array([0.7, 0.1, 0.2], np.float32)), np.random.default_rng(0)
    drawn = np.bincount([next_token(scores, temperature=1.0, rng=rng) for _ in range(4000)]) / 4000
    np.testing.assert_allclose(drawn, [0.7, 0.1, 0.2], atol=0.03)
    bold = np.bincount([next_token(scores, temperature=100.0, rng=rng) for _ in range(4000)]) / 4000
    np.testing.assert_allclose(bold, [1 / 3] * 3, atol=0.04)
    with pytest.raises(OptionError, match="pass rng"):
        next_token(scores, temperature=0.5)
    with pytest.raises(OptionError, match="0 or more"):
        next_token(scores, temperature=-1.0)


def test_one_seed_writes_one_text(tiny):
    texts = [
        generate(tiny, PROMPT, n_tokens=12, temperature=1.5, rng=np.random.default_rng(seed), show=False).tokens
        for seed in (0, 0, 1)
    ]
    assert texts[0] == texts[1] != texts[2]


def test_the_mark_at_the_end_ends_the_answer(tiny, monkeypatch):
    tokens = iter([7, 8, tiny.tokenizer.end, 9])
    monkeypatch.setattr(generation, "next_token", lambda scores, **options: next(tokens))
    answer = generate(tiny, "Hi", n_tokens=30, show=False)
    assert (answer.tokens, answer.stopped) == ([7, 8], "end")
    assert answer.text == str(answer) == tiny.tokenizer.decode([7, 8])
    assert answer.prompt == tiny.tokenizer.chat("Hi")


def test_a_text_goes_on_without_a_chat(tiny):
    answer = generate(tiny, "the in", chat=False, n_tokens=3, show=False)
    assert answer.prompt == tiny.tokenizer.encode("the in")
    assert (len(answer.tokens), answer.stopped) == (3, "length")


def test_an_interrupt_keeps_what_was_written(tiny, monkeypatch, capsys):
    written = iter([70, 71])

    def choose(scores, **options):
        for token in written:
            return token
        raise KeyboardInterrupt

    monkeypatch.setattr(generation, "next_token", choose)
    answer = generate(tiny, PROMPT, n_tokens=9)
    assert (answer.tokens, answer.stopped) == ([70, 71], "interrupted")
    assert capsys.readouterr().out == answer.text + " […]\n"


def test_the_text_comes_as_it_is_written(tiny, monkeypatch, capsys):
    said = []
    tokens = tiny.tokenizer.encode("é!")  # a letter of two bytes is shown when it is complete
    monkeypatch.setattr(generation, "next_token", lambda scores, **options: tokens.pop(0))
    monkeypatch.setattr("builtins.print", lambda text, **options: said.append(text))
    generate(tiny, PROMPT, n_tokens=len(tokens))
    assert said[-3:] == ["é", "!", " […]"]


def test_a_notebook_shows_text_as_text_in_one_place(tiny, monkeypatch):
    shown = []

    class Place:
        def update(self, bundle, raw):
            shown.append(bundle)

    def display(bundle, raw, display_id):
        shown.append(bundle)
        return Place()

    tokens = tiny.tokenizer.encode("<b>hi")
    n_tokens = len(tokens)
    monkeypatch.setattr(generation, "notebook_display", lambda: display)
    monkeypatch.setattr(generation, "next_token", lambda scores, **options: tokens.pop(0))
    generate(tiny, PROMPT, n_tokens=n_tokens)
    assert len(shown) == n_tokens + 1
    assert "<progress" in shown[0]["text/html"]
    assert "&lt;b&gt;hi […]" in shown[-1]["text/html"]
    assert "<progress" not in shown[-1]["text/html"]
    assert shown[-1]["text/plain"] == "<b>hi […]"


def test_more_than_the_model_can_read_is_refused(tiny):
    with pytest.raises(OptionError, match="128 tokens at most, but 4 and 125 are 129"):
        list(stream(tiny, PROMPT, n_tokens=125))
    with pytest.raises(OptionError, match="n_tokens"):
        list(stream(tiny, PROMPT, n_tokens=0))


@pytest.mark.parametrize(("prompt", "chat"), [("", True), (" \n", True), ("", False), ([], True)])
def test_an_empty_prompt_is_refused(tiny, prompt, chat):
    with pytest.raises(OptionError, match="The prompt is empty"):
        generate(tiny, prompt, chat=chat, show=False)


@pytest.mark.parametrize("prompt", [None, 7, ["Hi"], [5.5, 7], [("user", "Hi")], [[5], [5, 7]]], ids=str)
def test_a_prompt_that_is_neither_text_nor_tokens_is_refused(tiny, prompt):
    with pytest.raises(DtypeError, match=r"prompt must be a text, or a row of tokens .* but it is"):
        generate(tiny, prompt, show=False)
