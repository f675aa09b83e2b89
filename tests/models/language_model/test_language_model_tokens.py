"""Tokens: the same as a plain reading of the rules on a thousand texts; chat; text that comes bit by bit."""

import random

import pytest
from language_model_specification import encode, words
from tiny_language_model import MARKS, MERGES, byte_letters

from course_lib.errors import DtypeError, OptionError
from course_lib.models.language_model.gguf_file import GGUFModel
from course_lib.models.language_model.store import model_path
from course_lib.models.language_model.tokenizer import SYSTEM, Tokenizer

PIECES = [*MARKS, *byte_letters(), *(merge.replace(" ", "") for merge in MERGES)]
RANGES = [(0x20, 0x7F), (0xA1, 0x180), (0x370, 0x400), (0x410, 0x450), (0x5D0, 0x5EB), (0x621, 0x64B), (0x905, 0x93A),
          (0x0E01, 0x0E3B), (0x4E00, 0x4F00), (0x3041, 0x3097), (0xAC00, 0xAD00), (0x1F300, 0x1F650), (0x2190, 0x21FF),
          (0x660, 0x66A), (0x2160, 0x2170), (0xB2, 0xB4), (0x2000, 0x200B), (0x200C, 0x2010)]  # fmt: skip
SNIPPETS = [
    "the quick brown fox", "I'll say we've", "they'RE it's", "def f(x):\n    return x ** 2",
    "for (int i = 0; i < 10; ++i) {", "3.14159", "1,000,000", "2026-11-23", "  two blanks",
    "tab\tand\r\nline", "\n\n\n", " ", "   ", "naïve café", "😀👩‍👩‍👧‍👦🏳️‍🌈", "user\nHi!", "assistant\n",
    "#include <stdio.h>", "https://example.org/a?b=c&d=1", "x²+y³=z½", "e\u0301", "…—“quoted”",
    "SELECT * FROM t WHERE id='7';", "\u200b", "a\u00a0b", "\ufeffbom", "Ⅳ ٣ ५", "_snake_case__",
    "CamelCaseWords", "''''", "don't",
]  # fmt: skip


def texts(n, seed=0):
    """Texts of every kind, drawn with a seed."""
    draw = random.Random(seed)
    drawn = list(SNIPPETS)
    while len(drawn) < n:
        parts = []
        for _ in range(draw.randint(1, 8)):
            first, last = draw.choice(RANGES)
            letters = "".join(chr(draw.randrange(first, last)) for _ in range(draw.randint(1, 6)))
            parts.append(
                draw.choice([letters, draw.choice(SNIPPETS), str(draw.randrange(10**6)), " " * draw.randint(1, 3)])
            )
        drawn.append("".join(parts))
    return drawn


def numbered(pieces):
    return {piece: place for place, piece in enumerate(pieces)}


def ranked(merges):
    return {tuple(merge.split(" ", 1)): place for place, merge in enumerate(merges)}


def test_words_are_cut_as_the_rules_say():
    assert words("In 1969, they'll") == ["In", " ", "1", "9", "6", "9", ",", " they", "'ll"]
    assert words("a  b \n") == ["a", " ", " b", " \n"]


def test_a_thousand_texts_have_the_tokens_of_the_plain_reading(tiny):
    letters = byte_letters()
    for text in texts(1000):
        tokens = tiny.tokenizer.encode(text)
        assert tokens == encode(text, numbered(PIECES), ranked(MERGES), letters), text
        assert tiny.tokenizer.decode(tokens) == text


def test_a_thousand_texts_have_the_tokens_of_the_plain_reading_in_the_real_vocabulary(real):
    vocabulary = GGUFModel(model_path()).vocabulary  # from the file itself, not from what the library made of it
    number, rank, letters = numbered(vocabulary.tokens), ranked(vocabulary.merges), byte_letters()
    assert len(number) == 49152
    for text in texts(1000, seed=1):
        assert real.tokenizer.encode(text) == encode(text, number, rank, letters), text


def test_a_chat_is_what_the_model_was_trained_on(real):
    expected = (
        f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\nHi!<|im_end|>\n<|im_start|>assistant\nHello."
        "<|im_end|>\n<|im_start|>user\n2+2?<|im_end|>\n<|im_start|>assistant\n"
    )
    said = real.tokenizer.chat([("user", "Hi!"), ("assistant", "Hello."), ("user", "2+2?")])
    assert real.tokenizer.decode(said, marks=True) == expected
    assert said == real.tokenizer.encode(expected)


def test_marks_in_what_somebody_says_are_letters(tiny):
    tokenizer = tiny.tokenizer
    assert tokenizer.encode("<|im_end|>") == [2]
    assert tokenizer.encode("<|im_end|>", marks=False) == [len(MARKS) + ord(letter) for letter in "<|im_end|>"]
    assert tokenizer.chat("stop<|im_end|>").count(tokenizer.end) == 2  # after the system's words and after the question


def test_pieces_show_every_token_as_text(tiny):
    tokenizer = tiny.tokenizer
    text = "the € in the <|im_end|>"
    pieces = tokenizer.pieces(tokenizer.encode(text))
    assert pieces == ["t", "he", " ", "\\xe2", "\\x82", "\\xac", " ", "in", " the", " ", "<|im_end|>"]


@pytest.mark.parametrize("text", ["é and 😀!", "€€€", "plain", "\ud7ff日本語"])
def test_a_stream_says_the_text_as_its_letters_are_complete(tiny, text):
    tokens, stream = tiny.tokenizer.encode(text), tiny.tokenizer.stream()
    said = [stream(token) for token in tokens]
    assert "".join(said) == text
    assert "�" not in "".join(said)
    assert len([part for part in said if part]) > 1


def test_a_tokenizer_is_the_same_after_a_round_through_json(tiny):
    again = Tokenizer.from_json(tiny.tokenizer.to_json(), "<|im_end|>")
    for text in [*texts(100, seed=2), "<|im_start|>the"]:
        assert again.encode(text) == tiny.tokenizer.encode(text)
    assert (again.end, len(again)) == (2, 268)


def test_what_is_no_text_or_no_token_is_refused(tiny):
    with pytest.raises(DtypeError, match="text must be a str"):
        tiny.tokenizer.encode(7)
    for token in (-1, 268):
        with pytest.raises(OptionError, match=f"0 to 267, but one is {token}"):
            tiny.tokenizer.decode([token])
    with pytest.raises(DtypeError, match=r"must be a whole number, but one is 5\.5"):
        tiny.tokenizer.decode([5.5])
    with pytest.raises(DtypeError, match=r"must be a pair such as .* but one is 'Hi'"):
        tiny.tokenizer.chat(["Hi"])
    with pytest.raises(OptionError, match="role"):
        tiny.tokenizer.chat([("teacher", "Hi")])
