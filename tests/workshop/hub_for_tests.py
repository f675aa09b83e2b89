"""Open a real workshop for a test, with users of their own where this machine lets learners reach Python.

``python hub_for_tests.py FOLDER PORT`` is `course workshop` without the check of who starts it: a test as root on a
machine whose Python is closed to others runs learners as the test itself, which an instructor never gets.
"""

import os
import sys
from pathlib import Path

from course_lib.errors import CourseError
from course_lib.lab import course_folder
from course_lib.workshop import command, server, settings
from course_lib.workshop.hub.application import run
from course_lib.workshop.limits import find_limits
from course_lib.workshop.settings import Workshop

CODE, PASSWORD = "TEST-77", "instructor password"


def main(folder: Path, port: int) -> None:
    """Open the workshop; say as whom learners run, and when it is open."""
    root = course_folder(Path(__file__))
    settings.open_folder(folder, root)
    code, digest, _ = settings.read_secrets(folder, code=CODE, password=PASSWORD)
    options = {
        "folder": folder, "address": "127.0.0.1", "port": port, "lesson": settings.FIRST_LESSON,
        "limits": find_limits(2**30, 1.0), "idle_minutes": 60, "code": code, "password": digest,
    }  # fmt: skip
    try:
        first_uid = settings.choose_users(None, trust_the_room=True)
        workshop = Workshop(first_uid=first_uid, **options)
        settings.try_user(workshop)
    except CourseError as error:
        print(f"no users of their own: {error}", flush=True)
        workshop = Workshop(first_uid=None, **options)
        if os.geteuid() == 0:
            allow_root()
    run(workshop, lambda: print(f"OPEN {workshop.first_uid}", command.notice(workshop, None), flush=True))


def allow_root() -> None:
    """Let learners' servers run as root, which Jupyter refuses and no workshop does."""
    options = server.options
    server.options = lambda **named: [*options(**named), "--allow-root"]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
