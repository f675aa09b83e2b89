"""How much a submission may use."""

import math
from dataclasses import dataclass

from course_lib.checks.running.runner import TIME_LIMIT


@dataclass(frozen=True)
class Limits:
    """What one submission may use; more of it ends the submission's process, and nothing else.

    Attributes
    ----------
    seconds : float
        Of wall time for the whole submission, its cells and all calls together.
    cell_seconds : float
        For one cell; the cells after it are run all the same.
    call_seconds : float
        For all calls of one answer.
    memory_bytes : int
        Of addresses, more than the packages take; the stacks of threads count, 8 MiB each.
    file_bytes, scratch_bytes, scratch_files : int
        The largest file; all files together, in bytes and in number, where the jail has a folder in memory.
    open_files : int
    printed_characters : int
        What is kept of the text that the cells print.
    answer_bytes : int
        The largest array that a function may return.
    """

    seconds: float = 60.0
    cell_seconds: float = 10.0
    call_seconds: float = TIME_LIMIT
    memory_bytes: int = 1 << 30
    file_bytes: int = 16 << 20
    scratch_bytes: int = 64 << 20
    scratch_files: int = 2000
    open_files: int = 128
    printed_characters: int = 20_000
    answer_bytes: int = 16 << 20

    def of_resources(self, already_mapped: int) -> dict[str, int]:
        """Return the limits of `resource` by name; `already_mapped` bytes are the packages' own."""
        limits = {
            "RLIMIT_CPU": math.ceil(self.seconds),
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_CORE": 0,
            "RLIMIT_MEMLOCK": 0,
            "RLIMIT_MSGQUEUE": 0,
        }
        if already_mapped:
            limits["RLIMIT_AS"] = already_mapped + self.memory_bytes
        return limits
