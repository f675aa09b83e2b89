"""The library behind the self-attention course: the mechanism, its pictures, its checks.

Start with :mod:`course_lib.attention`; every other package builds on it.
"""

__version__ = "0.1.0"
