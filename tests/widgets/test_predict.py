"""Predict without a front end: commitment, lock, reveal, words, messages."""

from typing import Any

import pytest

from course_lib.errors import CourseError, DtypeError, OptionError
from course_lib.widgets import Predict

OPTIONS = {"a": "stays", "b": "halves", "c": "doubles"}


def make(**options: Any) -> Predict:
    return Predict("The score ...", OPTIONS, **options)


def test_predict_reveals_nothing_before_the_commitment_and_then_what_was_handed_over() -> None:
    predict = make(reveal="It doubles.", right="c")
    assert (predict.answer, predict.revealed) == ("", "")
    predict.answer = "a"
    assert predict.revealed == "It doubles."


def test_predict_reveals_what_a_callback_returns() -> None:
    predict = make(reveal="It doubles.")
    heard: list[str] = []
    predict.on_commit(heard.append)  # returns None: the reveal stays
    predict.on_commit(lambda letter: f"You said {letter}.")
    predict.answer = "b"
    assert heard == ["b"]
    assert predict.revealed == "You said b."


def test_predict_keeps_the_first_answer() -> None:
    predict = make(reveal="It doubles.")
    heard: list[str] = []
    predict.on_commit(heard.append)
    predict.answer = "b"
    predict.answer = "b"
    for other in ("a", ""):
        with pytest.raises(OptionError, match="the first answer stays"):
            predict.answer = other
    assert (predict.answer, heard) == ("b", ["b"])


def test_predict_keeps_the_first_answer_when_a_second_page_commits_too() -> None:
    predict = make()
    predict.set_state({"answer": "b"})
    sent: list[Any] = []
    predict.send_state = lambda key=None: sent.append(key)  # type: ignore[method-assign]
    predict.set_state({"answer": "c"})
    assert (predict.answer, sent) == ("b", ["answer"])


def test_predict_opens_answered() -> None:
    predict = make(answer="a", reveal="It doubles.", right="c")
    heard: list[str] = []
    predict.on_commit(heard.append)
    assert (predict.answer, predict.revealed, heard) == ("a", "It doubles.", [])
    with pytest.raises(OptionError, match="made once, and this one is 'a'"):
        predict.answer = "c"


def test_predict_says_so_when_what_happens_cannot_be_computed() -> None:
    predict = make(reveal="It doubles.")
    predict.on_commit(lambda letter: str(1 / 0))
    with pytest.raises(ZeroDivisionError):
        predict.answer = "a"
    assert predict.revealed.startswith("Your prediction is kept.")
    assert "ZeroDivisionError" in predict.revealed


def test_predict_says_its_state_in_one_sentence() -> None:
    predict = make(right="c")
    assert repr(predict) == "“The score ...” waits for a prediction: a (stays), b (halves) or c (doubles)."
    predict.answer = "c"
    assert repr(predict) == "To “The score ...” the prediction is c (doubles); what happens is c (doubles)."
    assert repr(Predict()) == repr(Predict())


def test_predict_draws_the_reveal_only_after_the_commitment() -> None:
    predict = make(reveal="It doubles, $always$ <b>.", right="c")
    words = lambda: [text.get_text() for text in predict.figure().axes[0].texts]  # noqa: E731
    before = words()
    assert "stays" in before
    assert not any("doubles," in text or "what happens" in text for text in before)
    predict.answer = "a"
    assert {"← your answer", "← what happens", "It doubles, $always$ <b>."} <= set(words())
    assert predict.figure().png().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("?",), {}, OptionError, "question and options together"),
        (("?", {"a": "one"}), {}, OptionError, "options must be 2 to 5, .*, but there are 1"),
        (("?", dict.fromkeys("abcdef", "x")), {}, OptionError, "but there are 6"),
        (("?", {"a": "one", "bb": "two"}), {}, OptionError, "one has 'bb'"),
        (("?", {"a": "one", 2: "two"}), {}, OptionError, "one has 2"),
        (("?", {"a": "one", "b": 2}), {}, DtypeError, "the text of 'b' must be words"),
        (("?", {"a": "one", "b": " "}), {}, OptionError, "nothing to read"),
        (("?", {"a": "one", "b": 301 * "x"}), {}, OptionError, "1 to 300 characters, but it has 301"),
        (("?", ["a", "b"]), {}, DtypeError, "options must map letters to texts"),
        ((3, OPTIONS), {}, DtypeError, "question must be words"),
        ((1001 * "?", OPTIONS), {}, OptionError, "1000 characters, but it has 1001"),
        ((), {"right": "z"}, OptionError, "right must be one of a, b, c, but it is 'z'"),
        ((), {"answer": "z"}, OptionError, "answer must be one of a, b, c, but it is 'z'"),
    ],
)
def test_predict_names_what_is_wrong(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[CourseError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Predict(*arguments, **options)


def test_predict_keeps_its_options_and_takes_functions_only() -> None:
    predict = make()
    with pytest.raises(OptionError, match="are fixed"):
        predict.options = {"a": "x", "b": "y"}
    with pytest.raises(DtypeError, match="function of the letter"):
        predict.on_commit("b")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="answer must be one of"):
        predict.answer = "z"
    predict.answer = "a"
    assert predict.revealed == ""
