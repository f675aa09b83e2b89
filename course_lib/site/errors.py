"""What can go wrong while a site is made."""

from course_lib.errors import CourseError


class SiteError(CourseError):
    """Something that the site needs is missing or is not what it should be."""
