"""A course of a few lines with packages of a few bytes, so that start.py can be run for real, offline, in seconds."""

import base64
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[2]

PYPROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "fake-course"
version = "1"
"""

# What flit does for the real course, without flit: an editable install is a wheel with a link to the folder.
BACKEND = """\
import zipfile
from pathlib import Path

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    name = "fake_course-1-py3-none-any.whl"
    info = "fake_course-1.dist-info"
    with zipfile.ZipFile(Path(wheel_directory, name), "w") as wheel:
        wheel.writestr("fake_course.pth", str(Path.cwd()))
        wheel.writestr(info + "/METADATA", "Metadata-Version: 2.1\\nName: fake-course\\nVersion: 1\\n")
        wheel.writestr(info + "/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "/RECORD", "")
    return name
"""

# Stands for `python -m course_lib lab` and `python -m pytest`: says how it was called.
SAYS_HOW = "import json, os, sys; print('CALLED', json.dumps([{name!r}, sys.argv[1:], os.getcwd(), sys.prefix]))\n"


def make_wheel(folder: Path, name: str, version: str, main: str = "") -> str:
    """Write a wheel with one package into `folder` and return its line for a lock."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": f"__version__ = {version!r}\n",
        f"{name}/__main__.py": main,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b'=').decode()},"
        f"{len(text)}\n"
        for path, text in files.items()
    )
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in {**files, f"{info}/RECORD": record + f"{info}/RECORD,,\n"}.items():
            wheel.writestr(member, text)
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}\n"


class FakeCourse:
    """The fake course in `folder`, its packages in the folder `wheels`."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder, self.wheels = folder, wheels
        for path in (folder / "course_lib", wheels):
            path.mkdir(parents=True)
        shutil.copy(REPOSITORY / "start.py", folder)
        (folder / "pyproject.toml").write_text(PYPROJECT)
        (folder / "backend.py").write_text(BACKEND)
        (folder / "course_lib" / "__init__.py").write_text("")
        (folder / "course_lib" / "__main__.py").write_text(SAYS_HOW.format(name="course_lib"))
        self.lock("1")

    def lock(self, version: str) -> None:
        """Lock both sets of packages, the fake JupyterLab at `version`."""
        course = make_wheel(self.wheels, "jupyterlab", version) + make_wheel(self.wheels, "ipykernel", "1")
        test = make_wheel(self.wheels, "pytest", "1", SAYS_HOW.format(name="pytest") + "sys.exit(5)\n")
        (self.folder / "requirements.lock").write_text("# a remark\n" + course)
        (self.folder / "requirements-test.lock").write_text(course + test + make_wheel(self.wheels, "nbval", "1"))

    def environ(self, **more: str) -> dict[str, str]:
        """Return the environment for a run that asks no package server."""
        settings = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.wheels)}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTEST_"))}
        return {**kept, **settings, "PIP_NO_CACHE_DIR": "1", **more}

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Begin ``python start.py ARGUMENTS`` in a session of its own."""
        return subprocess.Popen(
            [sys.executable, "-u", str(self.folder / "start.py"), *arguments],
            env=self.environ(**more), cwd=self.folder.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, encoding="utf-8", start_new_session=True,
        )  # fmt: skip

    def run(self, *arguments: str, **more: str) -> tuple[int, str]:
        """Run ``python start.py ARGUMENTS``; return its status and what it printed."""
        process = self.start(*arguments, **more)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output


def load_start() -> ModuleType:
    """Return start.py as a module of its own, whose constants a test may change."""
    spec = importlib.util.spec_from_file_location("start_under_test", REPOSITORY / "start.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
