"""The folder of a site is made as a whole or left as it was; the command says what is wrong with what it was given."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("latex2mathml", reason="makes the formulas of the pages")
import course_lib.cli as cli
from course_lib.site import Places, SiteError, build_site, make, n_steps

ROOT = Path(__file__).parents[2]


@pytest.fixture
def no_pages(monkeypatch):
    """Pages cost a run of each lesson; here one file stands for them."""

    class Edition:
        def __init__(self, course, out, *, lab):
            self.out = out

        def make(self, names, *, advance):
            (self.out / "index.html").write_text("made")
            advance()
            return [self.out / "index.html"]

    monkeypatch.setattr(make, "Edition", Edition)


@pytest.fixture
def places(tmp_path):
    return Places(course=ROOT, cache=tmp_path / "cache")


def test_build_site_replaces_a_site_as_a_whole(tmp_path, places, no_pages):
    out = tmp_path / "public"
    steps = []
    made = build_site(out, places, reading_only=True, advance=lambda: steps.append(1))
    (out / "of-an-older-course.html").touch()
    build_site(out, places, reading_only=True)
    assert sorted(path.name for path in out.iterdir()) == [".course-site", ".nojekyll", "index.html"]
    assert (made.n_pages, made.has_notebooks, len(steps)) == (1, False, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["public"], "nothing is left beside it"


@pytest.mark.parametrize("there", ["file", "folder"])
def test_build_site_never_touches_what_is_not_a_site(tmp_path, places, no_pages, there):
    out = tmp_path / "thesis"
    kept = out if there == "file" else out / "chapter.txt"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("years of work")
    with pytest.raises(SiteError, match="name"):
        build_site(out, places, reading_only=True)
    assert kept.read_text() == "years of work"


def test_build_site_that_fails_leaves_the_old_site(tmp_path, places, no_pages, monkeypatch):
    out = tmp_path / "public"
    build_site(out, places, reading_only=True)

    def fail(out, places):
        (out / "half").touch()
        raise SiteError("no wheels")

    monkeypatch.setattr(make, "build_lite", fail)
    with pytest.raises(SiteError, match="no wheels"):
        build_site(out, places)
    assert (out / "index.html").read_text() == "made"
    assert [path.name for path in tmp_path.iterdir()] == ["public"]


def test_n_steps_counts_lessons_and_the_notebooks(places):
    lessons = len(list((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")))
    assert n_steps(places, reading_only=True) >= lessons - 1
    assert n_steps(places, reading_only=False) == n_steps(places, reading_only=True) + 1
    assert n_steps(places, reading_only=True, names=("02",)) == 1


def test_course_site_says_what_it_made(tmp_path, no_pages, monkeypatch):
    monkeypatch.chdir(ROOT)
    asked = ["site", "--out", str(tmp_path / "public"), "--reading-only"]
    said = CliRunner().invoke(cli.app, asked)
    assert said.exit_code == 0, said.output
    assert "http.server" in said.output
    found = json.loads(CliRunner().invoke(cli.app, [*asked, "--json"]).stdout)
    assert (found["pages"], found["notebooks"]) == (1, False)


@pytest.mark.parametrize("is_compiled", [True, False])
def test_course_site_says_when_python_will_start_slower(tmp_path, no_pages, monkeypatch, is_compiled):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(make, "build_lite", lambda out, places: is_compiled)
    said = CliRunner().invoke(cli.app, ["site", "--out", str(tmp_path / "public")])
    assert said.exit_code == 0, said.output
    assert ("Install Node.js 18 or newer and make the site again" in said.output) == (not is_compiled)
    found = json.loads(CliRunner().invoke(cli.app, ["site", "--out", str(tmp_path / "public"), "--json"]).stdout)
    assert found["compiled"] == is_compiled


@pytest.mark.parametrize("option", ["--wheels", "--pyodide"])
def test_course_site_refuses_a_folder_that_is_none(tmp_path, no_pages, monkeypatch, option):
    monkeypatch.chdir(ROOT)
    said = CliRunner().invoke(cli.app, ["site", "--out", str(tmp_path / "public"), option, str(tmp_path / "nowhere")])
    assert said.exit_code == 2
    assert not (tmp_path / "public").exists()
