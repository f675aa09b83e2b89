"""Join the front end's ES modules into the one module that anywidget loads: no build step, nothing fetched."""

import functools
import posixpath
import re
from pathlib import Path

_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^import \{[^}]*\} from "(\.{1,2}/[\w./-]+\.js)";\n', re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*(?:/\*\*(?:[^*]|\*(?!/))*\*/|//[^\n]*)\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class)\b)", re.MULTILINE)


@functools.cache
def join_modules(entry: str) -> str:
    """Return the module `entry` with everything it imports written before it, each module once.

    A module imports by ``import { name } from "./other.js";`` at the start of a line; names keep their own spelling.
    All modules share one scope after joining, so a name at the top of one must not stand at the top of another.

    Parameters
    ----------
    entry : str
        A file of this folder.

    Raises
    ------
    ValueError
        If a module imports in another form, which joining would leave broken.
    """
    ordered: dict[str, str] = {}
    _collect(entry, ordered, ())
    parts = [text if name == entry else _EXPORT.sub("", text) for name, text in ordered.items()]
    return "\n".join(parts)


def _collect(name: str, ordered: dict[str, str], importing: tuple[str, ...]) -> None:
    """Put `name`, a path within this folder, into `ordered` after everything that it imports."""
    if name in ordered:
        return
    if name in importing:
        raise ValueError(f"modules import each other in a circle: {' -> '.join((*importing, name))}")
    text = (_HERE / name).read_text(encoding="utf-8")
    for imported in _IMPORT.findall(text):
        _collect(posixpath.normpath(posixpath.join(posixpath.dirname(name), imported)), ordered, (*importing, name))
    body = _COMMENT.sub("", _IMPORT.sub("", text))  # every widget on a page carries its module: send no comments
    if re.search(r"^\s*import\b", body, re.MULTILINE) or " as " in "".join(m.group() for m in _IMPORT.finditer(text)):
        raise ValueError(f'{name} imports in a form other than import {{ name }} from "./other.js";')
    ordered[name] = body


@functools.cache
def stylesheet(*own: str) -> str:
    """Return the style that all widgets share, followed by the files `own` of this folder."""
    return "\n".join((_HERE / name).read_text(encoding="utf-8") for name in ("widgets.css", *own))
