"""Work shared among threads, and kernels compiled so that threads can share them."""

import functools
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from threadpoolctl import ThreadpoolController

#: Multiplications not worth the hand-over to other threads: a few milliseconds.
SMALL = 10**8
# Tasks for each thread: planes near a crowded vector take far longer than others.
_TASKS = 8


def count() -> int:
    """Threads that numba is set to use, without changing those of torch.

    Numba's first answer starts its threads, and with them sets the number for every library that
    shares its runtime; torch on more threads than the machine has free is many times slower.

    Examples
    --------
    >>> count() >= 1
    True
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    threads = int(numba.get_num_threads())
    if torch and torch.get_num_threads() != before:
        torch.set_num_threads(before)
    return threads


def share(work: Callable[[slice], None], items: int, cost: int = SMALL) -> None:
    """Do `work` on slices of `items`, on as many threads as numba is set to use.

    Work whose `cost` in multiplications is known to be small is done at once.

    Threads of Python on kernels that release the interpreter's lock: unlike numba's own parallel
    loops they survive a fork and may be entered from several threads at once.

    Examples
    --------
    >>> done = []
    >>> share(lambda part: done.extend(range(part.start, part.stop)), 5)
    >>> sorted(done)
    [0, 1, 2, 3, 4]
    """
    alone = cost < SMALL or count() <= 1 or getattr(_worker, "busy", False)
    tasks = 1 if alone else min(count() * _TASKS, items)
    ends = np.linspace(0, items, tasks + 1).astype(int).tolist()
    for _ in each(work, list(map(slice, ends[:-1], ends[1:]))):
        pass


def each(work: Callable[[Any], Any], items: Sequence[Any]) -> Iterator[Any]:
    """Results of `work` on each of the items, in their order; see `share` for the threads.

    Called from within such work it does its own in the thread it is in.

    Examples
    --------
    >>> list(each(abs, [-1, 2, -3]))
    [1, 2, 3]
    """
    threads = min(count(), len(items))
    if threads <= 1 or getattr(_worker, "busy", False):
        yield from map(work, items)
        return

    yield from _pool(threads).map(work, items)


@functools.cache
def _pool(threads: int) -> ThreadPoolExecutor:
    """Threads that wait for the next call: to start them took longer than a small call's work."""

    def start() -> None:
        _worker.busy = True

    return ThreadPoolExecutor(threads, "neuronbasis", start)


# A forked process has no threads, so it must make a pool of its own.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)
_worker = threading.local()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep the linear algebra library to one thread meanwhile.

    Its threads wait for one another, which on a machine with other work took thirty times as
    long as one alone. The limit is the process's: the first to ask sets it, the last to leave
    lifts it.

    Examples
    --------
    >>> with one_blas_thread():
    ...     product = np.eye(2) @ np.eye(2)
    """
    global _limit, _users
    with _lock:
        if not _users:
            _limit = _libraries().limit(limits=1, user_api="blas")
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                _limit.restore_original_limits()


@functools.cache
def _libraries() -> ThreadpoolController:
    return ThreadpoolController()


_lock = threading.Lock()
_limit: Any = None
_users = 0


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile at the first call, and keep the result where anything can be written."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(function, nogil=True, error_model="numpy", cache=True, **options)
        except RuntimeError:  # neither the package's folder nor the user's cache is writable
            return numba.njit(function, nogil=True, error_model="numpy", **options)

    return decorate


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread within, and as many as before afterwards."""
    import torch  # here, since those who share threads without it need not wait for it

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
