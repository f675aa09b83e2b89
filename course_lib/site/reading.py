"""The reading edition: every lesson as a page that any web server can serve, with pictures that move without a kernel.

The pages are made from the stored, executed notebooks. Each lesson is also run once, because a picture that moves needs
the state of its widget, which notebooks do not store.
"""

import hashlib
import html
import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from course_lib.site.errors import SiteError
from course_lib.site.lite import python_megabytes
from course_lib.site.live import Live, live_parts, live_widgets, page_script, widget_style
from course_lib.site.outputs import Pictures, show_cell
from course_lib.site.places import HERE, notebooks_of
from course_lib.site.prose import Heading, plain_text, render
from course_lib.site.search import entries
from course_lib.widgets import AttentionStage

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'"
)
_LOOK_UP = {
    "summary.html": "summary_sheet.md", "glossary.html": "glossary.md",
    "training_benchmark.html": "training_benchmark.md",
}  # fmt: skip
_LAB_MEGABYTES = 13  # what a first visit fetches beside Python: of JupyterLab about 9, and every notebook
_AS_IT_IS = ("summary_sheet.html",)  # fills one sheet of paper
_NOTEBOOK = re.compile(r"(?:\.\./)?(?:(notebooks|exercises)/)?(\d\d_\w+)\.ipynb(#.*)?")
# In a page the prediction is made in the picture above; the cell that waits for a letter has nothing to say.
_WAITS_FOR_LETTER = re.compile(r"answer = \.\.\.")


@dataclass
class Page:
    """One page of the reading edition."""

    file: str
    source: str
    title: str
    kind: str
    lab_path: str
    minutes: str = ""
    content: str = ""
    headings: list[Heading] = field(default_factory=list)
    live: Live = field(default_factory=Live)


class Edition:
    """Makes the pages, and what they share.

    Parameters
    ----------
    course : Path
        The course's folder.
    out : Path
        The site's folder; pages are written into its folder ``read``.
    lab : bool
        Whether the browser-only notebooks are part of the site, so that pages can lead to them.
    """

    def __init__(self, course: Path, out: Path, *, lab: bool) -> None:
        self.course, self.out, self.lab = course, out / "read", lab
        self.assets = self.out / "assets"
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._fronts: dict[str, str] = {}
        self._styles: dict[str, str] = {}
        self._index: list[dict[str, str]] = []
        shared = [*sorted((HERE / "assets").iterdir()), *sorted((HERE.parent / "widgets").glob("*.css"))]
        self.build = _digest(page_script(), *(path.read_text(encoding="utf-8") for path in shared))

    def make(self, names: Sequence[str] = (), *, advance: Callable[[], None] = lambda: None) -> list[Path]:
        """Write all pages, or those of the lessons that `names` names, and return them."""
        lessons, exercises = self._notebooks("notebooks", names), self._notebooks("exercises", names)
        if not lessons:
            raise SiteError(f"No lesson in {self.course / 'notebooks'} is called {', '.join(names) or 'anything'}.")
        self.assets.mkdir(parents=True, exist_ok=True)
        for path in (HERE / "assets").iterdir():
            shutil.copyfile(path, self.assets / path.name)
        pages = []
        for path in lessons:
            pages.append(self._notebook_page(path, "Lesson", run=True))
            advance()
        practice = [self._notebook_page(path, "Exercise", run=False) for path in exercises]
        more = [self._document(file, name) for file, name in _LOOK_UP.items()]
        stage = _first_drag()
        for name in _AS_IT_IS:
            shutil.copyfile(self.course / "docs" / name, self.out / name)
        self._keep_fronts([*pages, stage])
        written = [self._write(page, pages) for page in pages]
        written += [self._write(page, practice) for page in practice] + [self._write(page, more) for page in more]
        summaries = _lessons(pages, practice)
        written.append(self._write_contents(summaries, more))
        written.append(self._write_landing(summaries, stage))
        self._write_shared()
        return written

    def _notebooks(self, folder: str, names: Sequence[str]) -> list[Path]:
        return [
            path
            for path in notebooks_of(self.course, folder)
            if not names or path.stem in names or path.stem[:2] in names
        ]

    def _notebook_page(self, path: Path, kind: str, *, run: bool) -> Page:
        notebook = nbformat.read(path, 4)  # type: ignore[no-untyped-call]
        about = notebook.metadata.get("course", {})
        page = Page(
            file=_file_of(path.parent.name, path.stem), source=path.name, title="", kind=kind,
            lab_path=f"{path.parent.name}/{path.name}", minutes=str(about.get("minutes", "")),
        )  # fmt: skip
        if run:
            page.live = live_parts(notebook, path.parent)
        pictures = Pictures(self.assets)
        parts = []
        for cell in notebook.cells:
            if cell.cell_type == "markdown":
                parts.append(render(cell.source, self._link, page.headings))
            elif not _WAITS_FOR_LETTER.match(cell.source):
                parts.append(show_cell(cell, page.live.places.get(cell.id, []), pictures))
        return self._finished(page, parts)

    def _document(self, file: str, name: str) -> Page:
        page = Page(file=file, source=name, title="", kind="To look up", lab_path="notebooks/00_start_here.ipynb")
        text = (self.course / "docs" / name).read_text(encoding="utf-8")
        return self._finished(page, [render(text, self._link, page.headings)])

    def _finished(self, page: Page, parts: list[str]) -> Page:
        if not page.headings:
            raise SiteError(f"{page.source} has no heading to be called by.")
        page.title, page.content = page.headings[0].text, "".join(parts)
        self._index += entries(page.file, page.title, page.content, page.headings)
        return page

    def _link(self, url: str) -> str:
        """Return what a link of a notebook or document leads to here."""
        found = _NOTEBOOK.fullmatch(url)
        if found is None:
            documents = {f"../docs/{name}": file for file, name in _LOOK_UP.items()}
            return documents.get(url, url)
        folder, stem, anchor = found.groups()
        return _file_of(folder or "notebooks", stem) + (anchor or "")

    def _keep_fronts(self, pages: Sequence[Page]) -> None:
        for page in pages:
            self._fronts |= page.live.fronts
            self._styles |= page.live.styles

    def _addresses(self, live: Live) -> list[str]:
        return [f"{name}.js?{_digest(code)}" for name, code in sorted(live.fronts.items())]

    def _show(self, template: str, target: Path, *, root: str, live: Live | None = None, **given: Any) -> Path:
        live = live or Live()
        usual = {
            "root": root, "policy": POLICY, "build": self.build, "lab": self.lab, "here": "", "live": bool(live.shown),
            "lab_path": "notebooks/00_start_here.ipynb", "fronts": self._addresses(live), "state": Markup(live.state()),
            "description": "Self-attention, derived step by step, with pictures that move.",
        }  # fmt: skip
        text = self._templates.get_template(template).render(**(usual | given))
        target.write_text(text, encoding="utf-8", newline="\n")
        return target

    def _write(self, page: Page, row: list[Page]) -> Path:
        at = row.index(page)
        return self._show(
            "page.html", self.out / page.file, root="../", live=page.live, title=page.title, kind=page.kind,
            minutes=page.minutes, lab_path=page.lab_path, headings=page.headings, content=Markup(page.content),
            before=row[at - 1] if at else None, after=row[at + 1] if at + 1 < len(row) else None,
            description=_summary(page),
        )  # fmt: skip

    def _write_contents(self, lessons: list[dict[str, Any]], more: list[Page]) -> Path:
        return self._show(
            "contents.html", self.out / "index.html", root="../", here="contents", lessons=lessons, more=more,
            title="Contents: self-attention, derived step by step",
        )  # fmt: skip

    def _write_landing(self, lessons: list[dict[str, Any]], stage: Page) -> Path:
        return self._show(
            "landing.html", self.out.parent / "index.html", root="", live=stage.live, lessons=lessons,
            title="Self-attention, derived step by step", stage=Markup(stage.content), megabytes=self._megabytes(),
        )  # fmt: skip

    def _megabytes(self) -> int:
        """Return how much a first start fetches: Python with its packages, and JupyterLab's own part of it."""
        return python_megabytes(self.out.parent) + _LAB_MEGABYTES if self.lab else 0

    def _write_shared(self) -> None:
        for name, code in self._fronts.items():
            (self.assets / f"{name}.js").write_text(code, encoding="utf-8", newline="\n")
        (self.assets / "page.js").write_text(page_script(), encoding="utf-8", newline="\n")
        (self.assets / "widgets.css").write_text(widget_style(self._styles), encoding="utf-8", newline="\n")
        (self.assets / "search.json").write_text(json.dumps(self._index, ensure_ascii=False), encoding="utf-8")


def _file_of(folder: str, stem: str) -> str:
    return f"{stem}.html" if folder == "notebooks" else f"exercise_{stem}.html"


def _digest(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:10]


def _lessons(pages: list[Page], practice: list[Page]) -> list[dict[str, Any]]:
    by_number = {page.source[:2]: page for page in practice}
    return [
        {
            "page": page, "exercise": by_number.get(page.source[:2]),
            "summary": escape(_summary(page)).replace("√d_k", Markup("√d<sub>k</sub>")),
        }
        for page in pages
    ]  # fmt: skip


def _summary(page: Page) -> str:
    """Return what a lesson says of itself: the text after "What you'll do:", up to the minutes."""
    for paragraph in re.findall(r"<p>(.*?)</p>", page.content, re.DOTALL):
        words = plain_text(paragraph)
        said = re.match(r"What you[’']ll do: ?(.*)", words)
        if said:
            text = re.sub(r"\s*About \d+ minutes\.?$", "", said.group(1)).strip().replace("\\sqrt{d_k}", "√d_k")
            return text[:1].upper() + text[1:]
    return f"{page.kind}: {page.title}"


def _first_drag() -> Page:
    """Return the stage that the landing page shows."""
    label = html.escape("Attention among four tokens", quote=True)
    content = f'<div class="live" role="group" aria-label="{label}"><div id="widget-0"></div></div>'
    stage = AttentionStage()
    try:
        return Page(file="", source="", title="", kind="", lab_path="", content=content, live=live_widgets([stage]))
    finally:
        stage.close()
