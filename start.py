#!/usr/bin/env python3
"""Set the course up and open it.

    python3 start.py                    open the course in JupyterLab, at the first lesson
    python3 start.py --no-browser       the same, but only print the address
    python3 start.py --port 9000        on a port of your choice
    python3 start.py test               run every test
    python3 start.py test -k softmax    the same, with options and paths for pytest

The first run makes the folder .venv and installs there what requirements.lock names, each package checked against
its hash; a later run does so again only if the lock has changed. The folder .venv holds nothing of yours: it may be
deleted at any time. This file needs nothing but Python's standard library.
"""
# Python 3.6 can still read this file, so that it can say that it is too old. Keep it so: no newer syntax, and no newer
# annotations before the version is checked.
# ruff: noqa: E402 (the imports come after that check)

import sys

OLDEST_PYTHON = (3, 11)


def old_python_message(version: "tuple[int, ...]", commands: "list[str]") -> str:
    """Return what to tell somebody whose Python is too old, or nothing if it is new enough."""
    if tuple(version[:2]) >= OLDEST_PYTHON:
        return ""
    need = ".".join(str(part) for part in OLDEST_PYTHON)
    have = ".".join(str(part) for part in version[:3])
    what = f"The course needs Python {need} or newer; this is Python {have}.\n"
    if commands:
        return what + f"This machine has a newer one. Run:  {commands[0]} start.py"
    return what + "Install a newer Python (from python.org or your system's packages) and run start.py with it."


def newer_pythons() -> "list[str]":
    """Return the commands on this machine that are a new enough Python, newest first."""
    import subprocess

    found = []
    for command in ("python3.%d" % minor for minor in range(15, 10, -1)):  # noqa: UP031
        try:
            # Asked, not only looked for: a version manager's stand-in may exist for a Python that does not.
            subprocess.check_output([command, "-c", ""], stderr=subprocess.DEVNULL)
            found.append(command)
        except (OSError, subprocess.CalledProcessError):
            continue
    return found


if sys.version_info < OLDEST_PYTHON:
    sys.exit(old_python_message(sys.version_info[:3], newer_pythons()))

import argparse
import contextlib
import errno
import hashlib
import importlib.util
import json
import os
import queue
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

COURSE = Path(__file__).resolve().parent
ENVIRONMENT = COURSE / ".venv"
STATE = COURSE / ".course"  # what runs leave behind: the log and the lock of the set-up, the learner's progress
LOG = STATE / "setup.log"
STAMP = ENVIRONMENT / "course-setup.json"
COURSE_LOCK = COURSE / "requirements.lock"
TEST_LOCK = COURSE / "requirements-test.lock"
PROJECT = COURSE / "pyproject.toml"
PYTEST_OPTIONS = ["--nbval", "-n", "2", "--dist", "loadscope", "--no-loadscope-reorder"]
MEGABYTES_NEEDED = {COURSE_LOCK.name: 700, TEST_LOCK.name: 300}

# Where and how pip downloads is the learner's business; where and what it installs is ours.
PIP_SETTINGS_TO_KEEP = re.compile(
    "PIP_(CACHE_DIR|CERT|CLIENT_CERT|CONFIG_FILE|DEFAULT_TIMEOUT|EXTRA_INDEX_URL|FIND_LINKS|INDEX_URL|KEYRING_PROVIDER"
    "|NO_BINARY|NO_CACHE_DIR|NO_INDEX|ONLY_BINARY|PREFER_BINARY|PROXY|RETRIES|TIMEOUT|TRUSTED_HOST|USE_DEPRECATED"
    "|USE_FEATURE)"
)
PIP_SETTINGS = {
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_COLOR": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_REQUIRE_HASHES": "0",
    "PIP_USER": "0",
}
# Settings of some other Python, which would lead ours astray.
FOREIGN_SETTINGS = {
    "PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "PYTHONPLATLIBDIR", "PYTHONSTARTUP", "__PYVENV_LAUNCHER__",
}  # fmt: skip

# What pip and venv print, and what it means. The first that fits is told.
KNOWN_TROUBLES = (
    (
        r"No space left on device|\[Errno 28\]|\[WinError 112\]|Disk quota exceeded",
        "The disk is full.\nFree about 1 GB (also where temporary files go) and run this again.",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|SSLError",
        "The package server's certificate was not accepted.\n"
        "In a company's or a school's network, ask for its certificate file and run:  pip config set global.cert FILE",
    ),
    (
        r"ProxyError|Cannot connect to proxy",
        "The proxy did not let pip through.\nCheck the variable HTTPS_PROXY and pip's own setting (pip config list).",
    ),
    (
        r"NewConnectionError|NameResolutionError|name resolution|getaddrinfo failed|ConnectTimeout|ReadTimeout"
        r"|Connection refused|Network is unreachable|Max retries exceeded|RemoteDisconnected|ProtocolError"
        r"|IncompleteRead|Connection ?(?:reset|aborted|broken)",
        "The packages could not be downloaded: the package server does not answer.\n"
        "Check the network and run this again. What is already downloaded need not be downloaded again.",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "A downloaded package is not the one that the course was locked with, so it was not installed.\n"
        "Run this again; if it happens again, something between you and the package server changes packages.",
    ),
    (
        r"Long Path support|\[WinError 206\]",
        "The course's folder is too deep: its longest file names are longer than Windows allows.\n"
        "Move the course to a short path, such as C:\\course, and run this again.",
    ),
    (
        r"Permission denied|\[Errno 13\]|\[WinError 5\]|\[WinError 32\]|Read-only file system",
        "A file could not be written.\nClose every JupyterLab of this course (on Windows a running one holds its"
        " files), check that you may write in this folder, and run this again.",
    ),
    (
        r"No matching distribution found",
        "The package server does not have a package that the course needs.\nIf pip is set to a server of a company or"
        " a school (pip config list), ask there; or use another Python: 3.11, 3.12 or 3.13.",
    ),
)


class Trouble(Exception):
    """Something that the learner can mend: what happened, and what to do."""


def explain(output: str) -> str:
    """Return what to tell the learner about a failed command, from what it printed."""
    for pattern, message in KNOWN_TROUBLES:
        if re.search(pattern, output):
            return message
    last = "\n".join("    " + line for line in output.strip().splitlines()[-12:])
    return f"The set-up stopped with:\n{last}\nRun it again; if that does not help, delete the folder .venv first."


def explain_os_error(error: OSError) -> str:
    """Return what to tell the learner about a file or a folder that could not be written."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return explain("No space left on device")
    return (
        f"The course's folder cannot be written: {error.filename or COURSE} ({error.strerror or error}).\n"
        "Copy the course to a folder of your own, or get the right to write in this one, and run this again."
    )


# -- progress ----------------------------------------------------------------------------------------------------------


class Progress:
    """One line that counts; in a log or on a simple terminal a new line every few seconds instead."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
        self.shown = ""
        self.next_time = 0.0

    def show(self, text: str, done: int = 0, total: int = 0) -> None:
        """Show `text` and how far it is; the end of a count is always shown."""
        done = min(done, total)
        if total:
            filled = 24 * done // total
            bar = f"  [{'#' * filled}{'.' * (24 - filled)}]" if self.live else ""
            text = f"{text} {done:3d} of {total}{bar}"
        if text == self.shown:
            return
        if self.live:
            print("\r" + text.ljust(len(self.shown)), end="", flush=True)
        elif time.monotonic() >= self.next_time or (total and done == total):
            print(text, flush=True)
            self.next_time = time.monotonic() + 5
        else:
            return
        self.shown = text

    def end(self) -> None:
        """Go on below the line."""
        if self.live and self.shown:
            print(flush=True)
        self.shown = ""


class PipProgress(Progress):
    """Counts the packages that pip finds, and then those that it has installed."""

    def __init__(self, title: str, lock: "Path | None" = None) -> None:
        super().__init__()
        self.title = title
        self.total = len(re.findall(r"^\S+==", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)) if lock else 0
        self.found: set[str] = set()
        self.to_install = 0
        self.installed_before = 0
        self.waiting = False

    def read(self, line: str) -> None:
        """Take note of one line that pip printed, and show where it is."""
        if line.startswith("Ignoring "):  # a package for another system
            self.total -= 1
        elif line.startswith(("Collecting ", "Processing ", "Requirement already satisfied: ")):
            self.found.add(line.split(" (from ")[0])
        elif line.startswith("Installing collected packages: "):
            self.to_install = line.count(",") + 1
            self.installed_before = len(installed())
        elif "Retrying (Retry(" in line and not self.waiting:
            self.waiting = True
            self.end()
            print("The package server does not answer; trying again ...", flush=True)
        self.tick()

    def tick(self) -> None:
        """Show where pip is."""
        if self.to_install:
            # pip is silent while it installs: count what has appeared.
            self.show(f"{self.title}: installing ", len(installed()) - self.installed_before, self.to_install)
        elif self.found and self.total:
            self.show(f"{self.title}: downloading", len(self.found), max(self.total, len(self.found)))
        elif self.found:  # without a lock nobody knows how many more there will be
            self.show(f"{self.title}: downloading {len(self.found):3d} so far")
        else:
            self.show(f"{self.title} ...")

    def finish(self) -> None:
        """Show that all is installed."""
        if self.to_install:
            self.show(f"{self.title}: installing ", self.to_install, self.to_install)


def site_packages() -> Path:
    """Return the folder of the environment that packages are installed in."""
    folders = list(ENVIRONMENT.glob("Lib/site-packages" if os.name == "nt" else "lib/python3*/site-packages"))
    return folders[0] if folders else ENVIRONMENT


def installed() -> list[Path]:
    """Return the metadata folders of the packages in the environment."""
    return list(site_packages().glob("*.dist-info"))


# -- commands ----------------------------------------------------------------------------------------------------------


def python_of_environment() -> Path:
    """Return the path of the environment's Python, whether it is there or not."""
    return ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def clean_environ() -> dict[str, str]:
    """Return the learner's environment variables without those that would mislead the environment's Python or pip."""
    environ = {
        name: value
        for name, value in os.environ.items()
        if name not in FOREIGN_SETTINGS and (not name.startswith("PIP_") or PIP_SETTINGS_TO_KEEP.fullmatch(name))
    }
    environ["PYTHONUTF8"] = "1"  # paths and names with any letter, whatever the system's own encoding
    environ["VIRTUAL_ENV"] = str(ENVIRONMENT)
    environ["PATH"] = os.pathsep.join([str(python_of_environment().parent), environ.get("PATH", "")])
    return environ


def run_logged(command: list[str], lock: IO[str], progress: PipProgress) -> tuple[int, str]:
    """Run `command` with its output in the log and its `progress` shown; return its status and its output."""
    # The child inherits the set-up's lock: should this process be killed, the next one waits until the child is gone.
    inherited = (lock.fileno(),) if os.name == "posix" else ()
    child = subprocess.Popen(
        command, cwd=COURSE, env=clean_environ() | PIP_SETTINGS, pass_fds=inherited, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace",
    )  # fmt: skip
    lines: queue.Queue[str] = queue.Queue()
    reader = threading.Thread(target=lambda: list(map(lines.put, child.stdout or ())), daemon=True)
    reader.start()
    output = []
    try:
        with LOG.open("a", encoding="utf-8") as log:
            while reader.is_alive() or not lines.empty():
                try:
                    line = lines.get(timeout=0.2)
                except queue.Empty:
                    progress.tick()
                    continue
                output.append(line)
                log.write(line)
                progress.read(line)
        return child.wait(), "".join(output)
    except BaseException:
        # Ctrl-C reaches the child too. Give it a moment to clean up behind itself.
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=5)
        child.kill()
        raise


def become(arguments: list[str]) -> NoReturn:
    """Go on as the environment's Python with `arguments`, so that signals and the exit status are its own."""
    command = [str(python_of_environment()), *arguments]
    os.chdir(COURSE)
    sys.stdout.flush()
    if os.name == "posix":
        os.execve(command[0], command, clean_environ())
    child = subprocess.Popen(command, env=clean_environ())
    while True:
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C is for the child
            sys.exit(child.wait())


# -- the environment ---------------------------------------------------------------------------------------------------


class Step(NamedTuple):
    """One call of pip; it is done again only when its `digest` has changed."""

    name: str
    title: str
    digest: str
    arguments: list[str]
    lock: "Path | None" = None


def digest_of(path: Path) -> str:
    """Return the sha256 of a file."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        raise Trouble(
            f"The file {path.name} is missing.\nGet a complete copy of the course and run it there."
        ) from None


def steps_for(test: bool, extras: list[str]) -> list[Step]:
    """Return what has to be installed: the packages, the course itself and, for tests, what they need."""
    locked = ["--require-hashes", "-r"]
    editable = ["--no-build-isolation", "--no-deps", "--editable", "."]
    steps = [
        Step(COURSE_LOCK.name, "Packages", digest_of(COURSE_LOCK), [*locked, COURSE_LOCK.name], COURSE_LOCK),
        Step(PROJECT.name, "The course itself", digest_of(PROJECT), editable),
    ]
    if test:
        lock = TEST_LOCK
        steps.append(Step(lock.name, "Packages for tests", digest_of(lock), [*locked, lock.name], lock))
    return steps + [Step(f"with {extra}", extra, extra, [extra]) for extra in extras]


def read_stamp() -> dict[str, Any]:
    """Return what the last set-up noted, or nothing if there is no note that can be read."""
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def write_stamp(state: str, python: str = "", steps: "dict[str, str] | None" = None) -> None:
    """Note how far the set-up is, in one step that cannot be seen half done."""
    stamp = {"state": state, "folder": str(COURSE), "python": python, "steps": steps or {}}
    scratch = STAMP.with_suffix(".new")
    scratch.write_text(json.dumps(stamp, indent=1) + "\n", encoding="utf-8")
    os.replace(scratch, STAMP)


def version_of_environment() -> str:
    """Return the version of the environment's Python, or nothing if it does not run."""
    code = "import platform; print(platform.python_version())"
    try:
        run = subprocess.run(
            [str(python_of_environment()), "-I", "-S", "-c", code], capture_output=True, text=True, env=clean_environ()
        )
    except OSError:
        return ""
    return run.stdout.strip()


def what_is_wrong() -> str:
    """Return why the environment has to be made anew, or nothing if it can be used."""
    stamp = read_stamp()
    if not os.path.lexists(ENVIRONMENT):
        return "absent"
    if stamp.get("state") != "ready":
        return "was not finished"
    if stamp.get("folder") != str(COURSE):
        return "was made for another folder"
    version = version_of_environment()
    if not version or version != stamp.get("python"):
        return "was made with a Python that is gone"
    return ""


def clear_the_way(reason: str) -> None:
    """Remove an environment of ours that cannot be used; what is not ours is only moved aside."""
    old = STATE / "old-environment"
    shutil.rmtree(old, ignore_errors=True)  # from a run that was stopped in the middle of the same
    if not os.path.lexists(ENVIRONMENT):
        return
    if ENVIRONMENT.is_symlink():
        ENVIRONMENT.unlink()
    elif not ENVIRONMENT.is_dir():
        raise Trouble(
            "There is a file named .venv where the course keeps its packages.\nMove it away and run this again."
        )
    elif STAMP.exists() or not any(ENVIRONMENT.iterdir()):
        print(f"The folder .venv {reason}; making it anew.", flush=True)
        # Renamed first: a removal that is stopped halfway must not leave something that looks like an environment.
        os.replace(ENVIRONMENT, old)
        shutil.rmtree(old, ignore_errors=True)
    else:
        asides = (COURSE / f".venv-set-aside-{number}" for number in range(1, 1000))
        aside = next(path for path in asides if not path.exists())
        print(f"The folder .venv is not from this set-up; it is now {aside.name}.", flush=True)
        os.replace(ENVIRONMENT, aside)


def make_environment(lock: IO[str]) -> None:
    """Make an empty environment."""
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise Trouble(missing_venv_message(shutil.which("apt-get") is not None))
    ENVIRONMENT.mkdir()
    write_stamp("making")
    # Started by the very environment that is made anew, this process goes on with the Python below it.
    ours = Path(sys.prefix).resolve() == ENVIRONMENT
    python = str(getattr(sys, "_base_executable", sys.executable)) if ours else sys.executable
    progress = PipProgress("Making the folder .venv for the course's packages")
    progress.tick()
    status, output = run_logged([python, "-I", "-m", "venv", str(ENVIRONMENT)], lock, progress)
    progress.end()
    if status:
        raise Trouble(explain(output))
    write_stamp("ready", version_of_environment())


def missing_venv_message(debian: bool) -> str:
    """Return what to do about a Python without the modules venv and ensurepip."""
    what = "This Python lacks the modules venv and ensurepip, which make a folder for the course's packages.\n"
    if debian:
        return what + f"Run:  sudo apt install python3.{sys.version_info[1]}-venv   and then this again."
    return what + "Install your system's package for them, or Python from python.org, and run this again."


def install(step: Step, lock: IO[str]) -> None:
    """Let pip do one step, and note it."""
    stamp = read_stamp()
    python, steps = stamp["python"], stamp["steps"]
    progress = PipProgress(step.title, step.lock)
    # Should pip be killed in the middle of its work, the environment is made anew next time.
    write_stamp("installing", python, steps)
    command = [str(python_of_environment()), "-I", "-m", "pip", "install", *step.arguments]
    try:
        status, output = run_logged(command, lock, progress)
        if not status:
            progress.finish()
    finally:
        progress.end()
        if not progress.to_install:  # nothing was touched: what was there before is as good as it was
            write_stamp("ready", python, steps)
    if status:
        raise Trouble(explain(output))
    link_course()
    write_stamp("ready", python, {**steps, step.name: step.digest})


def link_course() -> None:
    """Let the environment find the course by a relative path.

    An editable install holds the absolute path, which Python before 3.13 reads in the system's own encoding: where that
    lacks a letter of the path, no Python of the environment would start any more.
    """
    site = site_packages()
    for link in site.glob("*.pth"):
        if link.read_bytes().strip() == os.fsencode(COURSE):
            link.write_text(os.path.relpath(COURSE, site) + "\n", encoding="ascii")


def check_imports(test: bool) -> None:
    """Make sure that what was installed is found by the environment's Python."""
    names = ["course_lib", "jupyterlab", "ipykernel"] + (["pytest", "nbval"] if test else [])
    code = f"import importlib.util as u; print(*[n for n in {names} if u.find_spec(n) is None])"
    run = subprocess.run(
        [str(python_of_environment()), "-I", "-c", code], capture_output=True, text=True, env=clean_environ()
    )
    missing = run.stdout.strip() or run.stderr.strip()
    if missing:
        write_stamp("broken")
        raise Trouble(
            f"The set-up ended, but these packages are not in .venv: {missing}\n"
            "Perhaps pip is set to install elsewhere (pip config list). Change that and run this again."
        )


def check_space(todo: list[Step], done: dict[str, str]) -> None:
    """Stop before the disk is full."""
    needed = sum(MEGABYTES_NEEDED.get(step.name, 0) for step in todo if step.name not in done)
    free = shutil.disk_usage(COURSE).free // 1_000_000
    if free < needed:
        raise Trouble(
            f"The disk is nearly full: the course's packages need {needed} MB, and {free} MB are free in {COURSE}.\n"
            "Free some space and run this again."
        )


@contextlib.contextmanager
def setup_lock() -> Iterator[IO[str]]:
    """Let only one start at a time set up; the system lifts the lock when its holder is gone, however it went."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "setup.lock").open("a+", encoding="utf-8") as handle:
        waiting = False
        while not take_lock(handle):
            if not waiting:
                print("Another start is setting this course up; waiting until it is done ...", flush=True)
                waiting = True
            time.sleep(0.2)
        yield handle


def take_lock(handle: IO[str]) -> bool:
    """Take the lock if nobody has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        # Some network disks cannot lock at all; then go on without.
        return error.errno not in (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
    return True


def set_up(test: bool = False, extras: "list[str] | None" = None) -> None:
    """Bring the folder .venv to what the locks say; does nothing if it is so already."""
    steps = steps_for(test, extras or [])

    def todo() -> list[Step]:
        done = read_stamp().get("steps", {})
        return [step for step in steps if done.get(step.name) != step.digest]

    if not what_is_wrong() and not todo():
        return
    with setup_lock() as lock:
        LOG.write_text("", encoding="utf-8")
        reason = what_is_wrong()
        if reason:
            check_space(steps, {})
            clear_the_way(reason)
            make_environment(lock)
        check_space(todo(), read_stamp()["steps"])
        for step in todo():
            install(step, lock)
        check_imports(test)
        print("The course is set up.", flush=True)


# -- the command -------------------------------------------------------------------------------------------------------


def port_number(text: str) -> int:
    """Read a port from the command line."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a whole number from 1 to 65535")
    return int(text)


def open_course(arguments: list[str]) -> None:
    """``python3 start.py``."""
    parser = argparse.ArgumentParser(
        prog="start.py",
        description="Set the course up, the first time, and open it in JupyterLab at the first lesson.",
        epilog="`start.py test` sets up and runs every test; see `start.py test --help`.",
        allow_abbrev=False,
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser, only print the address")
    parser.add_argument("--port", type=port_number, metavar="N", help="the port to use (default: a free one from 8888)")
    options = parser.parse_args(arguments)
    set_up()
    command = ["-m", "course_lib", "lab"]
    command += ["--no-browser"] if options.no_browser else []
    command += ["--port", str(options.port)] if options.port else []
    become(command)


def run_tests(arguments: list[str]) -> None:
    """``python3 start.py test``."""
    parser = argparse.ArgumentParser(
        prog="start.py test",
        usage="start.py test [--with REQUIREMENT] [options and paths for pytest]",
        description="Set the course up with what its tests need, and run every test.",
        epilog="Example: start.py test -k softmax",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--with", dest="extras", action="append", default=[], metavar="REQUIREMENT",
        help="also install this, to compare with; for example torch==2.13.0 (may be given several times)",
    )  # fmt: skip
    options, for_pytest = parser.parse_known_args(arguments)
    set_up(test=True, extras=options.extras)
    become(["-m", "pytest", *PYTEST_OPTIONS, *for_pytest])


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit status: 0 done, 1 could not, 2 wrong use."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a path may have letters that the terminal cannot show
    try:
        if arguments[:1] == ["test"]:
            run_tests(arguments[1:])
        else:
            open_course(arguments)
    except Trouble as trouble:
        print(f"\n{trouble}", file=sys.stderr)
    except OSError as error:
        print(f"\n{explain_os_error(error)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. Run this again to go on.", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
