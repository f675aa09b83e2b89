"""What stands in the place of a function that is not there while an exercise is graded."""

from collections.abc import Callable
from typing import Any, NoReturn

from course_lib.errors import CourseError


class MissingHereError(CourseError, RuntimeError):
    """A function of the library was called that the exercise asks for, or that comes in a later lesson."""


def missing(name: str) -> Callable[..., Any]:
    """Return a function called `name` that says that it is not there."""

    def called(*_arguments: Any, **_options: Any) -> NoReturn:
        raise MissingHereError(
            f"The library's own `{name}` is not there while this exercise is graded: the exercise asks for it, or for "
            "something that it does, or a later lesson brings it. Write it yourself."
        )

    called.__name__ = called.__qualname__ = name
    return called
