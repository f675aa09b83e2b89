"""Who may come in: class code, PIN of a name that is taken, instructor's password, and how often one may try.

Knows nothing of the Hub, so that every way to come in, and every way to stay outside, is a plain test.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from course_lib.errors import CourseError, OptionError
from course_lib.workshop import names
from course_lib.workshop.people import People

MINUTE = 60.0
# A class sits behind one address, so this bounds wrong codes and never right ones.
WRONG_PER_ADDRESS = 60
WRONG_IN_ALL = 300
WRONG_PER_NAME = 6
WRONG_PASSWORDS = 10


class RefusedError(CourseError):
    """Somebody stays outside; the message is for them. `asks_pin`: the form should have a field for it."""

    def __init__(self, message: str, *, asks_pin: bool = False) -> None:
        super().__init__(message)
        self.asks_pin = asks_pin


@dataclass(frozen=True)
class Admitted:
    """Somebody who comes in; `pin` is a new one, to be shown once."""

    account: str
    is_instructor: bool = False
    pin: str | None = None
    shown: str = ""


@dataclass
class Attempts:
    """Wrong tries of the last minute, by what they were tried on."""

    clock: Callable[[], float] = time.monotonic
    _wrong: dict[str, deque[float]] = field(default_factory=dict)

    def are_too_many(self, what: str, most: int) -> bool:
        """Tell whether `most` wrong tries were made in the last minute."""
        times = self._wrong.get(what)
        while times and times[0] < self.clock() - MINUTE:
            times.popleft()
        if not times:
            self._wrong.pop(what, None)
        return len(times or ()) >= most

    def note(self, *places: str) -> None:
        """Note a wrong try."""
        for place in places:
            self._wrong.setdefault(place, deque(maxlen=WRONG_IN_ALL)).append(self.clock())


@dataclass
class Door:
    """The entrance of a workshop.

    Parameters
    ----------
    people : People
    code : str
        The class code.
    password : str
        What `names.digest` kept of the instructor's password.
    attempts : Attempts
    """

    people: People
    code: str
    password: str
    attempts: Attempts = field(default_factory=Attempts)

    def admit(self, *, name: str, code: str, pin: str = "", password: str = "", address: str = "") -> Admitted:
        """Let somebody in.

        Raises
        ------
        RefusedError
            With a message that says what to do.
        """
        if self.attempts.are_too_many(f"from {address}", WRONG_PER_ADDRESS) or self.attempts.are_too_many(
            "anywhere", WRONG_IN_ALL
        ):
            raise RefusedError("Too many wrong tries in the last minute. Wait a minute, then try again.")
        return self._instructor(name, password, address) if password else self._learner(name, code, pin, address)

    def _instructor(self, name: str, password: str, address: str) -> Admitted:
        if self.attempts.are_too_many("password", WRONG_PASSWORDS):
            raise RefusedError("Too many wrong passwords in the last minute. Wait a minute, then try again.")
        if not names.is_secret(password, self.password):
            self.attempts.note(f"from {address}", "anywhere", "password")
            raise RefusedError("This is not the instructor's password. Learners leave that field empty.")
        try:
            return Admitted(names.instructor_account(name), is_instructor=True, shown=name.strip() or "Instructor")
        except OptionError as error:
            raise RefusedError(str(error)) from None

    def _learner(self, typed: str, code: str, pin: str, address: str) -> Admitted:
        if not names.same_code(code, self.code):
            self.attempts.note(f"from {address}", "anywhere")
            raise RefusedError("This is not the class code. Your instructor shows it; capitals do not count.")
        try:
            account, shown = names.learner_account(typed), names.shown_name(typed)
        except OptionError as error:
            raise RefusedError(str(error)) from None
        if self.people.find(account) is None:
            try:
                person, new_pin = self.people.join(account, shown)
            except CourseError as error:
                raise RefusedError(str(error)) from None
            return Admitted(person.account, pin=new_pin, shown=person.shown)
        return self._again(account, shown, pin, address)

    def _again(self, account: str, shown: str, typed_pin: str, address: str) -> Admitted:
        """Let in somebody whose name is taken: by themselves, with their PIN or released, and by nobody else."""
        if (new_pin := self.people.take_up(account)) is not None:
            return Admitted(account, pin=new_pin, shown=shown)
        pin = names.bare_pin(typed_pin)
        if not pin:
            raise RefusedError(
                f"Somebody has joined as {shown}. If that was you, add the PIN that you got then; if you have lost it, "
                "ask your instructor to release your name. If it was not you, add an initial to your name.",
                asks_pin=True,
            )
        if self.attempts.are_too_many(f"as {account}", WRONG_PER_NAME):
            raise RefusedError(f"Too many wrong PINs for {shown}. Wait a minute, or ask the instructor.", asks_pin=True)
        if not self.people.is_pin(account, pin):
            self.attempts.note(f"from {address}", "anywhere", f"as {account}")
            raise RefusedError(f"This is not the PIN of {shown}. Your instructor can release your name.", asks_pin=True)
        return Admitted(account, shown=shown)
