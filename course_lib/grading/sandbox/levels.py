"""How far untrusted work can be shut in on this machine, in three levels, each said aloud."""

import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from course_lib.grading.inside import lockdown
from course_lib.grading.sandbox.errors import SandboxError
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.system_calls import NoFilterError, compiled_filter
from course_lib.grading.sandbox.view import DEVICES, LIBRARY, SCRATCH, bubblewrap_command, find_bubblewrap, outside
from course_lib.grading.sandbox.zygote import Jail, encoded_filter

Name = Literal["full", "limited", "none"]

_NAMESPACES = "namespaces: users, processes, files, network, IPC, host name; a folder in memory of its own"
_FILTER = "seccomp: no processes, no programs, no sockets, no signals to others, no locks, no 32-bit calls"
_LANDLOCK = "Landlock: no file outside of Python's own, the packages and the submission's folder"
_LIMITS = "limits: processor time, memory, size and number of open files, wall time, output"
_SEES = "whether a path exists can be seen, and the number of files that a submission makes has no limit but the disk's"


@dataclass(frozen=True)
class Level:
    """What shuts a submission in on this machine.

    Attributes
    ----------
    name : {"full", "limited", "none"}
        "full" has every layer; "limited" does without namespaces and is enough for untrusted work all the same; "none"
        is for work that is trusted.
    in_force, missing : tuple of str
        The layers, one in a line.
    why : str
        Why it is no more, and what to do; '' for "full".
    """

    name: Name
    in_force: tuple[str, ...]
    missing: tuple[str, ...]
    why: str = ""

    def __str__(self) -> str:
        lines = [f"Isolation on this machine: {self.name}."]
        lines += [f"  in force  {layer}" for layer in self.in_force]
        lines += [f"  missing   {layer}" for layer in self.missing]
        return "\n".join([*lines, self.why] if self.why else lines)


@cache
def find_level() -> Level:
    """Return the level that this machine reaches; "none" says why untrusted work is refused."""
    missing: list[str] = []
    reasons: list[str] = []
    if sys.platform != "linux":
        why = (
            f"The grader needs Linux, whose kernel shuts code in, and this is {platform.system()}. On Windows it runs "
            "in WSL 2, on macOS in a virtual machine or a container with Linux."
        )
        return Level("none", (), (_NAMESPACES, _FILTER, _LANDLOCK, _LIMITS), why)
    for layer, reason in ((_FILTER, _why_no_filter()), (_LANDLOCK, _why_no_landlock())):
        if reason:
            missing.append(layer)
            reasons.append(reason)
    no_namespaces = _why_no_namespaces()
    if missing:
        why = " ".join([*reasons, "`--trust` runs the notebooks with your own rights, as if you had opened them."])
        return Level("none", (), tuple(missing), why)
    if no_namespaces:
        return Level("limited", (_FILTER, _LANDLOCK, _LIMITS), (_NAMESPACES,), f"{no_namespaces} Without it, {_SEES}.")
    return Level("full", (_NAMESPACES, _FILTER, _LANDLOCK, _LIMITS), ())


def _why_no_filter() -> str:
    try:
        compiled_filter()
    except NoFilterError as error:
        return f"System calls cannot be filtered: {error}."
    return ""


def _why_no_landlock() -> str:
    if lockdown.landlock_version() > 0:
        return ""
    return "The kernel has no Landlock (Linux 5.13 has it, where it is not switched off)."


# What each submission's fork does, tried once: some systems let bubblewrap make namespaces, and nobody inside of it.
_TRY_NAMESPACES = f"""
import os, sys
sys.path[:0] = [{LIBRARY!r}]
import lockdown
lockdown.next_pid_namespace(lockdown.own_pid_namespace())
pid = os.fork()
if pid == 0:
    lockdown.private_folder({SCRATCH!r}, 1 << 20, 100)
    lockdown.drop_capabilities()
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def _why_no_namespaces() -> str:
    bubblewrap = find_bubblewrap()
    if bubblewrap is None:
        return "bubblewrap is not installed (on Debian and Ubuntu: apt install bubblewrap)."
    inside = os.path.dirname(lockdown.__file__)
    command = [*bubblewrap_command(bubblewrap, inside, {}), outside().python, "-I", "-S", "-B", "-c", _TRY_NAMESPACES]
    tried = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env={})
    if tried.returncode == 0:
        return ""
    said = tried.stderr.strip().splitlines()[-1:] or ["it said nothing"]
    return f"bubblewrap could not make namespaces here ({said[0]}); user namespaces seem to be forbidden."


def jail_for(level: Level, library: str, scratch: str, limits: Limits) -> Jail:
    """Return how the warm process of a level is started.

    Parameters
    ----------
    level : Level
    library : str
        The folder with the library that goes in.
    scratch : str
        A folder for the warm process itself; the submissions' own folders are below it where the level has no
        namespaces.
    limits : Limits

    Raises
    ------
    SandboxError
        Where there is no interpreter to start.
    """
    seen = outside()
    if not os.path.exists(seen.python):
        raise SandboxError(f"There is no Python at {seen.python}, so the jail cannot start.")
    is_full = level.name == "full"
    environment = _environment(SCRATCH if is_full else scratch)
    library_inside = LIBRARY if is_full else library
    paths = [library_inside, *sorted({os.path.dirname(path) for path in seen.packages})]
    start = "from course_lib.grading.inside.zygote import main; main(int(sys.argv[1]))"
    code = f"import sys; sys.path[:0] = {paths!r}; {start}"
    python = (seen.python, "-s", "-S", "-P", "-B", "-c", code)
    bubblewrap = find_bubblewrap() if is_full else None
    before = bubblewrap_command(bubblewrap, library, environment) if bubblewrap else []
    settings: dict[str, Any] = {
        "namespaces": is_full, "landlock": level.name != "none",
        "filter": encoded_filter(compiled_filter()) if level.name != "none" else "",
        "readable": ["/"] if is_full else [*seen.readable, seen.python_library or seen.python, library],
        "devices": list(DEVICES), "environment": environment,
        "scratch_bytes": limits.scratch_bytes, "scratch_files": limits.scratch_files,
    }  # fmt: skip
    return Jail((*before, *python), environment, settings, shares_folder=not is_full)


def _environment(scratch: str) -> Mapping[str, str]:
    """Return all that stands in the environment: nothing of this machine's."""
    one = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return one | {
        "HOME": scratch, "IPYTHONDIR": scratch, "LANG": "C.UTF-8", "MPLBACKEND": "Agg", "MPLCONFIGDIR": scratch,
        "MALLOC_ARENA_MAX": "2", "PYTHONHASHSEED": "0", "TMPDIR": scratch,
    }  # fmt: skip
