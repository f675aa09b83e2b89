"""What a question and its lettered options, or lettered lines, must be to be shown."""

from collections.abc import Mapping

from course_lib.errors import DtypeError, OptionError

LONGEST_QUESTION = 1000  # characters: what is longer is a text of its own, and belongs into the cell above
LONGEST_TEXT = 300


def check_lettered(name: str, texts: object, *, fewest: int, most: int, why: str) -> dict[str, str]:
    """Return a mapping of single letters to texts as a dict, or say what is wrong with it.

    Raises
    ------
    DtypeError
        If it is no mapping, or a text is no str.
    OptionError
        If there are too few or too many, a letter is not one letter, or a text is empty or too long.
    """
    if not isinstance(texts, Mapping):
        raise DtypeError(
            f"{name} must map letters to texts, as in {{'a': 'stays', 'b': 'doubles'}}, not {texts!r:.60}."
        )
    if not fewest <= len(texts) <= most:
        raise OptionError(f"{name} must be {fewest} to {most}, {why}, but there are {len(texts)}.")
    for letter, text in texts.items():
        if not (isinstance(letter, str) and len(letter) == 1 and letter.isalpha()):
            raise OptionError(f"{name}: each must have a letter of its own, as 'a', but one has {letter!r:.60}.")
        if not isinstance(text, str):
            raise DtypeError(f"{name}: the text of {letter!r} must be words (str), but it is {text!r:.60}.")
        if not text.strip() or len(text) > LONGEST_TEXT:
            raise OptionError(
                f"{name}: the text of {letter!r} must have 1 to {LONGEST_TEXT} characters, but it has "
                f"{len(text) if text.strip() else 'nothing to read'}."
            )
    return dict(texts)


def check_question(question: object) -> str:
    """Return a question, or say what is wrong with it."""
    if not isinstance(question, str):
        raise DtypeError(f"question must be words (str), but it is {question!r:.60}.")
    if len(question) > LONGEST_QUESTION:
        raise OptionError(f"question may have {LONGEST_QUESTION} characters, but it has {len(question)}.")
    return question
