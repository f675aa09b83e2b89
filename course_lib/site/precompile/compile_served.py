"""Compile what a start of the course in a browser imports: run by the served Python itself, in Node.

It looks what a start imports by doing what one does, so there is no list to keep: whatever is loaded then is compiled.
"""

import importlib
import importlib.util
import io
import json
import os
import py_compile
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

# What the kernel imports, what Tab does, and what notebooks do in their first cells.
STARTED = (
    "piplite.piplite", "pyodide_kernel", "jedi", "matplotlib.pyplot", "matplotlib_inline.backend_inline", "anywidget",
    "ipywidgets", "course_lib.attention", "course_lib.plots", "course_lib.widgets", "course_lib.checks",
)  # fmt: skip
# All of these are compiled, too: each lesson and each check loads its own modules.
WHOLE = tuple(f"course_lib/{room}/" for room in ("attention", "checks", "models", "plots", "widgets"))
# What nothing here uses, and what takes a browser time to unpack: what Django and Python 2 look like to jedi.
LEFT_OUT = ("jedi/third_party/django-stubs/", "jedi/third_party/typeshed/third_party/2/")
# What a start leaves behind for the next one. The list in the wheel is for another version, so that matplotlib would
# read all its fonts at every start.
LEFT_BEHIND = ("matplotlib/fontlist.json",)


def start() -> None:
    """Do what a notebook's first cells do."""
    for name in STARTED:
        importlib.import_module(name)
    figure, axes = sys.modules["matplotlib.pyplot"].subplots()
    axes.plot([0, 1], label="$x$")
    axes.legend()
    figure.savefig(io.BytesIO(), format="png")


def loaded_below(folder: str) -> set[str]:
    """Return the loaded source files below a folder or inside of an archive, by their paths in it."""
    specs = [getattr(module, "__spec__", None) for module in list(sys.modules.values())]
    origins = [str(spec.origin) for spec in specs if spec is not None and spec.origin]
    return {path[len(folder) + 1 :] for path in origins if path.startswith(f"{folder}/") and path.endswith(".py")}


def repacked(
    archive: bytes, is_compiled: Callable[[str], bool], *, beside: bool, new: Mapping[str, bytes] | None = None
) -> bytes:
    """Return an archive with the compiled form of some of its sources, and without what `LEFT_OUT` says.

    Parameters
    ----------
    archive : bytes
        A wheel, or a zip from which Python imports.
    is_compiled : callable
        Takes a source's path in the archive.
    beside : bool
        Whether the compiled form lies beside its source, where imports from an archive look for it; else in
        ``__pycache__``, where imports from a folder do.
    new : mapping, optional
        Other content for files, by their paths.

    Returns
    -------
    bytes
        The same as came where nothing is to be done.
    """
    made, new, is_same = io.BytesIO(), new or {}, True
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(made, "w", compresslevel=9) as out:
        for info in old.infolist():
            path = info.filename
            if path.startswith(LEFT_OUT):
                is_same = False
                continue
            content = old.read(info)
            is_same &= new.get(path, content) == content
            out.writestr(info, new.get(path, content))
            if is_compiled(path):
                folder, name = os.path.split(path)
                cached = f"{name}c" if beside else importlib.util.cache_from_source(name)
                entry = zipfile.ZipInfo(os.path.join(folder, cached), info.date_time)
                out.writestr(entry, compiled_form(content, path), zipfile.ZIP_DEFLATED)
                is_same = False
    return archive if is_same else made.getvalue()


def compiled_form(source: bytes, name: str) -> bytes:
    """Return what Python keeps of a source, marked so that no import compares it with the source's time or content."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "source.py"
        file.write_bytes(source)
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(str(file), f"{file}c", dfile=name, doraise=True, invalidation_mode=mode)
        return Path(f"{file}c").read_bytes()


def main(served: Path) -> None:
    """Compile in place: the wheels that the lock names, and Python's own library."""
    start()
    packages = next(path for path in sys.path if path.endswith("/site-packages"))
    loaded, left = loaded_below(packages), {path: Path(packages, path).read_bytes() for path in LEFT_BEHIND}
    lock = json.loads((served / "pyodide-lock.json").read_text(encoding="utf-8"))
    for entry in lock["packages"].values():
        wheel = served / entry["file_name"]
        wheel.write_bytes(repacked(wheel.read_bytes(), lambda path: _is_compiled(path, loaded), beside=False, new=left))
    library = served / "python_stdlib.zip"
    own = loaded_below(next(path for path in sys.path if path.endswith(".zip")))
    library.write_bytes(repacked(library.read_bytes(), own.__contains__, beside=True))


def _is_compiled(path: str, loaded: set[str]) -> bool:
    return path in loaded or (path.startswith(WHOLE) and path.endswith(".py"))


if __name__ == "__main__":
    main(Path("/served"))
