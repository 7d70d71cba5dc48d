"""SQLite for many threads and a few processes: writes that wait are committed together, and processes take turns.

Whichever thread comes to write first commits what all have asked for until then: many requests share one fsync, and a
lone one needs no other thread.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import sqlalchemy as sa

try:
    import fcntl
except ImportError:  # not a POSIX system: SQLite's own waiting has to do
    fcntl = None  # type: ignore[assignment]

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]

READERS = 4  # threads queue for them: a read takes microseconds, and more of them only fight for the interpreter
CACHE_KB = 8000  # a connection; the upper levels of the trees of 200,000 documents
BATCH = 128  # writes that share one commit; bounds how long the first of them waits for the last
LOOK_AGAIN_S = 0.0005  # a turn takes a millisecond or two


class Sqlite:
    """A SQLite file with a few readers and one writer, or a database in memory, whose writer reads as well."""

    def __init__(self, url: str, wait_s: float, prepare: Work[None]) -> None:
        """wait_s: how long to wait for others, in seconds; prepare: makes the tables that are missing."""
        path = sa.make_url(url).database
        memory = path in (None, "", ":memory:")
        self._wait_s = wait_s
        self._turns = None if memory or not fcntl else _Turns(str(path), wait_s)
        self._engine = sa.create_engine(
            url,
            poolclass=sa.NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": wait_s, "check_same_thread": False},
        )
        sa.event.listen(
            self._engine, "connect", lambda connection, _: connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        )
        self._readers: queue.SimpleQueue[sa.Connection | None] = queue.SimpleQueue()
        for _ in range(READERS):
            self._readers.put(None)
        if memory:
            self.read = self.write  # type: ignore[method-assign]
        self._writer: sa.Connection | None = None
        self._jobs: deque[_Job] = deque()
        self._writing = threading.Lock()
        try:
            self.write(prepare)
        except BaseException:
            self.close()
            raise

    def read(self, work: Work[Result]) -> Result:
        # A queue, not the engine's pool: with many threads that costs four times the processor time.
        try:
            connection = self._readers.get(timeout=self._wait_s)
        except queue.Empty:
            raise TimeoutError(f"not read within {self._wait_s} s") from None
        try:
            connection = connection or self._engine.connect()
            return work(connection)
        finally:
            self._readers.put(connection)

    def write(self, work: Work[Result]) -> Result:
        job = _Job(work)
        self._jobs.append(job)
        if not self._writing.acquire(timeout=self._wait_s):
            job.given_up = True
            if not job.done:
                raise TimeoutError(f"not written within {self._wait_s} s")
            return job.outcome()  # type: ignore[no-any-return]
        try:
            while not job.done:
                self._commit_batch()
        finally:
            self._writing.release()
        return job.outcome()  # type: ignore[no-any-return]

    def close(self) -> None:
        with self._writing:
            if self._writer:
                self._writer.close()
        while not self._readers.empty():
            if connection := self._readers.get():
                connection.close()

    def _commit_batch(self) -> None:
        """Commits the writes that wait, in their order. Needs `_writing`. Their callers are told of any error."""
        batch = [self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))]
        try:
            if self._turns:
                with self._turns.turn():
                    self._commit(batch)
            else:
                self._commit(batch)
        except BaseException as error:
            for job in batch:
                job.error = (
                    error if isinstance(error, Exception) else TimeoutError("the writing thread was interrupted")
                )
            if not isinstance(error, Exception):
                raise
        finally:
            for job in batch:
                job.done = True

    def _commit(self, batch: list["_Job"]) -> None:
        connection = self._writer = self._writer or self._open()
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        try:
            for job in batch:
                job.run(connection)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.connection.rollback()
            raise

    def _open(self) -> sa.Connection:
        connection = self._engine.connect()
        # In a turn of the writer: processes that start together would refuse each other the first.
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("PRAGMA synchronous=FULL")
        return connection


class _Job:
    """A write, and what became of it."""

    def __init__(self, work: Work[Any]) -> None:
        self._work = work
        self._result: Any = None
        self.error: Exception | None = None
        self.given_up = False
        self.done = False

    def run(self, connection: sa.Connection) -> None:
        """Keeps an error that is this write's own; raises one that spoils the whole transaction."""
        if self.given_up:
            return
        try:
            self._result = self._work(connection)
        except (sa.exc.IntegrityError, sa.exc.DataError) as error:
            self.error = error
        except sa.exc.DBAPIError:
            raise
        except Exception as error:  # such as a text that is not Unicode
            self.error = error

    def outcome(self) -> Any:
        if self.error:
            raise self.error
        return self._result


class _Turns:
    """Processes that write one file take turns: who waits holds `.next`, so who has just written cannot overtake."""

    def __init__(self, path: str, wait_s: float) -> None:
        self._path = path
        self._wait_s = wait_s
        self._files: tuple[IO[bytes], IO[bytes]] | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises TimeoutError when another process does not end its turn, because it is stopped, say."""
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

    def _open(self, name: str) -> IO[bytes]:
        return Path(f"{self._path}.{name}").open("ab")


def _take(file: IO[bytes], give_up_at: float) -> None:
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise TimeoutError("another process does not end its turn") from None
            time.sleep(LOOK_AGAIN_S)  # there is no flock with a time limit
