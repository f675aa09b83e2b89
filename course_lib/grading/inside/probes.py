"""Try one forbidden thing of each kind from inside, and say which of them worked: none may."""

import ctypes
import os
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWUSER = 0x1000_0000
_CAPABILITY_VERSION_3 = 0x2008_0522


def try_everything(options: Mapping[str, Any]) -> list[list[Any]]:
    """Return what was tried, each with whether it was shut.

    Parameters
    ----------
    options : mapping
        ``"files"``, paths that must not be readable; ``"memory"`` and ``"file"``, numbers of bytes that must be too
        many.
    """
    attempts: dict[str, Callable[[], object]] = {
        "reading a file of this machine": lambda: _read_any(options["files"]),
        "listing a folder of this machine": lambda: [os.listdir(path) for path in ("/etc", "/proc", "/dev/shm")],
        "writing beside the packages": lambda: _write(os.path.join(os.path.dirname(os.__file__), "written")),
        "writing into the root": lambda: _write("/written"),
        "opening a connection": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "sending a datagram": lambda: socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
        "opening a local socket": lambda: socket.socket(socket.AF_UNIX, socket.SOCK_STREAM),
        "starting a process": _fork,
        "executing a program": lambda: os.execv("/bin/true", ["true"]),
        "signalling another process": lambda: os.kill(os.getppid(), 0),
        "watching another process": lambda: _called(_LIBC.ptrace(16, os.getppid(), 0, 0)),
        "making namespaces": lambda: _called(_LIBC.unshare(_CLONE_NEWUSER)),
        "mounting": lambda: _called(_LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, b"")),
        "holding a capability": _held_capabilities,
        "taking more memory": lambda: bytearray(options["memory"]),
        "writing a larger file": lambda: _write("large", options["file"]),
    }
    return [[what, _is_shut(attempt)] for what, attempt in attempts.items()]


def _is_shut(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except (OSError, MemoryError):
        return True
    return False


def _read_any(paths: Sequence[str]) -> None:
    """Read any of the files; raise where none can be read."""
    for path in paths:
        try:
            with open(path, "rb") as file:
                file.read(1)
        except OSError:
            continue
        return
    raise PermissionError("none can be read")


def _write(path: str, n_bytes: int = 1) -> None:
    try:
        with open(path, "wb") as file:
            file.truncate(n_bytes)
    finally:
        if os.path.exists(path):
            os.unlink(path)


def _fork() -> None:
    if os.fork() == 0:
        os._exit(0)


def _held_capabilities() -> None:
    sets = ctypes.create_string_buffer(24)
    _LIBC.capget(struct.pack("Ii", _CAPABILITY_VERSION_3, 0), sets)
    if not any(sets.raw):
        raise PermissionError("none is held")


def _called(returned: int) -> None:
    if returned < 0:
        raise OSError(ctypes.get_errno(), "refused")
