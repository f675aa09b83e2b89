"""The browser-only course: JupyterLite with every lesson and exercise, and Python served from the site itself."""

import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from course_lib.site.builder import BROWSER_LOCK, LOCK, Builder, browser_wheels, course_wheel, prepared
from course_lib.site.errors import SiteError
from course_lib.site.places import HERE, Places, notebooks_of
from course_lib.site.precompile import SCRIPT, library_of, precompile
from course_lib.site.runtime import TARBALL, VERSION, runtime_files, tagged, write_runtime

EXTENSION_NAME = "self-attention-course"
EXTENSION = HERE / "lite_extension"
KERNEL = "@jupyterlite/pyodide-kernel-extension"
# Wheels that the kernel brings itself; with them in the lock, the kernel asks no index when it starts.
_KERNEL_WHEELS = ("ipykernel-*.whl", "piplite-*.whl", "pyodide_kernel-*.whl", "widgetsnbextension-4*.whl")
# The kernel looks for these spellings among what is loaded already; the lock spells them otherwise.
_AS_THE_KERNEL_SPELLS = {"pyodide-kernel": "pyodide_kernel"}
# In a browser each notebook has its own working directory, and no folder above it to be found: one place for all.
PROGRESS = "/drive/.course/progress.json"
# What a notebook asks for only once it runs or shows a formula; kept at a first visit, whatever was opened then.
_LATER = ("extensions/@jupyter-widgets/*/static/*.js", "extensions/anywidget/static/*.js", "build/MathJax_*.woff")
_EPOCH = 1704067200  # 2024-01-01: no time of a build in what is served


def build_lite(out: Path, places: Places) -> bool:
    """Build the JupyterLite part of the site into `out`, which must be empty or not there.

    Returns
    -------
    bool
        Whether what a start imports could be compiled beforehand.

    Raises
    ------
    SiteError
        If something that it needs is missing, is not what it should be, or the build fails.
    """
    builder = prepared(places)
    files = runtime_files(places)
    with tempfile.TemporaryDirectory(prefix="course-site-") as scratch:
        lite = Path(scratch) / "lite"
        own = [
            *browser_wheels(places, builder),
            *_kernel_wheels(builder),
            tagged(course_wheel(places, builder, _made(Path(scratch) / "wheel"))),
        ]
        served = _made(lite / "static" / "pyodide")
        loaded = write_runtime(served, files, places.wheels, own, keep=places.cache / TARBALL.removesuffix(".tgz"))
        is_compiled = precompile(served)
        _copy_notebooks(places.course, lite / "files")
        _write_settings(lite, loaded, library_of(served))
        # It sets the times of every file in the folder around what it makes, so that is not the folder of `out`.
        made = Path(scratch) / "made" / "site"
        _build(builder, lite, made)
        if not (made / "lab" / "index.html").is_file():
            raise SiteError("JupyterLite wrote no lab/index.html.")
        _put_in_worker(made)
        # Dates are those of now: by an old one, a browser would take a file as fresh for months.
        shutil.copytree(made, out, dirs_exist_ok=True, copy_function=shutil.copyfile)
    return is_compiled


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _kernel_wheels(builder: Builder) -> list[Path]:
    folder = builder.labextensions / KERNEL / "static" / "pypi"
    found = [sorted(folder.glob(pattern)) for pattern in _KERNEL_WHEELS]
    if not all(found):
        raise SiteError(f"The build environment lacks the kernel's wheels; delete {builder.folder} and try again.")
    return [paths[-1] for paths in found]


def _copy_notebooks(course: Path, target: Path) -> None:
    """Copy lessons and exercises, and no solution."""
    for folder in ("notebooks", "exercises"):
        (target / folder).mkdir(parents=True)
        for path in notebooks_of(course, folder):
            shutil.copyfile(path, target / folder / path.name)


def _write_settings(lite: Path, loaded: list[str], library: str) -> None:
    kernel: dict[str, Any] = {
        "disablePyPIFallback": True,
        "loadPyodideOptions": {
            "packages": [_AS_THE_KERNEL_SPELLS.get(name, name) for name in loaded],
            "env": {"COURSE_PROGRESS": PROGRESS},
            "stdLibURL": f"./static/pyodide/{library}",
        },
    }
    config = {
        "appName": "Self-attention, derived step by step",
        "exposeAppInBrowser": True,
        "litePluginSettings": {f"{KERNEL}:kernel": kernel},
    }
    _write_json(lite / "jupyter-lite.json", {"jupyter-lite-schema-version": 0, "jupyter-config-data": config})
    shutil.copyfile(HERE / "lite_overrides.json", lite / "overrides.json")
    extensions = _made(lite / "extensions") / EXTENSION_NAME
    shutil.copytree(EXTENSION, extensions)
    build = {
        "LiteBuildConfig": {
            "apps": ["lab"],
            "contents": [str(lite / "files")],
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
            "source_date_epoch": _EPOCH,
        },
        "FederatedExtensionAddon": {"extra_labextensions_path": [str(lite / "extensions")]},
    }
    _write_json(lite / "jupyter_lite_config.json", build)


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2), encoding="utf-8")


def _build(builder: Builder, lite: Path, out: Path) -> None:
    builder.run(
        ["-m", "jupyterlite_core", "build", "--lite-dir", str(lite), "--output-dir", str(out)],
        what="Building JupyterLite",
        folder=lite,
    )


def _put_in_worker(out: Path) -> None:
    """Put the site's service worker before JupyterLite's own; what renames all of Python begins its cache anew."""
    renaming = (LOCK.read_bytes(), BROWSER_LOCK.read_bytes(), VERSION.encode(), SCRIPT.read_bytes())
    build = hashlib.sha256(b"".join(renaming)).hexdigest()[:12]
    worker = out / "service-worker.js"
    worker.rename(out / "jupyterlite-service-worker.js")
    shutil.copyfile(HERE / "lite_worker.js", worker)
    said = {"%BUILD%": build, "%MEGABYTES%": str(python_megabytes(out)), "%LATER%": " ".join(_asked_later(out))}
    for path in (worker, *(out / "extensions" / EXTENSION_NAME).rglob("remoteEntry.js")):
        text = path.read_text(encoding="utf-8")
        for word, value in said.items():
            text = text.replace(word, value)
        path.write_text(text, encoding="utf-8", newline="\n")


def _asked_later(out: Path) -> list[str]:
    found = [sorted(path.relative_to(out).as_posix() for path in out.glob(pattern)) for pattern in _LATER]
    if not all(found):
        raise SiteError("JupyterLite lacks the scripts of the widgets, or the letters of formulas.")
    return [name for names in found for name in names]


def python_megabytes(out: Path) -> int:
    """Return how much of a site a first start of Python fetches, in millions of bytes."""
    return round(sum(path.stat().st_size for path in (out / "static" / "pyodide").glob("*")) / 1e6)
