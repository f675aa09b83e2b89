"""What can go wrong with the jail, apart from what a submission does."""

from course_lib.errors import CourseError


class SandboxError(CourseError, RuntimeError):
    """Untrusted work cannot be run on this machine, or the jail could not be started; the text says why."""
