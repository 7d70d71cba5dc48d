"""The callbacks: those that wait to be sent, and what was sent. They are in the books, and survive a restart."""

import json
import math
import threading
from typing import NamedTuple

from mock_api.answers import FORGED, UNREACHABLE
from mock_api.books import Books, Order

_TABLE = """
CREATE TABLE IF NOT EXISTS callbacks (seq INTEGER PRIMARY KEY, partner TEXT, request_id TEXT, kind TEXT, due REAL,
  doc TEXT);
CREATE INDEX IF NOT EXISTS callbacks_due ON callbacks (due) WHERE due IS NOT NULL;
"""
KEPT = 1_000
"""How many sent callbacks are remembered."""
FINAL, LATE = "final", "late"
KINDS = (FINAL, LATE, FORGED, UNREACHABLE)
"""They tell the outcome; the outcome, put off by a fault; a success, true or not; that the phone cannot be reached."""


class Waiting(NamedTuple):
    """A callback to be sent.

    kind: one of KINDS.
    due: when to send it, in seconds since 1970.
    """

    seq: int
    partner: str
    request_id: str
    kind: str
    due: float


class Outbox:
    """Reads and writes the callbacks in the books. Its writes belong to the transaction they are made in."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self._lock = threading.Lock()
        books.script(_TABLE)
        self._next_due = 0.0

    def add(self, order: Order, kind: str, due: float) -> None:
        """Stores a callback to be sent when `due`, in seconds since 1970."""
        row = (order.partner, order.request_id, kind, due)
        self._books.write("INSERT INTO callbacks (partner, request_id, kind, due) VALUES (?, ?, ?, ?)", *row)
        with self._lock:
            self._next_due = min(self._next_due, due)

    def take_due(self, now: float) -> list[Waiting]:
        """Returns the callbacks that are due. Each is returned once: a process killed while sending loses it."""
        with self._lock:
            if now < self._next_due:
                return []
            self._next_due = math.inf
        with self._books.transaction():
            found = self._books.rows(
                "SELECT seq, partner, request_id, kind, due FROM callbacks WHERE due <= ? ORDER BY due, seq", now
            )
            self._books.write("UPDATE callbacks SET due = NULL WHERE due <= ?", now)
            following = self._books.one("SELECT min(due) FROM callbacks WHERE due IS NOT NULL")
        with self._lock:
            if following is not None and following[0] is not None:
                self._next_due = min(self._next_due, float(str(following[0])))
        return [Waiting(int(str(a)), str(b), str(c), str(d), float(str(e))) for a, b, c, d, e in found]

    def note(self, waiting: Waiting, doc: dict[str, object]) -> None:
        """Remembers what became of a callback. Forgets the oldest."""
        self._books.write("UPDATE callbacks SET doc = ? WHERE seq = ?", json.dumps(doc), waiting.seq)
        old = "DELETE FROM callbacks WHERE due IS NULL AND seq <= ?"
        self._books.write(old, waiting.seq - KEPT)

    def newest(self, limit: int) -> list[dict[str, object]]:
        """Returns the callbacks, newest first; those to be sent have the state "waiting"."""
        query = "SELECT seq, partner, request_id, kind, doc FROM callbacks ORDER BY seq DESC LIMIT ?"
        found = self._books.rows(query, limit)
        return [
            {"dialect": partner, "request_id": request_id, "kind": kind}
            | (json.loads(str(doc)) if doc else {"state": "waiting"})
            for _, partner, request_id, kind, doc in found
        ]

    def clear(self) -> None:
        self._books.write("DELETE FROM callbacks")
