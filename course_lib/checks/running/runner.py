"""Run an answer on a case: catch what it raises, stop it in time, keep what it prints, look at what it returns.

The grader replaces `LocalRunner` by a call into its jail; everything else in the checks stays the same.
"""

import contextlib
import copy
import io
import linecache
import re
import time
import types
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from course_lib.checks.running.limits import TimeIsUp, call_within
from course_lib.checks.running.outcomes import OddResultError, Outcome, Problem, look_at
from course_lib.checks.tasks import Arguments

TIME_LIMIT = 5.0  # seconds that the learner's code may take in one check
_MOST_PRINTED = _MOST_SAID = 2000  # characters
_OURS = f"{__package__}."  # modules whose frames no learner is shown


@dataclass(frozen=True)
class Through:
    """An answer that is called by a function of ours, which calls it several times or counts what it uses.

    The grader's jail takes both along, so that counting happens where the answer runs.
    """

    function: Callable[..., Any]
    func: Any  # the answer, under the name that functools.partial has for it

    def __call__(self, *arguments: Any) -> Any:
        """Call the answer through the function."""
        return self.function(self.func, *arguments)


def bound(answer: Any, function: Callable[..., Any] | None) -> Any:
    """Return `answer` as it is to be called: through `function`, where there is one."""
    return answer if function is None else Through(function, answer)


class Runner(Protocol):
    """Anything that can call an answer.

    One with a true attribute `asks_again` repeats the calls of an answer that has passed, and compares; then the checks
    need not repeat one.
    """

    def __call__(self, answer: Any, given: Sequence[Arguments]) -> list[Outcome]:
        """Call `answer` with each of the given arguments, by position."""


class LocalRunner:
    """Call the answer in this process, all calls together in at most `seconds`."""

    def __init__(self, seconds: float = TIME_LIMIT) -> None:
        self._left = seconds

    def __call__(self, answer: Any, given: Sequence[Arguments]) -> list[Outcome]:
        """Call `answer` with copies of each of the given arguments, by position; once the time is over, say so."""
        outcomes: list[Outcome] = []
        started = time.monotonic()
        with _quiet() as printed, contextlib.suppress(TimeIsUp):
            if self._left > 0:
                call_within(self._left, lambda: outcomes.extend(_outcomes(answer, given, printed)))
        self._left -= time.monotonic() - started
        return outcomes + [Outcome("late")] * (len(given) - len(outcomes))


def _outcomes(answer: Any, given: Sequence[Arguments], printed: "_Printed") -> Iterator[Outcome]:
    """Yield what comes of each call, as it comes."""
    numpy = dict(vars(np))
    for arguments in given:
        copies = _copied(arguments)
        try:
            with np.errstate(all="ignore"):
                outcome = _call(answer, tuple(copies.values()))
        finally:
            vars(np).update(numpy)  # an answer may have put another `np.exp` in its place, or deleted it
        changed = tuple(name for name, argument in arguments.items() if not _same(argument, copies[name]))
        text = printed.take()
        yield replace(outcome, changed=changed, printed=text) if changed or text else outcome


def _copied(arguments: Arguments) -> Arguments:
    return {
        name: argument.__deepcopy__({}) if isinstance(argument, np.ndarray) else copy.deepcopy(argument)
        for name, argument in arguments.items()
    }


def run_trusted(program: Callable[..., Any], arguments: Arguments) -> Outcome:
    """Run a program of ours, such as the reference or a named wrong program."""
    with np.errstate(all="ignore"):
        try:
            value = program(*_copied(arguments).values())
        except Exception as error:
            return Outcome("raised", problem=Problem(type(error).__name__, str(error)))
    return look_at(value)


def _call(answer: Any, arguments: tuple[Any, ...]) -> Outcome:
    try:
        return look_at(answer(*arguments))
    except (KeyboardInterrupt, TimeIsUp):
        raise
    except NotImplementedError:
        return Outcome("empty", detail="NotImplementedError")
    except OddResultError as odd:
        return Outcome("odd", detail=str(odd))
    except BaseException as error:  # SystemExit too: an answer must not end the kernel
        if _is_a_stub(error):
            return Outcome("empty", detail="...")
        return Outcome("raised", problem=_problem(error, answer))


def _is_a_stub(error: BaseException) -> bool:
    """Say whether an Ellipsis that stands for unwritten code led to the exception."""
    if "ellipsis" in _text_of(error).lower():
        return True
    return any(entry is Ellipsis for frame in _own_frames(error) for entry in frame.tb_frame.f_locals.values())


def _problem(error: BaseException, answer: Any) -> Problem:
    frames = _own_frames(error)
    problem = Problem(_class_of(error), _text_of(error))
    if not frames:
        return problem
    files = {frame.tb_frame.f_code.co_filename for frame in frames[:1]} | {_file_of(answer)}
    frame = [frame for frame in frames if frame.tb_frame.f_code.co_filename in files][-1]
    code = frame.tb_frame.f_code
    line = linecache.getline(code.co_filename, frame.tb_lineno).strip()
    return replace(
        problem, function=code.co_name, line_number=frame.tb_lineno - code.co_firstlineno + 1, line=line,
        shapes=_shapes_in(line, frame.tb_frame.f_locals),
    )  # fmt: skip


def _shapes_in(line: str, names: Mapping[str, Any]) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """Return the shapes of the arrays that a line names, in the order of the line."""
    words = dict.fromkeys(re.findall(r"(?<![\w.])[A-Za-z_]\w*", line))
    return tuple((word, names[word].shape) for word in words if isinstance(names.get(word), np.ndarray))


def _own_frames(error: BaseException) -> list[types.TracebackType]:
    """Return the frames below our own call, outermost first."""
    frames = []
    trace = error.__traceback__
    while trace is not None:
        if not str(trace.tb_frame.f_globals.get("__name__")).startswith(_OURS):
            frames.append(trace)
        trace = trace.tb_next
    return frames


def _file_of(answer: Any) -> str:
    function = getattr(answer, "__func__", getattr(answer, "func", answer))
    code = getattr(function, "__code__", None)
    return str(getattr(code, "co_filename", ""))


def _text_of(error: BaseException) -> str:
    """Return what an exception says, as text that can be shown; nothing where it raises in turn."""
    try:
        return str(error)[:_MOST_SAID].encode("utf-8", "replace").decode("utf-8")
    except TimeIsUp:
        raise
    except BaseException:
        return ""


def _class_of(error: BaseException) -> str:
    name = type.__dict__["__name__"].__get__(type(error))  # its own `__name__` may raise
    return name if isinstance(name, str) else "an exception"


class _Printed(io.TextIOBase):
    """Keeps the first characters that are printed."""

    def __init__(self) -> None:
        self._text = ""

    def write(self, text: str) -> int:
        if len(self._text) < _MOST_PRINTED:
            self._text += text
        return len(text)

    def take(self) -> str:
        """Return what was printed since it was asked for last."""
        text, self._text = self._text, ""
        return text if len(text) <= _MOST_PRINTED else text[:_MOST_PRINTED] + " …"


@contextlib.contextmanager
def _quiet() -> Iterator[_Printed]:
    """Keep what is printed, and warn of nothing."""
    printed = _Printed()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield printed


def _same(before: object, after: object) -> bool:
    """Say whether an argument is as it was; a generator or a cache is there to be changed."""
    if isinstance(before, np.ndarray) and isinstance(after, np.ndarray):
        return before.shape == after.shape and before.dtype == after.dtype and before.tobytes() == after.tobytes()
    return before == after if isinstance(before, list) else True
