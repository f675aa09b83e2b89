"""Find the first place where a notebook on disk is not what its source makes of it."""

import re
from collections import Counter
from itertools import zip_longest
from typing import Any

from nbformat import NotebookNode

from course_lib.authoring.derive import KEY, VARYING, our_metadata
from course_lib.authoring.outputs import texts_of
from course_lib.authoring.pixels import same_picture

_NUMBER = re.compile(r"\s*[-+]?\d+(\.\d*)?(e[-+]?\d+)?")  # with what stands before it: columns are filled with blanks


def first_difference(expected: NotebookNode, found: NotebookNode, *, outputs: bool) -> tuple[str | None, str] | None:
    """Compare what the source makes with what is stored.

    Parameters
    ----------
    expected, found : NotebookNode
    outputs : bool
        Whether `expected` has run, so that outputs and execution counts are compared too.

    Returns
    -------
    tuple of (str or None, str), or None
        The id of the first cell that differs (None for the notebook as a whole) and what differs in words; None
        where nothing does. Pictures count by what they show, everything else exactly; but where a cell's output varies
        with the processor, only the words of its texts count.
    """
    twice = [name for name, count in Counter(cell.get("id") for cell in found.cells).items() if count > 1]
    if twice:
        return str(twice[0]), "two cells have this id"
    if _plain_metadata(expected) != _plain_metadata(found):
        return None, "the notebook's metadata differ"
    for made, stored in zip_longest(expected.cells, found.cells):
        if made is None:
            return stored.get("id"), "this cell is not in the source"
        if stored is None:
            return made.id, "this cell is missing"
        what = _cell_difference(made, stored, outputs=outputs)
        if what:
            return made.id, what
    return None


def _plain_metadata(notebook: NotebookNode) -> dict[str, Any]:
    """Return the metadata without the digests, which follow from the rest (and from pictures, byte by byte)."""
    ours = {key: value for key, value in our_metadata(notebook).items() if key != "digests"}
    return {**notebook.metadata, KEY: ours, "format": [notebook.nbformat, notebook.nbformat_minor]}


def _cell_difference(made: NotebookNode, stored: NotebookNode, *, outputs: bool) -> str | None:
    if made.id != stored.get("id"):
        return f"the source has this cell where the notebook has {stored.get('id')}"
    if made.cell_type != stored.cell_type:
        return f"it is {stored.cell_type}, the source says {made.cell_type}"
    if made.source != stored.source:
        return "the text differs"
    if made.metadata != stored.metadata or stored.get("attachments"):
        return "the cell's metadata differ"
    if made.cell_type != "code" or not outputs:
        return None
    if made.execution_count != stored.get("execution_count"):
        return f"the execution count is {stored.get('execution_count')}, not {made.execution_count}"
    if len(made.outputs) != len(stored.outputs):
        return f"it has {len(stored.outputs)} outputs, a run gives {len(made.outputs)}"
    varies = VARYING in made.metadata.get("tags", [])
    pairs = zip(made.outputs, stored.outputs, strict=True)
    return next(filter(None, (_output_difference(one, other, varies=varies) for one, other in pairs)), None)


def _output_difference(made: NotebookNode, stored: NotebookNode, *, varies: bool) -> str | None:
    if made.output_type != stored.output_type or made.get("name") != stored.get("name"):
        return f"an output is {stored.output_type}, a run gives {made.output_type}"
    if set(made.get("data", {})) != set(stored.get("data", {})):
        return (
            f"an output holds {', '.join(sorted(stored.get('data', {})))}; a run gives {', '.join(sorted(made.data))}"
        )
    if varies:
        words = ([_NUMBER.sub("#", text) for text in texts_of(one)] for one in (made, stored))
        return "the words of an output differ" if next(words) != next(words) else None
    if texts_of(made) != texts_of(stored):
        return "the text of an output differs"
    for mime, content in made.get("data", {}).items():
        if mime == "image/png" and not same_picture(content, stored.data[mime]):
            return "a picture differs"
        if mime != "image/png" and content != stored.data[mime]:
            return f"an output differs in {mime}"
    return None
