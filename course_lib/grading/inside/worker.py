"""Run a submission's cells as IPython would, then call its functions when asked. Every answer is only an answer."""

import io
import os
import random
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from course_lib.checks.running import through as ways
from course_lib.checks.running.limits import TimeIsUp, call_within
from course_lib.checks.running.outcomes import Outcome
from course_lib.checks.running.runner import LocalRunner, bound
from course_lib.grading.protocol import STOPPED_AFTER, Header, from_header, pack, unpack

_MOST_TEXT = 2000  # characters of anything that goes out
_MOST_LETTERS = 100
_MOST_OF_A_FAILURE, _MOST_FAILURES = 300, 200  # characters, cells
_MOST_REQUEST = 1 << 28  # requests come from the grader


class Worker:
    """One submission's process, once it is locked in.

    Parameters
    ----------
    shell : InteractiveShell
    claims : dict
        What the submission handed to `check`, by task.
    requests, responses : int
        File descriptors.
    """

    def __init__(self, shell: Any, claims: dict[str, Any], requests: int, responses: int) -> None:
        self._shell, self._claims = shell, claims
        self._requests, self._responses = requests, responses
        self._most_body = 0
        self._unread = b""

    def serve(self) -> None:
        """Answer requests until there are no more."""
        actions = {"cells": self._run_cells, "describe": self._describe, "call": self._call, "probe": self._probe}
        while True:
            try:
                header, arrays = unpack(self._read, most_header=_MOST_REQUEST, most_body=_MOST_REQUEST)
            except EOFError:
                return
            actions[header["do"]](header, arrays)

    def _read(self, n_bytes: int) -> bytes:
        while len(self._unread) < n_bytes:  # as a rule a whole request comes at once
            part = os.read(self._requests, min(max(n_bytes - len(self._unread), 1 << 14), 1 << 20))
            if not part:
                raise EOFError
            self._unread += part
        taken, self._unread = self._unread[:n_bytes], self._unread[n_bytes:]
        return taken

    def _send(self, header: Mapping[str, Any], *arrays: Any) -> None:
        self._write(pack(header, arrays))

    def _write(self, frames: bytes) -> None:
        left = memoryview(frames)
        while left:
            left = left[os.write(self._responses, left) :]

    def _run_cells(self, header: Header, _arrays: Any) -> None:
        """Run all cells, each although an earlier one failed; tell which is about to run, in case it is the last."""
        random.seed(header["seed"])
        np.random.seed(header["seed"])  # noqa: NPY002 - learners may use the old functions, and get the same each time
        self._most_body = header["most_body"]
        sys.stdout = _Printed(1, header["most_printed"])
        sys.stderr = _Printed(2, header["most_printed"])
        failed = []
        for number, source in header["cells"]:
            self._send({"cell": number})
            problem = self._run_cell(source, header["cell_seconds"])
            if problem:
                failed.append([number, problem])
        self._send({"failed": failed[:_MOST_FAILURES]})

    def _run_cell(self, source: str, seconds: float) -> str:
        """Run a cell; return what stopped it, or ''."""
        try:
            result = call_within(seconds, lambda: self._shell.run_cell(source, store_history=True))
        except TimeIsUp:
            return f"{STOPPED_AFTER} {seconds:g} seconds"
        except BaseException as error:  # a hook or a shell that the learner's code has changed
            return _in_words(error)
        stopped = getattr(result, "error_before_exec", None) or getattr(result, "error_in_exec", None)
        if isinstance(stopped, TimeIsUp):
            return f"{STOPPED_AFTER} {seconds:g} seconds"
        return "" if stopped is None else _in_words(stopped)

    def _candidates(self, task: str, name: str) -> Iterator[tuple[str, Any]]:
        """Give what may be meant: what was handed to `check` last, and what has the name now, if it is another."""
        if task in self._claims:
            yield "claim", self._claims[task]
        named = self._shell.user_ns.get(name, _ABSENT)
        if named is not _ABSENT and named is not self._claims.get(task, _ABSENT):
            yield "name", named

    def _describe(self, header: Header, _arrays: Any) -> None:
        found = [
            [{"from": source, **_described(answer)} for source, answer in self._candidates(task, name)]
            for task, name in header["asked"]
        ]
        self._send({"found": found})

    def _call(self, header: Header, arrays: Any) -> None:
        answer = dict(self._candidates(header["task"], header["name"]))[header["from"]]
        way = getattr(ways, header["through"]) if header["through"] else None
        given = [{name: from_header(described, arrays) for name, described in one} for one in header["given"]]
        outcomes = LocalRunner(header["seconds"])(bound(answer, way), given)
        self._write(b"".join(map(self._outcome_frame, outcomes)))  # at once: each write wakes the grader

    def _probe(self, header: Header, _arrays: Any) -> None:
        """Try what is forbidden; asked for when the grader starts, in a process that gets no submission."""
        from course_lib.grading.inside.probes import try_everything

        self._send({"tried": try_everything(header)})

    def _outcome_frame(self, outcome: Outcome) -> bytes:
        problem = outcome.problem
        header = {
            "kind": outcome.kind, "detail": outcome.detail[:_MOST_TEXT], "dtype": outcome.dtype,
            "changed": list(outcome.changed),
            "problem": None if problem is None else {
                "error": problem.error[:_MOST_TEXT], "text": problem.text[:_MOST_TEXT],
                "function": problem.function[:_MOST_TEXT], "line_number": problem.line_number,
                "line": problem.line[:_MOST_TEXT],
                "shapes": [[name[:_MOST_TEXT], list(shape)] for name, shape in problem.shapes[:_MOST_LETTERS]],
            },
        }  # fmt: skip
        if outcome.array is None:
            return pack(header)
        if outcome.array.nbytes > self._most_body:
            detail = f"{outcome.array.size:,} numbers, far more than asked for"
            return pack({**header, "kind": "odd", "dtype": "", "detail": detail})
        return pack(header, [outcome.array])


_ABSENT = object()


def _described(answer: Any) -> dict[str, Any]:
    if answer is None or answer is Ellipsis:
        return {"is": "nothing", "what": repr(answer)}
    if isinstance(answer, str):
        return {"is": "text", "text": str(answer)[:_MOST_TEXT]}
    if isinstance(answer, list | tuple) and all(isinstance(part, str) for part in answer):
        return {"is": "letters", "letters": [str(part)[:_MOST_TEXT] for part in answer[:_MOST_LETTERS]]}
    if callable(answer):
        return {"is": "function"}
    return {"is": "other", "type": type(answer).__name__[:_MOST_TEXT]}


def _in_words(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = ""
    name = type(error).__name__[:_MOST_OF_A_FAILURE]
    return f"{name}: {text}"[:_MOST_OF_A_FAILURE] if text else name


class _Printed(io.TextIOBase):
    """Standard output or error with a cap: what comes after it is dropped, and nothing fails."""

    encoding = "utf-8"

    def __init__(self, descriptor: int, most: int) -> None:
        self._descriptor, self._left = descriptor, most

    def write(self, text: str) -> int:
        """Write through, up to the cap."""
        kept = text[: self._left].encode("utf-8", "replace")
        self._left -= min(self._left, len(text))
        while kept:
            kept = kept[os.write(self._descriptor, kept) :]
        return len(text)

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def fileno(self) -> int:
        """Return the descriptor below."""
        return self._descriptor
