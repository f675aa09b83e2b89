"""Open the course in JupyterLab at the first lesson: ``course lab`` and the last step of ``python3 start.py``."""

import errno
import os
import socket
import sys
from pathlib import Path

FIRST_LESSON = "notebooks/00_start_here.ipynb"
FIRST_PORT = 8888
PORTS_TO_TRY = 50
# JupyterLab's settings for the course, unless the learner chose others: no question about Jupyter's news in front of
# the lesson; and a picture is saved with its notebook, so that it is there, and drags, before anything has run again.
SETTINGS = Path(__file__).parent / "lab_settings"
# A kernel's messages reach the page at once (course_lib/lab_socket.py). A gateway to kernels elsewhere has its own way.
PROMPT = (
    []
    if os.environ.get("JUPYTER_GATEWAY_URL")
    else ["--ServerApp.kernel_websocket_connection_class=course_lib.lab_socket.PromptConnection"]
)
# EACCES: a port that needs more rights than the learner has.
_ADDRESS_TAKEN = {errno.EADDRINUSE, errno.EACCES, getattr(errno, "WSAEACCES", errno.EACCES)}


def course_folder(start: Path | None = None) -> Path | None:
    """Return the folder that holds the course: `start` (the working directory) or the nearest one above it.

    Where neither is inside a course, the folder that this library was installed from; None if that is no course.
    """
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents, Path(__file__).resolve().parents[1]):
        if all((folder / name).exists() for name in ("notebooks", "exercises", "pyproject.toml")):
            return folder
    return None


def port_is_free(port: int) -> bool:
    """Tell whether a server could listen on `port` of this machine, under IPv4 and IPv6 alike."""
    tried = 0
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family, socket.SOCK_STREAM) as probe:
                if os.name == "posix":  # a port that was closed a moment ago counts as free, as it does for the server
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
                tried += 1
        except OSError as error:
            # A machine without IPv6 (or without IPv4) has no such address: that says nothing about the port.
            if error.errno in _ADDRESS_TAKEN:
                return False
    return tried > 0


def free_port(first: int = FIRST_PORT, tries: int = PORTS_TO_TRY) -> int | None:
    """Return the first free port from `first` on, or None if `tries` ports in a row are busy."""
    return next((port for port in range(first, first + tries) if port_is_free(port)), None)


def open_lab(port: int | None = None, browser: bool = True) -> int:
    """Serve the course with JupyterLab until it is stopped, and return the exit status.

    Prints one line with the address to open. Nothing is asked of any other machine: JupyterLab's news, its check for
    a newer version and its catalogue of extensions are off.

    Parameters
    ----------
    port : int, optional
        The port to listen on; if it is busy, nothing is started. By default the first free one from 8888 on.
    browser : bool
        Open the course in the default browser.

    Returns
    -------
    int
        0 after JupyterLab was stopped, 1 if it could not be started.
    """
    folder = course_folder()
    if folder is None:
        return _stop("The course is not in this folder. Go to the folder that holds start.py and try again.")
    chosen = port if port is not None else free_port()
    if chosen is None:
        return _stop(
            f"All ports from {FIRST_PORT} to {FIRST_PORT + PORTS_TO_TRY - 1} are busy.",
            "Close another JupyterLab, or name a free port with --port.",
        )
    if port is not None and not port_is_free(port):
        return _stop(
            f"Port {port} is busy: another program, perhaps another JupyterLab, uses it.{_already_open(folder)}",
            "Stop that program, name another port with --port, or leave --port out and a free one is found.",
        )
    if port is None and chosen != FIRST_PORT:
        print(f"Port {FIRST_PORT} is busy; the course uses port {chosen}.{_already_open(folder)}", flush=True)
    return _serve(folder, chosen, browser)


def _serve(folder: Path, port: int, browser: bool) -> int:
    # A kernel that was installed for the user must not take the place of this environment's.
    os.environ.setdefault("JUPYTER_PREFER_ENV_PATH", "1")
    # JupyterLab loads a grammar of international addresses that it never uses, and building it takes two seconds of
    # every start. Its users go on without it where it cannot be imported.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]

    try:
        server = LabApp.initialize_server(argv=_server_options(folder, port, browser))
    except SystemExit as stop:  # the port was taken in this very moment, or the learner's own configuration is broken
        return stop.code if isinstance(stop.code, int) else 1
    address = server.public_url
    # JupyterLab's own four-line notice would say the same again.
    server.identity_provider.token_generated = False
    # Said by the server's loop, in which it has begun to listen by then: whoever reads the address can open it.
    server.io_loop.add_callback(_tell, address)
    server.start()
    return 0


def _tell(address: str) -> None:
    print(f"\nThe course is open at  {address}\n(To stop it, press Ctrl-C here, twice.)\n", flush=True)


def _server_options(folder: Path, port: int, browser: bool) -> list[str]:
    options = [
        f"--ServerApp.root_dir={folder}",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.open_browser={browser}",
        "--ServerApp.log_level=WARN",
        "--LabApp.log_level=WARN",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        f"--LabApp.app_settings_dir={SETTINGS}",
        *PROMPT,
    ]
    if (folder / FIRST_LESSON).exists():
        options.append(f"--LabApp.default_url=/lab/tree/{FIRST_LESSON}")
    # JupyterLab refuses to run as root unless told; in a container there often is nobody else.
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    return options


def _already_open(folder: Path) -> str:
    """Return a sentence with the address of a JupyterLab that already serves this folder, or nothing."""
    from jupyter_server.serverapp import list_running_servers

    for server in list_running_servers():
        if Path(server.get("root_dir", "")) == folder:
            token = f"?token={server['token']}" if server.get("token") else ""
            return f"\nThe course is already open at  {server['url']}lab/tree/{FIRST_LESSON}{token}"
    return ""


def _stop(*lines: str) -> int:
    print(*lines, sep="\n", file=sys.stderr, flush=True)
    return 1
