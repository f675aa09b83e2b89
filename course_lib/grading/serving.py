"""A process that marks: submissions come in as lines of JSON, marks go out; `python -m course_lib.grading.serving`.

It holds one `Marker`, and with it one zygote. It is ours and trusted; what it hands the submissions to is not. The
first line has the options, and its answer says that the marker stands, or why it cannot. The process ends with its
input, so that it outlives nobody.
"""

import contextlib
import importlib
import io
import json
import os
import signal
import sys
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from course_lib.errors import CourseError
from course_lib.grading.submission import Cell, Mark, Marked, Submission


@dataclass(frozen=True)
class Options:
    """How to mark.

    Attributes
    ----------
    seed : int
    seconds, memory_bytes : float, int or None
        The limits of one submission; None means the marker's own.
    trust : bool
        Mark also where the isolation is not what untrusted work needs.
    marker : str
        ``"module:function"``; the function makes the marker from these options. Tests put another one here.
    """

    seed: int = 0
    seconds: float | None = None
    memory_bytes: int | None = None
    trust: bool = False
    marker: str = "course_lib.grading.serving:make_marker"

    def as_line(self) -> str:
        """Return the options as a line."""
        return _line(asdict(self))

    def words(self) -> str:
        """Say what the marks depend on."""
        limits = [
            f"{name} {value:g}"
            for name, value in (("seconds", self.seconds), ("memory", self.memory_bytes))
            if value is not None
        ]
        return ", ".join([f"seed {self.seed}", *limits])


def make_marker(options: Options) -> Any:
    """Return the marker of the grader, with the limits that were asked for."""
    from course_lib.grading.marking import Limits, Marker

    limits = Limits()
    if options.seconds is not None:
        limits = replace(limits, seconds=options.seconds)
    if options.memory_bytes is not None:
        limits = replace(limits, memory_bytes=options.memory_bytes)
    return Marker(limits=limits, seed=options.seed, trust=options.trust)


def submission_as_line(submission: Submission) -> str:
    """Return a submission as a line."""
    return _line({**vars(submission), "cells": [vars(cell) for cell in submission.cells]})


def submission_of(data: dict[str, Any]) -> Submission:
    """Return the submission of a line that was read."""
    return Submission(**{
        **data, "cells": tuple(Cell(**cell) for cell in data["cells"]), "remarks": tuple(data["remarks"]),
    })  # fmt: skip


def marked_of(data: dict[str, Any]) -> Marked:
    """Return the marks of a line that was read."""
    return Marked(**{
        **data, "marks": tuple(Mark(**mark) for mark in data["marks"]), "remarks": tuple(data["remarks"]),
    })  # fmt: skip


def _line(data: object) -> str:
    return json.dumps(data, separators=(",", ":")) + "\n"


class _Ended(BaseException):
    """The process was asked to end."""

    @classmethod
    def raised(cls, *given: object) -> Self:
        """Raise it out of a signal handler."""
        raise cls


def serve(reader: io.TextIOBase, writer: io.TextIOBase) -> None:
    """Answer each line of `reader` with one on `writer`, until the lines end."""
    given = json.loads(reader.readline() or "{}")
    options = Options(**{field.name: given[field.name] for field in fields(Options) if field.name in given})
    module, _, name = options.marker.partition(":")
    try:
        marker = getattr(importlib.import_module(module), name)(options)
        with marker:
            _say(writer, {"ready": True})
            for line in reader:
                _say(writer, _answer(marker, submission_of(json.loads(line))))
    except CourseError as error:
        _say(writer, {"failed": str(error)})


def _answer(marker: Any, submission: Submission) -> dict[str, Any]:
    try:
        marked: Marked = marker.mark(submission)
        return {"marked": {**vars(marked), "marks": [vars(mark) for mark in marked.marks]}}
    except Exception as error:  # one submission must not take the others with it
        return {"failed": f"{type(error).__name__}: {error}"}


def _say(writer: io.TextIOBase, data: dict[str, Any]) -> None:
    writer.write(_line(data))
    writer.flush()


def main() -> None:
    """Serve the process's own input and output; nothing else that is printed comes among the answers."""
    signal.signal(signal.SIGTERM, _Ended.raised)
    with (
        os.fdopen(os.dup(0), encoding="utf-8") as reader,
        os.fdopen(os.dup(1), "w", encoding="utf-8") as writer,
    ):
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        with contextlib.suppress(_Ended, BrokenPipeError, KeyboardInterrupt):
            serve(reader, writer)
        with contextlib.suppress(BrokenPipeError):
            writer.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
