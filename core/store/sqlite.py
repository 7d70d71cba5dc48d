"""SQLite for many threads and a few processes: writes that wait are committed together, and processes take turns.

The first thread that wants to write commits the writes of all threads that wait by then. So many requests share one
fsync, and a single request needs no other thread.
"""

import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from core.native import in_native_thread
from core.private_files import make_private_file, tighten
from core.store.file_turns import AVAILABLE, Turns
from core.store.table import Statement, Values, Write

Result = TypeVar("Result")
Work = Callable[[sa.Connection], Result]

READERS = 4  # connections; a read takes microseconds, and more readers only compete for the interpreter
CACHE_KB = 8000  # for each connection; holds the upper levels of the trees of 200,000 documents
CACHED_STATEMENTS = 256  # for each connection; more than there are forms of questions
BATCH = 128  # writes that share one commit; bounds how long the first of them waits for the last


class Sqlite:
    """A SQLite file with a few readers and one writer, or a database in memory, whose writer reads as well."""

    def __init__(self, url: str, wait_s: float, prepare: Work[None]) -> None:
        """wait_s: how long to wait for others, in seconds; prepare: migrates the database, all of it or nothing."""
        path = sa.make_url(url).database
        memory = path in (None, "", ":memory:")
        self._wait_s = wait_s
        self._turns = Turns(str(path), wait_s) if AVAILABLE and not memory else None
        self._engine = sa.create_engine(
            url,
            poolclass=sa.NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args={"timeout": wait_s, "check_same_thread": False, "cached_statements": CACHED_STATEMENTS},
        )
        sa.event.listen(
            self._engine, "connect", lambda connection, _: connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
        )
        self._memory = memory
        if not memory and not str(path).startswith("file:"):
            with suppress(OSError):  # SQLite says it better
                make_private_file(Path(str(path)))  # the files beside it get the mode of this one
            for suffix in ("-wal", "-shm"):
                tighten(Path(f"{path}{suffix}"))
        self._readers: queue.SimpleQueue[_Opened | None] = queue.SimpleQueue()
        for _ in range(READERS):
            self._readers.put(None)
        self._writer: _Opened | None = None
        self._jobs: deque[_Job] = deque()
        self._queueing = threading.Lock()
        self._led = False
        self._writing = threading.Lock()
        try:
            self.alone(prepare)
        except BaseException:
            self.close()
            raise

    def read(self, statement: Statement, values: Values) -> Sequence[str]:
        """Returns the first column."""
        if self._memory:
            return self._commit(lambda writer: _first_column(writer, statement, values))
        # A queue, not the engine's pool: with many threads that costs four times the processor time.
        try:
            reader = self._readers.get(timeout=self._wait_s)
        except queue.Empty:
            raise TimeoutError(f"not read within {self._wait_s} s") from None
        try:
            reader = reader or _Opened(self._engine)
            return _first_column(reader, statement, values)
        finally:
            self._readers.put(reader)

    def write(self, *writes: Write) -> int:
        """In order, up to the first that fails. Durable when it returns the number of rows that the last one wrote."""

        def run(writer: _Opened) -> int:
            return [writer.raw.execute(statement.sqlite, values).rowcount for statement, values in writes][-1]

        return self._commit(run, len(writes))

    def alone(self, work: Work[Result]) -> Result:
        """Does all of the work or nothing, while no other process writes."""
        return self._commit(lambda writer: _all_or_nothing(writer.connection, work))

    def _commit(self, do: "Callable[[_Opened], Result]", statements: int = 2) -> Result:
        job = _Job(do, statements)
        with self._queueing:
            self._jobs.append(job)
            job.leads, self._led = not self._led, True
        if not job.leads and not job.woken.acquire(timeout=self._wait_s):
            with self._queueing:
                job.given_up = not job.leads and not job.done  # else it is woken at this moment
            if job.given_up:
                raise TimeoutError(f"not written within {self._wait_s} s")
            job.woken.acquire()
        if job.leads:
            self._lead(job)
        return job.outcome()  # type: ignore[no-any-return]

    def _lead(self, job: "_Job") -> None:
        """Commits batches until the job is done. Then whoever has waited longest leads."""
        try:
            with self._writing:
                while not job.done:
                    self._commit_batch()
        finally:
            with self._queueing:
                follower = next((waiting for waiting in self._jobs if not waiting.given_up), None)
                self._led = follower is not None
                if follower is not None:
                    follower.leads = True
                    follower.woken.release()

    def close(self) -> None:
        with self._writing:
            if self._writer:
                self._writer.close()
            if self._turns:
                self._turns.close()
        while not self._readers.empty():
            if connection := self._readers.get():
                connection.close()

    def _commit_batch(self) -> None:
        """Commits the waiting writes in order. Needs `_writing`. Each caller gets its own error."""
        batch = [self._jobs.popleft() for _ in range(min(BATCH, len(self._jobs)))]
        try:
            in_native_thread(partial(self._run_in_turn, batch))
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
                job.woken.release()

    def _run_in_turn(self, batch: list["_Job"]) -> None:
        with self._turns.turn() if self._turns else nullcontext():
            self._run(batch)

    def _run(self, batch: list["_Job"]) -> None:
        writer = self._writer = self._writer or self._open_writer()
        if len(batch) == 1 and batch[0].statements == 1:
            return batch[0].run(writer)  # a transaction of its own: two statements less in the turn
        writer.raw.execute("BEGIN IMMEDIATE")
        try:
            for job in batch:
                job.run(writer)
            writer.raw.execute("COMMIT")
        except BaseException:
            writer.raw.rollback()
            raise

    def _open_writer(self) -> "_Opened":
        writer = _Opened(self._engine)
        # In a turn of the writer: of two processes that start together, one would find the database locked.
        writer.raw.execute("PRAGMA journal_mode=WAL")
        writer.raw.execute("PRAGMA synchronous=FULL")
        return writer


def compact(url: str) -> None:
    """Writes a file anew, without what was deleted in it. No other process may use it meanwhile."""
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text("VACUUM"))
        connection.execute(sa.text("PRAGMA wal_checkpoint(TRUNCATE)"))


class _Opened:
    """A connection: `raw` for statements, which SQLAlchemy would slow down; `connection` for all else."""

    def __init__(self, engine: sa.Engine) -> None:
        self.connection = engine.connect()
        raw = self.connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        self.raw = raw

    def close(self) -> None:
        self.connection.close()


def _first_column(opened: _Opened, statement: Statement, values: Values) -> list[str]:
    return [row[0] for row in opened.raw.execute(statement.sqlite, statement.defaults | values)]


def _all_or_nothing(connection: sa.Connection, work: Work[Result]) -> Result:
    """An error that is this write's own leaves the transaction open for the others of its batch."""
    with connection.begin_nested():
        return work(connection)


class _Job:
    """A write, and what became of it."""

    def __init__(self, do: Callable[[_Opened], Any], statements: int) -> None:
        """statements: how many it runs at least."""
        self._do = do
        self.statements = statements
        self._result: Any = None
        self.error: Exception | None = None
        self.leads = False
        self.woken = threading.Lock()
        self.woken.acquire()  # released once it is done, or leads
        self.given_up = False
        self.done = False

    def run(self, writer: _Opened) -> None:
        """Keeps an error that is this write's own; raises one that spoils the whole transaction."""
        if self.given_up:
            return
        try:
            self._result = self._do(writer)
        except (sqlite3.IntegrityError, sqlite3.DataError, sa.exc.IntegrityError, sa.exc.DataError) as error:
            self.error = error
        except (sqlite3.Error, sa.exc.DBAPIError):
            raise
        except Exception as error:  # such as a text that is not Unicode
            self.error = error

    def outcome(self) -> Any:
        if self.error:
            raise self.error
        return self._result
