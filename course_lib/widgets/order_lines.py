"""OrderLines: put the lines of a program in order, and leave out those that don't belong (lessons 04, 07, 09)."""

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from course_lib import plots
from course_lib.errors import DtypeError, OptionError
from course_lib.widgets.base import LiveWidget
from course_lib.widgets.lettered import check_lettered, check_question
from course_lib.widgets.modules import join_modules, stylesheet

MOST_LINES = 12
_QUESTION = "Which lines, in which order, turn query, key and value into output? Two of them don't belong."
_LINES = {
    "A": "weights = exponentials / exponentials.sum(axis=-1, keepdims=True)",
    "B": "output = scores @ value",
    "C": "scores = query @ key.T / np.sqrt(key.shape[-1])",
    "D": "output = weights @ value",
    "E": "weights = exponentials / exponentials.sum(axis=0)",
    "F": "exponentials = np.exp(scores)",
}

OnCheck = Callable[[str], str | None]


class OrderLines(LiveWidget):
    """Order lines of code by hand or by keys, in two areas: your program, and what is left over.

    `answer` holds the letters of the program in order; setting it moves the lines.

    Parameters
    ----------
    lines : mapping of letter to str, optional
        2 to 12 lines of code, indentation kept; attention in four lines and two distractors where left out.
    question : str
        One line above. `code` between backticks is set as code.
    answer : str
        The letters that are in order from the start.

    Raises
    ------
    DtypeError
        If something that must be words is not.
    OptionError
        If there are too few or too many lines, a text is too long or holds a line break, or `answer` names a line that
        does not exist or names one twice.

    Examples
    --------
    >>> order = OrderLines({"A": "print(x)", "B": "x = 1", "C": "x == 1"}, question="What prints 1?")
    >>> order.answer = "BA"
    >>> order.program
    ['x = 1', 'print(x)']
    >>> order
    The program is B A: “x = 1”, “print(x)”; C is left over.
    """

    _esm = join_modules("order_lines.js")
    _css = stylesheet("answers.css")

    lines = traitlets.Dict().tag(sync=True)
    answer = traitlets.Unicode("").tag(sync=True)
    can_check = traitlets.Bool(False).tag(sync=True)
    asked = traitlets.Int(0).tag(sync=True)  # how often the button was pressed, and how many of these are answered
    answered = traitlets.Int(0).tag(sync=True)
    checked = traitlets.Unicode("").tag(sync=True)
    message = traitlets.Unicode("").tag(sync=True)

    def __init__(self, lines: Mapping[str, str] | None = None, *, question: str = "", answer: str = "") -> None:
        super().__init__()
        if lines is None:
            lines, question = _LINES, question or _QUESTION
        self._on_check: list[OnCheck] = []
        with self.hold_sync():
            self.question = check_question(question)
            self.lines = _checked_lines(lines)
            self.answer = answer
        self.observe(self._check, names="asked")

    def on_check(self, callback: OnCheck) -> None:
        """Show a button that calls ``callback(letters)``; a str that it returns is shown below the lines.

        Raises
        ------
        DtypeError
            If it cannot be called.
        """
        if not callable(callback):
            raise DtypeError(f"on_check takes a function of the letters, but it is {callback!r:.60}.")
        self._on_check.append(callback)
        self.can_check = True

    @property
    def program(self) -> list[str]:
        """The lines of the program in order."""
        return [self.lines[letter] for letter in self.answer]

    @property
    def left_over(self) -> list[str]:
        """The lines that the program does not use."""
        return [line for letter, line in self.lines.items() if letter not in self.answer]

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        ordered = {letter: self.lines[letter] for letter in (*self.answer, *self._left())}
        marks = {letter: f"line {place} of your program" for place, letter in enumerate(self.answer, start=1)}
        return plots.lettered(
            self.question, ordered, marks=marks, note=self.message, is_code=True, caption=repr(self)
        )  # fmt: skip

    def __repr__(self) -> str:
        left = self._left()
        over = f"{' '.join(left)} {'is' if len(left) == 1 else 'are'} left over" if left else "no line is left over"
        if not self.answer:
            return f"No line is in order yet; {over}."
        return f"The program is {' '.join(self.answer)}: {', '.join(f'“{line}”' for line in self.program)}; {over}."

    def _left(self) -> list[str]:
        return [letter for letter in self.lines if letter not in self.answer]

    def _check(self, change: Any) -> None:
        letters, text = self.answer, ""
        try:
            for callback in self._on_check:
                text = callback(letters) or text
        except Exception as error:
            text = f"The check itself failed: {type(error).__name__}: {error}"
            raise
        finally:
            with self.hold_sync():
                self.message, self.checked, self.answered = text, letters, change.new

    @traitlets.validate("answer")
    def _check_answer(self, proposal: Any) -> str:
        letters = proposal.value
        strangers = [letter for letter in letters if letter not in self.lines]
        if strangers:
            known = ", ".join(self.lines)
            raise OptionError(f"answer must be letters of the lines {known}, but it has {strangers[0]!r}.")
        twice = [letter for letter in letters if letters.count(letter) > 1]
        if twice:
            raise OptionError(f"Each line is used at most once, but answer has {twice[0]} twice.")
        return str(letters)

    @traitlets.validate("lines")
    def _check_lines(self, proposal: Any) -> dict[str, str]:
        if self.lines and dict(proposal.value) != self.lines:
            raise OptionError("The lines are fixed; make a new widget for others.")
        return dict(proposal.value)


def _checked_lines(lines: Mapping[str, str]) -> dict[str, str]:
    checked = check_lettered("lines", lines, fewest=2, most=MOST_LINES, why="so that all are seen at once")
    broken = [letter for letter, line in checked.items() if "\n" in line]
    if broken:
        raise OptionError(f"Each of the lines must be a single line, but {broken[0]} has a line break.")
    return checked
