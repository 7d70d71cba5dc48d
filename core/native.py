"""Work that blocks, where threads are greenlets: it gets a thread of the operating system, and the others go on.

The API's processes have greenlets (see `api.greenlets`), all other processes have threads.
"""

import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


def in_native_thread(work: Callable[[], Result]) -> Result:
    """Calls it in another thread if this process has greenlets, else here. It must not wait for a greenlet.

    Returns what it returns, and raises what it raises.
    """
    if not _has_greenlets():
        return work()
    from gevent import get_hub  # noqa: PLC0415 - other processes do without it

    results: list[Result] = []
    error = get_hub().threadpool.apply(_error_of, (work, results))
    if error is not None:
        raise error
    return results[0]


def _error_of(work: Callable[[], Result], results: list[Result]) -> BaseException | None:
    """Returns the error instead of raising it: gevent would print it, with the work's arguments, such as a password."""
    try:
        results.append(work())
    except BaseException as error:
        return error
    return None


class NativePool(Generic[Result]):
    """Threads of the operating system for one sort of work, which so holds up no other sort.

    Work of it must not wait for a greenlet.
    """

    def __init__(self, threads: int, name: str) -> None:
        self._threads, self._name = threads, name

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        """Begins the work. What is returned ends when the work itself ends, however long somebody waits for it."""
        return self._submit(work)

    @cached_property
    def _submit(self) -> Callable[[Callable[[], Result]], Future[Result]]:
        if not _has_greenlets():
            return ThreadPoolExecutor(self._threads, self._name).submit
        from gevent.threadpool import ThreadPool  # noqa: PLC0415 - other processes do without it

        pool = ThreadPool(self._threads)

        def submit(work: Callable[[], Result]) -> Future[Result]:
            future, results = Future[Result](), list[Result]()

            def end(ended: Any) -> None:
                if ended.value is not None:
                    future.set_exception(ended.value)
                else:
                    future.set_result(results[0])

            pool.spawn(_error_of, work, results).rawlink(end)
            return future

        return submit


def look_up_natively(host: str, port: int) -> list[str]:
    """The addresses of a host by the name servers of this machine, each once. Raises OSError.

    It blocks the thread that it is called in, as gevent's does not: that waits in the threads that all share.
    """
    look_up = socket.getaddrinfo
    if _has_greenlets():
        from gevent.monkey import get_original  # noqa: PLC0415

        look_up = get_original("socket", "getaddrinfo")
    found = look_up(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]).partition("%")[0] for entry in found))


def sleep_natively(seconds: float) -> None:
    """Blocks the thread that it is called in, also where `time.sleep` lets other greenlets go on."""
    sleep = time.sleep
    if _has_greenlets():
        from gevent.monkey import get_original  # noqa: PLC0415

        sleep = get_original("time", "sleep")
    sleep(seconds)


def _has_greenlets() -> bool:
    monkey = sys.modules.get("gevent.monkey")
    return monkey is not None and bool(monkey.is_module_patched("threading"))
