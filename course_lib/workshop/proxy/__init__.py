"""The proxy in front of the Hub: installed once, into a folder of its own, by exact version and hash.

``package-lock.json`` names each package's version and hash and no address: npm brings them from wherever it is set up
to, and refuses what has another hash. To take newer versions: edit ``package.json``, then
``npm install --package-lock-only && node tests/frontend/slim_lock.js`` with that script beside the lock.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from course_lib.errors import CourseError

_HERE = Path(__file__).parent
_SCRIPT = Path("node_modules/configurable-http-proxy/bin/configurable-http-proxy")
OLDEST_NODE = 18


def cache_folder() -> Path:
    """Return the folder for this lock, whether it is there or not; COURSE_CACHE names another place."""
    caches = os.environ.get("COURSE_CACHE") or os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    digest = hashlib.sha256((_HERE / "package-lock.json").read_bytes()).hexdigest()[:12]
    return Path(caches) / "self-attention-course" / f"proxy-{digest}"


def is_installed() -> bool:
    """Tell whether the proxy is in its folder."""
    return (cache_folder() / _SCRIPT).is_file()


def command() -> list[str]:
    """Return the command that starts the proxy."""
    return [_node(), str(cache_folder() / _SCRIPT)]


def install() -> Path:
    """Install the proxy, unless it is there; return its folder.

    Raises
    ------
    CourseError
        Where Node or npm is missing or too old, and where npm fails; with what npm said.
    """
    folder = cache_folder()
    _node()
    if is_installed():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise CourseError("npm installs the workshop's proxy, and is not here. Install npm; it comes with Node.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Aside first and then renamed: an install that is interrupted leaves nothing that looks whole.
    with tempfile.TemporaryDirectory(prefix="proxy-", dir=folder.parent) as aside:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_HERE / name, aside)
        options = ["--no-audit", "--no-fund", "--ignore-scripts", "--omit=dev"]
        done = subprocess.run([npm, "ci", *options], cwd=aside, capture_output=True, text=True, check=False)
        if done.returncode:
            said = "\n".join(done.stderr.strip().splitlines()[-8:])
            raise CourseError(
                "npm could not install the workshop's proxy. It needs the network once; the rehearsal is the time for "
                f"it (`course workshop prepare`). npm said:\n{said}"
            )
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(aside, folder)
        Path(aside).mkdir()  # so that there is something to clean up
    return folder


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        raise CourseError(f"The workshop's proxy runs on Node, which is not here. Install Node {OLDEST_NODE} or newer.")
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    major = said.lstrip("v").split(".")[0]
    if not major.isdigit() or int(major) < OLDEST_NODE:
        raise CourseError(
            f"The workshop's proxy needs Node {OLDEST_NODE} or newer; this is {said or 'something else'}."
        )
    return node
