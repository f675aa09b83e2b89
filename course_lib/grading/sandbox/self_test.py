"""See the jail hold before anything is put into it: a forbidden thing of each kind is tried, and must fail."""

from dataclasses import dataclass
from pathlib import Path

import course_lib
from course_lib.grading.sandbox.errors import SandboxError
from course_lib.grading.sandbox.levels import Level
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.zygote import WorkerEnded, Zygote

_SECONDS = 60.0


@dataclass(frozen=True)
class Tried:
    """A forbidden thing that was tried from inside, and whether it was shut."""

    what: str
    is_shut: bool


def try_jail(zygote: Zygote, folder: str, level: Level, limits: Limits) -> tuple[Tried, ...]:
    """Return what was tried; nothing at a level that shuts nothing.

    Raises
    ------
    SandboxError
        Where something worked that the level shuts.
    """
    if level.name == "none":
        return ()
    library = Path(course_lib.__file__).parent
    request = {
        "do": "probe", "memory": limits.memory_bytes + (1 << 20), "file": limits.file_bytes + 1,
        "files": [
            "/etc/passwd", "/etc/hostname", str(library / "attention/softmax.py"), str(library / "checks/engine.py"),
        ],
    }  # fmt: skip
    worker = zygote.fork(folder)
    try:
        worker.send(request, [], _SECONDS)
        header, _ = worker.receive(_SECONDS, 0)
    except WorkerEnded as ended:
        raise SandboxError(f"The jail could not be tested: {ended.how}.") from ended
    finally:
        worker.close()
    tried = tuple(Tried(what, is_shut) for what, is_shut in header["tried"])
    open_ones = [one.what for one in tried if not one.is_shut]
    if open_ones:
        raise SandboxError(
            f"The jail does not hold on this machine, so nothing is run in it. From inside, this worked: "
            f"{', '.join(open_ones)}. Please report it with the version of the kernel."
        )
    return tried
