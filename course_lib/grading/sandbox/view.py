"""What of this machine's files can be seen from inside the jail, and how bubblewrap is asked to show no more."""

import importlib.metadata
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from packaging.requirements import InvalidRequirement, Requirement

# What a notebook of the course imports, and what runs it; these and what they need are there, and no other package.
_ROOTS = ("numpy", "matplotlib", "ipython", "ipywidgets", "matplotlib-inline")
DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_SYSTEM = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/lib", "/lib32", "/lib64", "/libx32")
_SHARED = ("/etc/ld.so.cache", "/usr/share/zoneinfo")
_FOLDERS_OF_PACKAGES = ("site-packages", "dist-packages")
# Inside, a folder in memory of each submission's own. It must not lie over the Python that runs.
_IS_PYTHON_TEMPORARY = any(os.path.realpath(prefix).startswith("/tmp/") for prefix in (sys.prefix, sys.base_prefix))
SCRATCH = "/submission" if _IS_PYTHON_TEMPORARY else "/tmp"
LIBRARY = "/course"


@dataclass(frozen=True)
class Outside:
    """The files that the jail needs, by their paths on this machine.

    Attributes
    ----------
    python : str
        The interpreter itself, outside of any virtual environment.
    standard_library : str
    python_library : str
        The interpreter's shared library; '' where it has none.
    packages : tuple of str
        Files and folders in the environment's folders of packages.
    system : tuple of str
        Shared libraries.
    """

    python: str
    standard_library: str
    python_library: str
    packages: tuple[str, ...]
    system: tuple[str, ...]

    @property
    def package_folders(self) -> tuple[str, ...]:
        """The folders that packages are in, of which no more is shown than `packages`."""
        folders = {os.path.dirname(path) for path in self.packages}
        return tuple(sorted(folders | {path for path in self._usual_folders() if os.path.isdir(path)}))

    def _usual_folders(self) -> Iterator[str]:
        for name in _FOLDERS_OF_PACKAGES:
            yield os.path.join(self.standard_library, name)
            yield f"/usr/lib/python3/{name}"

    @property
    def readable(self) -> tuple[str, ...]:
        """All of it for Landlock, which knows no exceptions: the standard library without its folders of packages."""
        parts = sorted(entry.path for entry in os.scandir(self.standard_library))
        standard = (path for path in parts if os.path.basename(path) not in _FOLDERS_OF_PACKAGES)
        return (*self.system, *standard, *self.packages)


@cache
def outside() -> Outside:
    """Find the files that the jail needs."""
    folder, name = (sysconfig.get_config_var(key) for key in ("LIBDIR", "INSTSONAME"))
    shared = os.path.join(folder, name) if folder and name else ""
    return Outside(
        os.path.realpath(getattr(sys, "_base_executable", sys.executable)),
        os.path.dirname(os.path.realpath(os.__file__)),
        shared if shared.endswith(".so.1.0") and os.path.exists(shared) else "",
        _packages(),
        tuple(path for path in (*_SYSTEM, *_SHARED) if os.path.exists(path)),
    )


def _packages() -> tuple[str, ...]:
    waiting, seen, tops = list(_ROOTS), set[str](), set[str]()
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            distribution = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        waiting += [wanted for text in distribution.requires or () if (wanted := _wanted(text))]
        first = {file.parts[0] for file in distribution.files or ()}
        shown = {part for part in first if part not in ("..", "__pycache__") and not part.endswith(".pth")}
        tops |= {os.path.realpath(str(distribution.locate_file(part))) for part in shown}
    return tuple(sorted(path for path in tops if os.path.exists(path)))


def _wanted(text: str) -> str:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return ""
    if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
        return ""
    return requirement.name


def find_bubblewrap() -> str | None:
    """Return where bubblewrap is, or None."""
    return shutil.which("bwrap", path="/usr/bin:/bin:/usr/local/bin") if sys.platform == "linux" else None


def bubblewrap_command(bubblewrap: str, library: str, environment: Mapping[str, str]) -> list[str]:
    """Return the start of a command that runs the rest of it where nothing of this machine is but what is listed.

    The process has its own user, process, mount, network, IPC, host name and control group namespaces. It keeps what it
    needs to give each submission namespaces of its own, and drops that in each fork before anything of it is read.
    """
    seen = outside()
    command = [
        bubblewrap, "--unshare-user", "--uid", "0", "--gid", "0", "--unshare-ipc", "--unshare-pid", "--unshare-net",
        "--unshare-uts", "--unshare-cgroup-try", "--hostname", "jail", "--as-pid-1", "--new-session",
        "--die-with-parent", "--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP",
        "--clearenv", "--tmpfs", SCRATCH,
    ]  # fmt: skip
    for name, value in environment.items():
        command += ["--setenv", name, value]
    for path in seen.system:
        command += _shown(path)
    if not seen.standard_library.startswith("/usr/lib/"):
        command += ["--ro-bind", seen.standard_library, seen.standard_library]
    for folder in seen.package_folders:
        command += ["--tmpfs", folder]
    for path in (seen.python, seen.python_library, *seen.packages):
        command += ["--ro-bind", path, path] if path else []
    for folder in seen.package_folders:
        command += ["--remount-ro", folder]
    for path in DEVICES:
        command += ["--dev-bind", path, path]
    return [*command, "--ro-bind", library, LIBRARY, "--remount-ro", "/", "--chdir", SCRATCH, "--"]


def _shown(path: str) -> list[str]:
    if os.path.islink(path):
        return ["--symlink", os.readlink(path), path]
    return ["--ro-bind", path, path]
