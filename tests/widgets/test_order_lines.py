"""OrderLines without a front end: order, check, words, messages."""

from typing import Any

import pytest

from course_lib.errors import CourseError, DtypeError, OptionError
from course_lib.widgets import OrderLines

LINES = {"A": "print(x)", "B": "x = 1", "C": "    x == 1", "D": "x = 2"}


def press(order: OrderLines) -> None:
    """What the button does."""
    order.set_state({"asked": order.asked + 1})


def test_order_answer_and_program_are_one() -> None:
    order = OrderLines(LINES)
    assert (order.program, order.left_over) == ([], list(LINES.values()))
    order.answer = "BCA"
    assert order.program == ["x = 1", "    x == 1", "print(x)"]
    assert order.left_over == ["x = 2"]


def test_order_shows_what_the_check_returns_and_for_which_order() -> None:
    order = OrderLines(LINES, answer="BA")
    assert not order.can_check
    order.on_check(lambda letters: f"{letters}: prints 1")
    assert order.can_check
    press(order)
    assert (order.message, order.checked, order.answered) == ("BA: prints 1", "BA", 1)
    order.answer = "DA"
    assert order.checked == "BA", "what was said belongs to the order that was checked"
    press(order)
    assert (order.message, order.checked, order.answered) == ("DA: prints 1", "DA", 2)


def test_order_says_so_when_the_check_itself_fails() -> None:
    order = OrderLines(LINES)
    order.on_check(lambda letters: str(1 / 0))
    with pytest.raises(ZeroDivisionError):
        press(order)
    assert (order.message, order.answered) == ("The check itself failed: ZeroDivisionError: division by zero", 1)


def test_order_says_its_state_in_one_sentence() -> None:
    order = OrderLines(LINES)
    assert repr(order) == "No line is in order yet; A B C D are left over."
    order.answer = "BAC"
    assert repr(order) == "The program is B A C: “x = 1”, “print(x)”, “    x == 1”; D is left over."
    order.answer = "BACD"
    assert repr(order).endswith("; no line is left over.")
    assert repr(OrderLines()) == repr(OrderLines())


def test_order_draws_the_program_before_what_is_left_over() -> None:
    order = OrderLines({**LINES, "E": "long = " + 10 * "function(argument, " + ")"}, question="`x`?", answer="CB")
    words = [text.get_text() for text in order.figure().axes[0].texts]
    assert [word for word in words if word in LINES] == ["C", "B", "A", "D"]
    assert "← line 1 of your program" in words
    assert "    x == 1" in words, "the indentation is kept"
    assert order.figure().png() == order.figure().png()


@pytest.mark.parametrize(
    ("lines", "options", "error", "message"),
    [
        ({"A": "x"}, {}, OptionError, "lines must be 2 to 12, .*, but there are 1"),
        ({chr(65 + n): "x" for n in range(13)}, {}, OptionError, "but there are 13"),
        ({"A": "x", "B": "y\nz"}, {}, OptionError, "B has a line break"),
        ("AB", {}, DtypeError, "lines must map letters to texts"),
        (LINES, {"answer": "AX"}, OptionError, "letters of the lines A, B, C, D, but it has 'X'"),
        (LINES, {"answer": "ABA"}, OptionError, "answer has A twice"),
        (LINES, {"question": None}, DtypeError, "question must be words"),
    ],
)
def test_order_names_what_is_wrong(lines: Any, options: dict[str, Any], error: type[CourseError], message: str) -> None:
    with pytest.raises(error, match=message):
        OrderLines(lines, **options)


def test_order_keeps_its_state_when_a_new_one_is_refused() -> None:
    order = OrderLines(LINES, answer="BA")
    for bad in ("BB", "Q", "b"):
        with pytest.raises(OptionError):
            order.answer = bad
    with pytest.raises(OptionError, match="fixed"):
        order.lines = {"A": "x", "B": "y"}
    with pytest.raises(DtypeError, match="function of the letters"):
        order.on_check(3)  # type: ignore[arg-type]
    assert order.answer == "BA"
