"""The locks: what pyproject.toml asks for, exact, hashed, and without the address of any server."""

import re
import tomllib

import pytest
from fake_course import REPOSITORY
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from course_lib.authoring import lock

COURSE, TEST = REPOSITORY / lock.COURSE_LOCK, REPOSITORY / lock.TEST_LOCK


def pins(name: str) -> dict[str, list[Requirement]]:
    """Return the pins of a lock by package; a package may have one for each of several Pythons."""
    text = (REPOSITORY / name).read_text(encoding="utf-8").replace("\\\n", " ")
    found: dict[str, list[Requirement]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            requirement = Requirement(line.split(" --hash=")[0])
            found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("name", [lock.COURSE_LOCK, lock.TEST_LOCK])
def test_lock_holds_names_versions_markers_and_hashes_only(name: str) -> None:
    lines = (REPOSITORY / name).read_text(encoding="utf-8").splitlines()
    assert lines[0] + "\n" == lock.HEADER
    for line in lines[1:]:
        assert re.fullmatch(r"[a-z0-9-]+==[\w.+!]+( ; [^/@:]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line), line


@pytest.mark.parametrize("name", [lock.COURSE_LOCK, lock.TEST_LOCK])
def test_lock_satisfies_pyproject(name: str) -> None:
    locked = pins(name)
    pyproject = REPOSITORY / "pyproject.toml"
    wanted = lock.course_requirements(pyproject) if name == lock.COURSE_LOCK else lock.testing_requirements(pyproject)
    for requirement in map(Requirement, wanted):
        found = locked.get(canonicalize_name(requirement.name))
        assert found, f"{requirement.name} is not in {name}: run `python -m course_lib.authoring.lock`"
        for pin in found:
            (version,) = pin.specifier
            assert requirement.specifier.contains(version.version), f"{pin}, but pyproject.toml wants {requirement}"


def test_lock_has_one_version_for_every_supported_python_on_every_system() -> None:
    named = map(Requirement, lock.testing_requirements(REPOSITORY / "pyproject.toml"))
    direct = {canonicalize_name(requirement.name) for requirement in named}
    for name, found in pins(lock.TEST_LOCK).items():
        for python in ("3.11", "3.12", "3.13", "3.14"):
            for system, os_name in (("linux", "posix"), ("darwin", "posix"), ("win32", "nt")):
                here = {"python_version": python, "python_full_version": f"{python}.5", "sys_platform": system}
                here |= {"os_name": os_name, "implementation_name": "cpython"}
                fitting = [pin for pin in found if pin.marker is None or pin.marker.evaluate(here)]
                assert len(fitting) <= 1, f"{name} has two pins on {system} with Python {python}"
                assert fitting or name not in direct, f"{name} has no pin on {system} with Python {python}"


def test_test_lock_holds_the_pins_of_the_course() -> None:
    assert {name: list(map(str, found)) for name, found in pins(lock.COURSE_LOCK).items()}.items() <= {
        name: list(map(str, found)) for name, found in pins(lock.TEST_LOCK).items()
    }.items()


def test_the_build_backend_is_locked() -> None:
    # start.py installs the course without build isolation.
    data = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    for requirement in map(Requirement, data["build-system"]["requires"]):
        assert canonicalize_name(requirement.name) in pins(lock.COURSE_LOCK)


def test_lock_command_says_that_its_resolver_is_missing(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lock.shutil, "which", lambda *args, **kwargs: None)
    assert lock.main(["--folder", str(REPOSITORY)]) == 1
    assert "pip install uv" in capsys.readouterr().err
