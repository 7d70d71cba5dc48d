"""PostgreSQL and MySQL, as SqlStore uses them."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from core.store.sqlite import Work
from core.store.table import Statement, Values, Write

IDLE_S = 1.0
"""A connection that was used within this time is taken to be alive. When it is not, its statement fails, and the pool
drops all connections of that age."""
LAST_USE = "last_use_s"


class Server:
    """A pool of connections, and each write its own transaction. The server may be down when it is built."""

    def __init__(self, url: str, wait_s: float, check: Work[None], connections: int) -> None:
        """check: raises for a database that cannot be used yet. It is called before the first use, until it passes.

        connections: at most so many, made when they are needed.
        """
        self._check: Work[None] | None = check
        self._joined: dict[tuple[Statement, ...], Statement] = {}
        self._engine = sa.create_engine(
            url,
            isolation_level="AUTOCOMMIT",
            pool_size=connections,
            max_overflow=0,
            pool_timeout=wait_s,
            connect_args=_time_limits(url, int(wait_s)),
        )
        sa.event.listen(self._engine, "checkin", _note_use)
        sa.event.listen(self._engine, "checkout", self._ping_if_idle)

    def read(self, statement: Statement, values: Values) -> Sequence[str]:
        with self._connected() as connection:
            return connection.execute(statement.sql, values).scalars().all()

    def write(self, *writes: Write) -> int:
        if len(writes) > 1 and self._engine.dialect.name == "postgresql":
            writes = (self._join(writes),)
        with self._connected() as connection:
            if len(writes) > 1:
                # What is not committed is undone when the pool takes the connection back.
                connection.exec_driver_sql("BEGIN")
            rows = [connection.execute(statement.sql, values).rowcount for statement, values in writes]
            if len(writes) > 1:
                connection.exec_driver_sql("COMMIT")
            return rows[-1]

    def _join(self, writes: Sequence[Write]) -> Write:
        """Several insertions as one statement: one round trip to PostgreSQL instead of four."""
        statements = tuple(statement for statement, _ in writes)
        if statements not in self._joined:
            self._joined[statements] = Statement(_joined([statement.sql for statement in statements]))
        values = {
            _numbered(number, name): value for number, (_, row) in enumerate(writes) for name, value in row.items()
        }
        return self._joined[statements], values

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        with self._engine.connect() as connection:
            if self._check:
                self._check(connection)
                self._check = None
            yield connection

    def close(self) -> None:
        self._engine.dispose()

    def _ping_if_idle(self, connection: DBAPIConnection, record: ConnectionPoolEntry, _: PoolProxiedConnection) -> None:
        """A server that was restarted has dropped its connections. To ask before each statement doubles its cost."""
        if time.monotonic() - record.info.get(LAST_USE, float("inf")) < IDLE_S:
            return
        try:
            alive = self._engine.dialect.do_ping(connection)
        except self._engine.dialect.loaded_dbapi.Error:
            alive = False
        if not alive:
            raise sa.exc.DisconnectionError  # the pool then opens another one


def _joined(insertions: Sequence[sa.Executable]) -> sa.Insert:
    """The last insertion with the others as its data-modifying WITH (PostgreSQL 7.8.4): all of them or none."""
    parts = []
    for number, insertion in enumerate(insertions):
        assert isinstance(insertion, sa.Insert)
        columns = insertion.table.columns
        parts.append(insertion.values({c.name: sa.bindparam(_numbered(number, c.name), type_=c.type) for c in columns}))
    return parts[-1].add_cte(*(part.cte(f"insertion_{number}") for number, part in enumerate(parts[:-1])))


def _numbered(number: int, name: str) -> str:
    return f"{name}_of_{number}"


def _time_limits(url: str, wait_s: int) -> dict[str, Any]:
    """The driver's options that make it give up on a silent server."""
    if url.startswith("postgresql"):
        alive = {"keepalives_idle": wait_s, "keepalives_interval": 1, "keepalives_count": 3}
        return {"connect_timeout": wait_s, "tcp_user_timeout": wait_s * 1000, **alive}
    return {"connect_timeout": wait_s, "read_timeout": wait_s, "write_timeout": wait_s}


def _note_use(_: DBAPIConnection | None, record: ConnectionPoolEntry) -> None:
    record.info[LAST_USE] = time.monotonic()
