"""Work that blocks, where threads are greenlets: it gets a thread of the operating system, and the others go on.

The API's processes have greenlets (see `api.greenlets`), all other processes have threads.
"""

import sys
import time
from collections.abc import Callable
from typing import TypeVar

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
