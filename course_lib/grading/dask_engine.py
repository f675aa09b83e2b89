"""Mark on many machines: the same processes as on one, started by the workers of a dask cluster.

Each worker keeps its own process of `serving`, and with it its own marker, from one submission to the next. A worker
that is killed loses the submission that it was at, which another worker gets; a result is written down here as soon as
it is there.
"""

import atexit
import importlib
import queue
from collections.abc import Iterable, Iterator
from typing import Any, Self

from course_lib.errors import GradingError
from course_lib.grading.batch import checks_digest
from course_lib.grading.engines import MOST_TRIES, Child, Outcome
from course_lib.grading.serving import Options
from course_lib.grading.submission import Submission

_SECONDS_TO_CONNECT = 20
_AHEAD = 2  # submissions that wait at a worker, so that it need not wait for us

# On a worker: its processes that are free, by the options that they mark with.
_FREE: dict[Options, "queue.SimpleQueue[Child]"] = {}


def mark_on_worker(options: Options, submission: Submission) -> dict[str, Any]:
    """Mark a submission with a process of this worker; run by dask."""
    child = _take(options)
    child.begin(submission)
    outcome = child.finish()
    if outcome is None:
        child.kill()
        return {"died": True}
    _FREE[options].put(child)
    if outcome.marked is None:
        return {"failed": outcome.failure}
    return {"marked": outcome.marked}


def prepare_worker(options: Options) -> str:
    """Start a process of this worker, to see that it can; return the digest of its checks."""
    _FREE.setdefault(options, queue.SimpleQueue()).put(_take(options))
    return checks_digest()


def _take(options: Options) -> Child:
    try:
        return _FREE.setdefault(options, queue.SimpleQueue()).get_nowait()
    except queue.Empty:
        child = Child(options)
        child.await_ready()
        return child


@atexit.register
def _end_all() -> None:
    for free in _FREE.values():
        while not free.empty():
            free.get().close()


class DaskEngine:
    """The workers of a scheduler.

    Parameters
    ----------
    options : Options
    address : str
        Where the scheduler is, such as ``"tcp://10.0.0.1:8786"``.
    """

    def __init__(self, options: Options, address: str) -> None:
        self.options, self.address = options, address
        self._client: Any = None

    def __enter__(self) -> Self:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError as error:
            raise GradingError("--dask needs dask: pip install 'self-attention-course[dask]'.") from error
        try:
            self._client = distributed.Client(self.address, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
            self._examine(self._client.run(prepare_worker, self.options))
        except (OSError, TimeoutError, ValueError) as error:
            self.__exit__()
            raise GradingError(
                f"There is no dask scheduler at {self.address}: {error}. Start one with `dask scheduler`, and workers "
                f"with `dask worker {self.address} --nthreads 1`."
            ) from error
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        if self._client is not None:
            self._client.close(timeout=10)
            self._client = None

    def _examine(self, digests: dict[str, str]) -> None:
        if not digests:
            raise GradingError(
                f"The scheduler at {self.address} has no workers. Start some with "
                f"`dask worker {self.address} --nthreads 1`, on machines that have the course."
            )
        other = sorted(worker for worker, digest in digests.items() if digest != checks_digest())
        if other:
            raise GradingError(f"The course on {', '.join(other)} is another one than here: install the same on all.")

    def run(self, submissions: Iterable[Submission]) -> Iterator[Outcome]:
        """Yield an outcome for each submission, in the order in which they end."""
        coming = iter(submissions)
        waiting: dict[Any, tuple[Submission, int]] = {}
        done: Any = importlib.import_module("distributed").as_completed(loop=self._client.loop)

        def hand_out(submission: Submission | None, tries: int = 0) -> None:
            if submission is not None:
                future = self._client.submit(mark_on_worker, self.options, submission, pure=False)
                waiting[future] = (submission, tries)
                done.add(future)

        for _ in range(_AHEAD * max(1, sum(self._client.nthreads().values()))):
            hand_out(next(coming, None))
        for future in done:
            submission, tries = waiting.pop(future)
            answer = self._answer(future)
            if "lost" in answer:
                hand_out(submission, tries)
            elif "died" in answer and tries + 1 < MOST_TRIES:
                hand_out(submission, tries + 1)
            else:
                hand_out(next(coming, None))
                died = f"{MOST_TRIES} processes that mark ended over it"
                yield Outcome(submission, answer.get("marked"), str(answer.get("failed", died)))

    def _answer(self, future: Any) -> dict[str, Any]:
        """Return what `mark_on_worker` gave; "lost" where it was lost with its worker, "died" where it kills them."""
        from distributed import CancelledError, KilledWorker

        try:
            answer: dict[str, Any] = future.result(timeout=_SECONDS_TO_CONNECT)
        except KilledWorker:
            return {"died": True}
        except (CancelledError, TimeoutError, OSError) as error:
            if self._client.status != "running" or "connection" in str(error):
                raise GradingError(
                    f"The scheduler at {self.address} is gone. What was marked is kept: go on with --resume."
                ) from error
            return {"lost": True}
        return answer
