"""Turns of the processes that write one file, by locks on two files beside it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.native import sleep_natively
from core.private_files import open_private, tighten

try:
    import fcntl
except ImportError:  # not a POSIX system: SQLite's own waiting has to do
    fcntl = None  # type: ignore[assignment]

AVAILABLE = fcntl is not None
LOOK_AGAIN_S = 0.0005  # a turn takes a millisecond or two


class Turns:
    """Processes that write one file take turns. The next one holds `.next`, so that the last one cannot overtake it."""

    def __init__(self, path: str, wait_s: float) -> None:
        self._path = path
        self._wait_s = wait_s
        self._files: tuple[IO[bytes], IO[bytes]] | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises TimeoutError when another process does not end its turn, for example because it is stopped."""
        lock, waiting = self._files = self._files or (self._open("lock"), self._open("next"))
        give_up_at = time.monotonic() + self._wait_s
        _take(waiting, give_up_at)
        try:
            _take(lock, give_up_at)
        finally:
            fcntl.flock(waiting, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(lock, fcntl.LOCK_UN)

    def close(self) -> None:
        files, self._files = self._files, None
        for file in files or ():
            file.close()

    def _open(self, name: str) -> IO[bytes]:
        path = Path(f"{self._path}.{name}")
        tighten(path)
        return open(path, "ab", opener=open_private)


def _take(file: IO[bytes], give_up_at: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise TimeoutError("another process does not end its turn") from None
            sleep_natively(LOOK_AGAIN_S)  # there is no flock with a time limit
