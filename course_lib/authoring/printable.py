"""Turn the pages that people print into HTML that prints well: `python -m course_lib.authoring.printable`.

A code host and JupyterLab show Markdown, but print it as they please. The HTML beside it needs nothing else: it opens
in any browser, and the summary sheet fills one page of A4 or Letter.
"""

import html
import re
from pathlib import Path

from markdown_it import MarkdownIt

PAGES = ("summary_sheet", "glossary")
DOCS = Path(__file__).resolve().parents[2] / "docs"
_ONLY_ON_SCREEN = re.compile(r"^To print: .*\n+", re.MULTILINE)
_STYLE = """\
  @page { margin: 10mm 12mm; }
  :root { color-scheme: light; }
  body { margin: 1rem auto; max-width: 19cm; padding: 0 .5rem; background: #fff; color: #111;
         font: 8.4pt/1.32 "DejaVu Sans", Verdana, "Segoe UI", system-ui, sans-serif; }
  @media print { body { margin: 0; max-width: none; padding: 0; } a { color: inherit; text-decoration: none; } }
  h1 { font-size: 1.7em; margin: 0 0 .35em; }
  h2 { font-size: 1.25em; margin: 1em 0 .3em; break-after: avoid; }
  p { margin: .5em 0 .3em; }
  table { border-collapse: collapse; width: 100%; margin: .25em 0 .5em; }
  thead { display: table-header-group; }
  tr { break-inside: avoid; }
  th, td { text-align: left; vertical-align: top; padding: .12em .5em .12em 0; border-bottom: 1px solid #aaa; }
  th { border-bottom: 1px solid #111; }
  code, pre { font: .95em/1.3 "DejaVu Sans Mono", Menlo, Consolas, monospace; }
  pre { margin: .4em 0; padding: .4em .6em; border: 1px solid #aaa; overflow-x: auto; break-inside: avoid; }
  pre code { font-size: .9em; }
"""


def printable(markdown: str) -> str:
    """Return a page of HTML with the text of a page in Markdown.

    >>> page = printable("# A page\\n\\n| a | b |\\n| --- | --- |\\n| 1 | `2` |\\n")
    >>> "<title>A page</title>" in page, "<td><code>2</code></td>" in page
    (True, True)
    """
    text = _ONLY_ON_SCREEN.sub("", markdown)
    title = next((line.removeprefix("# ") for line in text.splitlines() if line.startswith("# ")), "")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(text)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width">\n<title>{html.escape(title)}</title>\n'
        f"<style>\n{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )


def main() -> None:
    """Write the HTML beside each of the pages."""
    for name in PAGES:
        page = printable((DOCS / f"{name}.md").read_text(encoding="utf-8"))
        (DOCS / f"{name}.html").write_text(page, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
