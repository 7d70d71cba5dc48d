"""Threads of one process take turns at a document. The thread whose turn it is saves the changes of all that wait.

It saves conflicts and writes. Correctness does not rely on it: saves of other processes come between all the same.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from core.errors import StoreUnavailable
from core.store.port import Document, Store, update

MAX_TOGETHER = 64
"""Changes that share a save; bounds how long the first of them waits for the last."""


class Change:
    """A change of a document, and what became of it.

    apply: returns the new document, or None to leave it. It may be called several times, at any later time, and may
        raise.
    error: what it raised, or why it was not saved.
    """

    def __init__(self, apply: Callable[[Document], Document | None]) -> None:
        self.apply = apply
        self.error: Exception | None = None


Save = Callable[[list[Change]], None]
"""Saves changes of one document, and tells each its error."""


class Turns(Protocol):
    def take(self, id: str, change: Change, save: Save) -> None:
        """Waits for the turn at the document with this id, and until the change is saved, by whichever thread."""


def save_together(
    store: Store,
    collection: str,
    id: str,
    changes: list[Change],
    prepare: Callable[[Document], Document] = lambda document: document,
) -> None:
    """Applies the changes one after the other, each to what the last one made, and saves once by compare-and-set.

    That is the same as if they were saved one by one, and nobody came between them. A change that raises is left out.
    prepare: what is done to the document first, in the same save. Nothing is saved if no change changes anything.
    """

    def apply_all(document: Document) -> Document | None:
        new, changed = prepare(document), False
        for change in changes:
            change.error = None
            try:
                applied = change.apply(new)
            except Exception as error:
                change.error = error
                continue
            if applied is not None:
                new, changed = applied, True
        return new if changed else None

    try:
        found = update(store, collection, id, apply_all)
    except BaseException as error:
        # Also for a change that raised: it may have seen what is not saved now.
        _fail(changes, error if isinstance(error, Exception) else StoreUnavailable(reason="interrupted"))
        if not isinstance(error, Exception):
            raise
    else:
        if found is None:
            _fail(changes, ValueError(f"there is no document {id} in {collection}"))


def _fail(changes: list[Change], error: Exception) -> None:
    for change in changes:
        change.error = error


class ThreadTurns:
    """Turns of threads. The one that has waited longest is next, with its own change first."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queues: dict[str, deque[_Place]] = {}
        """The threads that wait, by document. It has a queue, maybe an empty one, while some thread has its turn."""

    def take(self, id: str, change: Change, save: Save) -> None:
        place = _Place(change)
        with self._guard:
            queue = self._queues.get(id)
            if queue is None:
                self._queues[id] = deque()
                place.leads = True
            else:
                queue.append(place)
        if not place.leads:
            place.woken.acquire()
        if place.leads:
            self._lead(id, place, save)

    def _lead(self, id: str, place: "_Place", save: Save) -> None:
        with self._guard:
            queue = self._queues[id]
            followers = [queue.popleft() for _ in range(min(MAX_TOGETHER - 1, len(queue)))]
        try:
            save([place.change, *(follower.change for follower in followers)])
        finally:
            with self._guard:
                if queue:
                    queue[0].leads = True
                    followers.append(queue.popleft())
                else:
                    del self._queues[id]
            for follower in followers:
                follower.woken.release()


class _Place:
    """A place in a queue."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self.leads = False
        self.woken = threading.Lock()
        self.woken.acquire()  # released once the change is saved, or leads
