"""What of an output is stored: nothing random, nothing that only one machine would show."""

import base64
import re
import struct
import sys
import tempfile
from pathlib import Path

from nbformat import NotebookNode

from course_lib.authoring.errors import BuildError

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_NOTES = (b"tEXt", b"zTXt", b"iTXt", b"tIME", b"eXIf")  # words about the picture: program, version, time
_DROPPED = ("application/vnd.jupyter.widget-view+json",)  # its model ids are random and mean nothing in a new kernel
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}\b")
_FOLDER = re.compile(r"(?<![\w.:/])/(?:home|Users|root|tmp|var|opt|usr|private|mnt)/\w|\b[A-Za-z]:\\\\?\w")


def clean_outputs(outputs: list[NotebookNode], *, where: str) -> list[NotebookNode]:
    """Return the outputs as they are stored.

    Parameters
    ----------
    outputs : list of NotebookNode
        What the kernel sent.
    where : str
        The notebook and the cell, for messages.

    Returns
    -------
    list of NotebookNode
        Without widget views, notes inside pictures, and traceback frames; pieces of one stream joined.

    Raises
    ------
    BuildError
        If a text holds a memory address or an absolute path.
    """
    kept: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream":
            if kept and kept[-1].output_type == "stream" and kept[-1].name == output.name:
                kept[-1].text += output.text  # how a kernel cuts its stream into messages is chance
                continue
        elif output.output_type == "error":
            # The frames name files of this machine; the message is what the learner shall read.
            output.traceback = [f"{output.ename}: {output.evalue}"]
        else:
            for mime in _DROPPED:
                output.data.pop(mime, None)
            if "image/png" in output.data:
                output.data["image/png"] = clean_png(output.data["image/png"])
            if not output.data:
                continue
        kept.append(output)
    for output in kept:
        _refuse_machine(output, where)
    return kept


def clean_png(encoded: str) -> str:
    """Return a base64 PNG without the chunks that name a program, a version or a time.

    Parameters
    ----------
    encoded : str

    Returns
    -------
    str
        The same pixels.
    """
    data = base64.b64decode(encoded)
    if not data.startswith(_PNG_SIGNATURE):
        return encoded
    kept, start = [_PNG_SIGNATURE], len(_PNG_SIGNATURE)
    while start < len(data):
        (length,) = struct.unpack(">I", data[start : start + 4])
        end = start + 12 + length  # length, type, data, checksum
        if data[start + 4 : start + 8] not in _PNG_NOTES:
            kept.append(data[start:end])
        start = end
    return base64.b64encode(b"".join(kept)).decode("ascii")


def texts_of(output: NotebookNode) -> list[str]:
    """Return every text in an output that a reader, or a tool that compares, would see."""
    if output.output_type == "stream":
        return [str(output.text)]
    if output.output_type == "error":
        return [str(output.ename), str(output.evalue)]
    return [
        str(value)
        for mime, value in sorted(output.data.items())
        if mime.startswith("text/") or mime.endswith(("+xml", "json"))
    ]


def _refuse_machine(output: NotebookNode, where: str) -> None:
    here = {str(Path.home()), sys.prefix, tempfile.gettempdir(), str(Path.cwd())} - {"/"}
    for text in texts_of(output):
        found = _ADDRESS.search(text) or _FOLDER.search(text)
        shown = found.group() if found else next((folder for folder in here if folder in text), None)
        if shown:
            line = next(line for line in text.splitlines() if shown in line)
            raise BuildError(
                f"{where} shows a memory address or a path of this machine, which differs everywhere: {line.strip()}"
            )
