"""What crosses the wall of the jail: frames of JSON and plain numbers, with caps; never pickle.

A frame is two lengths, a header in JSON, and a body with the bytes of all arrays, one after the other. Both sides use
this module. What comes out of the jail was written by a learner's process, so everything here that reads trusts
nothing: a frame that is too long, too deep, of another form or of another size than it says is a `FrameError`.
"""

import json
import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from course_lib.errors import CourseError

Header = dict[str, Any]
Read = Callable[[int], bytes]  # read(n) gives exactly n bytes, or raises

# How a cell that was stopped is described; the seconds follow.
STOPPED_AFTER = "stopped after"

_LENGTHS = struct.Struct("!II")
MOST_HEADER = 1 << 20
_MOST_AXES = 16
_KINDS_OF_NUMBERS = "fiub"


class FrameError(CourseError, ValueError):
    """Bytes that are no frame."""


def pack(header: Mapping[str, Any], arrays: Sequence[NDArray[Any]] = ()) -> bytes:
    """Return a frame; the header gets the dtype and shape of each array under ``"arrays"``.

    Examples
    --------
    >>> pack({"do": "go"})
    b'\\x00\\x00\\x00\\x1a\\x00\\x00\\x00\\x00{"do": "go", "arrays": []}'
    """
    described = [{"dtype": array.dtype.str, "shape": list(array.shape)} for array in arrays]
    text = json.dumps({**header, "arrays": described}).encode()
    body = b"".join(array.tobytes() for array in arrays)
    return _LENGTHS.pack(len(text), len(body)) + text + body


def unpack(read: Read, *, most_header: int, most_body: int) -> tuple[Header, list[NDArray[Any]]]:
    """Read a frame.

    Parameters
    ----------
    read : callable
        ``read(n)`` gives exactly n bytes; what it raises goes on to the caller.
    most_header, most_body : int
        In bytes; nothing longer is read.

    Raises
    ------
    FrameError
    """
    n_header, n_body = _LENGTHS.unpack(read(_LENGTHS.size))
    if n_header > most_header or n_body > most_body:
        raise FrameError(f"a frame of {n_header} + {n_body} bytes, where {most_header} + {most_body} are allowed")
    text, body = read(n_header), read(n_body)
    try:
        header = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FrameError("a header that is no JSON") from error
    if not isinstance(header, dict):
        raise FrameError("a header that is no object")
    return header, _arrays(header.pop("arrays", None), body)


def _arrays(described: Any, body: bytes) -> list[NDArray[Any]]:
    if not isinstance(described, list):
        raise FrameError("no list of arrays")
    arrays, begin = [], 0
    for one in described:
        dtype, shape = _dtype_and_shape(one)
        end = begin + math.prod(shape) * dtype.itemsize
        if end > len(body):
            raise FrameError("an array that is longer than its bytes")
        arrays.append(np.frombuffer(body[begin:end], dtype=dtype).reshape(shape).copy())
        begin = end
    if begin != len(body):
        raise FrameError("bytes that belong to no array")
    return arrays


def _dtype_and_shape(described: Any) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if not isinstance(described, dict):
        raise FrameError("an array without a description")
    name, shape = described.get("dtype"), described.get("shape")
    if not (isinstance(name, str) and len(name) <= 4 and name[:1] in "<>|=" and name[1:2] in tuple(_KINDS_OF_NUMBERS)):
        raise FrameError("an array that holds no numbers")
    if not (isinstance(shape, list) and len(shape) <= _MOST_AXES and all(_is_size(size) for size in shape)):
        raise FrameError("an array without a shape")
    try:
        return np.dtype(name), tuple(shape)
    except TypeError as error:
        raise FrameError("an array of an unknown dtype") from error


def _is_size(size: Any) -> bool:
    return type(size) is int and 0 <= size < 1 << 40


def to_header(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Describe an argument in JSON; its arrays are added to `arrays`.

    Raises
    ------
    TypeError
        For what has no form in which it may cross.
    """
    if isinstance(value, np.ndarray):
        arrays.append(np.ascontiguousarray(value).reshape(value.shape))
        return {"array": len(arrays) - 1}
    if isinstance(value, np.generic):
        arrays.append(np.asarray(value))
        return {"scalar": len(arrays) - 1}
    if isinstance(value, list | tuple):
        return {type(value).__name__: [to_header(part, arrays) for part in value]}
    if isinstance(value, np.random.Generator):
        return {"generator": _state_of(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return {"value": value}
    raise TypeError(f"a value of type {type(value).__name__} cannot be handed into the jail")


def from_header(described: Any, arrays: Sequence[NDArray[Any]]) -> Any:
    """Return what `to_header` described; called inside the jail, on what came from outside."""
    ((kind, what),) = described.items()
    if kind == "array":
        return arrays[what]
    if kind == "scalar":
        return arrays[what][()]
    if kind in ("list", "tuple"):
        parts = [from_header(part, arrays) for part in what]
        return parts if kind == "list" else tuple(parts)
    if kind == "generator":
        generator = np.random.default_rng(0)
        generator.bit_generator.state = what
        return generator
    return what


def _state_of(generator: np.random.Generator) -> Any:
    if not isinstance(generator.bit_generator, np.random.PCG64):
        raise TypeError("a random generator other than numpy.random.default_rng cannot be handed into the jail")
    return generator.bit_generator.state
