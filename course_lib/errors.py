"""The exceptions of the library: each says what was asked, what came, and what to do."""


class CourseError(Exception):
    """Base of every exception that this library raises on purpose."""


class ShapeError(CourseError, ValueError):
    """Two arrays disagree on an axis, or an array has too few axes."""


class DtypeError(CourseError, TypeError):
    """An array holds something that is not a real number, or a mask is neither bool nor float."""


class OptionError(CourseError, ValueError):
    """An option has a value outside of what it means."""


class ProgressError(CourseError, ValueError):
    """A file that was to bring progress holds none, or damaged progress, or that of a newer course."""


class GradingError(CourseError):
    """Grading cannot go on: a folder, a gradebook, a worker or the isolation that it needs is not there."""
