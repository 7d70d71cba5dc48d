"""Deletes what nothing needs any more, such as counts of old attempts and dialogues of long ago. Never money."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from threading import Event, Thread

import structlog

from core.clock import Clock, to_rfc3339
from core.errors import Conflict
from core.store.port import AtMost, Collection, Store

PURGE_S = 60.0
"""Time between two passes."""
PAGE_SIZE = 200
"""Documents of a collection that are deleted in one pass."""

log = structlog.get_logger()


class Purge:
    """Deletes in a thread of its own. Every store needs it, so that there is no other for MongoDB.

    collections: only those that say how long their documents are kept.
    """

    def __init__(self, store: Store, clock: Clock, collections: Iterable[Collection]) -> None:
        self._store = store
        self._clock = clock
        self._kept = [(collection.name, *collection.kept) for collection in collections if collection.kept]
        self._stop = Event()
        self._thread = Thread(target=self._run, name="purge", daemon=True)

    def run_once(self) -> int:
        """Deletes a page of each collection. Returns how many documents that were. Raises StoreUnavailable."""
        return sum(self._delete(name, field, days) for name, field, days in self._kept)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Lets the pass end that is under way."""
        self._stop.set()
        self._thread.join(PURGE_S)

    def _delete(self, name: str, field: str, days: int) -> int:
        before = to_rfc3339(self._clock.now() - timedelta(days=days))
        deleted = 0
        for document in self._store.find(name, {field: AtMost(before)}, order=field, limit=PAGE_SIZE):
            with suppress(Conflict):  # it was used again, or another worker deletes it
                self._store.delete(name, document["id"], document["version"])
                deleted += 1
        return deleted

    def _run(self) -> None:
        while not self._stop.wait(PURGE_S):
            try:
                self.run_once()
            except Exception as error:
                log.warning("purge_failed", error=f"{type(error).__name__}: {error}")
