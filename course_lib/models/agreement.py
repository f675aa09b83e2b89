"""A task with a local shortcut: does the verb agree with its subject, or with the noun that stands beside it?

"The keys behind the old dog near the cat ..." goes on with "are", because of the keys. In the sentences to learn from,
the last noun nearly always has the same number as the subject, so a model that looks at its neighbour alone is nearly
always right. In held-out sentences the last noun says nothing. In people, too, a near noun sometimes wins: linguists
call it agreement attraction.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from course_lib.errors import OptionError
from course_lib.models.layers import IntArray
from course_lib.shapes import require_integer, require_number

_SINGULAR = ("key", "dog", "cat", "table", "lamp", "book", "chair", "bird", "tree", "cup")
_PLURAL = tuple(f"{noun}s" for noun in _SINGULAR)
_PREPOSITIONS = ("behind", "near", "beside", "under")
_ADJECTIVES = ("old", "small", "red", "quiet")
_OPENINGS = ("luckily", "today", "often", "indeed")
_VERBS = ("is", "are")
WORDS = (*_SINGULAR, *_PLURAL, *_PREPOSITIONS, *_ADJECTIVES, *_OPENINGS, "the", "___", *_VERBS)
SENTENCE_LENGTH = 16  # the last token is the gap that the verb fills
_NUMBER_OF = {word: index for index, word in enumerate(WORDS)}


@dataclass(frozen=True)
class Sentences:
    """Sentences and what follows them.

    Attributes
    ----------
    tokens : ndarray of int, shape (n, 16)
        Numbers of `WORDS`; the last is the gap.
    targets : ndarray of int, shape (n, 16)
        The verb at the gap, -1 elsewhere.
    """

    tokens: IntArray
    targets: IntArray

    def __len__(self) -> int:
        return len(self.tokens)

    def words(self, index: int) -> list[str]:
        """Return one sentence as words."""
        return [WORDS[token] for token in self.tokens[index]]


def draw_sentences(n: int, *, agreement: float, rng: np.random.Generator) -> Sentences:
    """Draw sentences in which the last noun has the subject's number with probability `agreement`.

    Parameters
    ----------
    n : int
    agreement : float
        0.5: the last noun says nothing about the verb. 1: it always tells the verb.
    rng : numpy.random.Generator

    Returns
    -------
    Sentences

    Raises
    ------
    OptionError
        If `n` is no whole number above 0, or `agreement` is not between 0 and 1.

    Examples
    --------
    >>> sentences = draw_sentences(2, agreement=0.5, rng=np.random.default_rng(4))
    >>> " ".join(sentences.words(0))
    'indeed today often today the tables beside the trees beside the dogs beside the trees ___'
    >>> WORDS[sentences.targets[0, -1]]
    'are'
    """
    n = require_integer("n", n, minimum=1)
    if not 0 <= require_number("agreement", agreement) <= 1:
        raise OptionError(f"agreement must be between 0 and 1, a probability, but it is {agreement}.")
    drawn = [_draw_one(agreement, rng) for _ in range(n)]
    targets = np.full((n, SENTENCE_LENGTH), -1)
    targets[:, -1] = [_NUMBER_OF[verb] for _, verb in drawn]
    return Sentences(np.array([[_NUMBER_OF[word] for word in words] for words, _ in drawn]), targets)


def share_right(logits: ArrayLike, sentences: Sentences) -> float:
    """Return the share of sentences whose verb the model finds more likely than the other verb.

    Parameters
    ----------
    logits : array_like, shape (n, 16, vocabulary_size)
    sentences : Sentences
    """
    singular, plural = np.asarray(logits)[:, -1, [_NUMBER_OF[verb] for verb in _VERBS]].T
    said = np.where(plural > singular, *(_NUMBER_OF[verb] for verb in reversed(_VERBS)))
    return float(np.mean(said == sentences.targets[:, -1]))


def _draw_one(agreement: float, rng: np.random.Generator) -> tuple[list[str], str]:
    """Return the words of a sentence up to the gap, and the verb that fills it."""
    is_plural = bool(rng.integers(2))
    n_openings = int(rng.integers(5))
    # Opening, "the keys", and as often as it fits "behind the dog"; what is left over becomes adjectives.
    n_phrases, n_adjectives = divmod(SENTENCE_LENGTH - 3 - n_openings, 3)
    numbers = [is_plural, *rng.integers(2, size=n_phrases).astype(bool)]
    numbers[-1] = is_plural if rng.random() < agreement else not is_plural
    described = rng.integers(n_phrases + 1, size=n_adjectives)
    words = [str(word) for word in rng.choice(_OPENINGS, size=n_openings)]
    for place, number in enumerate(numbers):
        before = [str(rng.choice(_PREPOSITIONS))] if place else []
        adjectives = [str(rng.choice(_ADJECTIVES)) for _ in range(int(np.sum(described == place)))]
        words += [*before, "the", *adjectives, str(rng.choice(_PLURAL if number else _SINGULAR))]
    return [*words, "___"], _VERBS[is_plural]
