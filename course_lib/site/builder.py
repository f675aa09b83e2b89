"""The environment that builds the browser-only site: made once, kept in the cache, apart from the learner's own.

The course itself wants today's JupyterLab; the Python that a browser runs wants a certain older one. So the two never
meet in one environment.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from course_lib.site.errors import SiteError
from course_lib.site.places import HERE, Places

LOCK = HERE / "builder.lock"
BROWSER_LOCK = HERE / "browser.lock"
_STAMP = "made-from.txt"
_SECONDS = 1800


class Builder:
    """Runs programs of the build environment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def python(self) -> Path:
        """The environment's Python."""
        scripts = self.folder / ("Scripts" if os.name == "nt" else "bin")
        return scripts / ("python.exe" if os.name == "nt" else "python")

    @property
    def labextensions(self) -> Path:
        """Where the environment keeps JupyterLab's extensions."""
        return self.folder / "share" / "jupyter" / "labextensions"

    def run(self, arguments: Sequence[str], *, what: str, folder: Path | None = None) -> str:
        """Run its Python with `arguments`, away from anybody's Jupyter settings, and return what was printed.

        Raises
        ------
        SiteError
            With the end of what the program said, if it failed.
        """
        nobodys = {f"JUPYTER_{name}_DIR": str(self.folder / "nobodys" / name.lower()) for name in ("CONFIG", "DATA")}
        unwanted = {"JUPYTER_PATH", "JUPYTER_CONFIG_PATH", "JUPYTERLITE_PYODIDE_URL"}
        env = {name: value for name, value in os.environ.items() if name not in unwanted} | nobodys
        try:
            done = subprocess.run(
                [str(self.python), "-I", *arguments],
                cwd=folder, env=env, capture_output=True, text=True, errors="replace", timeout=_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired as error:
            raise SiteError(f"{what} did not end within {_SECONDS // 60} minutes.") from error
        if done.returncode:
            raise SiteError(f"{what} failed:\n{_last_lines(done.stdout + done.stderr)}")
        return done.stdout


def _last_lines(text: str, count: int = 15) -> str:
    return "\n".join(text.strip().splitlines()[-count:])


def prepared(places: Places) -> Builder:
    """Return the build environment; make it, with pip, where the cache holds none that fits.

    Raises
    ------
    SiteError
        If pip cannot install what the lock names.
    """
    builder = Builder(places.cache / "builder")
    stamp = builder.folder / _STAMP
    wanted = f"{_digest(LOCK)} {sys.version_info.major}.{sys.version_info.minor}\n"
    if builder.python.exists() and stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return builder
    shutil.rmtree(builder.folder, ignore_errors=True)
    try:
        venv.create(builder.folder, with_pip=True, symlinks=os.name != "nt")
    except (subprocess.CalledProcessError, OSError) as error:
        raise SiteError(f"The build environment cannot be made in {builder.folder}: {error}") from error
    builder.run(
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(LOCK)],
        what="Installing what builds the site",
    )
    stamp.write_text(wanted, encoding="utf-8")
    return builder


def browser_wheels(places: Places, builder: Builder) -> list[Path]:
    """Return the pure wheels that notebooks import in the browser; fetch them with pip where the cache has none.

    pip compares each with the hash in the lock when it fetches it, and the hash is looked at again whenever the cache
    is used.
    """
    folder = places.cache / "wheels"
    hashes = locked_hashes(BROWSER_LOCK.read_text(encoding="utf-8"))
    if not folder.is_dir() or {_digest(path) for path in folder.glob("*.whl")} != hashes:
        shutil.rmtree(folder, ignore_errors=True)
        builder.run(
            ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:",
             "--platform=any", "--python-version=3.12", "--implementation=py", "--abi=none", "--require-hashes",
             "-r", str(BROWSER_LOCK), "-d", str(folder)],
            what="Fetching the packages that notebooks import",
        )  # fmt: skip
    return sorted(folder.glob("*.whl"))


def locked_hashes(lock: str) -> set[str]:
    """Return the sha256 hashes of a lock file."""
    return {word.removeprefix("--hash=sha256:") for word in lock.split() if word.startswith("--hash=sha256:")}


def course_wheel(places: Places, builder: Builder, folder: Path) -> Path:
    """Build the course's own wheel from its work tree into `folder`, and return it."""
    code = "import sys; from flit_core.buildapi import build_wheel; print(build_wheel(sys.argv[1]))"
    name = builder.run(["-c", code, str(folder)], what="Building the course's wheel", folder=places.course)
    return folder / name.strip().splitlines()[-1]


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
