"""What the builder says when it cannot build: always a file, and the cell or the line where there is one."""

from course_lib.errors import CourseError


class BuildError(CourseError):
    """A source, a run or a file on disk stands in the way; the message names it and says what to do."""
