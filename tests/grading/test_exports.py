"""The gradebook in other systems' words: everyone's points in the right row, and no cell that acts."""

import csv
import json

import pytest
from hostile_texts import FORMULA, hostile_entry, refused_entry

from course_lib.errors import GradingError
from course_lib.grading.entries import Entry
from course_lib.grading.exports import export
from course_lib.grading.exports.gradescope import result_of
from course_lib.grading.exports.plain import Matcher, comment_of, name_and_number, plain_name
from course_lib.grading.submission import Mark

SEVEN, TWO = "07_multi_head", "02_scores"


def entry(learner, points, *, exercise=SEVEN, message="Right.", kind="marked"):
    status = "passed" if points else "not_yet"
    marks = (Mark("split_heads", status, None if points else "M20", message, float(points), 2.0, None),)
    return Entry(learner, f"{learner}.ipynb", f"{points}", exercise, kind, "" if kind == "marked" else "no file",
                 marks if kind == "marked" else ())  # fmt: skip


def rows_of(path):
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_csv_has_a_line_for_each_learner_and_exercise(tmp_path):
    entries = [entry("ada", 2), entry("ada", 0), entry("ada", 1, exercise=TWO), entry("bo", 0), refused_entry("cy")]
    path, notes = export(entries, "csv", tmp_path)
    head, *rows = rows_of(path)
    assert (path.name, notes) == ("gradebook.csv", [])
    assert [row[:5] for row in rows] == [
        ["ada", TWO, "1", "2", "marked"], ["ada", SEVEN, "2", "2", "marked"], ["bo", SEVEN, "0", "2", "marked"],
        ["cy", "", "0", "0", "refused"],
    ]  # fmt: skip
    assert rows[2][head.index("tasks")] == "split_heads 0/2 M20"
    assert export(entries, "csv", tmp_path / "here" / "x.csv", is_named=True)[0] == tmp_path / "here" / "x.csv"


@pytest.mark.parametrize("name", ["csv", "canvas", "moodle"])
def test_no_cell_of_any_table_is_a_formula(tmp_path, name):
    entries = [hostile_entry(FORMULA), hostile_entry("+1+1 (7)"), hostile_entry(), refused_entry("@x")]
    path, _ = export(entries, name, tmp_path)
    files = [path] if path.is_file() else list(path.iterdir())
    cells = [cell for file in files for row in rows_of(file) for cell in row]
    assert any("cmd" in cell for cell in cells)
    assert not [cell for cell in cells if cell.strip()[:1] in tuple("=+-@|%\t\r") and cell.strip()]
    assert not any(sign in "".join(cells) for sign in "\x1b\u202e\x00")


# Canvas


def test_canvas_without_a_roster_has_the_numbers_that_the_names_of_files_told(tmp_path):
    path, notes = export(
        [entry("doejane (4711)", 2), entry("bo", 0), entry("doejane (4711)", 1, exercise=TWO)], "canvas", tmp_path
    )
    assert rows_of(path) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", TWO, SEVEN],
        ["    Points Possible", "", "", "", "", "2", "2"],
        ["bo", "", "", "bo", "", "", "0"],
        ["doejane", "4711", "", "", "", "1", "2"],
    ]
    assert notes == []


ROSTER = (
    "\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,07_multi_head (991),Final\n"
    "    Points Possible,,,,,7,\n"
    '"Doe, Jane",4711,s1,jdoe,A,,\n'
    '"Roe, Richard",4712,s2,rroe,A,3,\n'
    '"Lee, Ann",4713,s3,alee,A,,\n"Lee, Ann",4714,s4,alee2,B,,\n'
)


def test_canvass_own_table_is_filled_in_by_number_then_by_a_name_that_only_one_has(tmp_path):
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    entries = [entry("x (4711)", 2), entry("roerichard", 1), entry("alee2", 2), entry("leeann", 1), entry("zoe", 1)]
    path, notes = export(entries, "canvas", tmp_path, roster=tmp_path / "roster.csv")
    head, possible, *rows = rows_of(path)
    assert head[-1] == "07_multi_head (991)", "Canvas knows the assignment by its number"
    assert possible[-1] == "2"
    assert [(row[0], row[-1]) for row in rows] == [
        ("Doe, Jane", "2"), ("Roe, Richard", "1"), ("Lee, Ann", ""), ("Lee, Ann", "2"),
    ]  # fmt: skip
    assert [note.split()[0] for note in notes] == ["leeann", "zoe"]


def test_a_roster_that_is_none_is_told(tmp_path):
    (tmp_path / "roster.csv").write_text("Name,Points\nx,1\n", encoding="utf-8")
    for name, word in (("canvas", "no column 'Student'"), ("moodle", "no grading worksheet")):
        with pytest.raises(GradingError, match=word):
            export([entry("a", 1)], name, tmp_path, roster=tmp_path / "roster.csv")
    (tmp_path / "roster.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(GradingError, match="no table in CSV"):
        export([entry("a", 1)], "canvas", tmp_path, roster=tmp_path / "roster.csv")
    with pytest.raises(GradingError, match="cannot be read"):
        export([entry("a", 1)], "canvas", tmp_path, roster=tmp_path / "none.csv")


# Moodle


def test_moodle_gets_a_worksheet_for_each_exercise(tmp_path):
    entries = [
        entry("Ann Lee (11)", 2),
        entry("Ann Lee (12)", 0, message="Look."),
        entry("Ann Lee (11)", 1, exercise=TWO),
    ]
    path, _ = export(entries, "moodle", tmp_path)
    assert sorted(file.name for file in path.iterdir()) == [f"{TWO}.csv", f"{SEVEN}.csv"]
    assert rows_of(path / f"{SEVEN}.csv") == [
        ["Identifier", "Full name", "Grade", "Maximum Grade", "Feedback comments"],
        ["Participant 11", "Ann Lee", "2", "2", "All tasks passed."],
        ["Participant 12", "Ann Lee", "0", "2", "split_heads: not yet. Look."],
    ]


def test_moodles_own_worksheet_is_filled_in(tmp_path):
    (tmp_path / "sheet.csv").write_text(
        "Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade),Feedback comments\n"
        "Participant 11,Ann Lee,a@x.invalid,Submitted,,10,-,\n"
        "Participant 12,Ann Lee,b@x.invalid,Submitted,5,10,-,old\n",
        encoding="utf-8",
    )
    entries = [entry("Ann Lee (12)", 2), entry("Ann Lee", 1), entry("bo", 1, exercise=TWO)]
    with pytest.raises(GradingError, match="--exercise"):
        export(entries, "moodle", tmp_path, roster=tmp_path / "sheet.csv")
    path, notes = export(entries[:2], "moodle", tmp_path, roster=tmp_path / "sheet.csv")
    _, first, second = rows_of(path)
    assert (first[4], first[7]) == ("", "")
    assert (second[4], second[7], second[6]) == ("2", "All tasks passed.", "-")
    assert notes[0].startswith("Ann Lee is not in")


# Gradescope


def test_gradescope_gets_a_result_for_each_submission(tmp_path):
    path, _ = export([entry("ada", 2), entry("../ada", 0), refused_entry("bo")], "gradescope", tmp_path)
    files = sorted(file.relative_to(path).as_posix() for file in path.rglob("*.json"))
    assert len(files) == 3
    assert f"ada/{SEVEN}/results.json" in files
    assert "bo/unknown/results.json" in files
    assert [entry.name for entry in tmp_path.iterdir()] == ["gradescope"], "no name leads out"


def test_a_result_of_gradescope_is_in_its_words():
    result = result_of(hostile_entry("ada"))
    assert result["score"] == 1.0
    assert [test["status"] for test in result["tests"]] == ["passed", "failed", "failed", "failed", "failed"]
    assert {test["output_format"] for test in result["tests"]} == {"text"}
    assert not any(sign in json.dumps(result, ensure_ascii=False) for sign in "\u202e\u2066")
    assert result_of(refused_entry()) == {
        "score": 0, "output": result_of(refused_entry())["output"], "output_format": "text", "visibility": "visible",
    }  # fmt: skip


def test_one_result_goes_where_gradescopes_container_looks_for_it(tmp_path):
    path, _ = export([entry("ada", 2)], "gradescope", tmp_path / "results" / "results.json", is_named=True)
    assert json.loads(path.read_text(encoding="utf-8"))["tests"][0]["max_score"] == 2
    with pytest.raises(GradingError, match="one submission"):
        export([entry("ada", 2), entry("bo", 2)], "gradescope", path, is_named=True)


# All of them


def test_nothing_to_export_and_nowhere_to_write_are_told(tmp_path):
    with pytest.raises(GradingError, match="nothing in the gradebook"):
        export([], "csv", tmp_path)
    (tmp_path / "file").touch()
    for name in ("csv", "canvas", "moodle", "gradescope"):
        with pytest.raises(GradingError, match="cannot be written"):
            export([entry("ada", 1)], name, tmp_path / "file")


def test_learners_are_matched_by_number_or_by_a_name_of_one_only():
    matcher = Matcher([("1", ["Doe, Jane"]), ("2", ["Lee, Ann"]), ("3", ["Lee Ann"])])
    assert [matcher.place_of(name) for name in ("x (2)", "doe jane", "DoeJane (9)", "lee ann", "zoe")] == [
        1,
        0,
        0,
        None,
        None,
    ]
    assert name_and_number("A (B) (12)") == ("A (B)", "12")
    assert plain_name("Ö'Neil, Zoë-Ann") == "öneilzoëann"


def test_a_comment_is_short_and_says_what_is_left_to_do():
    assert comment_of(entry("a", 2)) == "All tasks passed."
    assert comment_of(entry("a", 0, message="long " * 5000)).startswith("split_heads: not yet. long")
    assert len(comment_of(entry("a", 0, message="long " * 5000))) < 300
    assert comment_of(entry("a", 0, kind="refused")) == "no file"
