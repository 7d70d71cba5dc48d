"""Locks a name after too many wrong attempts. An attempt is counted in the store before it is checked."""

import hashlib
from collections.abc import Callable
from datetime import datetime, timedelta

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Conflict, Duplicate, TooManyAttempts
from core.store.port import ATTEMPTS, Document, Store, update

MAX_RACES = 50
"""Compare-and-set retries when attempts under one name race; after that, the attempt is refused."""


class Lockout:
    """Counts attempts in a row.

    what: which kind of attempts; names of different kinds do not share a count.
    most: how many may fail in a row.
    rest_s: how long the name is then locked, in seconds.
    """

    def __init__(self, store: Store, clock: Clock, what: str, most: int, rest_s: int) -> None:
        self._store = store
        self._clock = clock
        self._what = what
        self._most = most
        self._rest_s = rest_s

    def begin(self, name: str) -> None:
        """Counts an attempt under this name as failed, for now. Raises TooManyAttempts, StoreUnavailable."""
        id, now = self._id(name), self._clock.now()
        for _ in range(MAX_RACES):
            known = self._store.get(ATTEMPTS, id)
            try:
                if known is None:
                    self._store.insert(ATTEMPTS, {"id": id, "failed": 1, "since": to_rfc3339(now)})
                    return
                ends = self._rests_until(known)
                if now >= ends:
                    known["failed"] = 0
                elif known["failed"] >= self._most:
                    raise TooManyAttempts(int((ends - now).total_seconds()) + 1)
                self._store.replace(ATTEMPTS, {**known, "failed": known["failed"] + 1, "since": to_rfc3339(now)})
                return
            except (Conflict, Duplicate):
                continue
        raise TooManyAttempts(1)

    def forgive(self, name: str) -> None:
        """Takes back the one attempt that succeeded: others under this name have failed. Raises StoreUnavailable."""
        self._set(name, lambda failed: max(0, failed - 1))

    def exhausted(self, name: str) -> bool:
        """Whether `begin` would refuse. Raises StoreUnavailable."""
        known = self._store.get(ATTEMPTS, self._id(name))
        return known is not None and known["failed"] >= self._most and self._clock.now() < self._rests_until(known)

    def succeeded(self, name: str) -> None:
        """Forgets what failed under this name. Raises StoreUnavailable."""
        self._set(name, lambda _: 0)

    def _set(self, name: str, failed: Callable[[int], int]) -> None:
        update(self._store, ATTEMPTS, self._id(name), lambda known: {**known, "failed": failed(known["failed"])})

    def _rests_until(self, known: Document) -> datetime:
        return from_rfc3339(known["since"]) + timedelta(seconds=self._rest_s)

    def _id(self, name: str) -> str:
        return hashlib.sha256(f"{self._what}\n{name}".encode()).hexdigest()
