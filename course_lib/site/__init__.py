"""The course as a site that any web server can serve: notebooks with their Python in the browser, and pages to read."""

from course_lib.site.errors import SiteError
from course_lib.site.make import Site, build_site, n_steps
from course_lib.site.places import Places

__all__ = ["Places", "Site", "SiteError", "build_site", "n_steps"]
