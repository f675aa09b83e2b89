"""Work shared out among threads; NumPy's own products then run on one processor each."""

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

Piece = TypeVar("Piece")
_CAN_START = sys.platform != "emscripten"  # a thread, in a browser, cannot be started


def count_processors() -> int:
    """Return how many processors this process may use; 1 where there are no threads (in a browser)."""
    if not _CAN_START:
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share_out(pieces: Iterable[Piece], make_worker: Callable[[], Callable[[Piece], None]], n_threads: int) -> None:
    """Let `n_threads` workers call themselves on the pieces, each on the next one that is left."""
    queue = list(pieces)[::-1]

    def work() -> None:
        worker = make_worker()
        while queue:
            try:
                piece = queue.pop()  # one step for the interpreter, so that no two threads get the same piece
            except IndexError:
                return
            worker(piece)

    with products_on_one_processor():
        if n_threads == 1 or len(queue) < 2 or not _CAN_START:
            work()
            return
        with ThreadPoolExecutor(n_threads - 1) as pool:
            others = [pool.submit(work) for _ in range(n_threads - 1)]
            try:
                work()
            except BaseException:
                queue.clear()  # let the others stop after their piece
                raise
            for other in others:
                other.result()


_users_of_one_processor = 0
_before: Any = None
_lock = threading.Lock()


@contextmanager
def products_on_one_processor() -> Iterator[None]:
    """Keep the library behind `@` from starting threads of its own; calls from several threads share one limit."""
    global _users_of_one_processor, _before
    controller = _controller()
    with _lock:
        if _users_of_one_processor == 0 and controller is not None:
            _before = controller.limit(limits=1, user_api="blas")
        _users_of_one_processor += 1
    try:
        yield
    finally:
        with _lock:
            _users_of_one_processor -= 1
            if _users_of_one_processor == 0 and _before is not None:
                _before.restore_original_limits()
                _before = None


@cache
def _controller() -> Any:
    try:
        from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]
    except ImportError:
        return None
    return ThreadpoolController()
