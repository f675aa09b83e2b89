"""The course for a class, on the instructor's machine: a JupyterHub, a private copy for each learner, the class view.

`copies` brings the course to a learner and never touches their work; `names`, `people` and `door` decide who comes in;
`confine` starts a learner's server within its limits; `settings` says all of it to the Hub; `classview` shows the room.
"""
