"""From text to tokens and back: byte-level pair encoding, built from the vocabulary of the model's file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from course_lib.errors import DtypeError, OptionError
from course_lib.models.language_model.packages import needed

SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"
_BEGIN, _END = "<|im_start|>", "<|im_end|>"
_LONGEST_LETTER = 4  # bytes in UTF-8, and a token is one byte at least


@dataclass(frozen=True)
class Vocabulary:
    """What a tokenizer is built from.

    Attributes
    ----------
    tokens : tuple of str
        Token i is ``tokens[i]``, its bytes written as letters (`Ġ` is a blank).
    merges : tuple of str
        Pairs of pieces that become one, separated by a blank, the first rule first.
    special : tuple of str
        Those of `tokens` that are marks and never come out of a text's letters, such as the end of an answer.
    end : str
        The mark that ends an answer.
    """

    tokens: tuple[str, ...]
    merges: tuple[str, ...]
    special: tuple[str, ...]
    end: str


class Tokenizer:
    """Turn text into the model's tokens, which are whole numbers, and back.

    Text is cut into words and single digits first. Each word becomes its bytes, and then pairs of pieces are joined,
    rule by rule, the most frequent first.

    Parameters
    ----------
    engine : tokenizers.Tokenizer
        See `from_vocabulary` and `from_json`.
    end : str
        The mark that ends an answer.

    References
    ----------
    Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units", section 3.2; on bytes in
    Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2.
    """

    def __init__(self, engine: Any, end: str) -> None:
        self._engine = engine
        self._size: int = engine.get_vocab_size()
        self.end = self._number(end)

    @classmethod
    def from_vocabulary(cls, vocabulary: Vocabulary) -> "Tokenizer":
        """Build a tokenizer from what the model's file says."""
        tokenizers = needed("tokenizers")
        numbers = {piece: number for number, piece in enumerate(vocabulary.tokens)}
        pairs = [tuple(merge.split(" ", 1)) for merge in vocabulary.merges]
        engine = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=numbers, merges=pairs))
        byte_level = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
        digits = tokenizers.pre_tokenizers.Digits(individual_digits=True)
        engine.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([digits, byte_level])
        engine.decoder = tokenizers.decoders.ByteLevel()
        engine.add_special_tokens(
            [tokenizers.AddedToken(mark, normalized=False, special=True) for mark in vocabulary.special]
        )
        return cls(engine, vocabulary.end)

    @classmethod
    def from_json(cls, text: str, end: str) -> "Tokenizer":
        """Build a tokenizer from what `to_json` gave."""
        return cls(needed("tokenizers").Tokenizer.from_str(text), end)

    def to_json(self) -> str:
        """Return everything about this tokenizer but its `end`, as JSON."""
        text: str = self._engine.to_str()
        return text

    def encode(self, text: str, *, marks: bool = True) -> list[int]:
        """Return the tokens of a text.

        Parameters
        ----------
        text : str
        marks : bool
            Read marks such as `<|im_end|>` in the text as what they mean. False takes them for letters, as is right
            for what somebody else wrote.

        Returns
        -------
        list of int

        Raises
        ------
        DtypeError
            If `text` is no text.
        """
        if not isinstance(text, str):
            raise DtypeError(f"text must be a str, but it is {text!r}.")
        self._engine.encode_special_tokens = not marks
        numbers: list[int] = self._engine.encode(text, add_special_tokens=False).ids
        return numbers

    def decode(self, tokens: Iterable[int], *, marks: bool = False) -> str:
        """Return the text of some tokens; bytes that are no complete letter become `�`.

        Parameters
        ----------
        tokens : iterable of int
        marks : bool
            Keep marks such as `<|im_end|>`.
        """
        text: str = self._engine.decode([self._checked(token) for token in tokens], skip_special_tokens=not marks)
        return text

    def pieces(self, tokens: Iterable[int]) -> list[str]:
        """Return the text of each token by itself, marks included; a byte that is no letter is written `\\xe2`."""
        return [_readable(self._engine.id_to_token(self._checked(token))) for token in tokens]

    def chat(self, messages: Sequence[tuple[str, str]] | str, *, system: str = SYSTEM) -> list[int]:
        """Return the tokens of a conversation, up to where the answer begins.

        Parameters
        ----------
        messages : str or sequence of (role, str)
            A question, or all that was said so far, each with its role, "user" or "assistant". What it says is text:
            marks in it mean nothing.
        system : str
            What the model is told first. The usual one is what it was trained with.

        Returns
        -------
        list of int

        Raises
        ------
        DtypeError, OptionError
            If a message is no pair, or there is no such role.
        """
        said = [("user", messages)] if isinstance(messages, str) else list(messages)
        tokens: list[int] = []
        for turn in [("system", system), *said]:
            if not isinstance(turn, tuple | list) or len(turn) != 2:
                raise DtypeError(f'Each message must be a pair such as ("user", "Hi!"), but one is {turn!r}.')
            role, text = turn
            if role not in ("system", "user", "assistant"):
                raise OptionError(f'A role must be "user" or "assistant", but one is {role!r}.')
            words = self.encode(f"{role}\n{text}", marks=False)
            tokens += [self._number(_BEGIN), *words, self._number(_END), *self.encode("\n")]
        return [*tokens, self._number(_BEGIN), *self.encode("assistant\n")]

    def stream(self) -> "Stream":
        """Return a decoder to which tokens come one at a time."""
        return Stream(self)

    def __len__(self) -> int:
        return self._size

    def _number(self, mark: str) -> int:
        number: int | None = self._engine.token_to_id(mark)
        if number is None:
            raise OptionError(f"The vocabulary has no {mark}, so this model is not made for questions and answers.")
        return number

    def _checked(self, token: int) -> int:
        if not isinstance(token, int | np.integer):
            raise DtypeError(f"A token must be a whole number, but one is {token!r}.")
        if not 0 <= token < len(self):
            raise OptionError(f"A token must be a whole number from 0 to {len(self) - 1}, but one is {token}.")
        return int(token)


class Stream:
    """Decode tokens as they come: text comes out as soon as its letters are complete."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._begin = self._said = 0  # of the tokens, the first that is decoded again and the first not said yet

    def __call__(self, token: int) -> str:
        """Return the text that is complete with one more token and was not before, perhaps none."""
        self._tokens.append(int(token))
        before = self._tokenizer.decode(self._tokens[self._begin : self._said])
        now = self._tokenizer.decode(self._tokens[self._begin :])
        if now.endswith("�") and len(self._tokens) - self._said < _LONGEST_LETTER:
            return ""
        self._begin, self._said = self._said, len(self._tokens)
        return now[len(before) :]


def _readable(piece: str) -> str:
    """Return a piece of the vocabulary as text."""
    bytes_of = _byte_of_letter()
    if any(letter not in bytes_of for letter in piece):
        return piece
    return bytes(bytes_of[letter] for letter in piece).decode("utf-8", errors="backslashreplace")


@cache
def _byte_of_letter() -> dict[str, int]:
    """Return the byte that each letter of a byte-level vocabulary stands for.

    Bytes that print stand for themselves, the others for the letters from 256 on, in order.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(0x100) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(0x100 + n): byte for n, byte in enumerate(others)}
