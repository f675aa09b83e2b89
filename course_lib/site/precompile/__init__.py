"""The served Python, compiled once when a site is made: a browser would do it anew at every start of a notebook.

Wheels and Python's own library come as source. Compiling what a start imports is a large part of that start. Only a
Python of the same version can do it beforehand, and that is the served one itself, in Node.
"""

import json
import shutil
import subprocess
from pathlib import Path

from course_lib.site.errors import SiteError
from course_lib.site.runtime import LIBRARY, LOCK_NAME, Lock, sha256_of, tagged, write_lock

HERE = Path(__file__).parent
SCRIPT = HERE / "compile_served.py"
_SECONDS = 600


def precompile(served: Path) -> bool:
    """Put the compiled form of what a start imports beside its source, in the wheels and the library of `served`.

    Each file that is changed gets its content's hash into its name, since browsers keep files by their names.

    Parameters
    ----------
    served : Path
        A folder with Pyodide's runtime, a lock, and the wheels that it names, as `write_runtime` makes it.

    Returns
    -------
    bool
        False where Node is not here, and all is as it was: such a site works as well, and starts slower.

    Raises
    ------
    SiteError
        If the served Python does not start in Node.
    """
    node = shutil.which("node")
    if node is None:
        return False
    try:
        done = subprocess.run(
            [node, str(HERE / "run_served.mjs"), str(served.resolve()), str(SCRIPT)],
            capture_output=True, text=True, encoding="utf-8", errors="replace", timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise SiteError(f"Compiling what the site serves did not end within {_SECONDS // 60} minutes.") from error
    if done.returncode:
        raise SiteError(f"The served Python cannot be compiled in Node: {(done.stderr or done.stdout).strip()[-1500:]}")
    lock: Lock = json.loads((served / LOCK_NAME).read_text(encoding="utf-8"))
    for entry in lock["packages"].values():
        wheel = served / entry["file_name"]
        found = sha256_of(wheel.read_bytes())
        if found != entry["sha256"]:
            entry |= {"sha256": found, "file_name": tagged(wheel).name}
    write_lock(served, lock)
    library = served / LIBRARY
    library.rename(library.with_stem(f"{library.stem}-{sha256_of(library.read_bytes())[:12]}"))
    return True


def library_of(served: Path) -> str:
    """Return the name under which Python's own library is served."""
    return next(served.glob(f"{Path(LIBRARY).stem}*.zip")).name
