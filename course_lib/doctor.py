"""Look whether the course can run here, and say the cure where it cannot: ``course doctor``, and in lesson 00."""

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from course_lib.errors import CourseError
from course_lib.lab import course_folder, free_port

DISTRIBUTION = "self-attention-course"
# The packages that notebooks themselves import. A browser has no use for the others, which serve, write and run them.
IN_A_BROWSER = {"numpy", "matplotlib", "ipywidgets", "anywidget"}
FRONT_ENDS = {"anywidget": "the live pictures", "@jupyter-widgets/jupyterlab-manager": "the sliders"}
MEGABYTES_TO_WORK = 200
SET_UP_AGAIN = "Run  python3 start.py  in the course's folder; in an environment of your own:  "


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    name : str
        What was looked at.
    state : {"ok", "warning", "problem"}
        A warning does not keep the course from running.
    found : str
        What is there.
    cure : str
        What to do; empty where all is well.
    """

    name: str
    state: Literal["ok", "warning", "problem"]
    found: str
    cure: str = ""

    @property
    def ok(self) -> bool:
        """Whether the course can run as far as this goes."""
        return self.state != "problem"

    def as_dict(self) -> dict[str, str]:
        """Return the finding in a form that JSON can hold."""
        return asdict(self)


def examine() -> list[Finding]:
    """Look at everything that the course needs, and return what was found."""
    findings = [python_finding(), *package_findings()]
    if in_browser():
        findings.append(Finding("JupyterLab", "ok", "not needed: this page runs Python in the browser"))
    else:
        findings += [*server_findings(), *front_end_findings(), port_finding(), disk_finding(), *model_findings()]
    return [*findings, folder_finding()]


def show(findings: Iterable[Finding]) -> None:
    """Print the findings, each with its cure: in colour on a terminal, as plain text in a notebook."""
    findings = list(findings)
    write = _Writer()
    width = max((len(finding.name) for finding in findings), default=0)
    for finding in findings:
        write(finding.state, f"{_MARKS[finding.state]}  {finding.name.ljust(width)}  {finding.found}")
        if finding.cure:
            write("cure", f"   {' ' * width}  -> {finding.cure}")
    troubles = [finding for finding in findings if finding.state != "ok"]
    if not troubles:
        write("ok", "\nAll is well: the course can run here.")
    elif all(finding.ok for finding in troubles):
        write("warning", "\nThe course can run here; see the cure after each arrow when you have a minute.")
    else:
        write("problem", "\nSomething is missing. Do what stands after each arrow, then ask the doctor again.")


def doctor() -> None:
    """Look whether the course can run here, and show it."""
    show(examine())


_MARKS = {"ok": "ok", "warning": "! ", "problem": "X "}
_STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red", "cure": "bold"}


class _Writer:
    """Print a line in the style of its state, where there is a terminal that can."""

    def __init__(self) -> None:
        self.console = None
        if sys.stdout.isatty():
            from rich.console import Console

            self.console = Console(soft_wrap=True, highlight=False)

    def __call__(self, style: str, line: str) -> None:
        if self.console is None:
            print(line)
        else:
            self.console.print(line, style=_STYLES[style], markup=False)


def in_browser() -> bool:
    """Tell whether this Python runs inside a web page."""
    return sys.platform == "emscripten"


# -- Python and packages -----------------------------------------------------------------------------------------------


def requirements() -> tuple[str, list[str]]:
    """Return which Python and which packages the course needs: from pyproject.toml, or from the installed course."""
    folder = course_folder()
    if folder is not None:
        import tomllib

        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        return project["requires-python"], project["dependencies"]
    try:
        installed = metadata.metadata(DISTRIBUTION)
    except metadata.PackageNotFoundError:
        return "", []
    needed = installed.get_all("Requires-Dist") or []
    return installed["Requires-Python"] or "", [line for line in needed if "extra ==" not in line]


def at_least(version: str, needed: str) -> bool:
    """Tell whether `version` satisfies a specifier such as ``>=2.0``.

    >>> at_least("2.10.1", ">=2.9"), at_least("2.10.1", ">=3"), at_least("2.10.1", "")
    (True, False, True)
    """
    from packaging.specifiers import SpecifierSet

    return SpecifierSet(needed).contains(version, prereleases=True)


def python_finding() -> Finding:
    """Look at the version of Python."""
    needed, _ = requirements()
    version = ".".join(str(part) for part in sys.version_info[:3])
    if at_least(version, needed):
        return Finding("Python", "ok", version)
    return Finding(
        "Python", "problem", f"{version}, the course needs {needed}",
        "Install a newer Python (from python.org or your system's packages), then run start.py with it.",
    )  # fmt: skip


def package_findings() -> Iterator[Finding]:
    """Look at each package that the course needs."""
    _, lines = requirements()
    for line in lines:
        match = re.match(r"([A-Za-z0-9._-]+)\s*([^;]*)", line)
        if match and (not in_browser() or match[1] in IN_A_BROWSER):
            yield package_finding(match[1], match[2].strip())


def package_finding(name: str, needed: str) -> Finding:
    """Look whether one package is there and new enough."""
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        version = ""
    if version and at_least(version, needed):
        return Finding(name, "ok", version)
    found = f"{version}, the course needs {needed}" if version else "not installed"
    return Finding(name, "problem", found, f'{SET_UP_AGAIN}python -m pip install "{name}{needed}"')


# -- JupyterLab --------------------------------------------------------------------------------------------------------


def server_findings() -> Iterator[Finding]:
    """Look whether JupyterLab and the kernel of notebooks are this very environment."""
    if not _found("jupyterlab"):
        return  # told among the packages already
    yield kernel_finding(kernel_python())
    served_by = python_of_server()
    if served_by and not same_environment(served_by):
        yield Finding(
            "JupyterLab", "problem", f"this notebook is served by another environment: {served_by}",
            "Close it, and open the course with  python3 start.py  (or  course lab  in your own environment).",
        )  # fmt: skip
    else:
        yield Finding("JupyterLab", "ok", "in the same environment as the kernel")


def kernel_finding(python: str | None) -> Finding:
    """Judge the Python that notebooks would run with."""
    if python is None:
        return Finding(
            "Kernel", "problem", "none with the name python3", SET_UP_AGAIN + "python -m pip install ipykernel"
        )
    if same_environment(python):
        return Finding("Kernel", "ok", "python3 runs this Python")
    return Finding(
        "Kernel", "problem", f"python3 runs another Python: {python}",
        "Remove that kernel with  jupyter kernelspec remove python3  and open the course with  python3 start.py",
    )  # fmt: skip


def kernel_python() -> str | None:
    """Return the Python that the kernel ``python3`` starts, or None if there is no such kernel."""
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")  # as `course lab` has it
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    try:
        command = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        return None
    # Jupyter takes a bare "python" for the Python that it runs in itself.
    return sys.executable if re.fullmatch(r"python[\d.]*", command) else command


def python_of_server() -> str | None:
    """Return the Python of the Jupyter server that started this kernel, or None if there is none or it does not say."""
    parent = os.environ.get("JPY_PARENT_PID", "")
    # On Windows Jupyter puts a handle there, which says nothing to us.
    if os.name == "nt" or not parent.isdigit() or not _found("psutil"):
        return None
    import psutil  # type: ignore[import-untyped]

    try:
        command = psutil.Process(int(parent)).cmdline()
    except psutil.Error:
        return None
    return command[0] if command and os.path.isabs(command[0]) else None


def same_environment(python: str) -> bool:
    """Tell whether a Python stands in the same folder as this one; what a link there points to is another matter."""
    return Path(python).parent.resolve() == Path(sys.executable).parent.resolve()


def front_end_findings() -> Iterator[Finding]:
    """Look whether JupyterLab has what draws the pictures and the sliders, and has it switched on."""
    if not _found("jupyterlab_server"):
        return
    from jupyter_core.paths import jupyter_path
    from jupyterlab.commands import get_app_dir  # type: ignore[import-untyped]
    from jupyterlab_server.config import get_page_config

    config = get_page_config(jupyter_path("labextensions"), str(Path(get_app_dir()) / "settings"))
    present = {extension["name"] for extension in config["federated_extensions"]}
    disabled = {entry.split(":")[0] for entry in config["disabledExtensions"]}
    for name, purpose in FRONT_ENDS.items():
        yield front_end_finding(name, purpose, present=name in present, disabled=name in disabled)


def front_end_finding(name: str, purpose: str, *, present: bool, disabled: bool) -> Finding:
    """Judge one front end."""
    title = f"JupyterLab has {purpose}"
    package = "anywidget" if name == "anywidget" else "jupyterlab_widgets"
    if not present:
        cure = f"{SET_UP_AGAIN}python -m pip install --force-reinstall {package}"
        return Finding(title, "problem", f"{name} is missing", cure)
    if disabled:
        cure = f'Run  jupyter labextension enable "{name}"  and load the page again.'
        return Finding(title, "problem", f"{name} is switched off", cure)
    return Finding(title, "ok", f"yes: {name}")


def port_finding() -> Finding:
    """Look for a port that JupyterLab can listen on."""
    port = free_port()
    if port is not None:
        return Finding("Free port", "ok", str(port))
    return Finding(
        "Free port", "warning", "none near 8888", "Close other JupyterLabs, or name one:  python3 start.py --port 9000"
    )


# -- folder and disk ---------------------------------------------------------------------------------------------------


def progress_folder() -> Path:
    """Return the folder that progress is kept in."""
    named = os.environ.get("COURSE_PROGRESS")
    return Path(named).parent if named else (course_folder() or Path.cwd()) / ".course"


def nearest_folder(path: Path) -> Path:
    """Return `path`, or the nearest folder above it that exists already."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())


def folder_finding() -> Finding:
    """Look whether progress can be kept, by writing a file and removing it."""
    nearest = nearest_folder(progress_folder())
    try:
        with tempfile.TemporaryFile(dir=nearest):
            pass
    except OSError as error:
        return Finding(
            "Progress can be saved", "warning", f"no: {nearest} cannot be written ({error.strerror})",
            "Copy the course to a folder of your own; the lessons run here all the same.",
        )  # fmt: skip
    return Finding("Progress can be saved", "ok", "yes")


def disk_finding() -> Finding:
    """Look whether the disk has room to work."""
    free = shutil.disk_usage(nearest_folder(progress_folder())).free // 1_000_000
    if free >= MEGABYTES_TO_WORK:
        return Finding("Free disk space", "ok", f"{free} MB")
    return Finding("Free disk space", "warning", f"only {free} MB", f"Free at least {MEGABYTES_TO_WORK} MB.")


def model_findings() -> list[Finding]:
    """Say whether the language model is here; that it is not is no trouble, since only the last lesson asks for it."""
    try:
        from course_lib.models.language_model.store import model_path

        is_here = model_path().is_file()
    except (ImportError, CourseError):  # what they need is missing, and was named above
        return []
    missing = "not fetched yet; only lesson 11 asks for it:  course model fetch"
    return [Finding("Language model", "ok", "fetched" if is_here else missing)]


def _found(module: str) -> bool:
    from importlib.util import find_spec

    return find_spec(module) is not None
