"""Lock this process in, from within, right after its fork: namespaces, capabilities, limits, Landlock, system calls.

Each step is one call of the kernel through ctypes; where one fails, the process ends before it has run anything of the
submission. What is set here cannot be taken back by whatever runs afterwards.
"""

import ctypes
import os
import struct
from collections.abc import Iterable, Mapping
from typing import Any

# This module is read on every system, so that the grader can say why it refuses; it is used on Linux only.
_LIBC: Any = ctypes.CDLL(None, use_errno=True) if os.name == "posix" else None

_CLONE_NEWNS, _CLONE_NEWIPC, _CLONE_NEWPID = 0x0002_0000, 0x0800_0000, 0x2000_0000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 1, 4, 22, 24, 38
_SECCOMP_MODE_FILTER = 2
_CAPABILITY_VERSION_3 = 0x2008_0522
_SIGKILL = 9
_LAST_CAPABILITY = 63

# Landlock: the same numbers on every architecture.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_PATH_BENEATH = 1
_READ = 1 << 2 | 1 << 3  # files and folders
_WRITES = 1 << 1 | 0x1FF0  # write into files, remove, make regular files, folders, sockets, FIFOs, devices, links
_SINCE = {2: 1 << 13, 3: 1 << 14, 5: 1 << 15}  # refer, truncate, ioctl of devices
_NET_SINCE, _SCOPE_SINCE = 4, 6

# In a filter the grader writes this number where the number of the process belongs, which it cannot know.
PROCESS = 0x7EAD_BEE5


def own_pid_namespace() -> int:
    """Return a descriptor by which `next_pid_namespace` finds the way back."""
    return os.pidfd_open(os.getpid())


def next_pid_namespace(own: int) -> None:
    """Let the next process that is forked be the first of a new process namespace, which dies with it."""
    _check("setns", _LIBC.setns(own, _CLONE_NEWPID))
    _check("unshare", _LIBC.unshare(_CLONE_NEWPID))


def private_folder(folder: str, n_bytes: int, n_files: int) -> None:
    """Put an empty folder in memory over `folder`, in a mount and an IPC namespace of this process."""
    _check("unshare", _LIBC.unshare(_CLONE_NEWNS | _CLONE_NEWIPC))
    options = f"size={n_bytes},nr_inodes={n_files},mode=0700".encode()
    flags = ctypes.c_ulong(_MS_NOSUID | _MS_NODEV | _MS_NOEXEC)
    _check("mount", _LIBC.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options))


def drop_capabilities() -> None:
    """Give up every capability, and the way to any."""
    for capability in range(_LAST_CAPABILITY + 1):
        if _prctl(_PR_CAPBSET_DROP, capability) != 0:  # EINVAL after the last that this kernel knows, EPERM without any
            break
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _check("capset", _LIBC.capset(header, bytes(24)))


def no_new_privileges() -> None:
    """Let no file that is executed give more than this process has; Landlock and seccomp ask for it."""
    _check("prctl", _prctl(_PR_SET_NO_NEW_PRIVS, 1))


def die_with_parent() -> None:
    """Be killed when the process that forked this one ends."""
    _check("prctl", _prctl(_PR_SET_PDEATHSIG, _SIGKILL))


def hide_memory() -> None:
    """Let no other process of the same user read this one's memory."""
    _check("prctl", _prctl(_PR_SET_DUMPABLE, 0))


def set_limits(limits: Mapping[str, int]) -> None:
    """Set the limits of `resource` by their names, such as ``RLIMIT_CPU``, hard and soft; never raise one."""
    import resource  # not on Windows

    for name, most in limits.items():
        kind = getattr(resource, name, None)
        if kind is None:
            continue
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))


def landlock_version() -> int:
    """Return which Landlock the kernel has; 0 where it has none."""
    return max(int(_LIBC.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), 1)), 0)


def restrict_files(readable: Iterable[str], writable: Iterable[str], others: Iterable[str] = ()) -> None:
    """Let this process read beneath `readable`, do anything beneath `writable`, and reach no other file.

    `others` are device files that may be read and written, such as /dev/null. TCP, abstract sockets and signals to
    processes outside are shut as well, where the kernel's Landlock knows them.
    """
    version = landlock_version()
    files = _READ | 1 | _WRITES | sum(bits for since, bits in _SINCE.items() if version >= since)  # 1: execute
    attributes = [files]
    if version >= _NET_SINCE:
        attributes.append(3)  # bind, connect
    if version >= _SCOPE_SINCE:
        attributes.append(3)  # abstract sockets, signals
    asked = struct.pack(f"{len(attributes)}Q", *attributes)
    rules = _check("landlock", _LIBC.syscall(_LANDLOCK_CREATE, asked, ctypes.c_size_t(len(asked)), 0))
    truncate = _SINCE[3] & files
    for paths, rights in ((readable, _READ), (writable, files & ~1), (others, 1 << 2 | 1 << 1 | truncate)):
        for path in paths:
            _allow(rules, path, rights)
    _check("landlock", _LIBC.syscall(_LANDLOCK_RESTRICT, rules, 0))
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    if not os.path.isdir(path):
        rights &= 1 << 2 | 1 << 1 | _SINCE[3]  # what there is to do with a file
    rule = struct.pack("=Qi", rights, descriptor)
    _check("landlock", _LIBC.syscall(_LANDLOCK_ADD, rules, _PATH_BENEATH, rule, 0))
    os.close(descriptor)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def filter_system_calls(compiled: bytes) -> None:
    """Load a seccomp filter for this process and all of its threads."""
    filled = b"".join(_with_process(compiled[begin : begin + 8]) for begin in range(0, len(compiled), 8))
    program = _Program(len(filled) // 8, filled)
    _check("seccomp", _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(program)))


def _with_process(instruction: bytes) -> bytes:
    code, jumps, number = struct.unpack("=HHI", instruction)
    return struct.pack("=HHI", code, jumps, os.getpid()) if number == PROCESS else instruction


def _prctl(option: int, first: Any, second: Any = 0) -> int:
    first = ctypes.c_ulong(first)
    second = ctypes.c_ulong(second) if isinstance(second, int) else second
    return int(_LIBC.prctl(option, first, second, ctypes.c_ulong(0), ctypes.c_ulong(0)))


def _check(what: str, returned: int) -> int:
    if returned < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")
    return returned
