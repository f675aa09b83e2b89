"""Every test run keeps its progress in a folder of its own, never in the learner's file."""

import os
import tempfile
from pathlib import Path

_scratch = tempfile.TemporaryDirectory(prefix="course-tests-")
os.environ["COURSE_PROGRESS"] = str(Path(_scratch.name) / "progress.json")
