"""A source is read as it is written, and a mistake in it is named with its line."""

import pytest
from sample_course import EXERCISE, LESSON

from course_lib.authoring.errors import BuildError
from course_lib.authoring.source import read_source

HEADER = "# ---\n# title: Rows\n# minutes: 15\n# ---\n"


def read(tmp_path, text):
    path = tmp_path / "03_rows.py"
    path.write_text(text, encoding="utf-8")
    return read_source(path)


def test_read_source_gives_header_names_kinds_and_texts(tmp_path):
    source = read(tmp_path, LESSON)
    assert source.header == {"title": "Rows", "minutes": 15}
    assert [cell.name.removeprefix("rows-") for cell in source.cells] == [
        "title",
        "imports",
        "print",
        "table",
        "plot",
        "wrong",
    ]
    assert source.cells[0].kind == "markdown"
    assert source.cells[0].text == "# Rows\n\nEach row is a query's."
    assert source.cells[1].text == "import matplotlib.pyplot as plt\nimport numpy as np"


def test_read_source_takes_a_quoted_title(tmp_path):
    header = HEADER.replace("Rows", '"Exercise 03: rows"')
    assert read(tmp_path, header + "# %% a\n1\n").header["title"] == "Exercise 03: rows"


def test_read_source_gives_tags_points_and_lines(tmp_path):
    tagged = read(tmp_path, LESSON).cells[4]
    assert (tagged.tags, tagged.points) == (("nbval-ignore-output",), None)
    graded = read(tmp_path, EXERCISE).cells[-1]
    assert (graded.points, graded.tags) == (2, ())
    assert EXERCISE.splitlines()[graded.line - 1] == "# %% rows-check points=2"


def test_read_source_keeps_letters_beyond_ascii_and_formulas(tmp_path):
    cell = read(tmp_path, HEADER + "# %% [markdown] a\n# Größe $\\sqrt{d_k}$ — × 2\n").cells[0]
    assert cell.text == "Größe $\\sqrt{d_k}$ — × 2"


def test_read_source_takes_cells_that_follow_without_an_empty_line(tmp_path):
    cells = read(tmp_path, HEADER + "# %% [markdown] a\n# text\n# %% b\n1\n# %% c\n2\n").cells
    assert [(cell.name, cell.text) for cell in cells] == [("a", "text"), ("b", "1"), ("c", "2")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# %% a\n1\n", "line 1: a source starts with a header"),
        ("# ---\n# minutes: 15\n# ---\n# %% a\n1\n", "needs a line '# title: ...'"),
        ("# ---\n# title: Rows\n# minutes: some\n# ---\n# %% a\n1\n", "'# minutes: 20', a whole number"),
        ("# ---\n# title: Rows\n# minute: 15\n# ---\n# %% a\n1\n", "not 'minute: 15'"),
        (HEADER + "# %%\n1\n", "line 5: a cell needs a name"),
        (HEADER + "# %% Rows_Title\n1\n", "line 5: a cell needs a name in kebab-case"),
        (HEADER + f"# %% {'a' * 65}\n1\n", "at most 64 characters"),
        (HEADER + "# %% a\n1\n# %% b\n2\n# %% a\n3\n", "two cells are named a, on lines 5 and 9"),
        (HEADER + "# %% a\n\n# %% b\n1\n", "line 5: cell a is empty"),
        (HEADER + "# %% a point=2\n1\n", "cell a has the option 'point'"),
        (HEADER + "# %% a points=0\n1\n", "cell a has points=0"),
        (HEADER + "# %% [markdown] a points=1\n# text\n", "points are whole, above 0, on a code cell"),
        (HEADER + '# %% a tags="one"\n1\n', "Tags are written tags=[...]"),
        (HEADER + "import numpy\n# %% a\n1\n", "code between the header and the first cell"),
        (HEADER + '# %% a\n"""\n# %% b\n"""\n', "a '# %%' inside of a string"),
    ],
)  # fmt: skip
def test_read_source_names_the_mistake(tmp_path, text, message):
    with pytest.raises(BuildError) as caught:
        read(tmp_path, text)
    assert message in str(caught.value)
    assert "03_rows.py" in str(caught.value)


def test_read_source_reports_text_that_is_not_utf8(tmp_path):
    (tmp_path / "03_rows.py").write_bytes(b"# \xff")
    with pytest.raises(BuildError, match="UTF-8"):
        read_source(tmp_path / "03_rows.py")
