"""Wrong attempts, counted where all processes see it, and before it is known whether they are wrong."""

import hashlib
from datetime import datetime, timedelta

from core.clock import Clock, from_text, to_text
from core.errors import Conflict, Duplicate, TooManyAttempts
from core.store.port import ATTEMPTS, Document, Store

RACES = 50
"""Attempts at the same moment under one name, each of which needs another look; more of them are too many."""


class Attempts:
    """most: attempts in a row that may fail; rest_s: how long it then takes until the next one."""

    def __init__(self, store: Store, clock: Clock, what: str, most: int, rest_s: int) -> None:
        self._store = store
        self._clock = clock
        self._what = what
        self._most = most
        self._rest_s = rest_s

    def begin(self, name: str) -> None:
        """Counts an attempt under this name as failed, for now. Raises TooManyAttempts, StoreUnavailable."""
        id, now = self._id(name), self._clock.now()
        for _ in range(RACES):
            known = self._store.get(ATTEMPTS, id)
            try:
                if known is None:
                    self._store.insert(ATTEMPTS, {"id": id, "failed": 1, "since": to_text(now)})
                    return
                ends = self._rests_until(known)
                if now >= ends:
                    known["failed"] = 0
                elif known["failed"] >= self._most:
                    raise TooManyAttempts(int((ends - now).total_seconds()) + 1)
                self._store.replace(ATTEMPTS, {**known, "failed": known["failed"] + 1, "since": to_text(now)})
                return
            except (Conflict, Duplicate):
                continue
        raise TooManyAttempts(1)

    def forgive(self, name: str) -> None:
        """Takes back the one attempt that succeeded: others under this name have failed. Raises StoreUnavailable."""
        while (known := self._store.get(ATTEMPTS, self._id(name))) is not None:
            try:
                self._store.replace(ATTEMPTS, {**known, "failed": max(0, known["failed"] - 1)})
                return
            except Conflict:
                continue

    def exhausted(self, name: str) -> bool:
        """Whether `begin` would refuse. Raises StoreUnavailable."""
        known = self._store.get(ATTEMPTS, self._id(name))
        return known is not None and known["failed"] >= self._most and self._clock.now() < self._rests_until(known)

    def succeeded(self, name: str) -> None:
        """Forgets what failed under this name. Raises StoreUnavailable."""
        while (known := self._store.get(ATTEMPTS, self._id(name))) is not None:
            try:
                self._store.replace(ATTEMPTS, {**known, "failed": 0})
                return
            except Conflict:
                continue

    def _rests_until(self, known: Document) -> datetime:
        return from_text(known["since"]) + timedelta(seconds=self._rest_s)

    def _id(self, name: str) -> str:
        return hashlib.sha256(f"{self._what}\n{name}".encode()).hexdigest()
