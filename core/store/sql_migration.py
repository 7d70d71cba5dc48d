"""Migrates a SQL database: one process at a time, the others wait and find nothing left to do."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa

from core.errors import StoreUnavailable
from core.store.migration import State
from core.store.migrations import HEAD
from core.store.port import Collection
from core.store.revisions import revision_of
from core.store.schema import Schema
from core.store.sql import unavailable, with_driver
from core.store.sqlite import Result, Sqlite, Work

WAIT_S = 600
"""How long to wait for another process that migrates, in seconds."""
CONNECT_S = 5
TABLE_WAIT_S = 10
"""How long to wait for statements of others on a table that is to be changed, in seconds. Later statements wait behind
the change."""
ADVISORY_LOCK = 7_102_583_114_667
"""PostgreSQL's number for the lock, of no meaning."""


class SqlMigration:
    """The Migration port. url: as of SqlStore."""

    def __init__(self, url: str, collections: Mapping[str, Collection]) -> None:
        self._schema = Schema(collections)
        url = with_driver(url)
        with unavailable():
            self._database = _File(url) if url.startswith("sqlite") else _Server(url)

    def state(self) -> State:
        with unavailable():
            return self._database.alone(self._look)

    def run(self) -> None:
        with unavailable():
            self._database.alone(self._schema.migrate)

    def close(self) -> None:
        self._database.close()

    def _look(self, connection: sa.Connection) -> State:
        before = revision_of(connection)
        return State(before or "an empty database", HEAD, tuple(self._schema.pending(connection)))


class _File:
    """SQLite: the turn of the writer keeps others out."""

    def __init__(self, url: str) -> None:
        self._sqlite = Sqlite(url, WAIT_S, lambda _: None)

    def alone(self, work: Work[Result]) -> Result:
        return self._sqlite.alone(work)

    def close(self) -> None:
        self._sqlite.close()


class _Server:
    """PostgreSQL or MySQL: a lock that the server keeps, until the connection is closed."""

    def __init__(self, url: str) -> None:
        self._engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args={"connect_timeout": CONNECT_S})

    def alone(self, work: Work[Result]) -> Result:
        with self._engine.connect() as connection, _locked(connection):
            result = work(connection)
            connection.commit()  # before the lock is given back
            return result

    def close(self) -> None:
        self._engine.dispose()


@contextmanager
def _locked(connection: sa.Connection) -> Iterator[None]:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{WAIT_S}s'"))
        connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{TABLE_WAIT_S}s'"))
        yield
        return
    # MySQL's names are the whole server's.
    lock = "CONCAT('quittance.', MD5(DATABASE()))"
    if connection.scalar(sa.text(f"SELECT GET_LOCK({lock}, {WAIT_S})")) != 1:
        raise StoreUnavailable(reason="another process has not finished migrating")
    connection.execute(sa.text(f"SET SESSION lock_wait_timeout = {TABLE_WAIT_S}"))
    try:
        yield
    finally:
        connection.execute(sa.text(f"SELECT RELEASE_LOCK({lock})"))
