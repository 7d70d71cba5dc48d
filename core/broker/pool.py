"""The threads that handlers run on: a bounded number, and never two for the same id."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from enum import Enum

import structlog

from core.broker.port import Handle
from core.broker.throttle import ThrottledLog
from core.errors import BrokerUnavailable, StoreUnavailable

log = structlog.get_logger(__name__)

# What a handler works with is away. Nothing is wrong with its operation, which has a due time.
AWAY = (StoreUnavailable, BrokerUnavailable)


class Outcome(Enum):
    """What became of an id that was offered."""

    HANDLED = "handled"
    DEFERRED = "deferred"
    """The store or the broker was away: the operation's due time brings it back."""
    RAISED = "raised"
    NOT_BEGUN = "not_begun"


Done = Callable[[Outcome], None]


class Pool:
    """At most `size` handlers at once. Its threads are made on demand."""

    def __init__(self, handle: Handle, size: int) -> None:
        self.size = size
        self._handle = handle
        self._executor = ThreadPoolExecutor(size, thread_name_prefix="handler")
        self._waiting: dict[str, Done] = {}
        self._running: set[str] = set()
        self._stopped = False
        self._changed = threading.Condition()
        self._log = ThrottledLog()

    @property
    def free(self) -> int:
        """How many more ids would begin at once."""
        return max(0, self.size - len(self._waiting) - len(self._running))

    def offer(self, id: str, done: Done) -> bool:
        """Has the id handled as soon as a thread is free, and then calls done(outcome).

        done must be quick, must not raise and must not use the pool.
        False when this id waits or runs already: then `done` is never called.
        """
        with self._changed:
            if id in self._waiting or id in self._running:
                return False
            if not self._stopped:
                self._waiting[id] = done
                self._executor.submit(self._run, id)
                return True
        done(Outcome.NOT_BEGUN)
        return True

    def stop(self, timeout_s: float) -> bool:
        """Begins nothing more. Returns whether all handlers have ended in time.

        A handler that goes on keeps the process from ending by itself until it returns.
        """
        with self._changed:
            self._stopped = True
            not_begun, self._waiting = self._waiting, {}
        self._executor.shutdown(wait=False, cancel_futures=True)
        for done in not_begun.values():
            done(Outcome.NOT_BEGUN)
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout_s)

    def _run(self, id: str) -> None:
        with self._changed:
            done = self._waiting.pop(id, None)
            if done is None:
                return
            self._running.add(id)
        outcome = Outcome.RAISED
        try:
            # Each handler gets its own context: log fields that it binds must not show in the next one's lines.
            Context().run(self._handle, id)
            outcome = Outcome.HANDLED
        except AWAY as error:
            outcome = Outcome.DEFERRED
            self._log.warning("handler_deferred", id=id, error=str(error))  # in an outage, each handler would log it
        except Exception:
            log.exception("handler_raised", id=id)
        finally:
            with self._changed:
                self._running.discard(id)
                self._changed.notify_all()
                done(outcome)  # inside the lock, so that the pool is not reported as ended before its last outcome
