"""Which system calls a submission's process may make, as a filter that libseccomp compiles for this machine.

Everything is forbidden but what is listed: what an interpreter needs that has already imported NumPy and Matplotlib. No
process can be made and none executed; there are no sockets but pairs, no locks on files, no signals to others.
"""

import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from course_lib.errors import CourseError
from course_lib.grading.inside.lockdown import PROCESS

_LIBRARY = "libseccomp.so.2"

# Files and descriptors; which files, Landlock and the mounts decide.
_FILES = """
    read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 open openat creat close close_range
    lseek stat fstat lstat newfstatat statx fstatfs statfs access faccessat faccessat2 readlink readlinkat
    getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2
    truncate ftruncate fallocate fsync fdatasync symlink symlinkat link linkat umask dup dup2 dup3 pipe pipe2
    fadvise64 sendfile copy_file_range
"""
_MEMORY = "brk mmap munmap mremap mprotect madvise msync mincore membarrier rseq get_mempolicy"
_TIME_AND_WAITING = """
    clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time times getrusage poll ppoll select
    pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 eventfd2 futex futex_waitv
    restart_syscall timerfd_create timerfd_settime timerfd_gettime setitimer getitimer alarm pause
"""
_ITSELF = """
    getpid gettid getppid getuid geteuid getgid getegid getresuid getresgid getgroups getpgrp getpgid getsid
    uname sysinfo getcpu sched_yield sched_getaffinity sched_getparam sched_getscheduler getpriority getrlimit
    getrandom rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigsuspend rt_sigtimedwait sigaltstack
    set_robust_list get_robust_list set_tid_address arch_prctl exit exit_group wait4 waitid capget sendto
    recvfrom shutdown getsockopt getsockname getpeername
"""
# These do nothing, and say that all went well: they change no file that a copy made by `shutil` would miss.
_IGNORED = "chmod fchmod fchmodat fchmodat2 utime utimes utimensat futimesat"
_NOT_SUPPORTED = "getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr setxattr lsetxattr fsetxattr"
# The C library asks for the newer call first, and falls back to one whose arguments a filter can read.
_NOT_THERE = "clone3"

_ALLOW = 0x7FFF_0000
_ERRNO = 0x0005_0000
_EPERM, _ENOSYS, _ENOTSUP = 1, 38, 95
_MASKED_EQUAL = 7
_KILL_PROCESS = 0x8000_0000
_ATTRIBUTE_BAD_ARCHITECTURE, _ATTRIBUTE_OPTIMIZE = 2, 8

_AF_UNIX = 1
_CLONE_THREAD = 0x0001_0000
_LOW_WORD = 0xFFFF_FFFF
_FCNTL = (0, 1, 2, 3, 4, 1030, 1031, 1032)  # duplicate, flags, pipe size; no locks, leases or owners
_IOCTL = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # is it a terminal, how large, how much is there, flags
_PRCTL_NAMES = (15, 16)  # set and get a thread's name


class NoFilterError(CourseError, OSError):
    """The filter cannot be made on this machine; the text says why."""


class _Compare(ctypes.Structure):
    _fields_ = (
        ("argument", ctypes.c_uint), ("operator", ctypes.c_int), ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )  # fmt: skip


def compiled_filter() -> bytes:
    """Return the filter as the kernel takes it.

    Raises
    ------
    NoFilterError
        Where libseccomp is missing or does not know this machine.
    """
    try:
        library = ctypes.CDLL(_LIBRARY, use_errno=True)
    except OSError as error:
        raise NoFilterError(f"{_LIBRARY} is not there; on Debian and Ubuntu: apt install libseccomp2") from error
    library.seccomp_init.restype = ctypes.c_void_p
    with _context(library) as context:
        for names, action in (
            (_FILES + _MEMORY + _TIME_AND_WAITING + _ITSELF, _ALLOW), (_IGNORED, _ERRNO),
            (_NOT_SUPPORTED, _ERRNO | _ENOTSUP), (_NOT_THERE, _ERRNO | _ENOSYS),
        ):  # fmt: skip
            for name in names.split():
                _rule(library, context, action, name)
        _rules_with_arguments(library, context)
        return _exported(library, context)


@contextmanager
def _context(library: Any) -> Iterator[Any]:
    context = ctypes.c_void_p(library.seccomp_init(ctypes.c_uint32(_ERRNO | _EPERM)))
    if not context:
        raise NoFilterError("libseccomp does not know this machine")
    try:
        # 32-bit calls have other numbers, so no list of these fits them.
        _check(library.seccomp_attr_set(context, _ATTRIBUTE_BAD_ARCHITECTURE, ctypes.c_uint32(_KILL_PROCESS)))
        library.seccomp_attr_set(context, _ATTRIBUTE_OPTIMIZE, ctypes.c_uint32(2))  # a tree; libseccomp 2.5 has it
        yield context
    finally:
        library.seccomp_release(context)


def _rules_with_arguments(library: Any, context: Any) -> None:
    def allow(name: str, argument: int, mask: int, value: int) -> None:
        _rule(library, context, _ALLOW, name, _Compare(argument, _MASKED_EQUAL, mask, value))

    allow("clone", 0, _CLONE_THREAD, _CLONE_THREAD)
    allow("socketpair", 0, _LOW_WORD, _AF_UNIX)
    allow("kill", 0, _LOW_WORD, PROCESS)
    allow("tgkill", 0, _LOW_WORD, PROCESS)
    allow("prlimit64", 0, _LOW_WORD, 0)
    for command in _FCNTL:
        allow("fcntl", 1, _LOW_WORD, command)
    for command in _IOCTL:
        allow("ioctl", 1, _LOW_WORD, command)
    for option in _PRCTL_NAMES:
        allow("prctl", 0, _LOW_WORD, option)


def _rule(library: Any, context: Any, action: int, name: str, compare: _Compare | None = None) -> None:
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number == -1:  # newer than this libseccomp, and so forbidden
        return
    comparisons = (_Compare * 1)(compare) if compare is not None else None
    result = library.seccomp_rule_add_array(
        context, ctypes.c_uint32(action), number, 0 if compare is None else 1, comparisons
    )
    _check(result)


def _exported(library: Any, context: Any) -> bytes:
    with tempfile.TemporaryFile() as file:
        _check(library.seccomp_export_bpf(context, file.fileno()))
        file.seek(0, os.SEEK_SET)
        return file.read()


def _check(result: int) -> None:
    if result < 0:
        raise NoFilterError(f"libseccomp failed: {os.strerror(-result)}")
