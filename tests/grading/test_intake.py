"""Reading submissions: what is a notebook is read whatever was done to it, what is none is refused with the reason."""

import json
import os
import socket
import stat
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from course_lib.errors import GradingError
from course_lib.grading import collecting, intake
from course_lib.grading.collecting import find, survey
from course_lib.grading.intake import exercise_of, named_exercise, read_submission
from course_lib.grading.submission import Refused, Submission
from notebooks import SEVEN, as_bytes, cell, exercise, solution, write

unix = pytest.mark.skipif(sys.platform == "win32", reason="needs links and pipes of Unix")


def read(content, **options):
    data = content if isinstance(content, bytes) else as_bytes(content)
    return read_submission(data, **{"learner": "ada", "name": f"{SEVEN}.ipynb", **options})


def accepted(content, **options):
    got = read(content, **options)
    assert isinstance(got, Submission), got
    return got


def code_of(submission):
    return [one.source for one in submission.cells if one.kind == "code"]


def test_a_notebook_is_read_as_it_was_left():
    content = solution()
    got = accepted(content)
    assert (got.learner, got.exercise, got.name) == ("ada", SEVEN, f"{SEVEN}.ipynb")
    assert got.remarks == ()
    assert [one.id for one in got.cells] == [one["id"] for one in content["cells"]]
    assert [one.source for one in got.cells] == ["".join(one["source"]) for one in content["cells"]]
    assert [one.grade_id for one in got.cells if one.grade_id][:2] == ["split-exercise", "split-check"]


def test_the_digest_is_that_of_the_bytes():
    data = as_bytes(exercise())
    assert read(data).digest == read(data, learner="bo").digest != read(data + b"\n").digest
    assert len(read(data).digest) == 64


# Refused, each with the reason


def deep(depth=100_000):
    return b'{"cells": ' + b"[" * depth + b"]" * depth + b', "nbformat": 4}'


REFUSED = {
    "empty": (b"", "empty"),
    "blank": (b" \n", "empty"),
    "invalid JSON": (b'{"cells": [', "no valid JSON"),
    "merge conflict": (b'{\n<<<<<<< HEAD\n "cells": []}', "line 2"),
    "a list": (b"[]", "no object"),
    "a number": (b"17", "no object"),
    "no cells": (b'{"nbformat": 4}', "no list of cells"),
    "cells of a wrong type": (b'{"nbformat": 4, "cells": {"a": 1}}', "no list of cells"),
    "nbformat 99": (as_bytes({**exercise(), "nbformat": 99}), "format is 99"),
    "nbformat true": (as_bytes({**exercise(), "nbformat": True}), "format is True"),
    "nbformat a list": (as_bytes({**exercise(), "nbformat": [4]}), "none that is a number"),
    "no nbformat": (as_bytes({"cells": exercise()["cells"]}), "none that is a number"),
    "100k deep": (deep(), "nested"),
    "latin-1": ('{"cells": "é"}'.encode("latin-1"), "UTF-8"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "UTF-8"),
    "a huge number": (b'{"nbformat": ' + b"9" * 5000 + b"}", "no valid JSON"),
    "too many parts": (b"[" + b"0," * 1_000_001 + b"0]", "more lists and entries"),
    "too many cells": (as_bytes({**exercise(), "cells": [{}] * 2001}), "2,001 cells"),
    "too much source": (
        as_bytes({**exercise(), "cells": [{"cell_type": "code", "source": "#" * (5 * 2**20)}]}),
        "4 MiB of text",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_notebook_is_refused_with_the_reason(kind):
    data, reason = REFUSED[kind]
    got = read(data)
    assert isinstance(got, Refused)
    assert reason in got.reason
    assert (got.learner, got.name, got.exercise) == ("ada", f"{SEVEN}.ipynb", SEVEN)
    assert len(got.digest) == 64


def test_a_notebook_of_no_exercise_is_refused():
    other = {"nbformat": 4, "cells": [{"cell_type": "code", "source": "print(1)"}]}
    got = read(other, name="homework.ipynb")
    assert isinstance(got, Refused)
    assert "cannot be told which exercise" in got.reason
    assert got.exercise == ""


def test_fifty_megabytes_of_output_are_read_and_cost_no_point():
    content = solution()
    cell(content, "split-check")["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "[,{" * 17_000_000}]
    got = accepted(content)
    assert code_of(got) == code_of(accepted(solution()))


def test_more_than_the_budget_is_refused_and_says_what_to_do(monkeypatch):
    monkeypatch.setattr(intake, "MOST_BYTES", 2000)
    assert "Clear Outputs of All" in read(exercise()).reason


def test_the_parts_of_a_text_are_not_counted_for_its_size():
    """What is in quotes costs nothing to read, also with quotes and backslashes in it."""
    content = solution()
    cell(content, "split-check")["outputs"] = [{"text": '\\"[,{' * 500_000}]
    accepted(content)


# Read, and remarked upon: nobody loses a point for these


def changed(change):
    content = solution()
    change(content)
    return accepted(content)


def without(*names):
    return lambda content: content.update(cells=[one for one in content["cells"] if one.get("id") not in names])


def strip_metadata(content):
    for one in content["cells"]:
        one["metadata"] = {}


def set_metadata(name, value):
    return lambda content: cell(content, name).update(metadata=value)


def forge(content):
    cell(content, "split-check")["metadata"]["nbgrader"].update(points=100, locked=False, grade=True, solution=True)


def duplicate(field):
    def change(content):
        first, second = cell(content, "split-exercise"), cell(content, "merge-exercise")
        if field == "id":
            second["id"] = first["id"]
        else:
            second["metadata"]["nbgrader"]["grade_id"] = first["metadata"]["nbgrader"]["grade_id"]

    return change


def edit_check(content):
    cell(content, "split-check")["source"] = ["check('split_heads', lambda x, n: x)"]


def swap_kinds(content):
    cell(content, "split-exercise")["cell_type"] = "markdown"
    cell(content, "split-text")["cell_type"] = "code"


def add(value):
    return lambda content: content["cells"].append(value)


def unknown_kernel(content):
    content["metadata"]["kernelspec"] = {"name": "ir", "language": "R", "display_name": "R"}


ODD = {
    "a cell without source": (lambda c: cell(c, "split-text").pop("source"), "has no source"),
    "a source of numbers": (lambda c: cell(c, "split-text").update(source=[1, 2]), "has no source"),
    "a cell that is a text": (add("hello"), "is no cell"),
    "a cell of no kind": (add({"cell_type": "magic", "source": ""}), "is no cell"),
    "a cell of a kind that cannot be": (add({"cell_type": ["code"], "source": ""}), "is no cell"),
    "metadata a text": (set_metadata("split-check", "x"), "wrong type"),
    "metadata of nbgrader a list": (set_metadata("split-check", {"nbgrader": [1]}), "wrong type"),
    "grade_id twice": (duplicate("grade_id"), "'split-exercise' stands there more than once"),
    "cell id twice": (duplicate("id"), "'split-exercise' stands there more than once"),
    "check edited": (edit_check, "check of split_heads was changed or deleted"),
    "check deleted": (without("split-check", "merge-check"), "check of split_heads, merge_heads was"),
    "metadata stripped": (strip_metadata, "no nbgrader metadata"),
    "points forged": (forge, "not locked any more"),
    "kinds swapped": (swap_kinds, "split_heads stands in a cell that is no code"),
    "kernel unknown": (unknown_kernel, "no Python kernel"),
    "notebook metadata a list": (lambda c: c.update(metadata=[]), "no Python kernel"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_odd_is_remarked_upon_and_read(kind):
    change, remark = ODD[kind]
    got = changed(change)
    assert any(remark in one for one in got.remarks), got.remarks
    assert got.exercise == SEVEN
    assert any("def multi_head_attention" in source for source in code_of(got))


def test_of_two_cells_with_one_id_the_second_has_none():
    got = changed(duplicate("id"))
    assert [one.id for one in got.cells].count("split-exercise") == 1
    assert None in [one.id for one in got.cells]


def test_a_split_answer_cell_and_reordered_cells_are_read_as_they_stand():
    content = solution()
    one = cell(content, "split-exercise")
    place = content["cells"].index(one)
    lines = one["source"]
    content["cells"][place : place + 1] = [
        {"cell_type": "code", "metadata": {}, "source": "np.set_printoptions(precision=3)"},
        {"cell_type": "code", "metadata": {}, "source": lines},
    ]
    content["cells"].append(content["cells"].pop(1))
    got = accepted(content)
    assert got.remarks == ()
    assert code_of(got)[-1].startswith("import numpy")


def test_an_old_notebook_of_format_3_is_read():
    old = {"nbformat": 3, "worksheets": [{"cells": [
        {"cell_type": "code", "input": ["def split_heads(x, n_heads):\n", "    return x"]}, {"cell_type": "heading"},
    ]}]}  # fmt: skip
    assert code_of(accepted(old)) == ["def split_heads(x, n_heads):\n    return x"]


def test_a_mark_of_order_and_halves_of_characters_are_borne():
    content = exercise()
    cell(content, "split-text")["source"] = "\ud800 half"
    assert "\ufffd half" in [one.source for one in accepted(b"\xef\xbb\xbf" + as_bytes(content)).cells]


# Which exercise it is


@pytest.mark.parametrize("name", ["07_multi_head.ipynb", "ada_07_multi_head-3.ipynb", "07 Multi-Head (1).ipynb"])
def test_a_name_tells_the_exercise(name):
    assert named_exercise(name) == SEVEN


@pytest.mark.parametrize("name", ["homework.ipynb", "107_multi_head.ipynb", "02_scores and 03_softmax.ipynb", ""])
def test_a_name_may_tell_none(name):
    assert named_exercise(name) is None


@pytest.mark.parametrize("name", ["homework.ipynb", "07.ipynb", "Untitled.ipynb"])
@pytest.mark.parametrize("number", ["03_softmax", "04_weighted_sum", "05_self_attention", SEVEN])
def test_what_it_holds_tells_the_exercise_where_the_name_does_not(name, number):
    assert accepted(solution(number), name=name).exercise == number


def test_without_its_checks_the_names_that_it_makes_tell_the_exercise():
    cells = [one for one in accepted(solution()).cells if "check(" not in one.source]
    assert exercise_of(cells, "x.ipynb") == SEVEN


def test_a_wrong_name_is_overruled_by_what_the_notebook_holds():
    assert accepted(solution("06_masks"), name=f"{SEVEN}.ipynb").exercise == "06_masks"


def test_the_instructor_may_say_which_exercise_it_is():
    assert accepted(solution("06_masks"), exercise=SEVEN).exercise == SEVEN


# Where notebooks are found


def names_in(path):
    return [(one.learner, one.name) for one in survey([path])]


def test_a_folder_gives_each_learners_notebooks_by_name(tmp_path):
    for name in ("bo", "ada"):
        write(tmp_path / name / f"{SEVEN}.ipynb")
    write(tmp_path / f"cy_{SEVEN}.ipynb")
    write(tmp_path / "dee" / "work.ipynb.txt")
    write(tmp_path / SEVEN / "ed.ipynb")
    write(tmp_path / "ada" / ".ipynb_checkpoints" / "x-checkpoint.ipynb")
    (tmp_path / "ada" / "notes.txt").touch()
    assert names_in(tmp_path) == [
        ("ed", f"{SEVEN}/ed.ipynb"), ("ada", f"ada/{SEVEN}.ipynb"), ("bo", f"bo/{SEVEN}.ipynb"),
        ("cy", f"cy_{SEVEN}.ipynb"), ("dee", "dee/work.ipynb.txt"),
    ]  # fmt: skip
    assert all(isinstance(one, Submission) for one in find([tmp_path]))


def test_one_file_belongs_to_its_folders_name_or_to_its_own(tmp_path):
    one = write(tmp_path / "ada" / f"{SEVEN}.ipynb")
    assert names_in(one) == [("ada", f"ada/{SEVEN}.ipynb")]


def test_an_nbgrader_course_gives_what_was_submitted(tmp_path):
    write(tmp_path / "submitted" / "ada" / "ps1" / f"{SEVEN}.ipynb")
    (tmp_path / "submitted" / "ada" / "ps1" / "timestamp.txt").write_text("9999-99-99 forged", encoding="utf-8")
    write(tmp_path / "source" / "ps1" / f"{SEVEN}.ipynb")
    write(tmp_path / "feedback" / "ada" / "ps1" / f"{SEVEN}.ipynb")
    assert names_in(tmp_path) == [("ada", f"ada/ps1/{SEVEN}.ipynb")]
    assert names_in(tmp_path / "submitted") == [("ada", f"ada/ps1/{SEVEN}.ipynb")]
    [got] = find([tmp_path])
    assert got == accepted(exercise(), name=got.name)


def test_a_path_that_is_not_there_is_wrong_use(tmp_path):
    with pytest.raises(GradingError, match="Give a folder, a notebook or a zip"):
        survey([tmp_path / "nowhere"])


def pack(path, members):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data if isinstance(data, bytes) else as_bytes(data))
    return path


def test_a_zip_of_canvas_tells_learner_number_and_lateness(tmp_path):
    path = pack(tmp_path / "submissions.zip", {
        f"doejane_4711_90210_{SEVEN}-2.ipynb": exercise(),
        f"roejohn_LATE_4712_90211_{SEVEN}.ipynb": exercise(),
        "doejane_4711_90212_notes.pdf": b"%PDF",
    })  # fmt: skip
    late, early = sorted(find([path]), key=lambda one: one.learner, reverse=True)
    assert (early.learner, late.learner) == ("doejane (4711)", "roejohn (4712)")
    assert "late" in late.remarks[0]
    assert early.remarks == ()
    assert list(tmp_path.iterdir()) == [path], "nothing is unpacked"


def test_a_zip_of_moodle_keeps_two_learners_of_one_name_apart(tmp_path):
    path = pack(tmp_path / "m.zip", {
        f"Ann Lee_{number}_assignsubmission_file_/{SEVEN}.ipynb": exercise() for number in (11, 12)
    })  # fmt: skip
    assert [one.learner for one in find([path])] == ["Ann Lee (11)", "Ann Lee (12)"]


def test_a_zip_of_moodle_without_folders_is_read_too(tmp_path):
    [got] = find([pack(tmp_path / "m.zip", {f"Ann Lee_11_assignsubmission_file_{SEVEN}.ipynb": exercise()})])
    assert (got.learner, got.exercise) == ("Ann Lee (11)", SEVEN)


def test_a_learners_own_zip_in_a_zip_or_folder_is_read(tmp_path):
    inner = pack(tmp_path / "inner.zip", {f"work/{SEVEN}.ipynb": exercise(), "__MACOSX/._x.ipynb": b"x"}).read_bytes()
    path = pack(tmp_path / "lms.zip", {"Ann_11_assignsubmission_file_/mine.zip": inner})
    [got] = find([path])
    assert (got.learner, got.exercise) == ("Ann (11)", SEVEN)
    write(tmp_path / "class" / "bo" / "mine.zip", inner)
    [got] = find([tmp_path / "class"])
    assert (got.learner, got.name) == ("bo", f"bo/mine.zip/work/{SEVEN}.ipynb")
    deeper = pack(tmp_path / "deeper.zip", {"mine.zip": inner}).read_bytes()
    [got] = find([pack(tmp_path / "outer.zip", {"Ann_11_assignsubmission_file_/x.zip": deeper})])
    assert "zip inside of your zip" in got.reason


# Attacks on the way in


def refusal(path):
    """The one refusal among what is found; honest neighbours are read."""
    write(path / "zoe" / f"{SEVEN}.ipynb")
    got = list(find([path]))
    assert [one.learner for one in got if isinstance(one, Submission)] == ["zoe"]
    [one] = [one for one in got if isinstance(one, Refused)]
    return one


@unix
@pytest.mark.parametrize("target", ["file", "folder", "nothing"])
def test_links_are_refused_and_not_followed(tmp_path, target):
    secret = write(tmp_path / "secret" / f"{SEVEN}.ipynb")
    (tmp_path / "in" / "eve").mkdir(parents=True)
    to = {"file": secret, "folder": secret.parent, "nothing": tmp_path / "gone"}[target]
    (tmp_path / "in" / "eve" / f"{SEVEN}.ipynb").symlink_to(to, target_is_directory=target == "folder")
    assert "link" in refusal(tmp_path / "in").reason


@unix
def test_a_learners_folder_that_is_a_link_is_not_entered(tmp_path):
    write(tmp_path / "secret" / f"{SEVEN}.ipynb")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "eve").symlink_to(tmp_path / "secret", target_is_directory=True)
    assert "link" in refusal(tmp_path / "in").reason


@unix
def test_a_pipe_a_socket_and_a_device_are_refused_and_never_opened(tmp_path, monkeypatch):
    folder = tmp_path / "in" / "eve"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe.ipynb")
    assert "pipe" in refusal(tmp_path / "in").reason
    (folder / "pipe.ipynb").unlink()
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket.ipynb")
        assert "no file" in refusal(tmp_path / "in").reason
    (folder / "socket.ipynb").unlink()
    assert isinstance(read_submission(Path("/dev/zero"), learner="eve"), Refused)


@unix
def test_a_folder_named_as_a_notebook_is_a_folder(tmp_path):
    write(tmp_path / "ada" / "x.ipynb" / f"{SEVEN}.ipynb")
    assert names_in(tmp_path) == [("ada", f"ada/x.ipynb/{SEVEN}.ipynb")]


@unix
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    path = write(tmp_path / "in" / "eve" / f"{SEVEN}.ipynb")
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read everything")
    assert "cannot be read" in refusal(tmp_path / "in").reason


@unix
def test_names_of_any_bytes_are_borne(tmp_path):
    for name in (b"eve\n\x1b[2J", b"\xff\xfe", "\u202eeve".encode()):
        folder = os.path.join(os.fsencode(tmp_path), name)
        os.mkdir(folder)
        with open(os.path.join(folder, b"07_multi_head.ipynb"), "wb") as file:
            file.write(as_bytes(exercise()))
    got = list(find([tmp_path]))
    assert len(got) == 3
    for one in got:
        json.dumps([one.learner, one.name]).encode("utf-8", "strict")
        one.learner.encode("utf-8")


@pytest.mark.parametrize("name", ["../x.ipynb", "a/../../x.ipynb", "/etc/x.ipynb", "C:\\x.ipynb", "..\\x.ipynb"])
def test_a_name_that_leads_out_of_a_zip_is_refused(tmp_path, name):
    [got] = find([pack(tmp_path / "z" / "z.zip", {name: exercise()})])
    assert "leads out" in got.reason
    assert [path.name for path in tmp_path.rglob("*")] == ["z", "z.zip"]


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("eve/07_multi_head.ipynb")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    [got] = find([tmp_path / "z.zip"])
    assert "link" in got.reason


def test_a_bomb_costs_no_more_memory_than_the_budget(tmp_path, monkeypatch):
    monkeypatch.setattr(intake, "MOST_BYTES", 2**20)
    monkeypatch.setattr(collecting, "MOST_BYTES", 2**20)
    path = pack(
        tmp_path / "z.zip", {"eve_1_2_07_multi_head.ipynb": b"0" * (100 * 2**20), "zoe_3_4_x.ipynb": exercise()}
    )
    assert path.stat().st_size < 2**20
    tracemalloc.start()
    got = list(find([path]))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "larger than" in got[0].reason
    assert isinstance(got[1], Submission)
    assert peak < 20 * 2**20


def test_a_zip_that_lies_about_sizes_and_lists_is_refused(tmp_path):
    path = pack(tmp_path / "z.zip", {"eve_1_2_07_multi_head.ipynb": exercise()})
    data = bytearray(path.read_bytes())
    place = data.rfind(b"PK\x05\x06")
    struct.pack_into("<I", data, place + 12, 2**31)  # the size of the list of files
    (tmp_path / "y.zip").write_bytes(data)
    [got] = find([tmp_path / "y.zip"])
    assert "list of files" in got.reason
    data = path.read_bytes()
    (tmp_path / "x.zip").write_bytes(data[: len(data) // 2])
    [got] = find([tmp_path / "x.zip"])
    assert "damaged" in got.reason


def test_damaged_and_encrypted_files_of_a_zip_are_refused_alone(tmp_path):
    path = pack(
        tmp_path / "z.zip", {"bo_1_2_07_multi_head.ipynb": exercise(), "zoe_3_4_07_multi_head.ipynb": exercise()}
    )
    data = bytearray(path.read_bytes())
    data[100:110] = b"\xff" * 10
    (tmp_path / "y.zip").write_bytes(data)
    bad, good = find([tmp_path / "y.zip"])
    assert "damaged" in bad.reason
    assert isinstance(good, Submission)
    data = bytearray(path.read_bytes())
    data[data.find(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "x.zip").write_bytes(data)
    bad, good = find([tmp_path / "x.zip"])
    assert "encrypted" in bad.reason
    assert isinstance(good, Submission)


def test_a_zip_of_a_learner_with_too_many_files_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(collecting, "MOST_FILES_OF_A_LEARNER", 3)
    inner = pack(tmp_path / "i.zip", {f"{number}.ipynb": b"" for number in range(4)}).read_bytes()
    write(tmp_path / "in" / "eve" / "mine.zip", inner)
    assert "more than 3 files" in refusal(tmp_path / "in").reason


def test_a_zip_of_a_learner_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(collecting, "MOST_BYTES_OF_A_LEARNER", 2**20)
    inner = pack(tmp_path / "i.zip", {f"{number}.ipynb": b"0" * 2**18 for number in range(5)}).read_bytes()
    write(tmp_path / "in" / "eve" / "mine.zip", inner)
    assert "unpacks to more than 1 MiB" in refusal(tmp_path / "in").reason


def test_a_folder_with_too_many_files_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(collecting, "MOST_FILES", 3)
    for number in range(5):
        write(tmp_path / f"l{number}" / f"{SEVEN}.ipynb")
    got = list(find([tmp_path]))
    assert [isinstance(one, Submission) for one in got] == [True] * 3 + [False]
    assert "more than 3 files" in got[-1].reason
