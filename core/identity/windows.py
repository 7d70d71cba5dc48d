"""How often something happened under a name within a sliding window of time, counted in the store."""

import hashlib
from collections.abc import Iterable
from datetime import timedelta

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Conflict, Duplicate, TooManyAttempts
from core.store.port import ATTEMPTS, Document, Store, update

MAX_RACES = 50
"""Compare-and-set retries when counts under one name race; after that, the attempt is refused."""


class Window:
    """Every verb raises StoreUnavailable.

    what: what is counted; names of different kinds do not share a count.
    most: how often it may happen within the window.
    within_s: the length of the window, at most a day: documents of attempts are kept for that long.
    """

    def __init__(self, store: Store, clock: Clock, what: str, most: int, within_s: int) -> None:
        self._store = store
        self._clock = clock
        self._what = what
        self._most = most
        self._within = timedelta(seconds=within_s)

    def count(self, name: str) -> str:
        """Counts one more, and returns its time. Raises TooManyAttempts, until the oldest leaves the window."""
        id, now = self._id(name), self._clock.now()
        for _ in range(MAX_RACES):
            known = self._store.get(ATTEMPTS, id)
            times = self._within_window(known) if known else []
            if len(times) >= self._most:
                free = from_rfc3339(times[-self._most]) + self._within
                raise TooManyAttempts(int((free - now).total_seconds()) + 1)
            counted = {"id": id, "since": to_rfc3339(now), "times": [*times, to_rfc3339(now)]}
            try:
                if known is None:
                    self._store.insert(ATTEMPTS, counted)
                else:
                    self._store.replace(ATTEMPTS, {**counted, "version": known["version"]})
                return to_rfc3339(now)
            except (Conflict, Duplicate):
                continue
        raise TooManyAttempts(1)

    def full(self, name: str) -> bool:
        """Whether `count` would refuse."""
        known = self._store.get(ATTEMPTS, self._id(name))
        return known is not None and len(self._within_window(known)) >= self._most

    def take_back(self, name: str, at: str) -> None:
        """Does not count any more what happened at this time."""

        def without(known: Document) -> Document | None:
            times = list(known["times"])
            if at not in times:
                return None
            times.remove(at)
            return {**known, "times": times}

        update(self._store, ATTEMPTS, self._id(name), without)

    def forget(self, name: str) -> None:
        """Does not count any more what happened under this name."""
        update(self._store, ATTEMPTS, self._id(name), lambda known: {**known, "times": []})

    def _within_window(self, known: Document) -> list[str]:
        begins = self._clock.now() - self._within
        return [at for at in known["times"] if from_rfc3339(at) > begins]

    def _id(self, name: str) -> str:
        return hashlib.sha256(f"{self._what}\n{name}".encode()).hexdigest()


Counted = tuple[Window, str, str]
"""A window, a name in it, and the time that was counted."""


def count_all(counts: Iterable[tuple[Window, str]]) -> list[Counted]:
    """Counts one more under each name; under none, if a window refuses. Raises TooManyAttempts, StoreUnavailable."""
    begun: list[Counted] = []
    try:
        for window, name in counts:
            begun.append((window, name, window.count(name)))
    except TooManyAttempts:
        take_back_all(begun)
        raise
    return begun


def take_back_all(counted: list[Counted]) -> None:
    """Does not count any more what `count_all` counted."""
    for window, name, at in counted:
        window.take_back(name, at)
