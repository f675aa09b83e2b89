"""What `course workshop` does: look at everything that can be wrong, say what is in force, open, and close cleanly."""

import compileall
import importlib.util
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import course_lib
from course_lib.errors import CourseError
from course_lib.lab import course_folder, free_port, port_is_free
from course_lib.workshop import proxy, settings
from course_lib.workshop.limits import bytes_of, find_limits
from course_lib.workshop.people import MOST_LEARNERS
from course_lib.workshop.settings import SERVICE, Workshop

FIRST_PORT = 8000
PASSWORD = "COURSE_WORKSHOP_PASSWORD"


@dataclass(frozen=True)
class Wishes:
    """What was asked for on the command line; None means that the workshop chooses."""

    folder: Path | None = None
    address: str = ""
    port: int | None = None
    lesson: str | None = None
    code: str | None = None
    memory: str = "1G"
    cpus: float = 1.0
    idle_minutes: int = 60
    first_uid: int | None = None
    trust_the_room: bool = False
    certificate: Path | None = None
    key: Path | None = None


def default_folder() -> Path:
    """Return where a workshop is kept if nothing else is said: where learners' users may go, if they have them."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    return Path("/srv/course-workshop") if is_root else Path.home() / "course-workshop"


def need_jupyterhub() -> None:
    """Say what to install where JupyterHub is missing.

    Raises
    ------
    CourseError
    """
    missing = [name for name in ("jupyterhub", "jupyterhub_idle_culler") if importlib.util.find_spec(name) is None]
    if missing:
        raise CourseError(
            f"A workshop runs on JupyterHub, and {' and '.join(missing)} is not installed. In the course's folder:  "
            "python -m pip install --editable '.[workshop]'"
        )


def set_up(wishes: Wishes, *, write: bool = True) -> tuple[Workshop, str | None]:
    """Check what was asked for and make the workshop's folder; return it and a new password, where there is one.

    Without `write` the folder stays as it is, and the code and the password are left out.

    Raises
    ------
    CourseError
        With the first thing that stands in the way, and what to do.
    """
    need_jupyterhub()
    root = course_folder()
    if root is None:
        raise CourseError("The course is not in this folder. Go to the folder that holds start.py and try again.")
    first_uid = settings.choose_users(wishes.first_uid, trust_the_room=wishes.trust_the_room)
    if (wishes.certificate is None) != (wishes.key is None):
        raise CourseError("--certificate and --key belong together: name both files, or none.")
    folder = (wishes.folder or default_folder()).resolve()
    lesson = settings.find_lesson(root, wishes.lesson)
    limits = find_limits(bytes_of(wishes.memory), wishes.cpus)
    port = _port(wishes.port)
    code, digest, new = "", "", None
    if write:
        settings.open_folder(folder, root)
        code, digest, new = settings.read_secrets(folder, code=wishes.code, password=os.environ.get(PASSWORD))
    workshop = Workshop(
        folder=folder, address=wishes.address, port=port, lesson=lesson, limits=limits,
        idle_minutes=wishes.idle_minutes, first_uid=first_uid, code=code, password=digest,
        certificate=wishes.certificate, key=wishes.key,
    )  # fmt: skip
    settings.try_user(workshop)
    return workshop, new


def _port(wanted: int | None) -> int:
    port = wanted if wanted is not None else free_port(FIRST_PORT)
    if port is None or not port_is_free(port):
        raise CourseError(f"Port {port} is busy. Stop what uses it, or name another with --port.")
    return port


def dry_run(workshop: Workshop) -> dict[str, Any]:
    """Return everything that a start would use, with nothing secret in it."""
    from course_lib.workshop.hub.configuration import configuration, inner_ports

    hub = configuration(workshop, inner_ports(workshop.port + 1))
    return {
        "address": address(workshop),
        "folder": str(workshop.folder),
        "lesson": workshop.lesson,
        "learners_run_as": who_learners_are(workshop),
        "limits": str(workshop.limits),
        "level": workshop.limits.level,
        "proxy": {"folder": str(proxy.cache_folder()), "installed": proxy.is_installed()},
        "hub": hub,
    }


def open_workshop(workshop: Workshop, password: str | None) -> None:
    """Run the workshop until Ctrl-C."""
    from course_lib.workshop.hub.application import run

    print("Installing the proxy, once ..." if not proxy.is_installed() else "Starting ...", flush=True)
    proxy.install()
    compile_course()
    run(workshop, lambda: print(notice(workshop, password), flush=True))


def compile_course() -> None:
    """Keep the course's modules compiled beside them: learners' users cannot, and each start would do it anew."""
    compileall.compile_dir(
        Path(course_lib.__file__).parent, quiet=2
    )  # where nothing can be written, learners wait a little longer, that is all


def notice(workshop: Workshop, password: str | None) -> str:
    """Return what the instructor reads when the workshop is open."""
    lines = [
        ("Learners go to", address(workshop)),
        ("Class code", workshop.code),
        ("Your password", password or f"the one in {PASSWORD}"),
        ("Class view", f"{address(workshop)}/services/{SERVICE}/"),
        ("Learners run as", who_learners_are(workshop)),
        ("Limits", str(workshop.limits)),
        ("Everything is in", str(workshop.folder)),
    ]
    body = "\n".join(f"  {title:<17} {text}" for title, text in lines)
    plain = "" if workshop.certificate else "  What is typed crosses the network in the open; --certificate mends it.\n"
    return f"\nThe workshop is open.\n\n{body}\n{plain}\n(To end it and every server, press Ctrl-C. Nothing is lost.)\n"


def who_learners_are(workshop: Workshop) -> str:
    """Say in words who learners' programs run as, and what that means."""
    if workshop.first_uid is None:
        return "you: a learner's program can read and change every learner's files, and yours"
    last = workshop.first_uid + MOST_LEARNERS - 1
    return f"users of their own, {workshop.first_uid} to {last}; nobody reads another's files"


def address(workshop: Workshop) -> str:
    """Return the address that learners type: that of this machine in its network."""
    host = workshop.address or _own_address()
    return f"{'https' if workshop.certificate else 'http'}://{host}:{workshop.port}"


def _own_address() -> str:
    """Return this machine's address towards the rest of the network; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address that is kept for documentation
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"


def export(folder: Path, out: Path) -> int:
    """Write the learners' exercise notebooks to a zip that `course grade` takes; return how many notebooks.

    Raises
    ------
    CourseError
        Where there is no workshop in the folder.
    """
    import io
    import zipfile

    from course_lib.workshop.classview.submissions import collect

    learners = folder / "learners"
    if not learners.is_dir():
        raise CourseError(f"There is no workshop in {folder}. Name its folder with --folder.")
    exercises = sorted(path.stem for path in (folder / "course/exercises").glob("*.ipynb"))
    content = collect(learners, exercises)
    out.write_bytes(content)
    with zipfile.ZipFile(io.BytesIO(content)) as bundle:
        return sum(name.endswith(".ipynb") for name in bundle.namelist())


def class_rows(folder: Path) -> tuple[list[dict[str, object]], str]:
    """Return the class as rows, and as CSV.

    Raises
    ------
    CourseError
        Where there is no workshop in the folder.
    """
    from course_lib.workshop.classview.results import Results
    from course_lib.workshop.classview.room import Room
    from course_lib.workshop.classview.tables import as_csv, rows
    from course_lib.workshop.people import People

    if not (folder / "results.sqlite").exists():
        raise CourseError(f"There are no results in {folder}. Name the workshop's folder with --folder.")
    room, results, people = Room(), Results(folder / "results.sqlite"), People(folder / "people.sqlite")
    for person in people.everyone():
        room.name(person.account, person.shown)
    for learner, found in results.everything():
        room.add(learner, [found])
    results.close()
    people.close()
    return rows(room), as_csv(room)


def release(folder: Path, name: str) -> None:
    """Let a name be taken up again without its PIN, for a quarter of an hour.

    Raises
    ------
    CourseError
        Where nobody has joined under this name.
    """
    from course_lib.workshop.names import account_name
    from course_lib.workshop.people import People

    if not (folder / "people.sqlite").exists():
        raise CourseError(f"There is no workshop in {folder}. Name its folder with --folder.")
    people = People(folder / "people.sqlite")
    if not people.release(account_name(name)):
        raise CourseError(f"Nobody has joined as {name!r}.")


def as_json(content: Any) -> str:
    """Return what --dry-run prints."""
    return json.dumps(content, indent=2, default=str)
