"""The warm process: everything is imported once, and each submission gets a fork of it.

It holds the packages, the library without what the exercise asks, and no submission, no check and no expected value. It
starts no thread, and never runs a byte of a submission: its forks do.
"""

import array
import base64
import contextlib
import gc
import json
import os
import resource
import select
import signal
import socket
import traceback
from typing import Any

from course_lib.grading.inside import lockdown

_MOST_MESSAGE = 1 << 18
_N_DESCRIPTORS = 3  # requests, responses, what is printed
BROKEN = 70  # the exit status of a fork that could not lock itself in


def main(control_descriptor: int) -> None:
    """Import everything, say so, and fork whenever the grader asks, until it hangs up."""
    control = socket.socket(fileno=control_descriptor)
    settings = json.loads(control.recv(_MOST_MESSAGE))
    lockdown.die_with_parent()
    lockdown.hide_memory()
    zygote = _Zygote(control, settings, _warm_up())
    control.send(json.dumps({"ready": True}).encode())
    zygote.serve()


def _warm_up() -> tuple[Any, dict[str, Any]]:
    import numpy.linalg
    import numpy.random  # noqa: F401

    from course_lib import attention, checks, plots  # noqa: F401
    from course_lib.grading.inside import rehearsal, shell

    warm = shell.make_shell()
    rehearsal.rehearse(warm)
    gc.collect()
    gc.freeze()  # what is here stays, so that no collection in a fork copies its pages
    claims: dict[str, Any] = vars(checks)["claims"]  # of the checks as they stand in the jail
    return warm, claims


class _Zygote:
    def __init__(self, control: socket.socket, settings: dict[str, Any], warm: tuple[Any, dict[str, Any]]) -> None:
        self._control, self._settings, self._warm = control, settings, warm
        self._has_namespaces = settings["namespaces"]
        self._own = lockdown.own_pid_namespace() if self._has_namespaces else -1
        self._filter = base64.b64decode(settings["filter"])

    def serve(self) -> None:
        while True:
            message, descriptors = self._receive()
            if message is None:
                return
            if message["do"] == "fork":
                self._fork(message, descriptors)

    def _receive(self) -> tuple[dict[str, Any] | None, list[int]]:
        space = socket.CMSG_SPACE(_N_DESCRIPTORS * array.array("i").itemsize)
        data, ancillary, _, _ = self._control.recvmsg(_MOST_MESSAGE, space)
        descriptors = array.array("i")
        for level, kind, content in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
        return (json.loads(data) if data else None), list(descriptors)

    def _fork(self, message: dict[str, Any], descriptors: list[int]) -> None:
        if self._has_namespaces:
            lockdown.next_pid_namespace(self._own)
        before = resource.getrusage(resource.RUSAGE_SELF)
        pid = os.fork()
        if pid == 0:
            _be_the_worker(self._settings, message, descriptors, self._filter, self._warm, self._control)
        for descriptor in descriptors:
            os.close(descriptor)
        self._watch(pid, before)

    def _watch(self, pid: int, before: resource.struct_rusage) -> None:
        """Wait until the fork has ended, by itself or because the grader says so; report how."""
        ended = os.pidfd_open(pid)
        watched = select.poll()
        watched.register(ended, select.POLLIN)
        watched.register(self._control, select.POLLIN)
        while not any(descriptor == ended for descriptor, _ in watched.poll()):
            message, _ = self._receive()
            if message is None or message["do"] == "kill":
                signal.pidfd_send_signal(ended, signal.SIGKILL)
            if message is None:
                os.waitpid(pid, 0)
                os._exit(0)
        _, status, used = os.wait4(pid, 0)
        os.close(ended)
        own = resource.getrusage(resource.RUSAGE_SELF)
        seconds = used.ru_utime + used.ru_stime + own.ru_utime + own.ru_stime - before.ru_utime - before.ru_stime
        report = {"ended": os.waitstatus_to_exitcode(status), "cpu_seconds": seconds}
        self._control.send(json.dumps(report).encode())


def _be_the_worker(
    settings: dict[str, Any], message: dict[str, Any], descriptors: list[int], compiled: bytes,
    warm: tuple[Any, dict[str, Any]], control: socket.socket,
) -> None:  # fmt: skip
    """Lock this fork in, serve, and end; never return into the zygote's code."""
    try:
        control.close()
        requests, responses = _arrange_descriptors(descriptors)
        _lock_in(settings, message, compiled)
        from course_lib.grading.inside.worker import Worker

        shell, claims = warm
        os.write(responses, b"\x01")  # locked in; nothing of the submission has been read so far
        gc.enable()
        Worker(shell, claims, requests, responses).serve()
    except BaseException:
        with contextlib.suppress(BaseException):
            os.write(2, traceback.format_exc().encode())
        os._exit(BROKEN)
    os._exit(0)


def _arrange_descriptors(descriptors: list[int]) -> tuple[int, int]:
    """Leave open: nothing to read as 0, what is printed as 1 and 2, the two ends of the line as 3 and 4."""
    requests, responses, printed = (os.dup2(given, 100 + place) for place, given in enumerate(descriptors))
    nothing = os.open(os.devnull, os.O_RDONLY)
    for place, descriptor in enumerate((nothing, printed, printed, requests, responses)):
        os.dup2(descriptor, place)
    os.closerange(5, 4096)
    return 3, 4


def _lock_in(settings: dict[str, Any], message: dict[str, Any], compiled: bytes) -> None:
    folder = message["folder"]
    lockdown.die_with_parent()
    if settings["namespaces"]:
        lockdown.private_folder(folder, settings["scratch_bytes"], settings["scratch_files"])
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(settings["environment"] | {"HOME": folder, "TMPDIR": folder})
    lockdown.set_limits(message["limits"])
    if settings["landlock"]:
        lockdown.drop_capabilities()  # what root has, too
    lockdown.no_new_privileges()
    if settings["landlock"]:
        lockdown.restrict_files(settings["readable"], [folder], settings["devices"])
    if compiled:
        lockdown.filter_system_calls(compiled)
