"""Start a learner's server: within its limits, as its own user, in an up-to-date copy of the course.

``python -m course_lib.workshop.confine SPECIFICATION COMMAND...`` does one thing after another and then becomes the
command. As long as it may do anything it touches nothing that the learner can have prepared; everything in the
learner's folder is done as the learner.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from course_lib.workshop import copies, limits


@dataclass(frozen=True)
class Specification:
    """How a server is to be started.

    Attributes
    ----------
    home : str
        The learner's folder.
    course : str
        The course as it is now; the copy of it is ``course`` in the learner's folder.
    number : int
        The learner's.
    uid : int or None
        Whom to become; None means to stay who this is.
    memory : int
    cpus : float
    level : str
        As `limits.Limits` has them.
    group : str or None
        The learner's cgroup.
    """

    home: str
    course: str
    number: int
    uid: int | None
    memory: int
    cpus: float
    level: str
    group: str | None = None

    def as_text(self) -> str:
        """Return it for the command line; there is nothing secret in it."""
        return json.dumps(asdict(self))


def begin(specification: Specification) -> None:
    """Do everything up to the command.

    Raises
    ------
    OSError
        Where a limit cannot be set or the user not be changed: then nothing is started.
    """
    os.umask(0o077)
    if specification.group is not None:
        Path(specification.group, "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
    if specification.level == "process":
        limits.hold_this_process(
            specification.memory, specification.cpus, specification.number, own_user=specification.uid is not None
        )
    _own_folder(Path(specification.home), specification.uid)
    if specification.uid is not None:
        os.setgroups([])
        os.setresgid(specification.uid, specification.uid, specification.uid)
        os.setresuid(specification.uid, specification.uid, specification.uid)
    os.chdir(specification.home)
    try:
        print(f"Copy of the course: {copies.update(Path(specification.course), Path('course'))}", flush=True)
    except OSError as error:  # a full disk must not keep anybody from the work that is there
        print(f"The copy of the course could not be brought up to date: {error}", flush=True)


def _own_folder(home: Path, uid: int | None) -> None:
    """Make the learner's folder, private; its parent is the instructor's, so that no learner can put a link there."""
    home.mkdir(mode=0o700, exist_ok=True)
    if home.is_symlink():
        raise OSError(f"{home} is a link")
    if uid is not None and home.stat().st_uid != uid:
        os.chown(home, uid, uid)
    if uid is None or os.geteuid() == 0:
        home.chmod(0o700)


def main(arguments: list[str]) -> None:
    """Begin, and become the command."""
    begin(Specification(**json.loads(arguments[0])))
    os.execv(arguments[1], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
