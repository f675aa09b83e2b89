"""What a workshop is set up as: its folder, its secrets, who learners run as; checked before anything is started.

FOLDER/
    workshop.json   the class code, what is kept of the password, keys      (the instructor's alone)
    people.sqlite   who has joined                                          (the instructor's alone)
    results.sqlite  what checks found                                       (the instructor's alone)
    hub/            the Hub's own, and a log for each learner               (the instructor's alone)
    course/         what learners get, as the course is now                 (everybody reads)
    learners/NAME   a learner's home, with `course` in it                   (that learner's alone)
"""

import json
import os
import secrets
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from course_lib.errors import CourseError, OptionError
from course_lib.workshop import copies, names
from course_lib.workshop.limits import Limits
from course_lib.workshop.people import MOST_LEARNERS

FIRST_UID = 20_000
FIRST_LESSON = "notebooks/00_start_here.ipynb"
SERVICE = "class"  # its name in the Hub, and in addresses
_PASSWORD_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True)
class Workshop:
    """A workshop, ready to be started.

    Attributes
    ----------
    folder : Path
    address : str
        What is listened on; "" means every address of this machine.
    port : int
    lesson : str
        What a learner sees first, as a path in the course.
    limits : Limits
    idle_minutes : int
        After which a server that nobody uses is stopped.
    first_uid : int or None
        Learner 0 runs as this user, learner 1 as the next; None means that all run as the instructor.
    code, password : str
        The class code; what is kept of the instructor's password.
    certificate, key : Path or None
    """

    folder: Path
    address: str
    port: int
    lesson: str
    limits: Limits
    idle_minutes: int
    first_uid: int | None
    code: str
    password: str
    certificate: Path | None = None
    key: Path | None = None

    @property
    def people(self) -> Path:
        """The file of who has joined."""
        return self.folder / "people.sqlite"

    @property
    def course(self) -> Path:
        """The folder of what learners get."""
        return self.folder / "course"

    def home(self, account: str) -> Path:
        """The home of a learner."""
        return self.folder / "learners" / account

    def uid(self, number: int) -> int | None:
        """Whom a learner runs as."""
        return None if self.first_uid is None else self.first_uid + number


def find_lesson(root: Path, wanted: str | None) -> str:
    """Return the path of a lesson or exercise by its number, its name or its path; the first lesson for None.

    Raises
    ------
    OptionError
        Where there is no such lesson.
    """
    if wanted is None:
        return FIRST_LESSON
    files = [name for name in copies.files_for_learners(root) if name.endswith(".ipynb")]
    for name in files:  # lessons stand after exercises in the alphabet, and come first here
        if wanted == name:
            return name
    stems = {Path(name).stem: name for name in sorted(files) if name.startswith("notebooks/")}
    for stem, name in stems.items():
        if wanted == stem or (wanted.isdigit() and stem.startswith(f"{int(wanted):02d}_")):
            return name
    raise OptionError(f"There is no lesson {wanted!r}. There are: {', '.join(stems)}.")


def open_folder(folder: Path, root: Path) -> None:
    """Make a workshop's folder with its rooms, each for whom it is, and bring the course in it up to date.

    Raises
    ------
    CourseError
        Where it cannot be made, or is inside of the course.
    """
    folder = folder.resolve()
    if folder == root or root in folder.parents:
        raise CourseError(f"{folder} lies inside of the course. Name a folder of its own with --folder.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)  # learners pass through to their own, and cannot see what else is here
        for name, mode in (("hub", 0o700), ("hub/logs", 0o700), ("learners", 0o711)):
            (folder / name).mkdir(exist_ok=True)
            (folder / name).chmod(mode)
        copies.take_snapshot(root, folder / "course")
    except OSError as error:
        raise CourseError(f"The workshop's folder cannot be written: {error}. Name another with --folder.") from error


def read_secrets(folder: Path, *, code: str | None, password: str | None) -> tuple[str, str, str | None]:
    """Return the class code, what is kept of the password, and the password itself where it is a new one.

    The code stays from one start to the next, unless another is given. The password is the given one, or a new one at
    each start: of the old one only a digest is kept.

    Raises
    ------
    OptionError
        For a code or a password that is too short.
    """
    file = folder / "workshop.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    code = code or kept.get("code") or names.new_code()
    if sum(letter.isalnum() for letter in code) < 4:
        raise OptionError("The class code is too short: at least four letters or digits.")
    if password is not None and len(password) < 8:
        raise OptionError("The instructor's password is too short: at least eight characters.")
    new = None if password else "-".join("".join(secrets.choice(_PASSWORD_LETTERS) for _ in range(4)) for _ in range(3))
    digest = names.digest(password or str(new))
    write_private(file, json.dumps({"code": code, "password": digest}) + "\n")
    return code, digest, new


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner reads, from its first byte on."""
    part = file.with_name(f".{file.name}.part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as opened:
        opened.write(text)
    os.replace(part, file)


def choose_users(first: int | None, *, trust_the_room: bool) -> int | None:
    """Return the first user that learners run as; None where they run as the instructor.

    Raises
    ------
    CourseError
        As an ordinary user without ``trust_the_room``; and where users of that range exist or cannot be become.
    """
    if sys.platform == "win32":
        raise CourseError("A workshop runs on Linux or macOS. On Windows, start it inside of WSL.")
    if os.geteuid() != 0:
        if not trust_the_room:
            raise CourseError(
                "You are not root, so every learner's programs would run as you: a learner could read and change the "
                "files of all others, and yours. Start it as root, where each learner gets a user of their own, or, "
                "in a room where you would hand anybody your keyboard, add --trust-the-room."
            )
        return None
    chosen = FIRST_UID if first is None else first
    if chosen < 1000:
        raise OptionError("Users below 1000 are the system's. Choose another range with --first-uid.")
    import pwd

    for account in pwd.getpwall():
        if chosen <= account.pw_uid < chosen + MOST_LEARNERS:
            raise CourseError(
                f"User {account.pw_uid} of this machine is {account.pw_name}, in the range that learners would get. "
                "Choose another range with --first-uid."
            )
    return chosen


def try_user(workshop: Workshop) -> None:
    """Become the first learner, in a trial: Python, the course and its folder must be within reach.

    Raises
    ------
    CourseError
        With what was out of reach.
    """
    if workshop.first_uid is None:
        return
    python = Path(sys.executable)
    for path in (workshop.course, python.absolute(), python.resolve(), Path(__file__).resolve()):
        for folder in reversed(path.parents):
            if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
                raise CourseError(
                    f"Learners, who run as users of their own, need {path}, and {folder} is closed to them. Put the "
                    "workshop's folder (--folder) and the course's environment where all users may go, such as /srv."
                )
    uid = workshop.first_uid
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r}); import course_lib, jupyterhub"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], user=uid, group=uid, extra_groups=[], cwd="/",
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    except OSError as error:
        raise CourseError(f"Nobody can be made user {uid} here ({error.strerror}). Try another --first-uid.") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CourseError(f"As user {uid}, a learner's, Python cannot load the course: {last}")
