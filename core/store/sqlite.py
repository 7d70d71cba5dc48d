"""SQLite for many threads and a few processes: one writer thread in each process, and turns between the processes.

The writer commits together what arrives together: many requests share one fsync.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import partial
from typing import Any, TypeVar

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


class Sqlite:
    """A SQLite file with a few readers and one writer thread; a database in memory, where that thread reads as well."""

    def __init__(self, url: str, wait_s: float, prepare: Work[None]) -> None:
        """prepare: makes the tables that are missing."""
        path = sa.make_url(url).database
        memory = path in (None, "", ":memory:")
        self._wait_s = wait_s
        self._turn = nullcontext if memory or not fcntl else partial(_turn, str(path))
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
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="sqlite-writer", daemon=True)
        self._thread.start()
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
        self._jobs.put(job)
        return job.wait(self._wait_s)  # type: ignore[no-any-return]

    def close(self) -> None:
        self._jobs.put(None)
        self._thread.join(self._wait_s)
        while not self._readers.empty():
            if connection := self._readers.get():
                connection.close()

    def _serve(self) -> None:
        with ExitStack() as opened:
            connection: sa.Connection | None = None
            while batch := self._next_batch():
                try:
                    with self._turn():
                        connection = connection or opened.enter_context(self._open())
                        _commit(connection, batch)
                except Exception as error:  # whatever it is, their callers must be told
                    for job in batch:
                        job.error = error
                for job in batch:
                    job.finished.release()

    def _open(self) -> sa.Connection:
        connection = self._engine.connect()
        # In a turn of the writer: processes that start together would refuse each other the first.
        connection.exec_driver_sql("PRAGMA journal_mode=WAL")
        connection.exec_driver_sql("PRAGMA synchronous=FULL")
        return connection

    def _next_batch(self) -> list["_Job"]:
        """The writes that wait, at least one; none when the store is closed."""
        batch = []
        job = self._jobs.get()
        while job:
            batch.append(job)
            if len(batch) == BATCH or self._jobs.empty():
                return batch
            job = self._jobs.get()
        self._jobs.put(None)
        return batch


def _commit(connection: sa.Connection, batch: list["_Job"]) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        for job in batch:
            job.run(connection)
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        connection.connection.rollback()
        raise


class _Job:
    """A write on its way to the writer thread and back."""

    def __init__(self, work: Work[Any]) -> None:
        self._work, self._given_up = work, False
        self._result: Any = None
        self.error: Exception | None = None
        self.finished = threading.Lock()
        self.finished.acquire()

    def run(self, connection: sa.Connection) -> None:
        """Keeps an error that is this write's own; raises one that spoils the whole transaction."""
        if self._given_up:
            return
        try:
            self._result = self._work(connection)
        except (sa.exc.IntegrityError, sa.exc.DataError) as error:
            self.error = error
        except sa.exc.DBAPIError:
            raise
        except Exception as error:  # such as a text that is not Unicode
            self.error = error

    def wait(self, timeout_s: float) -> Any:
        if not self.finished.acquire(timeout=timeout_s):
            self._given_up = True
            raise TimeoutError(f"not written within {timeout_s} s")
        if self.error:
            raise self.error
        return self._result


@contextmanager
def _turn(path: str) -> Iterator[None]:
    """Processes that write one file take turns: who waits holds `.next`, so who has just written cannot overtake."""
    with open(f"{path}.lock", "ab") as lock:
        with open(f"{path}.next", "ab") as waiting:
            fcntl.flock(waiting, fcntl.LOCK_EX)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
