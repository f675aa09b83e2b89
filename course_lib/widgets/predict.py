"""Predict: commit to an answer first, then see what happens (every lesson)."""

from collections.abc import Callable, Mapping
from typing import Any

import traitlets

from course_lib import plots
from course_lib.errors import DtypeError, OptionError
from course_lib.widgets.base import LiveWidget
from course_lib.widgets.lettered import check_lettered, check_question
from course_lib.widgets.modules import join_modules, stylesheet

_QUESTION = "A key gets twice as long, the angle to the query stays. The score ..."
_OPTIONS = {"a": "stays", "b": "halves", "c": "doubles"}
_REVEAL = (
    "A dot product is linear: `q · (2 k) = 2 (q · k)`. A long key scores high with every query that it leans towards."
)

OnCommit = Callable[[str], str | None]


class Predict(LiveWidget):
    """Ask a question, wait until the learner commits to an answer, then reveal what happens.

    A first click only chooses; a button commits, so that a slip does not count. From then on the answer is locked: a
    prediction is worth something only when it was made before looking. Nobody is told off for a wrong one.

    Parameters
    ----------
    question : str, optional
        An example where question and options are left out. `code` between backticks is set as code.
    options : mapping of letter to str, optional
        2 to 5 answers.
    reveal : str
        What happens and why, one paragraph a line. It is shown after the commitment, also on a page without a kernel.
        Until then it is nowhere on the page; but it is in the page's source, and in a saved notebook, for whoever looks
        there. To keep it out of both, leave it empty and let a function given to `on_commit` return it.
    right : str
        The letter of what happens; marked beside the learner's own after the commitment. The same holds for it.
    answer : str
        The letter of a prediction that was made before; the widget then opens answered.

    Raises
    ------
    DtypeError
        If something that must be words is not.
    OptionError
        If there are fewer than 2 or more than 5 options, a letter is not one of them, or a text is too long.

    Examples
    --------
    >>> predict = Predict("Softmax of equal scores gives ...", {"a": "equal weights", "b": "zeros"}, right="a")
    >>> predict
    “Softmax of equal scores gives ...” waits for a prediction: a (equal weights) or b (zeros).
    >>> predict.answer = "b"
    >>> predict
    To “Softmax of equal scores gives ...” the prediction is b (zeros); what happens is a (equal weights).
    """

    _esm = join_modules("predict.js")
    _css = stylesheet("answers.css")

    options = traitlets.Dict().tag(sync=True)
    answer = traitlets.Unicode("").tag(sync=True)
    reveal = traitlets.Unicode("").tag(sync=True)
    right = traitlets.Unicode("").tag(sync=True)
    revealed = traitlets.Unicode("").tag(sync=True)

    def __init__(
        self,
        question: str | None = None,
        options: Mapping[str, str] | None = None,
        *,
        reveal: str = "",
        right: str = "",
        answer: str = "",
    ) -> None:
        super().__init__()
        if (question is None) != (options is None):
            raise OptionError("Give question and options together, or neither of them.")
        if question is None:
            question, options, reveal, right = _QUESTION, _OPTIONS, reveal or _REVEAL, right or "c"
        self._committed = ""
        self._on_commit: list[OnCommit] = []
        with self.hold_sync():
            self.question = check_question(question)
            self.options = check_lettered("options", options, fewest=2, most=5, why="to be weighed at one look")
            self.right, self.reveal = right, reveal
            if answer:
                self.answer = self._committed = answer
                self.revealed = reveal
        self.observe(self._commit, names="answer")

    def on_commit(self, callback: OnCommit) -> None:
        """Call ``callback(letter)`` once the learner has committed; a str that it returns is what is revealed.

        Raises
        ------
        DtypeError
            If it cannot be called.
        """
        if not callable(callback):
            raise DtypeError(f"on_commit takes a function of the letter, but it is {callback!r:.60}.")
        self._on_commit.append(callback)

    def figure(self) -> plots.Picture:
        """Return the present state as a still matplotlib figure."""
        marks = {self.answer: "your answer"} if self.answer else {}
        if self.answer and self.right:
            marks[self.right] = "your answer, and what happens" if self.answer == self.right else "what happens"
        return plots.lettered(
            self.question, self.options, marks=marks, note=self.revealed if self.answer else "", caption=repr(self)
        )

    def __repr__(self) -> str:
        if not self.answer:
            listed = [self._named(letter) for letter in self.options]
            return f"“{self.question}” waits for a prediction: {', '.join(listed[:-1])} or {listed[-1]}."
        happens = f"; what happens is {self._named(self.right)}" if self.right else ""
        return f"To “{self.question}” the prediction is {self._named(self.answer)}{happens}."

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take what a front end sends; of two pages that commit, the first one counts."""
        if self._committed and sync_data.get("answer", self._committed) != self._committed:
            sync_data = {name: value for name, value in sync_data.items() if name != "answer"}
            self.send_state("answer")
        super().set_state(sync_data)

    def _named(self, letter: str) -> str:
        return f"{letter} ({self.options[letter]})"

    def _commit(self, change: Any) -> None:
        self._committed = change.new
        text = self.reveal
        try:
            for callback in self._on_commit:
                text = callback(change.new) or text
        except Exception as error:
            text = f"Your prediction is kept. What happens could not be computed: {type(error).__name__}: {error}"
            raise
        finally:
            self.revealed = text

    @traitlets.validate("answer")
    def _check_answer(self, proposal: Any) -> str:
        letter = self._check_letter("answer", proposal.value)
        if self._committed and letter != self._committed:
            raise OptionError(
                f"A prediction is made once, and this one is {self._committed!r}: the first answer stays."
            )
        return letter

    @traitlets.validate("right")
    def _check_right(self, proposal: Any) -> str:
        return self._check_letter("right", proposal.value)

    def _check_letter(self, name: str, letter: str) -> str:
        if letter and letter not in self.options:
            raise OptionError(f"{name} must be one of {', '.join(self.options)}, but it is {letter!r:.60}.")
        return letter

    @traitlets.validate("options")
    def _check_options(self, proposal: Any) -> dict[str, str]:
        if self.options and dict(proposal.value) != self.options:
            raise OptionError("The options of a prediction are fixed; make a new one for others.")
        return dict(proposal.value)
