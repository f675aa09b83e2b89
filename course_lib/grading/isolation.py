"""What `course grade --explain` says: how far untrusted work is shut in here, and what was tried against it."""

from dataclasses import dataclass

from course_lib.grading.marking import Marker
from course_lib.grading.sandbox.errors import SandboxError
from course_lib.grading.sandbox.levels import Level, find_level
from course_lib.grading.sandbox.limits import Limits
from course_lib.grading.sandbox.self_test import Tried


@dataclass(frozen=True)
class IsolationReport:
    """The level of this machine, and the test of it.

    Attributes
    ----------
    level : Level
    tried : tuple of Tried
        Each forbidden thing that was tried from inside; empty where there is no jail to try.
    refused : str
        Why nothing of others is run here; '' where it is.
    """

    level: Level
    tried: tuple[Tried, ...] = ()
    refused: str = ""

    @property
    def is_enough(self) -> bool:
        """Whether notebooks from people whom nobody here knows may be run."""
        return not self.refused

    def __str__(self) -> str:
        lines = [str(self.level)]
        if self.tried:
            lines.append(f"Tried from inside just now, and shut: {', '.join(one.what for one in self.tried)}.")
        return "\n".join([*lines, self.refused] if self.refused else lines)


def isolation_report(limits: Limits | None = None) -> IsolationReport:
    """Start the jail, try it, and end it."""
    try:
        with Marker(limits=limits) as marker:
            return IsolationReport(marker.level, marker.tested())
    except SandboxError as error:
        level = find_level()
        return IsolationReport(level, refused=str(error) if level.name != "none" else f"Nothing is run here: {error}")
