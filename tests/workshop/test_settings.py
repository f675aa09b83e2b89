"""What is checked before a workshop opens: its folder, whom learners run as, its secrets, limits and proxy."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from course_lib.errors import CourseError, OptionError
from course_lib.workshop import command, confine, limits, names, proxy, settings
from course_lib.workshop.confine import Specification
from course_lib.workshop.limits import bytes_of, find_limits, make_group

ROOT = Path(__file__).resolve().parents[2]
is_root = hasattr(os, "geteuid") and os.geteuid() == 0


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_the_folder_is_open_to_learners_only_as_far_as_they_must_go(tmp_path):
    folder = tmp_path / "workshop"
    settings.open_folder(folder, ROOT)
    assert mode(folder) == mode(folder / "learners") == 0o711
    assert mode(folder / "hub") == mode(folder / "hub/logs") == 0o700
    assert mode(folder / "course") == mode(folder / "course/notebooks") == 0o755
    assert all(mode(path) == 0o644 for path in (folder / "course").rglob("*") if path.is_file())
    assert not list((folder / "course").rglob("*solution*"))


def test_a_folder_inside_of_the_course_is_refused():
    for folder in (ROOT, ROOT / "workshop", ROOT / "notebooks/x"):
        with pytest.raises(CourseError, match="inside of the course"):
            settings.open_folder(folder, ROOT)


def test_the_code_stays_and_the_password_is_kept_as_a_digest(tmp_path):
    code, digest, new = settings.read_secrets(tmp_path, code=None, password=None)
    assert names.is_secret(new, digest)
    text = (tmp_path / "workshop.json").read_text()
    assert new not in text
    assert mode(tmp_path / "workshop.json") == 0o600
    again, digest, new = settings.read_secrets(tmp_path, code=None, password="my own password")
    assert (again, new) == (code, None)
    assert names.is_secret("my own password", digest)
    assert settings.read_secrets(tmp_path, code="OTHER-1", password=None)[0] == "OTHER-1"
    assert settings.read_secrets(tmp_path, code=None, password=None)[0] == "OTHER-1"


@pytest.mark.parametrize("wrong", [{"code": "a-b"}, {"code": "----"}, {"password": "short"}])
def test_secrets_that_are_too_short_are_refused(tmp_path, wrong):
    with pytest.raises(OptionError, match="too short"):
        settings.read_secrets(tmp_path, **{"code": None, "password": None} | wrong)


def test_a_lesson_is_found_by_number_name_and_path():
    assert settings.find_lesson(ROOT, None) == "notebooks/00_start_here.ipynb"
    for wanted in ("3", "03", "03_softmax", "notebooks/03_softmax.ipynb"):
        assert settings.find_lesson(ROOT, wanted) == "notebooks/03_softmax.ipynb"
    assert settings.find_lesson(ROOT, "exercises/03_softmax.ipynb") == "exercises/03_softmax.ipynb"
    for wanted in ("99", "exercises/solutions/03_softmax.ipynb", "../README.md", ""):
        with pytest.raises(OptionError, match="03_softmax"):
            settings.find_lesson(ROOT, wanted)


def test_as_an_ordinary_user_the_room_must_be_trusted(monkeypatch):
    monkeypatch.setattr(settings.os, "geteuid", lambda: 1000)
    with pytest.raises(CourseError, match="--trust-the-room"):
        settings.choose_users(None, trust_the_room=False)
    assert settings.choose_users(None, trust_the_room=True) is None


def test_as_root_learners_are_never_root_nor_somebody_of_this_machine(monkeypatch):
    import pwd

    monkeypatch.setattr(settings.os, "geteuid", lambda: 0)
    for trust in (False, True):
        assert settings.choose_users(None, trust_the_room=trust) == settings.FIRST_UID
    with pytest.raises(OptionError, match="system"):
        settings.choose_users(0, trust_the_room=False)
    somebody = pwd.struct_passwd(("grace", "x", 20_500, 20_500, "", "/", ""))
    monkeypatch.setattr(pwd, "getpwall", lambda: [somebody])
    with pytest.raises(CourseError, match="grace"):
        settings.choose_users(None, trust_the_room=False)


@pytest.mark.parametrize("wrong", ["", "1X", "G", "-1G", "1 2", "1,5G"])
def test_sizes_that_are_none_are_refused(wrong):
    with pytest.raises(OptionError):
        bytes_of(wrong)


class Kernel:
    """A folder that behaves as cgroups v2 does, as far as files can."""

    def __init__(self, folder, controllers="cpu memory pids"):
        self.folder = folder
        (folder / "cgroup.controllers").write_text(controllers)
        (folder / "cgroup.subtree_control").write_text("")

    def __enter__(self):
        real = Path.mkdir

        def mkdir(path, *arguments, **options):
            real(path, *arguments, **options)
            if self.folder in path.parents:
                for name in ("memory.max", "cpu.max", "pids.max", "memory.swap.max", "cgroup.kill", "cgroup.procs"):
                    (path / name).write_text("max")

        self._patch = pytest.MonkeyPatch()
        self._patch.setattr(Path, "mkdir", mkdir)
        real_rmdir = Path.rmdir

        def rmdir(path):
            for file in path.iterdir():
                file.unlink()
            real_rmdir(path)

        self._patch.setattr(Path, "rmdir", rmdir)
        return self.folder

    def __exit__(self, *_):
        self._patch.undo()


def test_where_cgroups_can_be_written_a_learner_is_held_as_a_whole(tmp_path):
    with Kernel(tmp_path) as cgroups:
        assert find_limits(2**30, 0.5, cgroups=cgroups).level == "cgroup"
        assert not (cgroups / limits.PARENT / "trial").exists()
        group = make_group("ada", 2**30, 0.5, cgroups=cgroups)
        found = {name: (group / name).read_text() for name in ("memory.max", "cpu.max", "pids.max", "memory.swap.max")}
        assert found["memory.max"].startswith(str(2**30))
        assert found["cpu.max"] == "50000 100000"
        assert found["memory.swap.max"].startswith("0")
        limits.end_group("ada", cgroups=cgroups)
        assert (group / "cgroup.kill").read_text().startswith("1")


@pytest.mark.parametrize("controllers", ["", "cpu pids"])
def test_where_cgroups_hold_no_memory_the_level_is_lower_and_says_why(tmp_path, controllers):
    with Kernel(tmp_path, controllers) as cgroups:
        found = find_limits(2**30, 1, cgroups=cgroups)
    assert found.level == ("process" if sys.platform == "linux" else "none")
    assert "memory" in found.why
    assert found.why in str(found)


def test_without_cgroups_the_level_is_lower(tmp_path):
    assert "no cgroups v2" in find_limits(2**30, 1, cgroups=tmp_path).why


def begun(tmp_path, code, **changes):
    """Start a program by `confine`; return what it printed."""
    specification = {
        "home": str(tmp_path / "home"), "course": str(tmp_path / "course"), "number": 3, "uid": None,
        "memory": 400 * 2**20, "cpus": 1.0, "level": "process", "group": None,
    } | changes  # fmt: skip
    (tmp_path / "course").mkdir(exist_ok=True)
    (tmp_path / "course/a.md").write_text("a")
    done = subprocess.run(
        [sys.executable, "-m", "course_lib.workshop.confine", Specification(**specification).as_text(),
         sys.executable, "-c", code],
        capture_output=True, text=True, check=False, cwd=ROOT,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of memory is Linux's")
def test_a_server_is_held_to_its_memory_and_its_processors(tmp_path):
    said = begun(tmp_path, "import os; print(len(os.sched_getaffinity(0))); bytearray(2**30)")
    assert "Copy of the course: 1 written" in said
    assert "\n1\n" in said
    assert "MemoryError" in said
    assert "MemoryError" not in begun(tmp_path, "bytearray(2**20)")


def test_a_server_begins_in_a_home_of_its_own_with_a_copy_of_the_course(tmp_path):
    said = begun(tmp_path, "import os; print(os.getcwd(), os.listdir('course')); open('mine', 'w')")
    assert str(tmp_path / "home") in said
    assert "a.md" in said
    assert mode(tmp_path / "home") == 0o700
    assert mode(tmp_path / "home/mine") == 0o600


def test_a_home_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert "is a link" in begun(tmp_path, "print('started')")
    assert "started" not in begun(tmp_path, "print('started')")


@pytest.mark.skipif(not is_root, reason="only root can become somebody else")
def test_a_server_becomes_its_learner_before_it_touches_their_files(tmp_path, monkeypatch):
    done = []
    for name in ("setgroups", "setresgid", "setresuid", "chown"):
        monkeypatch.setattr(confine.os, name, lambda *arguments, name=name: done.append((name, arguments)))
    monkeypatch.setattr(confine.os, "chdir", lambda path: done.append(("chdir", path)))
    monkeypatch.setattr(confine.copies, "update", lambda *_: done.append(("update",)))
    home = tmp_path / "home"
    confine.begin(Specification(str(home), str(tmp_path), 0, 20_000, 2**30, 1.0, "none"))
    assert [step[0] for step in done] == ["chown", "setgroups", "setresgid", "setresuid", "chdir", "update"]
    assert done[3] == ("setresuid", (20_000, 20_000, 20_000))


def test_the_proxys_lock_names_versions_and_hashes_and_no_address():
    folder = Path(proxy.__file__).parent
    text = (folder / "package-lock.json").read_text(encoding="utf-8")
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["dependencies"]
    packages = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert not re.search(r"https?:|resolved", text)
    assert all(entry["version"] and entry["integrity"].startswith("sha512-") for entry in packages.values())
    assert {name: packages[f"node_modules/{name}"]["version"] for name in wanted} == wanted, "pinned exactly"
    assert not any(entry.get("hasInstallScript") for entry in packages.values())


def node(tmp_path, monkeypatch, version):
    script = tmp_path / "node"
    script.write_text(f"#!/bin/sh\necho {version}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("version", "said"), [("v16.20.0", "18 or newer"), ("nonsense", "18 or newer"), ("v20.1.0", "npm")]
)
def test_what_the_proxy_needs_is_said(tmp_path, monkeypatch, version, said):
    node(tmp_path, monkeypatch, version)
    with pytest.raises(CourseError, match=said):
        proxy.install()


def test_an_install_that_fails_leaves_nothing_behind_and_says_why(tmp_path, monkeypatch):
    node(tmp_path, monkeypatch, "v20.1.0")
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho EINTEGRITY >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(CourseError, match="EINTEGRITY"):
        proxy.install()
    assert not proxy.is_installed()
    assert list((tmp_path / "cache/self-attention-course").iterdir()) == []


def test_without_jupyterhub_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match=r"\[workshop\]"):
        command.need_jupyterhub()


def test_commands_on_a_folder_without_a_workshop_say_so(tmp_path):
    for failing in (
        lambda: command.export(tmp_path, tmp_path / "out.zip"),
        lambda: command.class_rows(tmp_path),
        lambda: command.release(tmp_path, "Ada"),
    ):
        with pytest.raises(CourseError, match="--folder"):
            failing()
    assert list(tmp_path.iterdir()) == []
