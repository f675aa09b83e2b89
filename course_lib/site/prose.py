"""Markdown of a lesson as HTML: headings that can be linked to, formulas as MathML, code in colours.

The parser is nbconvert's, so that a formula or a table is read here as JupyterLab reads it. Formulas become MathML when
the page is made: every browser of today draws it, readers read it out, and no script is needed.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

from latex2mathml.converter import convert
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from pygments import highlight  # type: ignore[import-untyped]
from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

_TAGS = re.compile(r"<[^>]+>")
_MATH = re.compile(r"<math\b.*?</math>", re.DOTALL)
_TEX_IN_MATH = re.compile(r'alttext="([^"]*)"')


@dataclass(frozen=True)
class Heading:
    """A heading that can be linked to."""

    level: int
    anchor: str
    text: str


class _Renderer(IPythonRenderer):
    """Writes headings, formulas and links as the reading edition has them."""

    def __init__(self, link: Callable[[str], str], headings: list[Heading]) -> None:
        super().__init__(escape=True, allow_harmful_protocols=False)
        self._link, self._headings = link, headings

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        plain = plain_text(text)
        anchor = _free(slug(plain), {heading.anchor for heading in self._headings})
        self._headings.append(Heading(level, anchor, plain))
        mark = f'<a class="anchor" href="#{anchor}" aria-label="Link to: {escape(plain)}">#</a>' if level > 1 else ""
        return f'<h{level} id="{anchor}">{text}{mark}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        return str(super().link(text, self._link(url), title))

    def block_code(self, code: str, info: str | None = None) -> str:
        return code_block(code, info or "text")

    def table(self, text: str) -> str:
        return f'<div class="table-box"><table>{text}</table></div>\n'

    def inline_math(self, body: str) -> str:
        return formula(body, block=False)

    def block_math(self, body: str) -> str:
        return f'<span class="formula">{formula(body, block=True)}</span>'


def render(text: str, link: Callable[[str], str], headings: list[Heading]) -> str:
    """Return Markdown as HTML; the headings that are found are added to `headings`.

    Parameters
    ----------
    text : str
    link : callable
        Returns what a link of the notebook leads to on the site.
    headings : list of Heading
        Those of the page so far: an anchor is given once.
    """
    return str(MarkdownWithMath(renderer=_Renderer(link, headings)).render(text))


def formula(tex: str, *, block: bool) -> str:
    """Return a formula as MathML that also carries its TeX, for those who copy it and for search."""
    made = convert(tex.strip(), display="block" if block else "inline")
    made = re.sub(r"(?<=<mtext>)[^<]*", lambda found: found.group().replace("\\_", "_"), str(made))
    made = made.replace('<mo stretchy="false">&#x0007C;', '<mo stretchy="false" lspace="0" rspace="0">&#x0007C;')
    made = made.replace("<mo>&#x0221E;</mo>", "<mi>&#x0221E;</mi>")  # infinity is no operator: no room around it
    return made.replace("<math ", f'<math alttext="{escape(tex.strip())}" ', 1)


def code_block(code: str, language: str = "python") -> str:
    """Return code in colours."""
    lexer = get_lexer_by_name("python" if language.split()[:1] == ["python"] else "text", stripnl=False)
    inner = highlight(code.rstrip("\n"), lexer, HtmlFormatter(nowrap=True)).rstrip("\n")
    return f'<pre class="code"><code>{inner}</code></pre>\n'


def plain_text(html: str) -> str:
    """Return the words of HTML that was made here; of a formula, its TeX."""

    def tex(math: re.Match[str]) -> str:
        found = _TEX_IN_MATH.search(math.group())
        return found.group(1) if found else ""

    words = " ".join(unescape(_TAGS.sub(" ", _MATH.sub(tex, html))).split())
    return re.sub(r" (?=[,.;:!?](?: |$))", "", words)  # where a tag ended before a comma


def slug(text: str) -> str:
    """Return words as an anchor: lower case, with hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "part"


def _free(anchor: str, taken: set[str]) -> str:
    count, free = 2, anchor
    while free in taken:
        free, count = f"{anchor}-{count}", count + 1
    return free
