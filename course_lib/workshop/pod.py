"""A learner's server in a container: the copy of the course is brought up to date, then JupyterLab serves it.

The container is the limit and the user, so nothing else is to be done. COURSE_SOURCE names the course in the image.
"""

import os
import sys
from pathlib import Path

from course_lib.workshop import copies, server

SOURCE = "COURSE_SOURCE"


def prepare(source: Path, home: Path) -> Path:
    """Bring the copy in a learner's home up to date and go there; return it.

    What learners get is chosen here, as on one machine, so that the image may hold more.
    """
    copy = home / "course"
    snapshot = home / ".course-as-given"
    try:
        copies.take_snapshot(source, snapshot)
        print(f"Copy of the course: {copies.update(snapshot, copy)}", flush=True)
    except OSError as error:  # a full volume must not keep anybody from the work that is there
        print(f"The copy of the course could not be brought up to date: {error}", flush=True)
    os.chdir(copy if copy.is_dir() else home)
    return copy


if __name__ == "__main__":
    prepare(Path(os.environ[SOURCE]), Path.home())
    sys.argv[1:] = [*server.options(idle_minutes=60), *sys.argv[1:]]
    server.main()
