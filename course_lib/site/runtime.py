"""Python for the browser: Pyodide's runtime, its wheels, and a lock that also names the course's own.

Nothing is taken on trust: the npm package is compared with the hash that is written here, and each wheel of Pyodide's
distribution with the hash in that package's lock. The lock that the site serves is cut down to what the course needs,
and the browser compares every wheel with it again.
"""

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from course_lib.site.errors import SiteError
from course_lib.site.places import Places

VERSION = "0.27.7"
TARBALL = f"pyodide-{VERSION}.tgz"
TARBALL_SHA256 = "89d5d952675eb08e11286e52c7238f1248ce71726e896db9703e73bef23dc343"
LIBRARY = "python_stdlib.zip"  # Python's own
_RUNTIME = ("pyodide.js", "pyodide.mjs", "pyodide.asm.js", "pyodide.asm.wasm", LIBRARY, "package.json")
LOCK_NAME = "pyodide-lock.json"
# What the kernel and the notebooks load, beside the wheels that the course brings.
_FROM_PYODIDE = ("micropip", "ssl", "sqlite3", "ipython", "jedi", "traitlets", "packaging", "numpy", "matplotlib")
# What a package is given in Pyodide's lock and does not need: by its own metadata, or but for pictures in PDF files.
_NOT_NEEDED = {"matplotlib": ("pytz", "fonttools")}
# What our wheels need. The names are the lock's; whatever is not here needs nothing.
_NEEDS = {
    "self-attention-course": ("numpy", "matplotlib", "ipywidgets", "anywidget"),
    "ipywidgets": ("comm", "traitlets", "ipython"),
    "anywidget": ("ipywidgets", "psygnal", "typing-extensions"),
    "piplite": ("micropip",),
    "pyodide-kernel": ("ipython", "ipykernel", "comm", "jedi", "traitlets"),
}
Lock = dict[str, Any]


def runtime_files(places: Places) -> dict[str, bytes]:
    """Return the files of Pyodide's npm package by name: given, from the cache, or fetched with npm.

    Raises
    ------
    SiteError
        If there is no package and no npm to fetch it, or it is not the package that is meant.
    """
    given = places.pyodide
    if given is not None and (given / LOCK_NAME).is_file():
        return _unpacked(given)
    if given is not None and (given / "node_modules" / "pyodide" / LOCK_NAME).is_file():
        return _unpacked(given / "node_modules" / "pyodide")
    if given is not None and not (given / TARBALL).is_file():
        raise SiteError(f"{given} holds neither {TARBALL} nor that package unpacked (a folder with {LOCK_NAME}).")
    packed = (given or places.cache) / TARBALL
    if not packed.is_file():
        _fetch_with_npm(places.cache)
    data = packed.read_bytes()
    if sha256_of(data) != TARBALL_SHA256:
        raise SiteError(f"{packed} is not the package pyodide {VERSION}: its sha256 is another. Delete it and retry.")
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        members = {name: archive.extractfile(f"package/{name}") for name in (*_RUNTIME, LOCK_NAME)}
        return {name: member.read() for name, member in members.items() if member is not None}


def _unpacked(folder: Path) -> dict[str, bytes]:
    missing = [name for name in (*_RUNTIME, LOCK_NAME) if not (folder / name).is_file()]
    if missing:
        raise SiteError(f"{folder} is not the whole package pyodide {VERSION}: {', '.join(missing)} missing.")
    files = {name: (folder / name).read_bytes() for name in (*_RUNTIME, LOCK_NAME)}
    if (version := json.loads(files["package.json"]).get("version")) != VERSION:
        raise SiteError(f"{folder} holds pyodide {version}, and the site is built with {VERSION}.")
    return files


def _fetch_with_npm(folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise SiteError(
            f"The site needs the npm package pyodide {VERSION}, and npm is not installed here. Install Node.js with "
            f"npm; or, on a machine that has it, run `npm pack pyodide@{VERSION}`, bring the file {TARBALL} here, and "
            "name its folder with --pyodide."
        )
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [npm, "pack", f"pyodide@{VERSION}", "--silent"], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode or not (folder / TARBALL).is_file():
        raise SiteError(f"npm could not fetch pyodide {VERSION}: {(done.stderr or done.stdout).strip()[-500:]}")


def closure(packages: Mapping[str, Any], names: Iterable[str]) -> set[str]:
    """Return `names` and everything that they need, by the names of the lock's entries."""
    found: set[str] = set()
    waiting = [_key(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in packages:
            raise SiteError(f"Pyodide's lock does not know the package {name}.")
        found.add(name)
        waiting.extend(_key(needed) for needed in packages[name]["depends"])
    return found


def _key(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def write_runtime(
    target: Path, files: Mapping[str, bytes], wheels: Path | None, own: Iterable[Path], *, keep: Path | None = None
) -> list[str]:
    """Write the runtime, the wheels and the lock that names them into `target`; return what the kernel loads.

    Parameters
    ----------
    target : Path
        A folder, made if need be.
    files : mapping
        Pyodide's npm package, as from `runtime_files`.
    wheels : Path or None
        The folder with the wheels of Pyodide's distribution; None fetches them from where Pyodide itself would.
    own : iterable of Path
        Wheels that Pyodide does not know.
    keep : Path, optional
        A folder for wheels that were fetched; what it holds is not fetched again.

    Raises
    ------
    SiteError
        If a wheel is missing or is not the one that the lock names.
    """
    lock: Lock = json.loads(files[LOCK_NAME])
    for name, spare in _NOT_NEEDED.items():
        depends = lock["packages"][name]["depends"]
        lock["packages"][name]["depends"] = [needed for needed in depends if needed not in spare]
    needed = closure(lock["packages"], _FROM_PYODIDE)
    packages = {name: lock["packages"][name] for name in sorted(needed)}
    target.mkdir(parents=True, exist_ok=True)
    for entry in packages.values():
        (target / entry["file_name"]).write_bytes(_wheel(entry, wheels, files, keep))
    for wheel in own:
        entry = own_entry(wheel)
        packages[entry["name"]] = entry
        shutil.copyfile(wheel, target / wheel.name)
    closure(packages, packages)  # nothing that is needed may be missing
    for name in _RUNTIME:
        (target / name).write_bytes(files[name])
    write_lock(target, {"info": lock["info"], "packages": packages})
    return sorted(packages)


def write_lock(target: Path, lock: Lock) -> None:
    """Write the lock that a browser reads."""
    (target / LOCK_NAME).write_text(json.dumps(lock, indent=1, sort_keys=True), encoding="utf-8")


def _wheel(entry: Mapping[str, Any], wheels: Path | None, files: Mapping[str, bytes], keep: Path | None) -> bytes:
    name, wanted = str(entry["file_name"]), entry["sha256"]
    kept = keep / name if keep and wheels is None else None
    if kept and kept.is_file() and sha256_of(data := kept.read_bytes()) == wanted:
        return data
    if wheels is None:
        data = _fetched(name, files)
    else:
        try:
            data = (wheels / name).read_bytes()
        except OSError as error:
            raise SiteError(f"{wheels} lacks {name}, which the site serves.") from error
    if sha256_of(data) != wanted:
        raise SiteError(f"{name} is not the wheel that Pyodide {VERSION} names: its sha256 is another.")
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(data)
    return data


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of `data`, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def _fetched(name: str, files: Mapping[str, bytes]) -> bytes:
    """Fetch a wheel from the distribution's own address, which Pyodide's npm package carries."""
    found = re.search(r"setCdnUrl\(`([^`]+)`\)", files["pyodide.mjs"].decode())
    if found is None:
        raise SiteError("Pyodide's package names no address for its wheels: name a folder with --wheels.")
    base = re.sub(r"\$\{[\w.]+\}", VERSION, found.group(1))
    try:
        with urllib.request.urlopen(base + name, timeout=120) as answer:
            return bytes(answer.read())
    except (urllib.error.URLError, OSError) as error:
        raise SiteError(
            f"{name} cannot be fetched from Pyodide's distribution ({error}). Where there is no internet, bring the "
            "wheels in a folder and name it with --wheels."
        ) from error


def tagged(wheel: Path) -> Path:
    """Put a wheel's content in its name: it changes without its version, and no cache may serve an old one."""
    distribution, version, *_, python, abi, platform = wheel.name.split("-")
    build = sha256_of(wheel.read_bytes())[:12]
    return wheel.rename(wheel.with_name("-".join((distribution, version, f"0{build}", python, abi, platform))))


def own_entry(wheel: Path) -> Lock:
    """Return the lock's entry for a wheel of ours."""
    distribution, version = wheel.name.split("-")[:2]
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    imports = sorted(
        top.removesuffix(".py") for top in tops if not top.endswith((".dist-info", ".data")) and top != ".."
    )
    return {
        "name": _key(distribution),
        "version": version,
        "file_name": wheel.name,
        "install_dir": "site",
        "package_type": "package",
        "imports": imports,
        "depends": list(_NEEDS.get(_key(distribution), ())),
        "sha256": sha256_of(wheel.read_bytes()),
        "unvendored_tests": False,
    }
