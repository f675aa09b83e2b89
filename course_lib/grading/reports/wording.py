"""What a check says in a notebook, said where there is none."""

_BELOW = "printed below"


def away_from_the_notebook(message: str) -> str:
    """Return a check's message for a page or an LMS, where its input is not printed below.

    Examples
    --------
    >>> away_from_the_notebook("Take the input of this case, printed below, and follow one row.")
    'Take the input of this case, which the check in your notebook prints, and follow one row.'
    """
    return message.replace(_BELOW, "which the check in your notebook prints")
