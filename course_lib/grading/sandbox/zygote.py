"""The grader's end of the jail: start the warm process, ask it for a fork, talk to the fork, end it.

Whatever the fork sends is read with a deadline and a cap, and believed in nothing.
"""

import array
import base64
import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from course_lib.grading.protocol import MOST_HEADER, FrameError, Header, pack, unpack
from course_lib.grading.sandbox.errors import SandboxError
from course_lib.grading.sandbox.limits import Limits

_START_SECONDS = 120.0  # the first start on a machine may have to compile packages
_PATIENCE = 2.0  # for a process that has hung up, and so is about to end
_MOST_MESSAGE = 1 << 16
_AT_ONCE = 1 << 14  # bytes
_MOST_PRINTED = 1 << 20  # bytes of raw output, after which nobody reads on


class WorkerEnded(Exception):
    """The submission's process is gone, or what it sends makes no sense; `how` says it in words for the learner."""

    def __init__(self, how: str, *, by_the_clock: bool = False) -> None:
        super().__init__(how)
        self.how, self.by_the_clock = how, by_the_clock


@dataclass(frozen=True)
class Jail:
    """How the process is to be started and locked in: what `levels` found out about this machine.

    Attributes
    ----------
    command : tuple of str
        What runs the warm process, up to the descriptor of its line, which is its last argument.
    environment : mapping
    settings : mapping
        What it is told first.
    shares_folder : bool
        Whether a submission's folder is one of this machine's, to be made and emptied by the grader.
    """

    command: tuple[str, ...]
    environment: Mapping[str, str]
    settings: Mapping[str, Any]
    shares_folder: bool


class Zygote:
    """A warm process, and the line to it."""

    def __init__(self, jail: Jail, limits: Limits) -> None:
        self._jail, self._limits = jail, limits
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        with theirs:
            self._process = subprocess.Popen(
                [*jail.command, str(theirs.fileno())], env=dict(jail.environment), pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL, stdout=self._errors, stderr=self._errors, cwd="/", start_new_session=True,
            )  # fmt: skip
        self._control = ours
        try:
            self._mapped = self._start()
        except BaseException:
            self.close()
            raise

    def _start(self) -> int:
        """Tell it how to lock its forks in; return how much memory it has mapped when it stands ready."""
        passes_identity = hasattr(socket, "SO_PASSCRED")
        if passes_identity:
            self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._control.settimeout(_START_SECONDS)
        try:
            self._control.send(json.dumps(self._jail.settings).encode())
            data, ancillary, _, _ = self._control.recvmsg(_MOST_MESSAGE, socket.CMSG_SPACE(64))
        except OSError as error:
            raise SandboxError(f"The jail did not start: {error}. {self._said()}") from error
        if not data:
            raise SandboxError(f"The jail did not start. {self._said()}")
        return _mapped_by(_pid_in(ancillary)) if passes_identity else 0

    def _said(self) -> str:
        self._errors.seek(0)
        return self._errors.read(4000).decode("utf-8", "replace").strip()

    def fork(self, folder: str) -> "Worker":
        """Return a new fork, locked in, for one submission; `folder` is the only one that it may write into."""
        request, to_worker = os.pipe()
        from_worker, response = os.pipe()
        from_output, output = os.pipe()
        limits = self._limits.of_resources(self._mapped)
        message = json.dumps({"do": "fork", "folder": folder, "limits": limits}).encode()
        theirs = array.array("i", [request, response, output])
        try:
            self._control.sendmsg([message], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, theirs)])
        except OSError as error:
            for descriptor in (to_worker, from_worker, from_output):
                os.close(descriptor)
            raise SandboxError(f"The jail is gone. {self._said()}") from error
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return Worker(self._control, to_worker, from_worker, from_output)

    def close(self) -> None:
        """End the process, and with it everything inside."""
        self._control.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._errors.close()


def _pid_in(ancillary: Sequence[tuple[int, int, bytes]]) -> int:
    """Return the number that the sender of a message has out here, which the kernel wrote."""
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int(struct.unpack("3i", content[:12])[0])
    return 0


def _mapped_by(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


class Worker:
    """A submission's process, as far as the grader has to do with it."""

    def __init__(self, control: socket.socket, to_worker: int, from_worker: int, from_output: int) -> None:
        self._control = control
        self._to, self._from, self._output = to_worker, from_worker, from_output
        self._report: dict[str, Any] | None = None
        self._printed, self._unread = bytearray(), bytearray()
        self._n_read = 0
        self.keeps_printed = True
        for descriptor in (to_worker, from_worker, from_output):
            os.set_blocking(descriptor, False)
        self._poll = select.poll()
        self._poll.register(from_worker, select.POLLIN)
        self._poll.register(from_output, select.POLLIN)
        self._is_locked_in()

    def _is_locked_in(self) -> None:
        try:
            is_ready = self._read_exactly(1, time.monotonic() + _START_SECONDS) == b"\x01"
        except WorkerEnded:
            is_ready = False
        if not is_ready:
            said = self._printed.decode("utf-8", "replace").strip()
            self.close()
            raise SandboxError(f"A process could not lock itself in, and was not used: {said}")

    def send(self, header: Mapping[str, Any], arrays: Sequence[NDArray[Any]], seconds: float) -> None:
        """Send a request; a process that does not take it in time has ended."""
        frame, until = memoryview(pack(header, arrays)), time.monotonic() + seconds
        writable = select.poll()
        writable.register(self._to, select.POLLOUT)
        while frame:
            try:
                frame = frame[os.write(self._to, frame) :]
            except BlockingIOError:
                if time.monotonic() > until:
                    raise WorkerEnded("it did not react any more", by_the_clock=True) from None
                writable.poll(50)
                self._drain()
            except OSError:
                raise WorkerEnded(self.end(_PATIENCE)) from None

    def receive(self, seconds: float, most_body: int) -> tuple[Header, list[NDArray[Any]]]:
        """Return what the process answers within `seconds`."""
        until = time.monotonic() + seconds
        try:
            return unpack(lambda n: self._read_exactly(n, until), most_header=MOST_HEADER, most_body=most_body)
        except FrameError as error:
            self.end()
            raise WorkerEnded(f"what came out of it was no answer ({error})") from None

    def _read_exactly(self, n_bytes: int, until: float) -> bytes:
        while len(self._unread) < n_bytes:
            left = until - time.monotonic()
            if left <= 0:
                self.end()
                raise WorkerEnded("it took too long, and was stopped", by_the_clock=True)
            ready = {descriptor for descriptor, _ in self._poll.poll(left * 1000)}
            if self._output in ready:
                self._drain()
            if self._from in ready:
                # As a rule a whole frame at once, which takes a third of the system calls.
                part = os.read(self._from, min(max(n_bytes - len(self._unread), _AT_ONCE), 1 << 20))
                if not part:
                    raise WorkerEnded(self.end(_PATIENCE))
                self._unread += part
        taken = bytes(self._unread[:n_bytes])
        del self._unread[:n_bytes]
        return taken

    def _drain(self) -> None:
        """Take what was printed off the line; keep it only while it may be shown."""
        if self._output < 0:
            return
        try:
            text = os.read(self._output, 1 << 16)
        except BlockingIOError:
            return
        self._n_read += len(text)
        if self.keeps_printed:
            self._printed += text
        if not text or self._n_read > _MOST_PRINTED:
            self._poll.unregister(self._output)
            os.close(self._output)
            self._output = -1

    def printed(self) -> bytes:
        """Return what the process has printed so far, and keep nothing that it prints from now on."""
        while self._output >= 0 and _is_readable(self._output):
            self._drain()
        self.keeps_printed = False
        return bytes(self._printed)

    def end(self, patience: float = 0.0) -> str:
        """End the process, if it does not end by itself in `patience` seconds; say how it did, for the learner."""
        if self._report is None:
            self._control.settimeout(_START_SECONDS)
            try:
                if not _is_readable(self._control.fileno(), patience):
                    self._control.send(b'{"do": "kill"}')
                said = self._control.recv(_MOST_MESSAGE)
            except OSError as error:
                raise SandboxError(f"The jail is gone: {error}.") from error
            if not said:
                raise SandboxError("The jail is gone: somebody ended its process.")
            self._report = json.loads(said)
        return _in_words(self._report.get("ended", 0))

    @property
    def cpu_seconds(self) -> float:
        """The seconds of processor time that it took, once it has ended."""
        return float((self._report or {}).get("cpu_seconds", 0.0))

    def close(self) -> None:
        """End the process and hang up."""
        try:
            self.end()
        finally:
            for descriptor in (self._to, self._from, self._output):
                if descriptor >= 0:
                    os.close(descriptor)
            self._to = self._from = self._output = -1


def _is_readable(descriptor: int, seconds: float = 0.0) -> bool:
    """Say whether there is something to read, or comes in time; `select` knows no descriptor above 1023."""
    watched = select.poll()
    watched.register(descriptor, select.POLLIN)
    return bool(watched.poll(seconds * 1000))


def _in_words(status: int) -> str:
    if status == -signal.SIGKILL:
        return "it was stopped, or took more processor time than allowed"
    if status < 0:
        names: Iterator[str] = (one.name for one in signal.Signals if one == -status)
        return f"it crashed ({next(names, f'signal {-status}')})"
    return f"it ended itself with exit status {status}"


def encoded_filter(compiled: bytes) -> str:
    """Return a filter as text, as the settings carry it."""
    return base64.b64encode(compiled).decode("ascii")
