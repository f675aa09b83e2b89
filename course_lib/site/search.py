"""The index that a page's search reads: one entry for each part of each page, made when the site is."""

import re

from course_lib.site.prose import Heading, plain_text

_HEADING = re.compile(r'<h([1-3]) id="([^"]+)">')
_NOT_READ = re.compile(
    r'<a class="anchor".*?</a>|<pre class="code">.*?</pre>|<(script|style|noscript)\b.*?</\1>', re.DOTALL
)
_LONGEST = 2400


def entries(file: str, page_title: str, content: str, headings: list[Heading]) -> list[dict[str, str]]:
    """Return what can be found on a page: for each part its address `u`, title `t`, page `p` and words `x`.

    Parameters
    ----------
    file : str
        The page's name.
    page_title : str
    content : str
        The page as HTML, with its headings' anchors.
    headings : list of Heading
    """
    titles = {heading.anchor: heading.text for heading in headings}
    starts = list(_HEADING.finditer(content))
    ends = [*[start.start() for start in starts[1:]], len(content)]
    found = []
    for start, end in zip(starts, ends, strict=True):
        level, anchor = int(start.group(1)), start.group(2)
        rest = content[start.end() : end]
        words = plain_text(_NOT_READ.sub(" ", rest.partition(f"</h{level}>")[2]))
        address = file if level == 1 else f"{file}#{anchor}"
        found.append({"u": address, "t": titles.get(anchor, page_title), "p": page_title, "x": words[:_LONGEST]})
    return found
