"""A marker for the tests of what stands around it: marks that follow from the digest, and odd behaviour on request.

What a submission asks for stands in its code: DIE, DIE ONCE path, RAISE, SLOW.
"""

import os
import re
import time
from pathlib import Path

from course_lib.errors import GradingError
from course_lib.grading.assignments import ASSIGNMENTS
from course_lib.grading.submission import Mark, Marked

STATUSES = ("passed", "not_yet", "not_started", "stopped")


class FakeMarker:
    def __init__(self, options):
        self.seed = options.seed

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        pass

    def mark(self, submission):
        text = "\n".join(cell.source for cell in submission.cells)
        if "SLOW" in text:
            time.sleep(0.02)
        once = re.search("DIE ONCE (.*)", text)
        if once and not Path(once[1]).exists():
            Path(once[1]).touch()
            os._exit(3)
        if "DIE NOW" in text:
            os._exit(3)
        if "RAISE" in text:
            raise ValueError("on purpose")
        numbers = bytes.fromhex(submission.digest)
        marks = []
        for place, one in enumerate(ASSIGNMENTS[submission.exercise].asked):
            status = STATUSES[(numbers[place] + self.seed) % 4]
            points = 1.0 * (status == "passed")
            marks.append(Mark(one.task, status, None, f"About {one.task}, {numbers[place]}.", points, 1.0))
        seconds = time.perf_counter()  # another one each time: no time may reach the gradebook
        return Marked(submission.digest, submission.exercise, tuple(marks), (), "printed\x1b[31m", 0.01, seconds)


def refusing(options):
    raise GradingError("no user namespaces here")


def crashing(options):
    raise RuntimeError("a mistake of ours")
