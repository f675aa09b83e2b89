"""What a start imports is served compiled, beside its source, under names that tell one content from another."""

import json
import subprocess
import sys
import zipfile

import pytest
from test_site_runtime import files_of, lock_of, wheels_in

from course_lib.site import precompile as room
from course_lib.site import runtime
from course_lib.site.errors import SiteError
from course_lib.site.precompile import library_of, precompile
from course_lib.site.precompile.compile_served import repacked

SOURCES = {
    "package/__init__.py": "",
    "package/wanted.py": "def answer():\n    return 'as it was compiled'\n",
    "package/other.py": "x = 1\n",
    "package/list.json": "[1]",
    "jedi/third_party/django-stubs/views.pyi": "",
}
ASK = """
import inspect, sys
sys.path.insert(0, sys.argv[1])
import package.wanted, package.other
print(package.wanted.answer(), package.wanted.__file__[-1], "return" in inspect.getsource(package.wanted.answer))
"""


def archive_of(path, sources=SOURCES):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in sources.items():
            archive.writestr(zipfile.ZipInfo(name, (2020, 2, 2, 0, 0, 0)), text)
    return path.read_bytes()


def is_wanted(path):
    return path == "package/wanted.py"


def imported(where):
    """Import the package in another Python, which writes nothing, and return what it says."""
    asked = [sys.executable, "-B", "-c", ASK, str(where)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()


def test_a_wheel_is_imported_compiled_and_keeps_its_sources(tmp_path):
    made = tmp_path / "made.zip"
    made.write_bytes(
        repacked(archive_of(tmp_path / "a.zip"), is_wanted, beside=False, new={"package/list.json": b"[]"})
    )
    with zipfile.ZipFile(made) as archive:
        archive.extractall(tmp_path / "site")
    cached = f"package/__pycache__/wanted.{sys.implementation.cache_tag}.pyc"
    found = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*")}
    assert found == {*SOURCES, cached} - {"jedi/third_party/django-stubs/views.pyi"}
    assert (tmp_path / "site/package/list.json").read_text() == "[]"
    # The source is newer than what was compiled, as after unpacking, and even another: no import reads it.
    source = tmp_path / "site/package/wanted.py"
    source.write_text(source.read_text().replace("compiled", "changed"))
    assert imported(tmp_path / "site")[:4] == ["as", "it", "was", "compiled"]


def test_a_library_in_one_file_is_imported_compiled_and_keeps_its_sources(tmp_path):
    made = tmp_path / "made.zip"
    made.write_bytes(repacked(archive_of(tmp_path / "a.zip"), is_wanted, beside=True))
    assert imported(made) == ["as", "it", "was", "compiled", "c", "True"]


def test_the_same_content_is_repacked_to_the_same_bytes_and_nothing_to_do_changes_nothing(tmp_path):
    archive = archive_of(tmp_path / "a.zip")
    assert repacked(archive, is_wanted, beside=False) == repacked(archive, is_wanted, beside=False)
    plain = archive_of(tmp_path / "b.zip", {name: text for name, text in SOURCES.items() if "jedi" not in name})
    assert repacked(plain, lambda path: False, beside=False, new={"package/list.json": b"[1]"}) is plain


@pytest.fixture
def served(tmp_path):
    runtime.write_runtime(tmp_path / "served", files_of(lock_of()), wheels_in(tmp_path / "wheels"), [])
    return tmp_path / "served"


def node(monkeypatch, run, found="/somewhere/node"):
    monkeypatch.setattr(room.shutil, "which", lambda name: found)
    monkeypatch.setattr(room.subprocess, "run", run)


def test_what_was_changed_is_named_by_its_content_and_the_lock_knows(served, monkeypatch):
    before = json.loads((served / runtime.LOCK_NAME).read_text())["packages"]

    def compile_numpy(command, **how):
        assert command[0] == "/somewhere/node"
        (served / before["numpy"]["file_name"]).write_bytes(b"compiled")
        (served / runtime.LIBRARY).write_bytes(b"compiled too")
        return subprocess.CompletedProcess(command, 0, "", "")

    node(monkeypatch, compile_numpy)
    assert precompile(served)
    after = json.loads((served / runtime.LOCK_NAME).read_text())["packages"]
    assert {name for name in after if after[name] != before[name]} == {"numpy"}
    tag = runtime.sha256_of(b"compiled")
    assert after["numpy"]["file_name"] == f"numpy-1-0{tag[:12]}-py3-none-any.whl"
    assert after["numpy"]["sha256"] == tag
    for entry in after.values():
        assert runtime.sha256_of((served / entry["file_name"]).read_bytes()) == entry["sha256"]
    assert library_of(served) == f"python_stdlib-{runtime.sha256_of(b'compiled too')[:12]}.zip"


def test_without_node_all_stays_as_it_is(served, monkeypatch):
    before = {path.name: path.read_bytes() for path in served.iterdir()}
    node(monkeypatch, None, found=None)
    assert not precompile(served)
    assert {path.name: path.read_bytes() for path in served.iterdir()} == before
    assert library_of(served) == runtime.LIBRARY


def test_a_python_that_does_not_start_in_node_is_said(served, monkeypatch):
    node(monkeypatch, lambda command, **how: subprocess.CompletedProcess(command, 1, "", "no module of that name"))
    with pytest.raises(SiteError, match="no module of that name"):
        precompile(served)

    def never(command, **how):
        raise subprocess.TimeoutExpired(command, how["timeout"])

    node(monkeypatch, never)
    with pytest.raises(SiteError, match="did not end within 10 minutes"):
        precompile(served)
