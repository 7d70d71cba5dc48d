"""Work that blocks, where threads are greenlets: it gets a thread of the operating system, and the others go on.

The API's processes have greenlets (see `api.greenlets`), all other processes have threads.
"""

import sys
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

Result = TypeVar("Result")


def in_native_thread(work: Callable[[], Result]) -> Result:
    """Calls it in another thread if this process has greenlets, else here. It must not wait for a greenlet.

    Returns what it returns, and raises what it raises.
    """
    if not _has_greenlets():
        return work()
    from gevent import get_hub  # noqa: PLC0415 - other processes do without it

    outcome: Future[Result] = Future()
    get_hub().threadpool.apply(_complete, (outcome, work))
    return outcome.result()


def _complete(outcome: Future[Result], work: Callable[[], Result]) -> None:
    """Keeps an error: gevent would print it, with the arguments of the work, such as a password."""
    try:
        outcome.set_result(work())
    except BaseException as error:
        outcome.set_exception(error)


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
