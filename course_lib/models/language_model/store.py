"""Where the language model lies on this computer, and its weights as a file that is mapped into memory.

The file that is fetched holds weights in 4 and 8 bits. They are written out as float32 once. From then on the file is
mapped into memory, so that loading takes no time and a second notebook shares the same memory.
"""

import errno
import hashlib
import json
import mmap
import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np

from course_lib.errors import CourseError
from course_lib.models.language_model.config import LanguageModelConfig
from course_lib.models.language_model.gguf_file import GGUFModel
from course_lib.models.language_model.model import LanguageModel
from course_lib.models.language_model.packages import ModelMissingError, needed
from course_lib.models.language_model.stand_in import stand_in
from course_lib.models.language_model.tokenizer import Tokenizer

FOLDER_VARIABLE = "COURSE_MODEL_FOLDER"
NO_STAND_IN_VARIABLE = "COURSE_NO_STAND_IN"  # set while notebooks are built: what is stored was said by the model
MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
MODEL_BYTES = 98_362_432

_FORMAT = 1
_UNPACKED, _WEIGHTS, _TOKENIZER, _ABOUT = f"unpacked-{_FORMAT}", "weights.f32", "tokenizer.json", "about.json"
LOCK_FILE = "model.lock"
_ALIGNMENT = 16  # floats: an array begins where a vector instruction likes it
_SPARE_BYTES = 50_000_000

Report = Callable[[int, int], None]


def model_folder() -> Path:
    """Return the folder of the model: what COURSE_MODEL_FOLDER names, or one in the user's cache."""
    named = os.environ.get(FOLDER_VARIABLE)
    if named:
        return Path(named).expanduser()
    return Path(needed("platformdirs").user_cache_path("self-attention-course", appauthor=False)) / "model"


def model_path() -> Path:
    """Return where the model's file is, or would be."""
    return model_folder() / MODEL_FILE


def load_model(
    path: str | Path | None = None, *, or_stand_in: bool = False, report: Report | None = None
) -> LanguageModel:
    """Load the language model that `course model fetch` fetched, or a GGUF file of your own.

    Parameters
    ----------
    path : path, optional
        A GGUF file of a model of the same kind (Llama layers, the tokenizer of SmolLM), read into memory. None means
        the one that was fetched: SmolLM2-135M-Instruct. The first load writes its weights out as float32, 540 MB
        beside the file, in some seconds; later ones map them into memory at once.
    or_stand_in : bool
        Where the model is not on this computer, say so and return one with random weights, so that what follows runs
        all the same.
    report : callable, optional
        ``report(done, all)`` is called while weights are written out, for a progress bar such as `ProgressBar`.

    Returns
    -------
    LanguageModel

    Raises
    ------
    ModelMissingError
        If the model was not fetched yet, or a package that it needs is not installed; the message says what to run.
    CourseError
        If the file is damaged, or of another kind.
    """
    if path is not None:
        return _read_into_memory(GGUFModel(path), report)
    try:
        return _load_fetched(report)
    except ModelMissingError as error:
        if not or_stand_in or os.environ.get(NO_STAND_IN_VARIABLE):
            raise
        print(f"{error}\nUntil then a small model with random weights stands in: all cells run, and mean nothing.")
        return stand_in()


def _load_fetched(report: Report | None) -> LanguageModel:
    source = model_path()
    if not source.is_file():
        raise ModelMissingError(
            "The language model is not on this computer yet. Run `course model fetch` in a terminal: it downloads "
            "93 MB, once."
        )
    unpacked = source.parent / _UNPACKED
    if not _is_current(unpacked):
        opened = _open_checked(source)
        try:
            with one_at_a_time(source.parent):
                if not _is_current(unpacked):
                    unpack(opened, unpacked, MODEL_SHA256, report=report)
        except OSError as error:
            warnings.warn(
                f"The weights could not be written to {unpacked.parent} ({error.strerror or error}), so every load "
                "will take some seconds.",
                stacklevel=3,
            )
            return _read_into_memory(opened, report)
    return read_unpacked(unpacked)


def unpack(model: GGUFModel, folder: Path, sha256: str, *, report: Report | None = None) -> None:
    """Write a model's weights as float32, all of them or nothing.

    Raises
    ------
    OSError
        If there is no room, or the folder cannot be written.
    """
    n_bytes = 4 * sum(n for _, n in _places(model.config).values())
    if shutil.disk_usage(folder.parent).free < n_bytes + _SPARE_BYTES:
        raise OSError(errno.ENOSPC, f"{(n_bytes + _SPARE_BYTES) / 1e6:.0f} MB are needed")
    with _finished_folder(folder) as unfinished:
        _write_weights(model, unfinished / _WEIGHTS, report)
        tokenizer = Tokenizer.from_vocabulary(model.vocabulary)
        (unfinished / _TOKENIZER).write_text(tokenizer.to_json(), encoding="utf-8")
        about = {"format": _FORMAT, "sha256": sha256, "end": model.vocabulary.end, "config": asdict(model.config)}
        (unfinished / _ABOUT).write_text(json.dumps(about, indent=2), encoding="utf-8")


def read_unpacked(folder: Path) -> LanguageModel:
    """Return the model that `unpack` wrote; its weights are read from the file as they are needed.

    Raises
    ------
    CourseError
        If the folder is damaged.
    """
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        config = LanguageModelConfig(**about["config"])
        tokenizer = Tokenizer.from_json((folder / _TOKENIZER).read_text(encoding="utf-8"), about["end"])
        with (folder / _WEIGHTS).open("rb") as file:
            flat = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.float32)
        parameters = {
            name: flat[begin : begin + n].reshape(shape)
            for (name, shape), (begin, n) in zip(config.shapes().items(), _places(config).values(), strict=True)
        }
    except ModelMissingError:
        raise
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CourseError(
            f"{folder} is damaged ({error}). Remove it; the next load makes it again from {MODEL_FILE}."
        ) from None
    return LanguageModel(config, parameters, tokenizer)


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let two processes take turns to write into a folder, where its file system knows locks."""
    from filelock import FileLock

    lock = FileLock(folder / LOCK_FILE)
    try:
        lock.acquire()
    except (OSError, NotImplementedError):  # what is written gets its name last, so no half file is left either way
        yield
        return
    try:
        yield
    finally:
        lock.release()


def sha256_of(path: Path, *, report: Report | None = None) -> str:
    """Return the SHA-256 of a file."""
    digest, size = hashlib.sha256(), path.stat().st_size
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
            if report is not None:
                report(file.tell(), size)
    return digest.hexdigest()


def _open_checked(source: Path) -> GGUFModel:
    if sha256_of(source) != MODEL_SHA256:
        raise CourseError(
            f"{source} is not what was fetched: its SHA-256 differs. Run `course model fetch` to fetch it anew."
        )
    return GGUFModel(source)


def _read_into_memory(model: GGUFModel, report: Report | None) -> LanguageModel:
    parameters, n_all = {}, len(model.config.shapes())
    for name, array in model.parameters():
        parameters[name] = array
        if report is not None:
            report(len(parameters), n_all)
    return LanguageModel(model.config, parameters, Tokenizer.from_vocabulary(model.vocabulary))


def is_unpacked() -> bool:
    """Say whether the weights of the model that was fetched lie here as float32."""
    return _is_current(model_folder() / _UNPACKED)


def _is_current(folder: Path) -> bool:
    try:
        about = json.loads((folder / _ABOUT).read_text(encoding="utf-8"))
        return bool(about["format"] == _FORMAT and about["sha256"] == MODEL_SHA256)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _write_weights(model: GGUFModel, path: Path, report: Report | None) -> None:
    places = _places(model.config)
    with path.open("wb") as file:
        for done, (name, array) in enumerate(model.parameters(), start=1):
            file.seek(4 * places[name][0])
            file.write(array.astype("<f4", copy=False).tobytes())
            if report is not None:
                report(done, len(places))


def _places(config: LanguageModelConfig) -> dict[str, tuple[int, int]]:
    """Return where each parameter begins and how many floats it has."""
    places, begin = {}, 0
    for name, shape in config.shapes().items():
        n = int(np.prod(shape))
        places[name] = (begin, n)
        begin += -(-n // _ALIGNMENT) * _ALIGNMENT
    return places


@contextmanager
def _finished_folder(target: Path) -> Iterator[Path]:
    """Give a folder to write into that becomes `target` only when all went well."""
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    unfinished.mkdir()
    try:
        yield unfinished
        shutil.rmtree(target, ignore_errors=True)
        unfinished.rename(target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
