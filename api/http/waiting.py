"""`Prefer: wait=N`: holding a status request until there is news."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from flask import current_app

from core.operation import Operation

POLL_S = 0.1


class WaitingRoom:
    """At most `seats` requests of a process wait at once. Others are answered at once."""

    def __init__(self, seats: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._seats = threading.BoundedSemaphore(seats)
        self._sleep = sleep

    def wait(self, load: Callable[[], Operation], seconds: float, seen_version: int | None) -> Operation:
        """Waits until the operation has ended or is newer than the client's version, `seconds` at most."""
        with self._seat() as seated:
            for _ in range(int(seconds / POLL_S) if seated else 0):
                operation = load()
                if operation.terminal or (seen_version is not None and operation.version != seen_version):
                    return operation
                self._sleep(POLL_S)
        return load()

    @contextmanager
    def _seat(self) -> Iterator[bool]:
        taken = self._seats.acquire(blocking=False)
        try:
            yield taken
        finally:
            if taken:
                self._seats.release()


def waiting_room() -> WaitingRoom:
    """The app's waiting room."""
    found: WaitingRoom = current_app.extensions["waiting"]
    return found
