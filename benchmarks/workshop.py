"""A workshop under load: real servers that run a lesson and a check, and a class view with two hundred who post.

    python benchmarks/workshop.py servers --servers 20
    python benchmarks/workshop.py view --learners 200 --minutes 10 --restarts 2

Each opens a workshop of its own in a scratch folder, with users of their own where it is root, and prints what it
measured as JSON. The learners of ``view`` are the real sender on real outboxes, each with the token of a learner who
joined at the entrance; what is timed is from the verdict in the outbox to its arrival at the instructor's page.
"""

import argparse
import asyncio
import json
import os
import random
import secrets
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from workshop_client import Learner

from course_lib.checks.engine import LESSONS, TASKS
from course_lib.lab import free_port
from course_lib.workshop.sending import LOOK_MILLISECONDS, Sender

ROOT = Path(__file__).resolve().parents[1]
CODE, PASSWORD = "BENCH-1", "instructor password"
LESSON, EXERCISE = "notebooks/03_softmax.ipynb", "exercises/03_softmax.ipynb"
WRONG = "check('softmax', lambda scores: np.exp(scores) / np.exp(scores).sum(axis=0))"
SILENCE_SECONDS = 6.0  # as the page's own script waits
RIGHT = "from course_lib.attention import softmax; check('softmax', softmax)"


@contextmanager
def workshop() -> Iterator[tuple[str, Path, int]]:
    """Open a workshop; give its address, its folder and its process, and end it."""
    scratch = Path(tempfile.mkdtemp(prefix="course-workshop-"))
    scratch.chmod(0o711)
    port = free_port(18_000, tries=500)
    options = ["--folder", str(scratch / "w"), "--port", str(port), "--address", "127.0.0.1", "--code", CODE]
    if os.geteuid():
        options.append("--trust-the-room")
    log = scratch / "log"
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "course_lib", "workshop", *options], stdout=file, stderr=file, cwd=ROOT,
            env=os.environ | {"COURSE_WORKSHOP_PASSWORD": PASSWORD}, start_new_session=True,
        )  # fmt: skip
    try:
        while "is open" not in log.read_text():
            if process.poll() is not None:
                raise RuntimeError(log.read_text())
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}", scratch / "w", process.pid
    finally:
        began = time.perf_counter()
        process.send_signal(signal.SIGINT)
        process.wait(300)
        print(f"closed in {time.perf_counter() - began:.1f} s", file=sys.stderr)
        shutil.rmtree(scratch, ignore_errors=True)


def instructor(address: str) -> Learner:
    """Sign in as an instructor."""
    one = Learner(address, "Bench", "", password=PASSWORD)
    one.join().raise_for_status()
    one.get_token()
    return one


def joined(address: str, number: int) -> Learner:
    """Join as one of many."""
    one = Learner(address, f"Learner {number}", CODE)
    one.join().raise_for_status()
    one.get_token()
    return one


def children_of(pid: int) -> list[int]:
    """Return the processes below a process."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        below.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        more = below.get(waiting.pop(), [])
        found += more
        waiting += more
    return found


def own_memory(pids: list[int]) -> float:
    """Return what processes hold in MiB, shared pages divided among those who share them."""
    total = 0
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def processor_seconds(pids: list[int]) -> float:
    """Return the processor time that processes have used so far."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def code_cells(name: str) -> list[str]:
    """Return the code of a notebook."""
    cells = json.loads((ROOT / name).read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def percentiles(values: list[float]) -> dict[str, float]:
    """Return what is reported of times."""
    ordered = sorted(values)
    at = [ordered[min(len(ordered) - 1, int(part * len(ordered)))] for part in (0.5, 0.95)]
    return {"p50": round(at[0], 3), "p95": round(at[1], 3), "max": round(ordered[-1], 3)}


def run_servers(n_servers: int) -> dict[str, Any]:
    """Start servers all at once; each runs a lesson, then a wrong and a right check."""
    with workshop() as (address, _, pid):
        boss = instructor(address)
        began = time.perf_counter()
        learners = [joined(address, number) for number in range(n_servers)]
        joining = time.perf_counter() - began
        before, used = own_memory([pid, *children_of(pid)]), processor_seconds([pid, *children_of(pid)])
        with ThreadPoolExecutor(n_servers) as pool:
            starts = list(pool.map(Learner.start_server, learners))
            with_servers = own_memory([pid, *children_of(pid)])
            starting = processor_seconds([pid, *children_of(pid)]) - used
            began = time.perf_counter()
            lessons = list(pool.map(_work, learners))
            working = time.perf_counter() - began
        with_kernels = own_memory([pid, *children_of(pid)])
        work = processor_seconds([pid, *children_of(pid)]) - used - starting
        time.sleep(2)
        cells = boss.by_token("GET", "/services/class/api/class").json()["cells"]
        passed = sum(cell[1] == "softmax" and cell[2:4] == ["passed", 2] for cell in cells)
    return {
        "servers": n_servers,
        "seconds_to_join_each": round(joining / n_servers, 2),
        "seconds_until_ready": percentiles(starts),
        "processor_seconds_each_start": round(starting / n_servers, 2),
        "processor_seconds_each_lesson": round(work / n_servers, 2),
        "seconds_all_lessons": round(working, 1),
        "seconds_lesson": percentiles([seconds for seconds, _ in lessons]),
        "seconds_check": percentiles([seconds for _, seconds in lessons]),
        "MiB_hub_proxy_class_view": round(before),
        "MiB_each_server": round((with_servers - before) / n_servers),
        "MiB_each_kernel": round((with_kernels - with_servers) / n_servers),
        "passed_in_the_class_view": passed,
        "processors": os.cpu_count(),
    }


def _work(learner: Learner) -> tuple[float, float]:
    kernel = learner.open_kernel()
    began = time.perf_counter()
    for code in code_cells(LESSON):
        kernel.run(code)
    for code in code_cells(EXERCISE):
        kernel.run(code)
    lesson = time.perf_counter() - began
    kernel.run("import numpy as np\nfrom course_lib.checks import check")
    began = time.perf_counter()
    assert "M06" in kernel.run(WRONG)
    check = time.perf_counter() - began
    kernel.run(RIGHT)
    kernel.close()
    return lesson, check


class Watching:
    """The instructor's page without a browser: follows the stream, over restarts, and notes when what arrived."""

    def __init__(self, address: str, token: str) -> None:
        self._url, self._token = f"{address}/services/class/api/stream", token
        self.arrived: dict[tuple[str, str, int], float] = {}
        self.reconnected = 0
        self._text = ""
        self._heard = time.time()

    def _take(self, chunk: bytes) -> None:
        self._heard = now = time.time()
        *blocks, self._text = (self._text + chunk.decode()).split("\n\n")
        for block in blocks:
            if block.startswith("data: "):
                for learner, task, _, attempts, *_ in json.loads(block[6:])["cells"]:
                    for count in range(attempts, 0, -1):
                        if (learner, task, count) in self.arrived:
                            break
                        self.arrived[learner, task, count] = now

    async def follow(self) -> None:
        """Follow until cancelled."""
        while True:
            self._text = ""
            headers = {"Authorization": f"token {self._token}"}
            client = AsyncHTTPClient(force_instance=True)
            asking = asyncio.ensure_future(
                client.fetch(self._url, headers=headers, streaming_callback=self._take, request_timeout=0)
            )
            self._heard = time.time()
            while not asking.done() and time.time() - self._heard < SILENCE_SECONDS:
                await asyncio.wait([asking], timeout=0.2)
            client.close()
            with suppress(OSError, HTTPClientError, asyncio.CancelledError):
                asking.cancel()
                await asking
            self.reconnected += 1
            await asyncio.sleep(0.5)


async def post_for(
    learner: Learner, outbox: Path, address: str, end: float, sent: dict[tuple[str, str, int], float], pause: float
) -> None:
    """Be a learner: leave a verdict in the outbox every few seconds, while the real sender sends."""
    sender = Sender(outbox, address, learner.token)
    tasks = [task.name for task in TASKS.values() if task.lesson in LESSONS]
    counts: dict[str, int] = {}
    due = time.time() + random.random() * pause
    while time.time() < end or any(outbox.iterdir()):
        if due <= time.time() < end:
            task = random.choice(tasks)
            counts[task] = counts.get(task, 0) + 1
            now = time.time()
            found = {"id": secrets.token_hex(16), "task": task, "status": random.choice(["not_yet", "passed"]),
                     "confusion": random.choice(["M06", "M02", None]), "at": now}  # fmt: skip
            (outbox / f"{int(now * 1e6):020d}.part").write_text(json.dumps(found))
            os.replace(outbox / f"{int(now * 1e6):020d}.part", outbox / f"{int(now * 1e6):020d}.json")
            sent[learner.account, task, counts[task]] = now
            due = now + random.uniform(0.5, 1.5) * pause
        await sender.look()
        await asyncio.sleep(LOOK_MILLISECONDS / 1000)


async def _view(address: str, folder: Path, pid: int, learners: list[Learner], boss: Learner, options: Any) -> Any:
    AsyncHTTPClient.configure(None, max_clients=2 * len(learners))
    url = f"{address}/services/class/"
    sent: dict[tuple[str, str, int], float] = {}
    watching = Watching(address, boss.token)
    following = asyncio.ensure_future(watching.follow())
    await asyncio.sleep(2)
    end = time.time() + 60 * options.minutes
    outboxes = [folder.parent / "outboxes" / one.account for one in learners]
    for outbox in outboxes:
        outbox.mkdir(parents=True)
    posting = [
        post_for(one, outbox, url, end, sent, options.pause) for one, outbox in zip(learners, outboxes, strict=True)
    ]
    kills: list[float] = []

    async def restart() -> None:
        for _ in range(options.restarts):
            await asyncio.sleep(60 * options.minutes / (options.restarts + 1))
            below = children_of(pid)
            (victim,) = [one for one in below if _is_class_view(one) and not children_of(one)]
            kills.append(time.time())
            os.kill(victim, signal.SIGKILL)

    await asyncio.gather(restart(), *posting)
    await asyncio.sleep(3)
    following.cancel()
    return sent, watching, kills


def _is_class_view(pid: int) -> bool:
    return b"course_lib.workshop.classview" in Path(f"/proc/{pid}/cmdline").read_bytes()


def run_view(options: Any) -> dict[str, Any]:
    """Let many learners post for minutes, the service killed in between; count what arrived, and when."""
    with workshop() as (address, folder, pid):
        boss = instructor(address)
        learners = [joined(address, number) for number in range(options.learners)]
        sent, watching, kills = asyncio.run(_view(address, folder, pid, learners, boss, options))
        with closing(sqlite3.connect(folder / "results.sqlite")) as base:
            kept, different = base.execute("SELECT COUNT(*), COUNT(DISTINCT id) FROM results").fetchone()
    delays = {key: watching.arrived[key] - at for key, at in sent.items() if key in watching.arrived}
    calm = [delay for key, delay in delays.items() if not any(kill - 1 < sent[key] < kill + 15 for kill in kills)]
    return {
        "learners": options.learners,
        "minutes": options.minutes,
        "sent": len(sent),
        "kept": kept,
        "lost": len(sent) - different,
        "counted_double": kept - different,
        "seen_on_the_page": len(delays),
        "posts_a_second": round(len(sent) / (60 * options.minutes), 1),
        "restarts_by_kill": len(kills),
        "page_reconnected": watching.reconnected,
        "seconds_to_the_page": percentiles(list(delays.values())),
        "seconds_without_the_restarts": percentiles(calm),
        "mean": round(statistics.mean(delays.values()), 3),
        "processors": os.cpu_count(),
    }


def main() -> None:
    """Measure what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_subparsers(dest="what", required=True)
    servers = what.add_parser("servers")
    servers.add_argument("--servers", type=int, default=20)
    view = what.add_parser("view")
    view.add_argument("--learners", type=int, default=200)
    view.add_argument("--minutes", type=float, default=10)
    view.add_argument("--restarts", type=int, default=2)
    view.add_argument("--pause", type=float, default=10, help="seconds between two checks of a learner, on average")
    options = parser.parse_args()
    print(json.dumps(run_servers(options.servers) if options.what == "servers" else run_view(options), indent=2))


if __name__ == "__main__":
    main()
