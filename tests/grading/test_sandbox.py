"""The jail by its parts: what goes in, what crosses its wall, how far it reaches here; elsewhere, that it refuses."""

import json
import os
import struct
import subprocess
import sys

import numpy as np
import pytest
from hostile import IMPORTS, RIGHT, honest, submission

from course_lib.attention import __all__ as public
from course_lib.checks.engine import TASKS
from course_lib.checks.tasks import FunctionTask
from course_lib.grading import marking
from course_lib.grading.assignments import ASSIGNMENTS
from course_lib.grading.inside import lockdown
from course_lib.grading.isolation import isolation_report
from course_lib.grading.marking import Limits, Marker, SandboxError
from course_lib.grading.protocol import FrameError, from_header, pack, to_header, unpack
from course_lib.grading.sandbox import levels, system_calls
from course_lib.grading.sandbox.library import given_functions, write_library
from course_lib.grading.sandbox.view import outside


def reader(data):
    """Read from bytes as from a pipe."""
    place = [0]

    def read(n_bytes):
        part = data[place[0] : place[0] + n_bytes]
        place[0] += n_bytes
        if len(part) < n_bytes:
            raise EOFError
        return part

    return read


def unpacked(data):
    return unpack(reader(data), most_header=1000, most_body=1000)


def frame(header, body=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("!II", len(text), len(body)) + text + body


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3), np.float32([[1, 2]]), np.array([True, False]), np.arange(4, dtype=np.int8),
        np.zeros((0, 3)), np.array(5.0), np.arange(6.0).reshape(2, 3).T, np.array([np.nan, -np.inf]),
    ],
)  # fmt: skip
def test_unpack_gives_what_was_packed(array):
    header, (given,) = unpacked(pack({"do": "go"}, [array]))
    assert header == {"do": "go"}
    assert (given.dtype, given.shape, given.tobytes()) == (array.dtype, array.shape, array.tobytes())


@pytest.mark.parametrize(
    "data",
    [
        frame(b"x" * 1001), frame({}, b"x" * 1001), frame(b"no json"), frame(b"[]"), frame(b"[" * 900), frame({}),
        frame({"arrays": 1}), frame({"arrays": []}, b"left over"), frame({"arrays": [1]}),
        frame({"arrays": [{"dtype": "|O", "shape": [1]}]}, bytes(8)),
        frame({"arrays": [{"dtype": "<M8", "shape": [1]}]}, bytes(8)),
        frame({"arrays": [{"dtype": "<f8,<f8", "shape": [1]}]}, bytes(16)),
        frame({"arrays": [{"dtype": "<f3", "shape": [1]}]}, bytes(3)),
        frame({"arrays": [{"dtype": "<f8", "shape": [2]}]}, bytes(8)),
        frame({"arrays": [{"dtype": "<f8", "shape": [-1]}]}, bytes(8)),
        frame({"arrays": [{"dtype": "<f8", "shape": [True]}]}, bytes(8)),
        frame({"arrays": [{"dtype": "<f8", "shape": [10**30, 10**30]}]}, bytes(8)),
        frame({"arrays": [{"dtype": "<f8", "shape": [1] * 40}]}, bytes(8)),
        frame({"arrays": [{"dtype": ["<f8"], "shape": [1]}]}, bytes(8)),
    ],
)  # fmt: skip
def test_unpack_refuses_what_is_no_frame(data):
    with pytest.raises(FrameError):
        unpacked(data)


def test_arguments_cross_as_they_are():
    rng = np.random.default_rng(3)
    rng.random(5)
    arguments = [3, 0.5, [1, 2], (np.eye(2), np.ones((0, 2))), np.float32(2), np.arange(3), None, "text"]
    arrays = []
    described = json.loads(json.dumps([to_header(argument, arrays) for argument in [*arguments, rng]]))
    *given, generator = [from_header(one, arrays) for one in described]
    for before, after in zip(arguments, given, strict=True):
        assert type(after) is type(before)
        np.testing.assert_equal(after, before)
    assert generator.random() == rng.random()


@pytest.mark.parametrize("value", [object(), np.random.Generator(np.random.MT19937(0)), {"a": 1}, {1}, b"bytes"])
def test_what_has_no_form_stays_out(value):
    with pytest.raises(TypeError):
        to_header(value, [])


def test_every_argument_of_every_task_can_cross():
    for task in TASKS.values():
        for family in (*task.families, *task.separators) if isinstance(task, FunctionTask) else ():
            for value in family.make(np.random.default_rng(0)).values():
                json.dumps(to_header(value, []))


def test_each_exercise_gives_the_functions_of_earlier_lessons_and_keeps_its_own():
    assert given_functions(1) == frozenset()
    assert given_functions(3) == {"project", "dot_product_scores", "scaled_scores"}
    assert {"attention", "softmax"} <= given_functions(7)
    assert not {"attention", "attention_weights", "self_attention", "causal_mask"} & given_functions(6)
    asked = {asked.task: one.lesson for one in ASSIGNMENTS.values() for asked in one.asked}
    for task, lesson in asked.items():
        assert task not in given_functions(lesson), task
        assert task not in public or lesson == 9 or task in given_functions(12)


# Not the names of tasks, and what tasks are compared with all the same.
ALSO_ANSWERS = {
    3: {"attention_weights"}, 4: {"attention_weights"}, 6: {"attention", "attention_weights", "self_attention"},
    9: {"tiled_attention", "KeyValueCache"},
}  # fmt: skip


@pytest.mark.parametrize("assignment", ASSIGNMENTS.values(), ids=lambda one: one.name)
def test_the_library_in_the_jail_holds_no_text_of_what_is_asked(tmp_path, assignment):
    write_library(tmp_path, assignment.lesson)
    text = "".join(path.read_text() for path in (tmp_path / "course_lib/attention").glob("*.py"))
    names = {asked.task for asked in assignment.asked} & set(public) | ALSO_ANSWERS.get(assignment.lesson, set())
    for name in names:
        assert f"def {name}(" not in text
        assert f"class {name}" not in text
        assert f"{name} = missing({name!r})" in text
    everything = "".join(path.read_text() for path in tmp_path.rglob("*.py"))
    assert "WrongProgram(" not in everything
    assert "reference=" not in everything
    assert "SOLUTION" not in everything


@pytest.mark.parametrize("lesson", range(1, 12))
def test_the_library_in_the_jail_has_what_it_gives(tmp_path, lesson):
    """Each function runs without what was cut away around it."""
    write_library(tmp_path, lesson)
    run = f"""
import sys
sys.path[:0] = [{str(tmp_path)!r}, {os.path.dirname(os.path.dirname(np.__file__))!r}]
import numpy as np, course_lib, course_lib.attention as a
assert course_lib.__file__.startswith({str(tmp_path)!r})
from course_lib import plots
from course_lib.widgets import SoftmaxBars
from course_lib.checks import ask, check, evaluate, export_progress, hint, import_progress, progress, show_lines
SoftmaxBars([1, 2]).anything().else_
x = np.arange(6.0).reshape(2, 3)
calls = {{
    "project": lambda f: f(x, x.T), "dot_product_scores": lambda f: f(x, x), "scaled_scores": lambda f: f(x, x),
    "softmax": lambda f: f(x), "weighted_sum": lambda f: f(x, x.T), "attention": lambda f: f(x, x, x),
    "attention_weights": lambda f: f(x, x, is_causal=True), "self_attention": lambda f: f(x, x.T, x.T, x.T),
    "split_heads": lambda f: f(x, 3), "multi_head_attention": lambda f: f(x, x.T, x.T, x.T, x.T[:2], 1),
    "causal_mask": lambda f: f(3), "padding_mask": lambda f: f([1, 2], 3), "rotate": lambda f: f(np.ones((2, 4)), np.arange(2)),
    "tiled_attention": lambda f: f(x, x, x, block_size=1), "alibi_bias": lambda f: f(2, 3, 3),
    "sinusoidal_positions": lambda f: f(3, 4), "sliding_window_mask": lambda f: f(3, 3, 1), "repeat_kv": lambda f: f(x[None], 2),
    "merge_heads": lambda f: f(x[None]), "KeyValueCache": lambda f: f().append(x, x),
    "softmax_backward": lambda f: f(x, x), "attention_backward": lambda f: f(x, x, x, x),
    "attention_entropy": lambda f: f(np.full((2, 2), 0.5)), "mean_attention_distance": lambda f: f(np.full((2, 2), 0.5)),
    "head_diversity": lambda f: f(np.full((2, 2, 2), 0.5)), "dropout": lambda f: f(np.full((2, 2), 0.5), 0.5, np.random.default_rng(0)),
}}
for name in a.__all__:
    try:
        calls.get(name, lambda f: f())(getattr(a, name))
    except Exception as error:
        if "is not there while this exercise is graded" not in str(error):
            raise
    else:
        print(name)
"""  # noqa: E501
    ran = subprocess.run([sys.executable, "-I", "-S", "-c", run], capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert set(ran.stdout.split()) == given_functions(lesson)


def test_the_course_itself_and_packages_beside_it_are_not_among_what_is_shown():
    shown = {os.path.basename(path) for path in outside().packages}
    assert {"numpy", "matplotlib", "IPython"} <= shown
    assert not {name for name in shown if name.startswith(("course_lib", "self_attention_course", "torch", "pytest"))}


def test_the_filter_is_the_same_each_time_and_names_the_process_by_a_stand_in():
    compiled = system_calls.compiled_filter()
    assert compiled == system_calls.compiled_filter()
    numbers = [struct.unpack("=HHI", compiled[begin : begin + 8])[2] for begin in range(0, len(compiled), 8)]
    assert lockdown.PROCESS in numbers


needs_bubblewrap = pytest.mark.skipif(levels.find_bubblewrap() is None, reason="bubblewrap is not installed")


@needs_bubblewrap
def test_isolation_report_names_the_full_level_and_what_it_tried():
    report = isolation_report()
    assert report.is_enough
    assert report.level.name == "full"
    assert not report.level.missing
    assert len(report.tried) > 12
    assert all(one.is_shut for one in report.tried)
    assert "Isolation on this machine: full." in str(report)


@pytest.fixture
def fresh_level():
    levels.find_level.cache_clear()
    yield
    levels.find_level.cache_clear()


@pytest.fixture
def without_namespaces(monkeypatch, fresh_level):
    monkeypatch.setattr(levels, "find_bubblewrap", lambda: None)


def test_without_bubblewrap_the_level_is_limited_and_says_so(without_namespaces):
    report = isolation_report()
    assert report.is_enough
    assert report.level.name == "limited"
    assert "apt install bubblewrap" in str(report)
    assert all(one.is_shut for one in report.tried)


def test_where_user_namespaces_are_forbidden_the_level_is_limited_and_says_why(monkeypatch, fresh_level, tmp_path):
    refusing = tmp_path / "bwrap"
    refusing.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2\nexit 1\n")
    refusing.chmod(0o755)
    monkeypatch.setattr(levels, "find_bubblewrap", lambda: str(refusing))
    level = levels.find_level()
    assert level.name == "limited"
    assert "No permissions to create new namespace" in level.why


def test_the_limited_level_marks_and_shuts_in(without_namespaces, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    escape = f"""
import os, socket
def attempt(what):
    try:
        what()
    except OSError as error:
        print("shut", type(error).__name__)
    else:
        print("ESCAPED")
attempt(lambda: open({str(secret)!r}).read())
attempt(lambda: open({str(secret)!r}, "w"))
attempt(lambda: os.truncate({str(secret)!r}, 0))
attempt(lambda: os.kill(os.getppid(), 0))
attempt(lambda: os.kill({os.getpid()}, 0))
attempt(lambda: os.kill(-1, 0))
attempt(socket.socket)
attempt(os.fork)
attempt(lambda: open(f"/proc/{{os.getppid()}}/environ", "rb").read())
attempt(lambda: os.listdir("/tmp"))
attempt(lambda: open("/tmp/left-behind-by-a-submission", "w"))
attempt(lambda: open({str(levels.__file__)!r}).read())
os.chmod({str(secret)!r}, 0)
os.utime({str(secret)!r}, (0, 0))
os.makedirs("locked/inside")
"""
    before = secret.stat()
    with Marker() as marker:
        marked = marker.mark(submission("limited", IMPORTS, escape, *RIGHT.values()))
        assert not list((marker._folder / "submissions").iterdir())
    assert (marked.points, marked.remarks) == (4, ())
    assert marked.printed.count("shut") == 12
    assert "ESCAPED" not in marked.printed
    assert (secret.read_text(), secret.stat().st_mode, secret.stat().st_mtime) == (
        "secret", before.st_mode, before.st_mtime,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("module", "name", "broken", "said"),
    [
        (lockdown, "landlock_version", lambda: 0, "Landlock"),
        (system_calls, "_LIBRARY", "libseccomp.so.none", "apt install libseccomp2"),
        (levels.sys, "platform", "darwin", "needs Linux"),
        (levels.sys, "platform", "win32", "WSL 2"),
    ],
)
def test_a_machine_that_cannot_shut_in_is_refused_with_the_reason(monkeypatch, fresh_level, module, name, broken, said):
    monkeypatch.setattr(module, name, broken)
    with pytest.raises(SandboxError, match=said):
        Marker()
    monkeypatch.undo()


def test_on_windows_the_reason_comes_and_no_import_error():
    """What Windows' Python has not is taken away, and the name of the system is changed."""
    code = """
import sys
sys.modules["resource"] = sys.modules["fcntl"] = None
import course_lib.grading.marking as marking
sys.platform = "win32"
try:
    marking.Marker()
except marking.SandboxError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "WSL 2" in ran.stdout


def test_without_landlock_only_trusted_work_is_marked(monkeypatch, fresh_level):
    monkeypatch.setattr(lockdown, "landlock_version", lambda: 0)
    with pytest.raises(SandboxError, match="--trust"):
        Marker()
    report = isolation_report()
    assert not report.is_enough
    assert "no Landlock" in str(report)
    with Marker(trust=True) as marker:
        assert marker.level.name == "none"
        assert marker.mark(honest()).points == 4


def test_a_jail_that_does_not_hold_is_not_used(monkeypatch, without_namespaces):
    """A layer is left out behind the grader's back: its own test at the start sees that, and nothing is run."""
    complete = marking.jail_for

    def without_landlock(*arguments):
        jail = complete(*arguments)
        jail.settings["landlock"] = False
        return jail

    monkeypatch.setattr(marking, "jail_for", without_landlock)
    with Marker() as marker, pytest.raises(SandboxError, match=r"reading a file of this machine.*Please report it"):
        marker.mark(honest())


def test_a_process_that_cannot_lock_itself_in_is_not_used(monkeypatch):
    complete = marking.jail_for

    def with_a_bad_filter(*arguments):
        jail = complete(*arguments)
        jail.settings["filter"] = "AAAAAAAAAAA="
        return jail

    monkeypatch.setattr(marking, "jail_for", with_a_bad_filter)
    with Marker() as marker, pytest.raises(SandboxError, match="could not lock itself in"):
        marker.mark(honest())


def test_every_probe_works_where_nothing_is_shut(tmp_path, monkeypatch):
    """A probe that fails everywhere would test nothing; those that could do harm here are not tried."""
    from course_lib.grading.inside import probes

    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("x")
    harmless = {
        "reading a file of this machine", "opening a connection", "sending a datagram", "opening a local socket",
        "starting a process", "taking more memory", "writing a larger file", "signalling another process",
    }  # fmt: skip
    monkeypatch.setattr(probes.os, "execv", lambda *arguments: None)
    for name in ("ptrace", "unshare", "mount"):
        monkeypatch.setattr(probes._LIBC, name, lambda *arguments: -1, raising=False)
    tried = dict(probes.try_everything({"files": [str(secret)], "memory": 1 << 20, "file": 1 << 20}))
    assert harmless <= {what for what, is_shut in tried.items() if not is_shut}


def test_limits_name_every_resource_that_is_capped():
    limits = Limits(seconds=3.5, memory_bytes=1000).of_resources(500)
    assert limits["RLIMIT_CPU"] == 4
    assert limits["RLIMIT_AS"] == 1500
    assert "RLIMIT_AS" not in Limits().of_resources(0)
