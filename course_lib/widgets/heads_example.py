"""Four heads that look for different things in one sentence, made of features and projections by hand (lesson 07).

A token's vector says which word it is and where it stands (each one-hot), that it is a token at all (a 1 that every
token has), whether it asks whom it means ("it"), and whether it can be meant ("cat", and not "fish"). A head's two maps
choose what its queries ask for and what its keys offer.
"""

import numpy as np

from course_lib import attention as steps
from course_lib.shapes import FloatArray

TOKENS = ("the", "cat", "ate", "the", "fish", "because", "it", "was", "hungry")
N_HEADS = 4
D_K = len(TOKENS)
_STRENGTH = 12.0  # divided by sqrt(d_k) = 3, the score of a match: e^4 to 1 against each other key
_WORDS = tuple(dict.fromkeys(TOKENS))
_POSITION, _ONE = len(_WORDS), len(_WORDS) + len(TOKENS)  # the columns before are the words
_ASKS, _CAN_BE_MEANT = _ONE + 1, _ONE + 2


def example_tokens() -> FloatArray:
    """Return the token vectors, shape (n_tokens, d_model)."""
    x = np.zeros((len(TOKENS), _CAN_BE_MEANT + 1))
    for position, token in enumerate(TOKENS):
        x[position, [_WORDS.index(token), _POSITION + position, _ONE]] = 1
    x[TOKENS.index("it"), _ASKS] = 1
    x[TOKENS.index("cat"), _CAN_BE_MEANT] = 1
    return x


def example_maps() -> tuple[FloatArray, FloatArray]:
    """Return w_query and w_key, shape (d_model, n_heads * d_k) each."""
    w_query, w_key = np.zeros((2, N_HEADS, _CAN_BE_MEANT + 1, D_K))
    positions, words = np.arange(len(TOKENS)), np.arange(len(_WORDS))
    w_query[0, _POSITION + positions, np.maximum(positions - 1, 0)] = 1  # position i asks for position i - 1
    w_key[0, _POSITION + positions, positions] = 1
    w_query[1, words, words] = 1  # a word asks for itself
    w_key[1, words, words] = 1
    w_query[2, _ONE, 0] = 1  # everybody asks for position 0
    w_key[2, _POSITION, 0] = 1
    w_query[3, _ASKS, 0] = 1  # who asks whom it means, asks for who can be meant; the others ask for nothing
    w_key[3, _CAN_BE_MEANT, 0] = 1
    return steps.merge_heads(_STRENGTH * w_query), steps.merge_heads(w_key)


def example_weights() -> FloatArray:
    """Return the weights of the four heads, shape (n_heads, n_tokens, n_tokens)."""
    x, (w_query, w_key) = example_tokens(), example_maps()
    query, key = (steps.split_heads(steps.project(x, weight), N_HEADS) for weight in (w_query, w_key))
    return steps.attention_weights(query, key)
