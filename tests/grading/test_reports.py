"""Pages and tables: what a learner needs to know, and no word of a learner that acts."""

import re
import unicodedata
from html.parser import HTMLParser

import numpy as np
import pytest
from hostile_texts import ANSI, BIDI, FORMULA, HOSTILE, MARKUP, hostile_entry, refused_entry

from course_lib.checks.engine import evaluate, find_task
from course_lib.errors import GradingError
from course_lib.grading.entries import Entry
from course_lib.grading.reports import feedback, table
from course_lib.grading.reports.feedback import code_of, file_name, page, write_pages
from course_lib.grading.reports.pictures import picture_of
from course_lib.grading.reports.safe import escaped, for_cell, one_line, shortened, visible
from course_lib.grading.submission import Mark

ALLOWED = {
    "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "section", "article", "div", "span",
    "p", "code", "pre", "details", "summary", "figure", "figcaption", "table", "caption", "tr", "td", "footer",
}  # fmt: skip
ATTRIBUTES = {"lang", "charset", "http-equiv", "content", "name", "class", "style", "role", "aria-label"}


class Reader(HTMLParser):
    """Collects what a page is made of."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, *one) for one in attributes]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes another"

    def handle_data(self, text):
        if self.open[-1:] != ["style"]:
            self.words.append(text)

    @property
    def text(self):
        return re.sub(r"\s+", " ", " ".join(self.words))


def mark(task="split_heads", status="passed", points=1.0, message="Right.", **more):
    return Mark(task, status, more.pop("confusion", None), message, points, 1.0, more.pop("program", None))


def entry(*marks, learner="ada", code=(), **more):
    return Entry(learner, "a/07.ipynb", "d", "07_multi_head", "marked", marks=marks, code=tuple(code), **more)


def test_a_page_says_what_was_found_task_by_task():
    wrong = find_task("merge_heads").programs[0]
    result = evaluate("merge_heads", wrong.program, seed=3)
    marks = [
        mark(),
        mark("merge_heads", "not_yet", 0.0, result.message, confusion=result.confusion, program=wrong.slug),
    ]
    read = Reader(page("ada", [entry(*marks, code=["def merge_heads(x):\n    return x", "y = 1"], remarks=("odd",))]))
    for word in ("Feedback for ada", "Exercise 07", "1 of 2 points", "✔ passed", "✎ not yet", "Your code", "odd"):
        assert word in read.text
    assert re.sub(r"[`\s]+", " ", result.message.split("\n")[1]).strip() in read.text
    assert "def merge_heads(x)" in read.text
    assert "y = 1" not in read.text
    assert "What this mistake does, on the example that the notebook shows" in read.text
    assert "with this mistake: merged" in read.text


def test_no_page_speaks_of_what_is_only_in_the_notebook():
    message = evaluate("softmax", lambda scores: np.cos(scores)).message
    assert "printed below" in message
    text = Reader(page("ada", [entry(mark("merge_heads", "not_yet", 0.0, message))])).text
    assert "printed below" not in text
    assert "which the check in your notebook prints" in text


def test_the_picture_is_that_of_the_notebooks_own_example():
    program = find_task("merge_heads").programs[0]
    shown = evaluate("merge_heads", program.program).evidence
    drawn = Reader(picture_of("merge_heads", program.slug))
    assert "td" in drawn.tags
    assert f"{shown.expected.flat[0]:.2g}"[:4] in drawn.text
    assert picture_of("merge_heads", "none of that name") == picture_of("order_multi_head", "x") == ""


def test_a_prediction_is_never_called_wrong():
    one = Entry("ada", "x", "d", "01_queries_keys_values", "marked", marks=(
        Mark("predict_shared_matrix", "passed", "M10", "What happens.", 0, 0, None),
    ))  # fmt: skip
    text = Reader(page("ada", [one])).text
    assert "your prediction" in text
    assert "M10" not in text
    assert "no points" in text


def test_what_was_refused_stands_there_with_the_reason():
    text = Reader(page("bo", [Entry("bo", "x.ipynb", "", "", "refused", "The file is empty.")])).text
    assert "x.ipynb could not be read" in text
    assert "The file is empty." in text


@pytest.mark.parametrize("learner", [None, "ada"])
def test_no_text_of_a_learner_is_markup(learner):
    text = page(learner or HOSTILE, [hostile_entry(learner), refused_entry()])
    read = Reader(text)
    assert set(read.tags) <= ALLOWED
    assert {name for _, name, _ in read.attributes} <= ATTRIBUTES
    assert [one for one in read.attributes if one[0] == "article"] == [
        ("article", "class", status) for status in ("passed", "not_yet", "not_started", "stopped", "broke", "broke")
    ]
    assert read.open == []
    policy = next(value for tag, name, value in read.attributes if tag == "meta" and name == "content")
    assert policy.startswith("default-src 'none'")
    assert "unsafe-inline" not in policy.replace("style-src 'unsafe-inline'", "")
    assert "window.owned" in read.text, "it stands there, to be read"


def test_no_page_asks_for_anything():
    text = page("x", [hostile_entry(), refused_entry()])
    assert not re.search(r"<[^>]*\b(?:src|href|srcset|action|background|poster|data)\s*=", text)
    assert "@import" not in feedback._STYLE
    assert "url(" not in feedback._STYLE


def test_control_and_direction_characters_are_shown_and_do_nothing():
    for text in (page("x", [hostile_entry()]), visible(HOSTILE), one_line(HOSTILE, 500), for_cell(HOSTILE)):
        kept = set(text) - {"\n", "\t"}
        assert not [sign for sign in kept if unicodedata.category(sign) in ("Cc", "Cf", "Zl", "Zp")]
        assert "\u0301" * 4 not in text
    assert "red" in visible(ANSI)
    assert "evil.invalid" not in visible(ANSI)
    assert "⟨U+202E⟩evil" in visible(BIDI)
    assert visible("می\u200cخواهم é 👩\u200d🔬") == "می\u200cخواهم é 👩\u200d🔬", "what belongs to words stays"


def test_texts_are_shortened_in_the_middle_and_one_line_is_one():
    assert shortened("a" * 100, 10) == "aaaaa\n… 90 characters left out …\naaaaa"
    assert one_line("a\n\n b\u2028c", 20) == "a b⟨U+2028⟩c"
    assert len(one_line("x" * 10**6, 50)) == 50
    assert escaped("<b>") == "&lt;b&gt;"
    assert MARKUP[:10] not in escaped(MARKUP)


@pytest.mark.parametrize("text", [FORMULA, "=1", "+1+1", "-1+1", "@x", "\t=1", " =1", "\n=1", "＝1", "|x", "%0a"])
def test_no_cell_of_a_table_is_a_formula(text):
    assert for_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["Ada", "-", "-3.5", "+4", "12", "", "a=b", "O'Neil"])
def test_what_is_no_formula_stays(text):
    assert for_cell(text) == text


def test_code_is_that_of_the_answer():
    cells = [
        "import numpy",
        "def order(x):\n    pass",
        "order = 'ABC'",
        "reorder = 1\nx == order",
        "order: str = 'D'",
        "order == 1",
    ]
    assert code_of("order", cells) == "def order(x):\n    pass\n\norder = 'ABC'\n\norder: str = 'D'"
    assert len(code_of("order", ["order = 1" + "#" * 10**6])) < 10_000


def test_pages_are_one_for_each_learner_and_their_names_are_harmless(tmp_path):
    learners = ["ada", "Ada", "../../etc/passwd", "CON", "a/b", "a b", "\u202e", HOSTILE, "Anna Müller (11)"]
    written = write_pages([entry(mark(), learner=one) for one in learners], tmp_path / "out")
    assert len(written) == len(set(learners))
    files = sorted(path.name.lower() for path in (tmp_path / "out").iterdir())
    assert len(set(files)) == len(learners)
    assert all(re.fullmatch(r"[\w]+\.html", name) for name in files)
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]
    assert "Feedback for Anna Müller (11)" in written["Anna Müller (11)"].read_text(encoding="utf-8")
    assert file_name("con").lower() != "con.html"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(GradingError, match="--to"):
        write_pages([entry(mark())], tmp_path / "file")


def test_the_same_entries_give_the_same_pages(tmp_path):
    entries = [entry(mark()), hostile_entry()]
    first = {learner: path.read_bytes() for learner, path in write_pages(entries, tmp_path / "a").items()}
    again = {learner: path.read_bytes() for learner, path in write_pages(reversed(entries), tmp_path / "b").items()}
    assert first == again


def test_the_table_of_a_class_shows_points_and_problems_and_obeys_no_text(capsys):
    table.show_class([entry(mark(), mark("merge_heads", "not_yet", 0.0)), hostile_entry(), refused_entry()])
    shown = capsys.readouterr().out
    assert "1 of 2" in shown
    assert "3 learners, 2 notebooks that count, 1 not marked" in shown
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    table.show_learner(
        [hostile_entry("ada"), entry(mark("merge_heads", "not_yet", 0.0, "why\nlook"), remarks=("odd",))]
    )
    shown = capsys.readouterr().out
    assert re.search(r"merge_heads +not yet +0 of 1", shown)
    assert "! odd" in shown
    assert "look" in shown
    assert "\x1b" not in shown


def test_data_for_a_program_tells_which_entry_counts():
    good, bad = entry(mark()), Entry("ada", "b", "e", "07_multi_head", "refused", "no")
    data = table.as_data([good, bad])
    assert [one["counts"] for one in data] == [True, False]
    assert data[0]["tasks"][0]["task"] == "split_heads"
    assert data[1]["reason"] == "no"
