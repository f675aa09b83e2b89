"""Writing text with a language model: token by token, each drawn from what the model expects next."""

import html
import sys
from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from course_lib.attention import softmax
from course_lib.errors import DtypeError, OptionError, ShapeError
from course_lib.models.language_model.model import LanguageModel
from course_lib.models.progress_bar import notebook_display
from course_lib.shapes import FloatArray, require_integer, require_number


@dataclass(frozen=True)
class Answer:
    """What a model wrote.

    Attributes
    ----------
    text : str
    tokens : list of int
        The tokens written, without the mark at the end.
    prompt : list of int
        The tokens it began with.
    stopped : {"end", "length", "interrupted"}
        The model said that it had finished, or it had written as many tokens as it was to, or it was interrupted.
    """

    text: str
    tokens: list[int]
    prompt: list[int]
    stopped: Literal["end", "length", "interrupted"]

    def __str__(self) -> str:
        return self.text


def next_token(scores: FloatArray, *, temperature: float = 0.0, rng: np.random.Generator | None = None) -> int:
    """Choose the next token from the model's scores for it.

    Parameters
    ----------
    scores : ndarray, shape (vocabulary_size,)
    temperature : float
        0 takes the token with the highest score. Above it, a token is drawn: the higher, the bolder.
    rng : numpy.random.Generator, optional
        Draws the token; needed with a temperature.

    Returns
    -------
    int

    Raises
    ------
    OptionError
        If `temperature` is negative, or there is no `rng` to draw with.

    Examples
    --------
    >>> next_token(np.array([0.5, 2.0, 1.0]))
    1
    """
    if require_number("temperature", temperature) < 0:
        raise OptionError(f"temperature must be 0 or more, but it is {temperature}.")
    if temperature == 0:
        return int(np.argmax(scores))
    if not isinstance(rng, np.random.Generator):
        raise OptionError(
            f"A temperature above 0 draws at random: pass rng, such as np.random.default_rng(0), but it is {rng!r}."
        )
    probabilities = softmax(scores.astype(np.float64), temperature=temperature)
    return int(rng.choice(len(probabilities), p=probabilities))


def stream(
    model: LanguageModel,
    prompt: Sequence[int],
    *,
    n_tokens: int = 100,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
) -> Iterator[int]:
    """Give tokens that go on from a prompt, one at a time, until the model says that it has finished.

    Each token costs the same: keys and values of all before it are kept.

    Parameters
    ----------
    model : LanguageModel
    prompt : sequence of int
        Tokens, from `model.tokenizer.chat` or `.encode`.
    n_tokens : int
        Write no more than these.
    temperature, rng
        As in `next_token`.

    Yields
    ------
    int
    """
    n_tokens = require_integer("n_tokens", n_tokens, minimum=1)
    model.check_tokens(prompt)
    n_all, room = len(prompt) + n_tokens, model.config.context_length
    if n_all > room:
        raise OptionError(
            f"This model reads and writes {room} tokens at most, but {len(prompt)} and {n_tokens} are {n_all}."
        )
    cache = model.new_cache()
    new: Sequence[int] = prompt
    for _ in range(n_tokens):
        scores = model.forward(new, cache=cache, last_only=True)[-1]
        token = next_token(scores, temperature=temperature, rng=rng)
        yield token
        if token == model.tokenizer.end:
            return
        new = [token]


def generate(
    model: LanguageModel,
    prompt: str | Sequence[int],
    *,
    chat: bool = True,
    n_tokens: int = 100,
    temperature: float = 0.0,
    rng: np.random.Generator | None = None,
    show: bool = True,
) -> Answer:
    """Let the model answer, and show the text as it comes.

    Interrupt it at any time: what was written so far is returned.

    Parameters
    ----------
    model : LanguageModel
    prompt : str or sequence of int
        A question, or tokens to go on from.
    chat : bool
        Ask `prompt` as a question, in the words that the model was trained with. False goes on with the text.
    n_tokens : int
        Write no more than these.
    temperature, rng
        As in `next_token`. Temperature 0 writes the same text each time.
    show : bool
        Show the text as it comes, with a progress bar.

    Returns
    -------
    Answer

    Raises
    ------
    DtypeError, ShapeError
        If `prompt` is neither text nor tokens.
    OptionError
        If it is empty or too long, or an option is out of its range.
    """
    tokenizer = model.tokenizer
    begin = _tokens_of(model, prompt, chat=chat)
    shown = _Shown(n_tokens) if show else None
    tokens: list[int] = []
    stopped: Literal["end", "length", "interrupted"] = "length"
    decode, text = tokenizer.stream(), ""
    try:
        for token in stream(model, begin, n_tokens=n_tokens, temperature=temperature, rng=rng):
            if token == tokenizer.end:
                stopped = "end"
                break
            tokens.append(token)
            text += decode(token)
            if shown is not None:
                shown.write(text, len(tokens))
    except KeyboardInterrupt:
        stopped = "interrupted"
    text = tokenizer.decode(tokens)
    if shown is not None:
        shown.finish(text, stopped)
    return Answer(text, tokens, begin, stopped)


def _tokens_of(model: LanguageModel, prompt: str | Sequence[int], *, chat: bool) -> list[int]:
    """Return the tokens that an answer begins with."""
    is_blank = isinstance(prompt, str) and chat and not prompt.strip()
    if is_blank or (isinstance(prompt, Sized) and not len(prompt)):
        raise OptionError("The prompt is empty. Ask a question, or give a text to go on from with chat=False.")
    if isinstance(prompt, str):
        return model.tokenizer.chat(prompt) if chat else model.tokenizer.encode(prompt)
    try:
        return [int(token) for token in model.check_tokens(prompt)]
    except (DtypeError, ShapeError, ValueError) as error:
        if isinstance(error, OptionError):
            raise
        raise DtypeError(
            "prompt must be a text, or a row of tokens such as tokenizer.encode gives for a text and tokenizer.chat "
            f"for a conversation, but it is {' '.join(repr(prompt).split())[:80]}."
        ) from None


class _Shown:
    """The text as it comes: in a notebook in one place that fills, in a terminal as it is written."""

    def __init__(self, n_tokens: int) -> None:
        self.n_tokens = n_tokens
        self._display = notebook_display()
        self._place: Any = None
        self._written = 0

    def write(self, text: str, n_done: int) -> None:
        """Show the text so far."""
        if self._display is None:
            print(text[self._written :], end="", flush=True)
            self._written = len(text)
            return
        label = f"{n_done} of at most {self.n_tokens} tokens"
        bar = f'<progress value="{n_done}" max="{self.n_tokens}" aria-label="tokens written"></progress>'
        self._update(text, f"<p>{bar} {label}</p>")

    def finish(self, text: str, stopped: str) -> None:
        """Show the whole text, and why it is over where that is not clear."""
        note = "" if stopped == "end" else " […]"
        if self._display is None:
            print(text[self._written :] + note, flush=True, file=sys.stdout)
        else:
            self._update(text + note, "")

    def _update(self, text: str, below: str) -> None:
        escaped = html.escape(text)
        shown = {
            "text/plain": text,
            "text/html": f'<div style="white-space: pre-wrap" role="log">{escaped}</div>{below}',
        }
        if self._place is None:
            self._place = self._display(shown, raw=True, display_id=True)
        else:
            self._place.update(shown, raw=True)
