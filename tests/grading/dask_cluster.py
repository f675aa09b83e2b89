"""Dask's scheduler and workers as processes of their own, started by dask's own commands; for tests and benchmarks."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time


class Cluster:
    """A scheduler and its workers, each a process of its own."""

    def __init__(self, folder, stack):
        folder.mkdir(exist_ok=True)
        self.folder, self.stack = folder, stack
        self.file = folder / "scheduler.json"
        where = ["--port", "0", "--host", "127.0.0.1", "--scheduler-file", self.file]
        self.scheduler = self.start("scheduler", "--no-dashboard", *where)
        self.workers = []
        until(self.file.exists)
        self.address = json.loads(self.file.read_text(encoding="utf-8"))["address"]

    def start(self, command, *arguments):
        log = self.stack.enter_context((self.folder / f"{command}-{time.monotonic_ns()}.log").open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", command, *map(str, arguments)],
            stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
        )  # fmt: skip
        self.stack.callback(end, process)
        return process

    def add_worker(self):
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--local-directory", self.folder]
        self.workers.append(self.start("worker", self.address, *options, "--host", "127.0.0.1"))

    def await_workers(self, count):
        from distributed import Client

        with Client(self.address, set_as_default=False, timeout=60) as client:
            client.wait_for_workers(count, timeout=120)


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not come"
        time.sleep(0.02)


def end(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
