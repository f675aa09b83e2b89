"""Lessons as HTML: headings, formulas, links, outputs, and the index that search reads."""

import base64
import json
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from nbformat import from_dict

pytest.importorskip("latex2mathml", reason="makes the formulas of the pages")
from course_lib.site.outputs import Pictures, show_cell
from course_lib.site.prose import Heading, formula, plain_text, render, slug
from course_lib.site.reading import Edition
from course_lib.site.search import entries

ROOT = Path(__file__).parents[2]


def test_headings_have_anchors_that_differ():
    headings: list[Heading] = []
    text = render("# One\n\n## A `b` & $c_k$\n\n## A b c_k\n", str, headings)
    assert [heading.anchor for heading in headings] == ["one", "a-b-c-k", "a-b-c-k-2"]
    assert headings[1].text == "A b & c_k"
    assert 'href="#a-b-c-k-2"' in text
    assert "anchor" not in text.partition("</h1>")[0], "the title needs no link to itself"


@pytest.mark.parametrize(("text", "anchor"), [("Why √d_k?", "why-d-k"), ("***", "part"), ("A  B", "a-b")])
def test_slug_is_made_of_letters_digits_and_hyphens(text, anchor):
    assert slug(text) == anchor


def test_formula_is_mathml_with_its_tex():
    made = formula(r"\frac{q_i \cdot k_j}{\sqrt{d_k}}", block=True)
    assert re.match(r'<math alttext="\\frac[^"]*" [^>]*display="block">', made)
    assert "<mfrac>" in made
    assert "<msqrt>" in made
    assert "<mtext>grad_scores</mtext>" in formula(r"\text{grad\_scores}_{ij}", block=False)
    assert 'lspace="0"' in formula("|q|", block=False)
    assert "<mo>&#x0221E;" not in formula(r"-\infty", block=False), "infinity has no room around it"


def test_every_formula_of_the_course_becomes_mathml_with_nothing_left_of_its_tex():
    count = 0
    for path in [*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "exercises").glob("*.ipynb")]:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            if cell["cell_type"] == "markdown":
                html = render("".join(cell["source"]), str, [])
                for math in re.findall(r"<math.*?</math>", html, re.DOTALL):
                    count += 1
                    assert "\\" not in re.sub(r'alttext="[^"]*"', "", math), math
    assert count > 60


def test_markup_in_text_stays_text():
    assert "<script" not in render("a <script>alert(1)</script> [x](javascript:alert(1))", str, [])
    assert "javascript:" not in render("[x](javascript:alert(1))", str, [])


@pytest.mark.parametrize(
    ("link", "leads_to"),
    [
        ("03_softmax.ipynb", "03_softmax.html"),
        ("../notebooks/03_softmax.ipynb#temperature", "03_softmax.html#temperature"),
        ("../exercises/02_scores.ipynb", "exercise_02_scores.html"),
        ("../docs/glossary.md", "glossary.html"),
        ("https://arxiv.org/abs/1706.03762", "https://arxiv.org/abs/1706.03762"),
    ],
)
def test_links_of_notebooks_lead_to_pages(tmp_path, link, leads_to):
    assert Edition(ROOT, tmp_path, lab=False)._link(link) == leads_to


def cell_of(*outputs, source="1 + 1"):
    return from_dict({"id": "a-cell", "cell_type": "code", "source": source, "metadata": {}, "outputs": list(outputs)})


def shown(*outputs, places=(), folder=Path(".")):
    return show_cell(cell_of(*outputs), list(places), Pictures(folder))


def test_output_is_escaped():
    assert "&lt;b&gt;" in shown({"output_type": "stream", "name": "stdout", "text": "<b>\n"})


def png(width=3, height=2):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 8)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("live", [False, True])
def test_a_picture_keeps_its_words_and_its_size(tmp_path, live):
    data = {"image/png": base64.b64encode(png()).decode(), "text/plain": 'Stage: "the" & 2'}
    output = {"output_type": "display_data", "data": data, "metadata": {}}
    html = shown(output, places=[4] if live else [], folder=tmp_path)
    assert 'alt="Stage: &quot;the&quot; &amp; 2" width="3" height="2"' in html
    assert len(list(tmp_path.glob("*.png"))) == 1
    assert ('id="widget-4"' in html) == live
    assert ("<noscript>" in html) == live, "the still picture stands in where no script runs"


def test_a_picture_that_only_a_run_shows_has_a_place():
    assert 'id="widget-0"' in shown(places=[0])


def test_search_finds_parts_of_a_page_by_their_headings():
    headings: list[Heading] = []
    html = render("# T\n\nFirst.\n\n## Part & two\n\nWords $x_1$.\n\n```python\nhidden = 1\n```\n", str, headings)
    assert entries("t.html", "T", html, headings) == [
        {"u": "t.html", "t": "T", "p": "T", "x": "First."},
        {"u": "t.html#part-two", "t": "Part & two", "p": "T", "x": "Words x_1."},
    ]


def test_plain_text_has_no_markup():
    assert plain_text("a <b>b</b> &amp; c") == "a b & c"
    assert plain_text("<code>nan</code>, not <i>one</i>.") == "nan, not one."


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.links, self.anchors, self.images = [], set(), []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.anchors.add(given["id"])
        self.links += [given[name] for name in ("href", "src") if given.get(name)]
        if tag == "img":
            self.images.append(given)


@pytest.fixture(scope="module")
def all_pages(tmp_path_factory):
    """Every page of the edition, without the runs that only moving pictures need."""
    from course_lib.site import reading

    folder = tmp_path_factory.mktemp("all")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "live_parts", lambda notebook, folder: reading.Live())
        Edition(ROOT, folder, lab=False).make()
    found = {}
    for path in folder.rglob("*.html"):
        found[path.resolve()] = parser = Links()
        parser.feed(path.read_text(encoding="utf-8"))
    return folder, found


def test_every_link_of_the_edition_leads_somewhere(all_pages):
    pages = all_pages[1]
    assert len(pages) > 20
    lost = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"https?:|data:", link):
                continue
            file, _, anchor = link.partition("#")
            target = (path.parent / file.partition("?")[0]).resolve() if file else path
            known = pages.get(target)
            if not target.is_file() or (anchor and known and anchor not in known.anchors):
                lost.append(f"{path.name}: {link}")
    assert lost == []


def test_every_picture_of_the_edition_has_words(all_pages):
    images = [image for page in all_pages[1].values() for image in page.images]
    assert len(images) > 25
    assert [image["src"] for image in images if len(image.get("alt", "")) < 20] == []


def test_no_page_of_the_edition_carries_script_or_asks_another_host_for_a_part(all_pages):
    for path in all_pages[1]:
        text = path.read_text(encoding="utf-8")
        assert re.findall(r"<script(?![^>]*(?: src=\"(?:\.\./)?read/| type=\"application/json\"))", text) == []
        assert re.findall(r"<(?:link|img|script|iframe)[^>]*(?:src|href)=\"https?:", text) == []
        assert re.findall(r"\son\w+=\"", text) == []


def test_the_index_knows_every_page(all_pages):
    folder, pages = all_pages
    index = json.loads((folder / "read" / "assets" / "search.json").read_text(encoding="utf-8"))
    known = {entry["u"].partition("#")[0] for entry in index}
    assert known == {path.name for path in pages} - {"index.html", "summary_sheet.html"}
    assert all(entry["t"] and entry["p"] for entry in index)
