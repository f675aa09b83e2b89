"""The library behind the self-attention course: the mechanism, its pictures, its checks.

Start with :mod:`course_lib.attention`; every other package builds on it.
"""

import logging
import sys

if sys.platform == "emscripten":
    # In a browser matplotlib looks for its fonts anew with every start, and would warn of it in a lesson's first cell.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

__version__ = "0.1.0"
