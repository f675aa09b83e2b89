"""Tell a workshop what a check found: one small file in the outbox, which the learner's own server sends on.

Only where COURSE_OUTBOX names a folder, which a workshop's server does and nothing else. What is shared is the task,
the verdict and the name of the mistake; never code, never what a program printed. The check neither waits for the
sending nor learns whether it worked: a workshop that cannot be reached finds the files when it can.
"""

import json
import os
import time
import uuid
from pathlib import Path

from course_lib.checks.result import Result

FOLDER = "COURSE_OUTBOX"
# A workshop of a day leaves some hundred; a program that checks in a loop must not fill the disk.
MOST_WAITING = 5_000


def share(result: Result) -> None:
    """Put a verdict in the outbox, where there is one; whatever goes wrong there is no concern of the check."""
    folder = os.environ.get(FOLDER)
    if not folder or result.status == "broke":
        return
    try:
        _write(Path(folder), result)
    except (OSError, ValueError):
        return


def _write(folder: Path, result: Result) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with os.scandir(folder) as waiting:
        if sum(1 for _ in waiting) >= MOST_WAITING:
            return
    now, name = time.time(), uuid.uuid4().hex
    content = {"id": name, "task": result.name, "status": result.status, "confusion": result.confusion, "at": now}
    # Written aside and renamed, so that the sender never meets half of one; named so that they sort as they happened.
    file = folder / f"{int(now * 1e6):020d}-{name}.json"
    part = file.with_suffix(".part")
    part.write_text(json.dumps(content), encoding="utf-8")
    os.replace(part, file)
