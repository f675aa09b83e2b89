"""What a learner's server may use, and at which level this machine can hold it to that.

========  =============================================================================================================
level     what is in force
========  =============================================================================================================
cgroup    memory, processor time and processes of a learner all together (cgroups v2, where this process may write)
process   memory of each process, number of processes where learners have users of their own, processors to run on
none      nothing: a system on which neither works
========  =============================================================================================================
"""

import contextlib
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import OptionError

CGROUPS = Path("/sys/fs/cgroup")
PARENT = "course-workshop"
MOST_PROCESSES = 256  # threads count
_PERIOD = 100_000  # microseconds in which a learner gets their share of the processors
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", re.IGNORECASE)


@dataclass(frozen=True)
class Limits:
    """What each learner may use, and the level at which it is held.

    Attributes
    ----------
    memory : int
        Bytes.
    cpus : float
        Processors.
    level : {"cgroup", "process", "none"}
    why : str
        Why it is no higher level; empty for the highest.
    """

    memory: int
    cpus: float
    level: str
    why: str = ""

    def __str__(self) -> str:
        memory = f"{self.memory / 2**20:.0f} MiB"
        if self.level == "cgroup":
            return f"{memory} and {self.cpus:g} processors for each learner, all processes together (cgroups)"
        if self.level == "process":
            return (
                f"{memory} for each process, and {whole_processors(self.cpus)} of the processors to run on; not for "
                f"all processes of a learner together ({self.why})"
            )
        return f"none ({self.why})"


def whole_processors(number: float) -> int:
    """Round up to a whole number of processors, at least one."""
    return max(1, int(-(-number // 1)))


def bytes_of(size: str) -> int:
    """Return the bytes of a size such as ``"1.5G"``.

    Raises
    ------
    OptionError
        For what is no size.

    Examples
    --------
    >>> bytes_of("512M"), bytes_of("1.5 GiB")
    (536870912, 1610612736)
    """
    match = _SIZE.fullmatch(size.strip())
    if match is None:
        raise OptionError(f"{size!r} is no size of memory. Write it as 800M or 1.5G.")
    return int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))


def find_limits(memory: int, cpus: float, *, cgroups: Path = CGROUPS) -> Limits:
    """Return the limits at the highest level that this machine has; a trial group is made and taken away again."""
    why = _why_no_cgroups(cgroups)
    if not why:
        return Limits(memory, cpus, "cgroup")
    if sys.platform == "linux":
        return Limits(memory, cpus, "process", why)
    return Limits(memory, cpus, "none", f"{why}, and this system does not hold a process to its memory")


def _why_no_cgroups(cgroups: Path) -> str:
    try:
        controllers = (cgroups / "cgroup.controllers").read_text(encoding="ascii").split()
    except OSError:
        return "this machine has no cgroups v2"
    if missing := {"cpu", "memory", "pids"} - set(controllers):
        return f"cgroups v2 does not hold {', '.join(sorted(missing))} here"
    try:
        parent = cgroups / PARENT
        (cgroups / "cgroup.subtree_control").write_text("+cpu +memory +pids", encoding="ascii")
        parent.mkdir(exist_ok=True)
        (parent / "cgroup.subtree_control").write_text("+cpu +memory +pids", encoding="ascii")
        trial = make_group("trial", 2**30, 1.0, cgroups=cgroups)
        trial.rmdir()
    except OSError as error:
        return f"cgroups v2 may not be written here: {error.strerror}"
    return ""


def make_group(account: str, memory: int, cpus: float, *, cgroups: Path = CGROUPS) -> Path:
    """Make, or set anew, the group of a learner; return its folder.

    Raises
    ------
    OSError
        Where the system does not let us.
    """
    group = cgroups / PARENT / account
    group.mkdir(exist_ok=True)
    for name, value in {
        "memory.max": str(memory),
        "cpu.max": f"{int(cpus * _PERIOD)} {_PERIOD}",
        "pids.max": str(MOST_PROCESSES),
    }.items():
        with open(group / name, "r+", encoding="ascii") as file:  # never made: what the kernel has not, is not held
            file.write(value)
    with contextlib.suppress(OSError), open(group / "memory.swap.max", "r+", encoding="ascii") as file:
        file.write("0")
    return group


def end_group(account: str, *, cgroups: Path = CGROUPS) -> None:
    """End whatever still runs in the group of a learner."""
    with contextlib.suppress(OSError), open(cgroups / PARENT / account / "cgroup.kill", "r+", encoding="ascii") as file:
        file.write("1")


def hold_this_process(memory: int, cpus: float, number: int, *, own_user: bool) -> None:
    """Hold this process, and each that it starts, to its memory and its processors; Linux only.

    Parameters
    ----------
    number : int
        Learners are dealt out over the processors by it.
    own_user : bool
        Whether processes can be counted: with a user of its own, all that count are the learner's.
    """
    import resource

    # Data and not address space: what a program has, and not what it might use one day.
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if own_user:
        resource.setrlimit(resource.RLIMIT_NPROC, (MOST_PROCESSES, MOST_PROCESSES))
    if hasattr(os, "sched_setaffinity"):
        processors = sorted(os.sched_getaffinity(0))
        wanted = min(whole_processors(cpus), len(processors))
        os.sched_setaffinity(0, {processors[(number * wanted + k) % len(processors)] for k in range(wanted)})
