"""What goes into the site is what the locks name, and what is missing is said with its cure."""

import hashlib
import io
import json
import re
import tarfile
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from course_lib.site import runtime
from course_lib.site.builder import BROWSER_LOCK, LOCK, locked_hashes
from course_lib.site.errors import SiteError
from course_lib.site.places import HERE, Places, notebooks_of

ROOT = Path(__file__).parents[2]
NAMES = [*runtime._FROM_PYODIDE, "six", "scipy", "pytz"]


def wheel_of(name: str) -> bytes:
    return f"wheel of {name}".encode()


def lock_of(names: list[str] = NAMES) -> dict:
    needs = {"matplotlib": ["NumPy", "six", "pytz"]}
    packages = {
        name: {
            "name": name, "version": "1", "file_name": f"{name}-1-py3-none-any.whl", "depends": needs.get(name, []),
            "imports": [name], "sha256": hashlib.sha256(wheel_of(name)).hexdigest(), "install_dir": "site",
            "package_type": "package", "unvendored_tests": False,
        }
        for name in names
    }  # fmt: skip
    return {"info": {"version": runtime.VERSION}, "packages": packages}


def files_of(lock: dict, mjs: str = "") -> dict[str, bytes]:
    files = {name: f"content of {name}".encode() for name in runtime._RUNTIME}
    files["package.json"] = json.dumps({"version": runtime.VERSION}).encode()
    return {**files, "pyodide.mjs": mjs.encode(), runtime.LOCK_NAME: json.dumps(lock).encode()}


def wheels_in(folder: Path) -> Path:
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}-1-py3-none-any.whl").write_bytes(wheel_of(name))
    return folder


@pytest.fixture
def wheels(tmp_path):
    return wheels_in(tmp_path / "wheels")


def our_wheel(folder: Path, name: str = "self_attention_course-0.1.0-py3-none-any.whl") -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        for inside in ("course_lib/__init__.py", "self_attention_course-0.1.0.dist-info/METADATA", "alone.py"):
            archive.writestr(inside, "")
    return folder / name


def test_write_runtime_serves_what_is_needed_and_nothing_else(tmp_path, wheels):
    ours = our_wheel(tmp_path)
    (tmp_path / "needs").mkdir()
    needed = [our_wheel(tmp_path / "needs", f"{name}-1.0-py3-none-any.whl") for name in (
        "ipywidgets", "anywidget", "psygnal", "comm", "typing_extensions")]  # fmt: skip
    loaded = runtime.write_runtime(tmp_path / "out", files_of(lock_of()), wheels, [ours, *needed])
    served = json.loads((tmp_path / "out" / runtime.LOCK_NAME).read_text())["packages"]
    assert sorted(served) == loaded
    assert "scipy" not in served
    assert not (tmp_path / "out" / "scipy-1-py3-none-any.whl").exists()
    assert "pytz" not in served, "matplotlib does not need it, whatever Pyodide's lock says"
    assert "six" in served  # matplotlib needs it, under another spelling of its needs
    entry = served["self-attention-course"]
    assert entry["imports"] == ["alone", "course_lib"]
    assert set(entry["depends"]) == {"numpy", "matplotlib", "ipywidgets", "anywidget"}
    for one in served.values():
        data = (tmp_path / "out" / one["file_name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == one["sha256"]


def test_write_runtime_refuses_a_wheel_that_was_changed(tmp_path, wheels):
    (wheels / "numpy-1-py3-none-any.whl").write_bytes(b"something else")
    with pytest.raises(SiteError, match=r"numpy-1-py3-none-any\.whl is not the wheel"):
        runtime.write_runtime(tmp_path / "out", files_of(lock_of()), wheels, [])


def test_write_runtime_names_a_wheel_that_is_missing(tmp_path, wheels):
    (wheels / "six-1-py3-none-any.whl").unlink()
    with pytest.raises(SiteError, match=r"lacks six-1-py3-none-any\.whl"):
        runtime.write_runtime(tmp_path / "out", files_of(lock_of()), wheels, [])


def test_write_runtime_refuses_a_wheel_of_ours_whose_needs_are_not_there(tmp_path, wheels):
    with pytest.raises(SiteError, match=r"does not know the package (ipywidgets|anywidget)"):
        runtime.write_runtime(tmp_path / "out", files_of(lock_of()), wheels, [our_wheel(tmp_path)])


def test_wheels_are_fetched_from_the_address_that_the_package_itself_carries(tmp_path, wheels):
    class Distribution(BaseHTTPRequestHandler):
        def do_GET(self):
            path = wheels / self.path.rpartition("/")[2]
            self.send_response(200 if path.exists() and f"/v{runtime.VERSION}/full/" in self.path else 404)
            self.end_headers()
            self.wfile.write(path.read_bytes() if path.exists() else b"")

        def log_message(self, *given):
            pass

    with HTTPServer(("127.0.0.1", 0), Distribution) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        mjs = f"x||n.setCdnUrl(`http://127.0.0.1:{server.server_port}/v${{d.version}}/full/`),y"
        runtime.write_runtime(tmp_path / "out", files_of(lock_of(), mjs), None, [])
        assert (tmp_path / "out" / "numpy-1-py3-none-any.whl").read_bytes() == wheel_of("numpy")
        runtime.write_runtime(tmp_path / "one", files_of(lock_of(), mjs), None, [], keep=tmp_path / "kept")
        (wheels / "numpy-1-py3-none-any.whl").write_bytes(b"changed on the way")
        with pytest.raises(SiteError, match="sha256 is another"):
            runtime.write_runtime(tmp_path / "out", files_of(lock_of(), mjs), None, [])
        (wheels / "numpy-1-py3-none-any.whl").unlink()
        with pytest.raises(SiteError, match="bring the wheels in a folder and name it with --wheels"):
            runtime.write_runtime(tmp_path / "out", files_of(lock_of(), mjs), None, [])
        server.shutdown()
    # Nobody answers any more: what was fetched once is enough, as long as nobody touched it.
    runtime.write_runtime(tmp_path / "two", files_of(lock_of(), mjs), None, [], keep=tmp_path / "kept")
    assert (tmp_path / "two" / "numpy-1-py3-none-any.whl").read_bytes() == wheel_of("numpy")
    (tmp_path / "kept" / "numpy-1-py3-none-any.whl").write_bytes(b"changed in the cache")
    with pytest.raises(SiteError, match="cannot be fetched"):
        runtime.write_runtime(tmp_path / "three", files_of(lock_of(), mjs), None, [], keep=tmp_path / "kept")


def test_runtime_files_takes_the_package_unpacked(tmp_path):
    files = files_of(lock_of())
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    places = Places(course=ROOT, cache=tmp_path / "cache", pyodide=tmp_path)
    assert runtime.runtime_files(places) == files
    (tmp_path / "package.json").write_text('{"version": "0.28.0"}')
    with pytest.raises(SiteError, match=r"holds pyodide 0\.28\.0"):
        runtime.runtime_files(places)
    (tmp_path / "python_stdlib.zip").unlink()
    with pytest.raises(SiteError, match=r"python_stdlib\.zip missing"):
        runtime.runtime_files(places)


def test_runtime_files_refuses_another_package(tmp_path, monkeypatch):
    packed = tmp_path / runtime.TARBALL
    with tarfile.open(packed, "w:gz") as archive:
        for name, data in files_of(lock_of()).items():
            about = tarfile.TarInfo(f"package/{name}")
            about.size = len(data)
            archive.addfile(about, io.BytesIO(data))
    places = Places(course=ROOT, cache=tmp_path)
    with pytest.raises(SiteError, match="is not the package pyodide"):
        runtime.runtime_files(places)
    monkeypatch.setattr(runtime, "TARBALL_SHA256", hashlib.sha256(packed.read_bytes()).hexdigest())
    assert runtime.runtime_files(places) == files_of(lock_of())


def test_runtime_files_without_npm_says_what_to_bring(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SiteError, match=r"npm pack pyodide@0\.27\.7.*--pyodide"):
        runtime.runtime_files(Places(course=ROOT, cache=tmp_path))
    with pytest.raises(SiteError, match="holds neither"):
        runtime.runtime_files(Places(course=ROOT, cache=tmp_path, pyodide=tmp_path))


def test_a_wheel_of_ours_is_named_by_its_content(tmp_path):
    first = runtime.tagged(our_wheel(tmp_path))
    assert re.fullmatch(r"self_attention_course-0\.1\.0-0[0-9a-f]{12}-py3-none-any\.whl", first.name)
    assert runtime.own_entry(first)["name"] == "self-attention-course"
    first.write_bytes(first.read_bytes() + b"more")
    again = runtime.tagged(first)
    assert again.name != first.name
    assert again.name.count("-") == first.name.count("-"), "one content in a name, not two"


def pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", lock.read_text(), re.MULTILINE))


@pytest.mark.parametrize(("wanted", "lock"), [("builder.in", LOCK), ("browser.in", BROWSER_LOCK)])
def test_the_locks_hold_what_is_asked_for(wanted, lock):
    asked = re.findall(r"^([\w-]+)(?:\[\w+\])?(?:==(\S+))?", (HERE / wanted).read_text(), re.MULTILINE)
    locked = {name.lower().replace("_", "-"): version for name, version in pins(lock).items()}
    for name, version in asked:
        found = locked[name.lower().replace("_", "-")]
        assert not version or found == version
    assert len(locked_hashes(lock.read_text())) >= len(locked)


def test_places_looks_beside_the_course(tmp_path, monkeypatch):
    monkeypatch.delenv("COURSE_PYODIDE_WHEELS", raising=False)
    course = tmp_path / "course"
    assert Places.of(course).wheels is None
    (tmp_path / "shared" / "pyodide-0.27.7").mkdir(parents=True)
    assert Places.of(course).wheels == tmp_path / "shared" / "pyodide-0.27.7"
    assert Places.of(course, wheels=tmp_path).wheels == tmp_path
    monkeypatch.setenv("COURSE_PYODIDE_WHEELS", str(tmp_path))
    assert Places.of(course).wheels == tmp_path


def test_copies_that_were_put_aside_are_no_lessons(tmp_path):
    (tmp_path / "notebooks").mkdir()
    for name in ("02_scores.ipynb", "02_scores.mine-1.ipynb", "notes.ipynb", "01_queries.ipynb"):
        (tmp_path / "notebooks" / name).touch()
    assert [path.name for path in notebooks_of(tmp_path, "notebooks")] == ["01_queries.ipynb", "02_scores.ipynb"]
