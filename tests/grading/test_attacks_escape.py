"""Notebooks that reach for the machine: its files, secrets, network, processes, and the next learner's notebook.

Each prints ESCAPED where it got anywhere. Those that can do no harm are also run without the jail, where they do get
somewhere: what is seen to fail inside is a real attempt.
"""

import contextlib
import os
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from hostile import CHECKS, IMPORTS, LEFT_BEHIND, PATIENT, RIGHT, Attack, run_among_honest
from hostile import run as run_alone

from course_lib.grading.marking import Marker

SECRET = "a-secret-of-the-grader"
TRY = """
    def attempt(what):
        try:
            result = what()
        except BaseException as error:
            print("shut:", type(error).__name__)
        else:
            print("ESCAPED" if result not in (None, False) else "shut")
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    def called(*arguments):
        if libc.syscall(*arguments) == -1:
            raise OSError(ctypes.get_errno(), "refused")
        return True
    print("TRIED")
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """What there is to get at: a secret in a file, in the environment, behind a port and behind two local sockets."""
    folder = tmp_path_factory.mktemp("grader")
    folder.chmod(0o755)
    secret = folder / "gradebook.db"
    secret.write_text(SECRET)
    with contextlib.ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        local = stack.enter_context(socket.socket(socket.AF_UNIX))
        local.bind(str(folder / "socket"))
        local.listen()
        abstract = stack.enter_context(socket.socket(socket.AF_UNIX))
        abstract.bind(f"\0{LEFT_BEHIND}-{os.getpid()}")
        abstract.listen()
        os.environ["GRADER_TOKEN"] = SECRET
        stack.callback(os.environ.pop, "GRADER_TOKEN")
        yield {
            "secret": str(secret), "folder": str(folder), "tcp": tcp.getsockname()[1], "udp": udp.getsockname()[1],
            "local": str(folder / "socket"), "abstract": abstract.getsockname().decode(), "pid": os.getpid(),
            "repository": str(Path(__file__).parents[2]), "left": LEFT_BEHIND, "user": str(Path.home()),
            "sockets": (tcp, udp, local, abstract),
        }  # fmt: skip


# By name: the code, with what there is on the machine in angle brackets, and whether it succeeds outside of the jail.
CODE = {
    "etc-passwd": (
        """
        attempt(lambda: open('/etc/passwd').read())
        """,
        True,
    ),
    "other-submissions": (
        """
        import os
        attempt(lambda: os.listdir('<folder>'))
        """,
        True,
    ),
    "the-gradebook": (
        """
        attempt(lambda: open('<secret>').read())
        attempt(lambda: open('<secret>', 'a').write('x'))
        """,
        True,
    ),
    "the-solutions": (
        """
        attempt(lambda: open('<repository>/exercises/solutions/03_softmax.ipynb').read())
        attempt(lambda: open('<repository>/course_lib/checks/engine.py').read())
        attempt(lambda: __import__('course_lib.checks.exercises.exercise_03'))
        attempt(lambda: __import__('course_lib.grading.marking'))
        """,
        True,
    ),
    "a-way-around": (
        """
        import os
        os.makedirs('a/b', exist_ok=True)
        attempt(lambda: os.symlink('<secret>', 'link') or open('link').read())
        attempt(lambda: open('../' * 40 + '<secret>').read())
        attempt(lambda: open('/proc/self/root<secret>').read())
        attempt(lambda: open('/proc/1/root<secret>').read())
        attempt(lambda: os.link('<secret>', 'hard') or open('hard').read())
        attempt(lambda: os.chroot('/'))
        """,
        True,
    ),
    "environment": (
        """
        import os
        attempt(lambda: os.environ.get('GRADER_TOKEN'))
        attempt(lambda: 'TOKEN' in open('/proc/self/environ').read())
        import ctypes
        attempt(lambda: ctypes.CDLL(None).getenv(b'GRADER_TOKEN') != 0)
        """,
        True,
    ),
    "the-parents-memory": (
        """
        import os
        attempt(lambda: open(f'/proc/{os.getppid()}/environ', 'rb').read())
        attempt(lambda: open('/proc/<pid>/mem', 'rb'))
        attempt(lambda: os.listdir('/proc/<pid>/fd'))
        """,
        True,
    ),
    "ptrace": (
        """
        import os
        attempt(lambda: called(101, 16, <pid>, 0, 0))
        attempt(lambda: called(101, 16, os.getppid(), 0, 0))
        attempt(lambda: called(310, <pid>, 0, 0, 0, 0, 0))
        """,
        False,
    ),
    "tcp": (
        """
        import socket
        attempt(lambda: socket.create_connection(('127.0.0.1', <tcp>), 5))
        """,
        True,
    ),
    "udp": (
        """
        import socket
        attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', <udp>)))
        """,
        True,
    ),
    "unix-socket": (
        """
        import socket
        attempt(lambda: socket.socket(socket.AF_UNIX).connect('<local>') or True)
        """,
        True,
    ),
    "abstract-socket": (
        """
        import socket
        attempt(lambda: socket.socket(socket.AF_UNIX).connect('\\0<left>-<pid>') or True)
        """,
        True,
    ),
    "raw-and-packet-sockets": (
        """
        import socket
        for family, kind in ((2, 3), (17, 3), (16, 3), (10, 2), (40, 1), (38, 5)):
            attempt(lambda: socket.socket(family, kind))
        """,
        True,
    ),
    "dns": (
        """
        import socket
        attempt(lambda: socket.getaddrinfo('localhost', 80))
        attempt(lambda: socket.getaddrinfo('example.org', 80))
        """,
        True,
    ),
    "localhost-services": (
        """
        import urllib.request
        attempt(lambda: urllib.request.urlopen('http://127.0.0.1:<tcp>/', timeout=1))
        import socket
        attempt(lambda: socket.create_server(('127.0.0.1', 0)))
        """,
        True,
    ),
    "a-shell": (
        """
        import os, subprocess
        attempt(lambda: subprocess.run(['sh', '-c', 'true']))
        attempt(lambda: os.system('true') == 0)
        attempt(lambda: os.posix_spawn('/bin/true', ['true'], {}))
        get_ipython = globals().get('get_ipython', lambda: None)
        attempt(lambda: get_ipython() and get_ipython().getoutput('echo ran') == ['ran'])
        """,
        True,
    ),
    "a-daemon": (
        """
        import os, time
        def daemon():
            if os.fork() == 0:
                os.setsid()
                time.sleep(1)
                os._exit(0)
            return True
        attempt(daemon)
        import multiprocessing
        attempt(lambda: multiprocessing.get_context('fork').Process(target=print).start() or True)
        """,
        True,
    ),
    "a-process-with-vfork-or-clone": (
        """
        attempt(lambda: called(58))
        attempt(lambda: called(56, 17, 0, 0, 0, 0))
        attempt(lambda: called(435, 0, 0))
        """,
        False,
    ),
    "a-program-in-memory": (
        """
        import os
        attempt(lambda: os.memfd_create('x'))
        attempt(lambda: called(322, -1, b'', 0, 0, 0x1000))
        """,
        False,
    ),
    "files-left-for-the-next": (
        """
        import os
        for folder in ('/tmp', '/var/tmp', '/dev/shm', '/run', '<user>', '<repository>', '/'):
            try:
                open(os.path.join(folder, '<left>'), 'w').write('x')
            except OSError:
                pass
        """,
        None,
    ),
    "keyctl": (
        """
        attempt(lambda: called(248, b'user', b'<left>', b'x', 1, -4))
        attempt(lambda: called(250, 0, -4, 0))
        """,
        False,
    ),
    "flock": (
        """
        import fcntl, numpy
        file = open(numpy.__file__)
        attempt(lambda: fcntl.flock(file, fcntl.LOCK_SH) or True)
        attempt(lambda: fcntl.lockf(file, fcntl.LOCK_SH) or True)
        attempt(lambda: fcntl.fcntl(file, 1024, 0) == 0)
        """,
        True,
    ),
    "io-uring": (
        """
        attempt(lambda: called(425, 8, ctypes.create_string_buffer(120)))
        """,
        False,
    ),
    "bpf-userfaultfd-perf": (
        """
        attempt(lambda: called(321, 0, 0, 0))
        attempt(lambda: called(323, 1))
        attempt(lambda: called(298, 0, 0, -1, -1, 0))
        """,
        False,
    ),
    "unshare-and-mount": (
        """
        attempt(lambda: called(272, 0x10000000))
        attempt(lambda: called(272, 0x00020000))
        attempt(lambda: called(165, b'none', b'/tmp', b'tmpfs', 0, 0))
        attempt(lambda: called(308, 3, 0))
        attempt(lambda: called(166, b'/tmp', 2))
        attempt(lambda: called(155, b'/', b'/'))
        """,
        False,
    ),
    "raising-its-own-limits": (
        """
        import resource
        attempt(lambda: resource.setrlimit(resource.RLIMIT_AS, (-1, -1)) or True)
        attempt(lambda: resource.prlimit(<pid>, resource.RLIMIT_CPU, (10**6, 10**6)))
        """,
        None,
    ),
    "other-users-rights": (
        """
        import os
        attempt(lambda: os.setuid(12345) or True)
        attempt(lambda: os.setgroups([0]) or True)
        attempt(lambda: os.nice(-5))
        """,
        None,
    ),
    "start-up-files": (
        """
        import os, site, sys, sysconfig
        folders = {*sys.path, os.path.expanduser('~/.ipython/profile_default/startup'), '<user>'}
        for folder in folders | {sysconfig.get_path('purelib'), sysconfig.get_path('stdlib')}:
            for name in ('<left>.pth', 'usercustomize-<left>.py', '.<left>rc'):
                attempt(lambda: folder not in ('', os.getcwd()) and open(os.path.join(folder, name), 'w') and True)
        """,
        None,
    ),
    "devices": (
        """
        import os
        for name in ('mem', 'kmsg', 'sda', 'vda', 'tty', 'ptmx', 'fuse', 'kvm', 'net/tun'):
            attempt(lambda: os.open('/dev/' + name, os.O_RDWR))
        attempt(lambda: os.mknod('device', 0o60600, os.makedev(254, 0)) or open('device', 'rb').read(1))
        """,
        None,
    ),
}


def filled(code, machine):
    for name, value in machine.items():
        code = code.replace(f"<{name}>", str(value))
    return code


def attack_of(name, machine):
    code = CODE[name][0]
    cells = (IMPORTS, TRY, filled(code, machine), *RIGHT.values(), CHECKS)
    return Attack(f"escape-{name}", cells, deserved=4)


ALONE = {}


@pytest.fixture(scope="module")
def marker():
    with Marker(limits=PATIENT) as made:
        yield made


@pytest.mark.parametrize("name", CODE)
def test_gets_nowhere_alone(marker, machine, name):
    marked = ALONE[f"escape-{name}"] = run_alone(marker, attack_of(name, machine))
    assert "TRIED" in marked.printed
    assert "ESCAPED" not in marked.printed
    assert SECRET not in marked.printed
    assert CODE[name][1] is None or "shut" in marked.printed
    nobody_called(machine)


def nobody_called(machine):
    for one in machine["sockets"]:
        one.setblocking(False)
        with pytest.raises(BlockingIOError):
            one.recv(1) if one.type == socket.SOCK_DGRAM else one.accept()


@pytest.mark.parametrize("name", [name for name, (_, succeeds) in CODE.items() if succeeds])
def test_gets_somewhere_without_the_jail(machine, name, tmp_path):
    """The same code, run by this machine's Python: what the jail shuts is a way that is open elsewhere."""
    code = "\n".join(textwrap.dedent(part) for part in (TRY, filled(CODE[name][0], machine)))
    answered = threading.Thread(target=_answer_once, args=(machine["sockets"][0],), daemon=True)
    if name in ("tcp", "localhost-services"):
        answered.start()
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert "ESCAPED" in ran.stdout, ran.stderr
    if answered.is_alive():
        answered.join()
    _forget_callers(machine)


def _answer_once(server):
    server.settimeout(20)
    with contextlib.suppress(OSError):
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n")


def _forget_callers(machine):
    for one in machine["sockets"]:
        one.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                one.recv(10) if one.type == socket.SOCK_DGRAM else one.accept()[0].close()
    Path(machine["secret"]).write_text(SECRET)


def test_gets_nowhere_among_honest_ones(marker, machine):
    run_among_honest(marker, [attack_of(name, machine) for name in CODE], ALONE)
    assert Path(machine["secret"]).read_text() == SECRET
    nobody_called(machine)


def test_a_32_bit_system_call_ends_the_process(marker):
    """Its numbers mean other calls, so no list of 64-bit ones could shut them."""
    machine_code = "b8 14000000 cd80 c3".replace(" ", "")  # mov eax, 20 (getpid); int 0x80; ret
    code = f"""
        import ctypes, mmap
        page = mmap.mmap(-1, 4096, prot=7)
        page.write(bytes.fromhex("{machine_code}"))
        address = ctypes.addressof(ctypes.c_char.from_buffer(page))
        print("got", ctypes.CFUNCTYPE(ctypes.c_int)(address)())
    """
    marked = run_alone(marker, Attack("32-bit", (IMPORTS, code, *RIGHT.values(), CHECKS), deserved=4, fails=True))
    assert "got" not in marked.printed
    assert "SIGSYS" in marked.remarks[0]


def test_each_notebook_begins_in_an_empty_folder_that_nobody_sees_again(marker):
    leave = "for path in ('note', os.path.join(tempfile.gettempdir(), 'note')):\n    open(path, 'w').close()"
    look = "import os, tempfile\nprint(sorted(os.listdir('.')), sorted(os.listdir(tempfile.gettempdir())))"
    for number in range(2):
        cells = (IMPORTS, look, leave, *RIGHT.values(), CHECKS)
        assert run_alone(marker, Attack(f"leaver-{number}", cells, deserved=4)).printed.strip() == "[] []"


def test_a_folder_without_rights_and_odd_names_are_cleared_away(marker):
    code = """
        import os
        os.mkdir("locked")
        open("locked/inside", "w").close()
        os.chmod("locked", 0)
        os.chmod(".", 0)
        for name in ("-rf", " ", "new\\nline", "\\u202e.txt", b"\\xff\\xfe", "x" * 255):
            open(name, "w").close()
        os.makedirs("/".join(["deep"] * 200))
    """
    run_alone(marker, Attack("locked-folder", (IMPORTS, code, *RIGHT.values(), CHECKS), deserved=4))


def test_what_is_printed_after_the_first_hidden_input_is_withheld(marker):
    code = RIGHT["softmax"].replace(
        "exponentials =", "print('seen', scores); import sys; print('seen', file=sys.stderr); exponentials ="
    )
    marked = run_alone(
        marker, Attack("talker", (IMPORTS, "print('before')", code, *list(RIGHT.values())[1:], CHECKS), deserved=4)
    )
    assert marked.printed == "before\n"
