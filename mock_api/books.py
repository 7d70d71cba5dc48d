"""The books: the sandbox's state, in one SQLite file. It survives the process and needs little memory."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_TABLES = """
CREATE TABLE IF NOT EXISTS requests (partner TEXT, request_id TEXT, call TEXT, content TEXT, status TEXT, reason TEXT,
  transaction_id TEXT, at TEXT, PRIMARY KEY (partner, request_id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS later (partner TEXT, request_id TEXT, call TEXT, content TEXT, due REAL,
  PRIMARY KEY (partner, request_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS later_due ON later (due);
CREATE TABLE IF NOT EXISTS effects (seq INTEGER PRIMARY KEY, type TEXT, doc TEXT);
CREATE INDEX IF NOT EXISTS effects_type ON effects (type, seq);
CREATE TABLE IF NOT EXISTS notes (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counts (call TEXT, key TEXT, n INTEGER, PRIMARY KEY (call, key)) WITHOUT ROWID;
"""


class Order(NamedTuple):
    """A call that has an effect.

    partner: which partner got it.
    call: its name, such as debit.
    content: its fields as they were sent, without the request id.
    """

    partner: str
    call: str
    request_id: str
    content: dict[str, str]


class Request(NamedTuple):
    """The state of an order.

    status: PENDING, SUCCESSFUL or FAILED.
    reason: why it failed, or None.
    transaction_id: the partner's id of a successful one, or None.
    at: when it became final, as in `/_truth`, or None.
    """

    order: Order
    status: str
    reason: str | None
    transaction_id: str | None
    at: str | None = None


class Books:
    """Reads and writes the state file. `transaction` groups writes, and is held by one thread at a time."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        # Without syncs a killed process loses nothing, but a power cut may: that is good enough for a sandbox.
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _TABLES)
        if not any(row[1] == "at" for row in self.rows("PRAGMA table_info(requests)")):
            self._db.execute("ALTER TABLE requests ADD COLUMN at TEXT")  # a file of an earlier version

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keeps all writes made inside, or none of them if an exception is raised."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def one(self, query: str, *values: object) -> tuple[object, ...] | None:
        with self._lock:
            row: tuple[object, ...] | None = self._db.execute(query, values).fetchone()
        return row

    def rows(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with self._lock:
            found: list[tuple[object, ...]] = self._db.execute(query, values).fetchall()
        return found

    def script(self, statements: str) -> None:
        """Runs SQL statements, such as those that create tables."""
        with self._lock:
            self._db.executescript(statements)

    def write(self, query: str, *values: object) -> None:
        with self._lock:
            self._db.execute(query, values)

    def request(self, partner: str, request_id: str) -> Request | None:
        row = self.one("SELECT * FROM requests WHERE partner = ? AND request_id = ?", partner, request_id)
        if row is None:
            return None
        _, _, call, content, status, *rest = row
        order = Order(partner, str(call), request_id, json.loads(str(content)))
        reason, transaction_id, at = (None if value is None else str(value) for value in rest)
        return Request(order, str(status), reason, transaction_id, at)

    def save_request(self, request: Request) -> None:
        partner, call, request_id, content = request.order
        row = (partner, request_id, call, json.dumps(content), *request[1:])
        self.write("INSERT OR REPLACE INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row)

    def defer(self, order: Order, due: float) -> None:
        """Stores an order to be carried out later. An order that is already deferred keeps its time.

        due: in seconds since 1970.
        """
        row = (order.partner, order.request_id, order.call, json.dumps(order.content), due)
        self.write("INSERT OR IGNORE INTO later VALUES (?, ?, ?, ?, ?)", *row)

    def take_due(self, now: float) -> tuple[Order, float] | None:
        """Removes the earliest deferred order that is due. Returns it and its due time, or None.

        now: in seconds since 1970, as is the returned time.
        """
        row = self.one("SELECT * FROM later WHERE due <= ? ORDER BY due LIMIT 1", now)
        if row is None:
            return None
        partner, request_id, call, content, due = row
        self.write("DELETE FROM later WHERE partner = ? AND request_id = ?", partner, request_id)
        return Order(str(partner), str(call), str(request_id), json.loads(str(content))), float(str(due))

    def drop_deferred(self, order: Order) -> None:
        self.write("DELETE FROM later WHERE partner = ? AND request_id = ?", order.partner, order.request_id)

    def next_due(self) -> float | None:
        row = self.one("SELECT min(due) FROM later")
        return None if row is None or row[0] is None else float(str(row[0]))

    def note(self, key: str) -> str | None:
        row = self.one("SELECT value FROM notes WHERE key = ?", key)
        return None if row is None else str(row[0])

    def write_note(self, key: str, value: str) -> None:
        self.write("INSERT OR REPLACE INTO notes VALUES (?, ?)", key, value)

    def count(self, call: str, key: str) -> int:
        """Counts a `call` about `key`. Returns how many there have been."""
        with self._lock:
            self.write("INSERT INTO counts VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET n = n + 1", call, key)
            row = self.one("SELECT n FROM counts WHERE call = ? AND key = ?", call, key)
        assert row is not None
        return int(str(row[0]))

    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._db.execute("SELECT call, sum(n) FROM counts GROUP BY call").fetchall())

    def add_effect(self, kind: str, doc: dict[str, str]) -> None:
        self.write("INSERT INTO effects (type, doc) VALUES (?, ?)", kind, json.dumps(doc))

    def newest_effects(self, kind: str, limit: int) -> list[dict[str, str]]:
        rows = self.rows("SELECT doc FROM effects WHERE type = ? ORDER BY seq DESC LIMIT ?", kind, limit)
        return [json.loads(str(doc)) for (doc,) in rows]

    def last_effect(self) -> int:
        row = self.one("SELECT coalesce(max(seq), 0) FROM effects")
        assert row is not None
        return int(str(row[0]))

    def effects(self, kind: str | None, after: int, upto: int, batch: int = 1000) -> Iterator[tuple[int, str, str]]:
        """Yields the effects with after < seq <= upto, in order, as (seq, type, JSON text).

        kind: the type of effects; None for all.
        batch: effects read at once.
        """
        query = "SELECT seq, type, doc FROM effects WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?"
        if kind is not None:
            query = query.replace("WHERE", "WHERE type = ? AND")
        while True:
            values = ([] if kind is None else [kind]) + [after, upto, batch]
            with self._lock:
                rows: list[tuple[int, str, str]] = self._db.execute(query, values).fetchall()
            yield from rows
            if len(rows) < batch:
                return
            after = rows[-1][0]

    def clear(self) -> None:
        for table in ("requests", "later", "effects", "notes", "counts"):
            self.write(f"DELETE FROM {table}")  # noqa: S608 - of the five names above

    def close(self) -> None:
        with self._lock:
            self._db.close()
