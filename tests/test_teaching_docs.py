"""The guides for instructors, the glossary and the summary sheet say what the course holds, and spell it right."""

import importlib
import importlib.util
import inspect
import itertools
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import numpy as np
import pytest

import course_lib.attention
from course_lib.authoring import printable
from course_lib.checks.confusions import CONFUSIONS
from course_lib.checks.tasks import ChoiceTask

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TEACHING = DOCS / "teaching"
GUIDES = sorted(TEACHING.glob("[0-9][0-9]_*.md"))
PLANS = {"90 minutes": 90, "half a day": 240, "a full day": 480}
PUBLIC = (
    "course_lib.attention", "course_lib.checks", "course_lib.models", "course_lib.models.language_model",
    "course_lib.plots", "course_lib.widgets",
)  # fmt: skip
NOT_A_PART = {"Summary", "In practice", "Further reading"}


def text_of(path):
    return path.read_text(encoding="utf-8")


def lessons():
    return sorted(path for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb") if ".mine-" not in path.name)


def lesson_of(guide):
    return ROOT / "notebooks" / f"{guide.stem}.ipynb"


def course_of(notebook):
    return nbformat.read(notebook, as_version=4).metadata.course


def section(text, title):
    """Return what stands below a heading, up to the next one of its level."""
    found = re.search(rf"^## {re.escape(title)}.*?\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1) if found else ""


def rows(text):
    """Return the cells of every row of the tables, without the heads."""
    lines = [line.strip() for line in text.splitlines()]
    is_rule = [bool(re.fullmatch(r"\|[\s|:-]+\|", line)) for line in lines]
    heads = {index - 1 for index, rule in enumerate(is_rule) if rule}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for index, line in enumerate(lines)
        if line.startswith("|") and not is_rule[index] and index not in heads
    ]


def spans(text):
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))


def minutes(text):
    """Return (first, last) of every row of a timetable, such as "0 to 6" or "0-8"."""
    found = [re.match(r"(\d+) ?(?:to|-|–) ?(\d+)$", row[0]) for row in rows(text)]
    return [(int(match[1]), int(match[2])) for match in found if match]


def links(path):
    return sorted({link for link in re.findall(r"\]\(([^)\s]+)\)", text_of(path)) if not link.startswith("http")})


def public_names():
    return {name: getattr(module, name) for module in map(importlib.import_module, PUBLIC) for name in module.__all__}


def words_of_the_api():
    """Names, arguments, and the axes that docstrings name in a shape."""
    named = public_names()
    words = set(named)
    for thing in named.values():
        if callable(thing) and not (inspect.isclass(thing) and issubclass(thing, Exception)):
            words |= set(inspect.signature(thing).parameters)
            for shape in re.findall(r"shape \(([^)]*)\)", inspect.getdoc(thing) or ""):
                words |= set(re.findall(r"[a-z]\w*", shape))
    return words


# The guides


@pytest.mark.parametrize("lesson", lessons(), ids=lambda path: path.stem)
def test_every_lesson_has_a_guide_and_the_overview_links_it(lesson):
    assert (TEACHING / f"{lesson.stem}.md").is_file()
    assert f"({lesson.stem}.md)" in text_of(TEACHING / "README.md")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_is_about_a_lesson_and_gives_its_minutes(guide):
    course = course_of(lesson_of(guide))
    assert text_of(guide).startswith(f"# Teaching lesson {guide.stem[:2]}: {course.title.lower()}\n")
    (said,) = re.findall(r"[Ll]esson\]?(?:\([^)]*\))?[:,]\s+(\d+)\s+minutes", text_of(guide))
    assert int(said) == course.minutes


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_timings_of_a_guide_run_on_and_fill_the_lesson(guide):
    times = minutes(section(text_of(guide), "Timing"))
    assert len(times) >= 3
    assert times[0][0] == 0
    assert all(before[1] == after[0] for before, after in itertools.pairwise(times))
    assert all(first < last for first, last in times)
    assert times[-1][1] == course_of(lesson_of(guide)).minutes


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_gives_the_exercise_its_own_minutes(guide):
    exercise = ROOT / "exercises" / f"{guide.stem}.ipynb"
    if not exercise.exists():
        assert "No exercise" in text_of(guide)
        return
    (said,) = re.findall(r"[Ee]xercise\]?(?:\([^)]*\))?[:,]\s+(\d+)\s+minutes", text_of(guide))
    assert int(said) == course_of(exercise).minutes


WITH_PREDICTIONS = [guide for guide in GUIDES if section(text_of(guide), "Predictions")]


@pytest.mark.parametrize("guide", WITH_PREDICTIONS, ids=lambda path: path.stem)
def test_the_timings_name_every_part_of_the_lesson_in_its_order(guide):
    cells = nbformat.read(lesson_of(guide), as_version=4).cells
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    parts = [part for part in re.findall(r"^## (.+)$", prose, re.MULTILINE) if part not in NOT_A_PART]
    named = [part for row in rows(section(text_of(guide), "Timing")) for part in row[1].split("; ")]
    assert [part for part in named if part not in NOT_A_PART] == parts


@pytest.mark.parametrize("guide", WITH_PREDICTIONS, ids=lambda path: path.stem)
def test_a_guide_explains_every_prediction_with_what_happens_and_its_confusion(guide):
    asked = set()
    for folder in ("notebooks", "exercises"):
        path = ROOT / folder / f"{guide.stem}.ipynb"
        if path.exists():
            code = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
            asked |= set(re.findall(r'ask\("(predict_\w+)"\)', code))
    told = {spans(row[0])[0]: row for row in rows(section(text_of(guide), "Predictions"))}
    assert set(told) == asked
    if asked:
        module = importlib.import_module(f"course_lib.checks.exercises.exercise_{guide.stem[:2]}")
        tasks = {task.name: task for task in module.TASKS if isinstance(task, ChoiceTask)}
        for name, (_, happens, others) in told.items():
            assert happens.startswith(f"{tasks[name].right}: ")
            assert tasks[name].confusion is None or f"({tasks[name].confusion})" in happens
            assert not re.search(rf"\b{tasks[name].right}(?= or|:)", others)


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_the_confusions_of_a_guide_exist_and_have_words(guide):
    text = text_of(guide)
    assert set(re.findall(r"\bM\d\d\b", text)) <= set(CONFUSIONS)
    for words, found in re.findall(r"^\* \*\*([^*]+)\*\*,? \((M\d\d)\)", text, re.MULTILINE):
        assert len(words.split()) >= 3, f"{found} needs plain words"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_a_guide_says_what_to_cut_what_people_ask_and_what_to_watch_for(guide):
    text = text_of(guide)
    assert re.search(r"\*\*With (?:5|15) minutes:\*\*", text)
    assert re.search(r"^## (?:What|Questions that) people ask", text, re.MULTILINE)
    assert re.search(r"^## (?:What to watch|Watch) for", text, re.MULTILINE)
    assert len(text.split()) <= 1000  # a page, or little more


# How to run a class


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_runs_on_and_fills_its_time(name):
    times = minutes(section(text_of(TEACHING / "README.md"), f"Plan: {name}"))
    assert times[0][0] == 0
    assert all(before[1] == after[0] for before, after in itertools.pairwise(times))
    assert times[-1][1] == PLANS[name]


@pytest.mark.parametrize("name", PLANS)
def test_a_plan_gives_each_lesson_its_minutes_or_its_cut(name):
    for time, what, how in rows(section(text_of(TEACHING / "README.md"), f"Plan: {name}")):
        first, last = map(int, time.split(" to "))
        number = what[:2]
        if number.isdigit():
            (guide,) = TEACHING.glob(f"{number}_*.md")
            course = course_of(lesson_of(guide))
            assert what == f"{number} {course.title}"
            cut = re.match(r"cut to (\d+)", how)
            assert last - first == (int(cut[1]) if cut else course.minutes)
            assert not cut or f"**With {cut[1]} minutes:**" in text_of(guide)
        elif re.fullmatch(r"exercise \d\d", what):
            (exercise,) = (ROOT / "exercises").glob(f"{what[-2:]}_*[a-z].ipynb")
            assert last - first == course_of(exercise).minutes


def test_the_overview_gives_each_lesson_and_exercise_its_minutes():
    table = [row for row in rows(text_of(TEACHING / "README.md")) if len(row) == 5]
    assert len(table) == len(lessons())
    for (title, said, _, _, exercise_said), lesson in zip(table, lessons(), strict=True):
        course = course_of(lesson)
        assert title == f"[{lesson.stem[:2]} {course.title}](../../notebooks/{lesson.name})"
        assert int(said) == course.minutes
        exercise = ROOT / "exercises" / lesson.name
        assert exercise_said == (str(course_of(exercise).minutes) if exercise.exists() else "")


def test_what_the_overview_says_of_start_py_is_so():
    overview, start = text_of(TEACHING / "README.md"), text_of(ROOT / "start.py")
    python = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]["requires-python"].removeprefix(">=")
    assert f"Python {python} or newer" in overview
    (disk,) = re.findall(r"COURSE_LOCK\.name: (\d+)", start)
    assert f"about {disk} MB" in overview
    kept = re.search(r'"PIP_\((.*?)\)"\n\)', start, re.DOTALL).group(1)
    assert {"NO_INDEX", "FIND_LINKS"} <= set(re.findall(r"[A-Z_]+", kept))
    library = "".join(text_of(path) for path in (ROOT / "course_lib").rglob("*.py"))
    assert all(name in library for name in re.findall(r"COURSE_[A-Z]+", overview))


# Links


@pytest.mark.parametrize(
    "path",
    [*sorted(TEACHING.glob("*.md")), DOCS / "glossary.md", DOCS / "summary_sheet.md"],
    ids=lambda path: path.name,
)
def test_every_link_leads_to_a_file(path):
    assert [link for link in links(path) if not (path.parent / link.split("#")[0]).exists()] == []


# The glossary

TERMS = rows(text_of(DOCS / "glossary.md").split("## Sizes")[0])


def test_the_glossary_is_in_the_order_of_the_alphabet_and_has_each_term_once():
    terms = [row[0].casefold().replace("-", " ") for row in TERMS]
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("row", TERMS, ids=lambda row: row[0])
def test_a_term_of_the_glossary_stands_in_the_lesson_that_introduces_it(row):
    term, meaning, lesson, *_ = row
    (target,) = re.findall(r"\]\(\.\./([^)]+)\)", lesson)
    assert Path(target).name.startswith(lesson[1:3])
    prose = "\n".join(cell.source for cell in nbformat.read(ROOT / target, as_version=4).cells)
    assert re.search(term.replace(" ", r"\W+").replace("heads", "heads?"), prose, re.IGNORECASE)
    assert 1 <= len(re.findall(r"[.!?)](?:\s|$)", meaning)) <= 3


def test_the_names_in_the_code_column_are_those_of_the_library():
    words = words_of_the_api()
    column = [row[3] for row in TERMS] + [row[2] for row in rows(text_of(DOCS / "glossary.md").split("## Sizes")[1])]
    named = {name for cell in column for name in spans(cell)}
    assert len(named) > 40
    assert named - words == set()


def test_every_public_function_of_attention_is_under_a_term_of_the_glossary():
    named = {name for row in TERMS for name in spans(row[3])}
    assert set(course_lib.attention.__all__) <= named


# The summary sheet

SHEET = text_of(DOCS / "summary_sheet.md")
BLOCKS = re.findall(r"^```python\n(.*?)^```", SHEET, re.MULTILINE | re.DOTALL)


def run_sheet():
    names = {}
    for block in BLOCKS:
        exec(compile(block, "summary_sheet.md", "exec"), names)
    return names


def test_every_code_block_of_the_sheet_runs_and_its_shapes_are_those_of_the_comments():
    names = run_sheet()
    sized = re.findall(r"^(\w+) = .*# \(([\w, ]+)\)$", "\n".join(BLOCKS), re.MULTILINE)
    assert len(sized) >= 8
    for name, axes in sized:
        assert names[name].shape == tuple(names[axis] for axis in axes.split(", ")), name
    sizes = [names[axis] for axis in ("seq_len", "d_model", "n_heads", "d_k", "d_v")]
    assert len(set(sizes)) == len(sizes)


def test_every_call_of_the_sheets_tables_runs():
    names = {name: getattr(course_lib.attention, name) for name in course_lib.attention.__all__} | run_sheet()
    calls = {span for span in spans(SHEET) if re.search(r"^[\w +]*\b[a-z]\w+\((?!seq_len|n_)", span)}
    calls = {call for call in calls if not call.startswith(("exp", "softmax("))}
    assert {call.split("(")[0].split()[-1] for call in calls} >= {
        "causal_mask", "padding_mask", "sliding_window_mask", "sinusoidal_positions", "rotate", "attention"
    }  # fmt: skip
    for call in sorted(calls):
        assert np.isfinite(eval(call, names)).all(), call


def test_the_masks_of_the_sheet_are_what_their_rules_say():
    i, j = np.arange(5)[:, np.newaxis], np.arange(5)
    assert "| causal | `j <= i` | `causal_mask(5)`" in SHEET
    assert np.array_equal(course_lib.attention.causal_mask(5), j <= i)
    assert "| window | `i - 2 <= j <= i` | `sliding_window_mask(5, 5, (2, 0))`" in SHEET
    assert np.array_equal(course_lib.attention.sliding_window_mask(5, 5, (2, 0)), (i - 2 <= j) & (j <= i))


def test_the_sheet_is_short_enough_for_a_page():
    assert len(SHEET.splitlines()) <= 80
    assert max(map(len, SHEET.splitlines())) <= 140


@pytest.mark.parametrize("name", printable.PAGES)
def test_the_page_to_print_is_what_its_markdown_makes(name):
    made = printable.printable(text_of(DOCS / f"{name}.md"))
    assert made == text_of(DOCS / f"{name}.html"), "run python -m course_lib.authoring.printable"
    assert f"[{name}.html]({name}.html)" in text_of(DOCS / f"{name}.md")
    assert "To print" not in made
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", made)


# What the guides compute


def test_half_precision_has_no_number_as_low_as_the_usual_stand_in():
    assert "in half\n  precision there is no such number" in text_of(TEACHING / "06_masks.md")
    assert float(np.finfo(np.float16).min) > -1e9


def test_the_maximum_of_each_column_changes_the_differences_in_a_row():
    assert "The maximum of each *column* takes another number" in text_of(TEACHING / "03_softmax.md")
    scores = np.array([[2.0, 1.0, -1.0], [0.0, 0.0, 3.0]])
    shifted = scores - scores.max(axis=0)
    softmax = course_lib.attention.softmax
    assert not np.allclose(softmax(shifted), softmax(scores))


# Spelling

PROSE = ["notebooks/source", "exercises/source", "docs", "README.md", "CHANGELOG.md", "course_lib"]
NO_MISSPELLING = ["pinter", "nd", "notin"]  # a name, a dimension in code, a node of Python's syntax tree
MEANT = r'hint\("atention"\)'  # the example of a name that is not quite right


def test_codespell_finds_a_misspelling_and_nothing_in_the_prose_of_the_course(tmp_path):
    if importlib.util.find_spec("codespell_lib") is None:
        pytest.skip("codespell is not installed: pip install codespell")
    (tmp_path / "wrong.md").write_text("Teh weigths of a query.\n", encoding="utf-8")
    command = [sys.executable, "-m", "codespell_lib", "--ignore-words-list", ",".join(NO_MISSPELLING)]
    command += ["--ignore-regex", MEANT, "--skip", "*.png,*.gif,*.pyc"]
    wrong = subprocess.run([*command, tmp_path], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert {"Teh ==> The", "weigths ==> weights"} <= set(re.findall(r"\w+ ==> \w+", wrong.stdout))
    ran = subprocess.run([*command, *PROSE], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (ran.returncode, ran.stdout) == (0, "")
