"""A plain file server for the site: what any web host does, and nothing more."""

import functools
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class _Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # as real hosts speak: a connection stays open for the next file

    def log_message(self, *given: Any) -> None:
        """Say nothing."""


@contextmanager
def file_server(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve a folder on this machine while the block runs, and give its address; port 0 takes a free one."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
