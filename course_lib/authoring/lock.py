"""Write the two lock files from pyproject.toml: ``python -m course_lib.authoring.lock``.

``requirements.lock`` holds what the course needs, ``requirements-test.lock`` the same pins plus what its tests need.
Both name exact versions with their hashes, for every platform and every Python that the course supports, and no
address: where packages come from is the learner's pip configuration, not ours.

Versions that are already locked stay as they are unless pyproject.toml rules them out; ``--upgrade`` asks for the
newest. The resolver is uv, which only authors need.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

from course_lib.errors import CourseError

COURSE_LOCK = "requirements.lock"
TEST_LOCK = "requirements-test.lock"
HEADER = "# Made from pyproject.toml by `python -m course_lib.authoring.lock`: change it there, not here.\n"


class LockError(CourseError):
    """The resolver is missing, or found no versions that fit together."""


def course_requirements(pyproject: Path) -> list[str]:
    """Return what an installed course needs, its build backend included.

    The backend is locked too, because the course is installed without build isolation and since Python 3.12 a fresh
    environment holds no backend at all.
    """
    data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    return [*data["project"]["dependencies"], *data["build-system"]["requires"]]


def testing_requirements(pyproject: Path) -> list[str]:
    """Return what the test command needs beside the course: the extra ``dev``."""
    data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    return [*course_requirements(pyproject), *data["project"]["optional-dependencies"]["dev"]]


def lowest_python(pyproject: Path) -> str:
    """Return the oldest supported Python, as in ``requires-python = ">=3.11"``."""
    data = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    return str(data["project"]["requires-python"]).removeprefix(">=").strip()


def write_lock(
    requirements: Iterable[str], lock: Path, *, python: str, constraint: Path | None = None, upgrade: bool = False
) -> int:
    """Resolve `requirements` for every platform, write `lock`, and return the number of pins.

    Parameters
    ----------
    requirements : iterable of str
        Requirement lines as in pyproject.toml.
    lock : Path
        The file to write; its present pins are kept where they still fit.
    python : str
        The oldest Python that must be able to install it.
    constraint : Path, optional
        Another lock whose pins must be kept.
    upgrade : bool
        Forget the present pins.

    Raises
    ------
    LockError
        If uv is missing or finds no versions that fit together.
    """
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise LockError("uv, which resolves the locks, is not installed. Install it with `pip install uv`.")
    with tempfile.TemporaryDirectory() as scratch:
        wanted = Path(scratch) / "wanted.in"
        wanted.write_text("".join(f"{line}\n" for line in requirements), encoding="utf-8")
        output = Path(scratch) / lock.name
        if lock.exists():
            shutil.copy(lock, output)
        command = [uv, "pip", "compile", str(wanted), "--output-file", str(output), "--quiet"]
        command += ["--universal", "--python-version", python, "--generate-hashes"]
        command += ["--no-header", "--no-annotate", "--no-emit-index-url", "--no-emit-find-links"]
        command += ["--constraint", str(constraint)] if constraint else []
        command += ["--upgrade"] if upgrade else []
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode:
            raise LockError(f"uv found no versions for {lock.name} that fit together:\n{run.stderr.strip()}")
        text = HEADER + output.read_text(encoding="utf-8")
    lock.write_text(text, encoding="utf-8", newline="\n")
    return len(re.findall(r"^\S+==", text, flags=re.MULTILINE))


def main(arguments: list[str] | None = None) -> int:
    """Write both locks into the course folder; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m course_lib.authoring.lock", description="Write the lock files from pyproject.toml."
    )
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions, not the locked ones")
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="the course folder (default: this folder)")
    options = parser.parse_args(arguments)
    folder: Path = options.folder
    pyproject = folder / "pyproject.toml"
    if not pyproject.exists():
        parser.error(f"{folder} holds no pyproject.toml; run this in the course folder")
    python = lowest_python(pyproject)
    course, test = folder / COURSE_LOCK, folder / TEST_LOCK
    try:
        count = write_lock(course_requirements(pyproject), course, python=python, upgrade=options.upgrade)
        print(f"{course.name}: {count} pins")
        count = write_lock(
            testing_requirements(pyproject), test, python=python, constraint=course, upgrade=options.upgrade
        )
        print(f"{test.name}: {count} pins")
    except LockError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
