"""Stop code that does not end, on whatever system it runs.

On Linux and macOS, in the main thread, an alarm interrupts it, also in the middle of a long operation. Elsewhere, as on
Windows, in a browser, or in another thread, the code is watched line by line: that stops every loop that is written in
Python, once an operation that is under way comes back. What swallows every exception, again and again, is stopped by
the alarm only.
"""

import signal
import sys
import threading
import time
import types
from collections.abc import Callable
from typing import Any, TypeVar

Made = TypeVar("Made")


class TimeIsUp(BaseException):
    """Raised in the learner's code; no `except Exception` of theirs catches it."""


def call_within(seconds: float, call: Callable[[], Made]) -> Made:
    """Return what `call` returns; raise TimeIsUp where that takes longer than `seconds`."""
    return _with_alarm(seconds, call) if _has_alarm() else _line_by_line(seconds, call)


def _has_alarm() -> bool:
    in_main_thread = threading.current_thread() is threading.main_thread()
    return in_main_thread and sys.platform != "emscripten" and hasattr(signal, "setitimer")


def _with_alarm(seconds: float, call: Callable[[], Made]) -> Made:
    started = time.monotonic()
    before, interval = signal.getitimer(signal.ITIMER_REAL)
    own_frame = sys._getframe()
    is_running, rings, tracer = True, 0, sys.gettrace()

    def ring(_number: int, frame: types.FrameType | None) -> None:
        nonlocal rings
        if not is_running or frame is own_frame:  # never between our own lines, only below them
            return
        rings += 1
        if rings > 1:  # the first was swallowed by an `except:`
            _strike_again(frame, own_frame)
        raise TimeIsUp

    previous = signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds, 0.02)  # again and again, for a loop around `except:`
        return call()
    finally:
        is_running = False
        sys.settrace(tracer)
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        if before:  # somebody else's alarm, such as a test runner's
            signal.setitimer(signal.ITIMER_REAL, max(before - (time.monotonic() - started), 0.001), interval)


def _strike_again(frame: types.FrameType | None, outermost: types.FrameType) -> None:
    """Raise once more at the next line that runs below `outermost`: that line is the handler's, which has none."""

    def trace(_frame: types.FrameType, event: str, _argument: Any) -> Any:
        if event == "line":
            raise TimeIsUp
        return trace

    while frame is not None and frame is not outermost:
        frame.f_trace = trace
        frame = frame.f_back
    sys.settrace(trace)


def _line_by_line(seconds: float, call: Callable[[], Made]) -> Made:
    last, tracer = time.monotonic() + seconds, sys.gettrace()

    def trace(_frame: types.FrameType, _event: str, _argument: Any) -> Any:
        if time.monotonic() > last:
            raise TimeIsUp
        return trace

    sys.settrace(trace)
    try:
        return call()
    finally:
        sys.settrace(tracer)
