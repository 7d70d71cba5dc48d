"""Seals a store, opens it again, and brings its documents under another key. Each may be interrupted and run again."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from core.errors import Conflict, Duplicate
from core.sealing import BrokenSeal, Sealing
from core.store.at_rest import CHECK_EVERY_S, Misfit, State, altered, mark, marker, not_sealed, require_keys, stated
from core.store.port import Collection, Document, Store, scan
from core.store.sealed import Forms, is_sealed

THREADS = 8
"""Documents that are written at once: SQLite commits them together, and a server takes them side by side."""
BATCH = 200
MAX_PASSES = 10
"""Each but the first needs somebody to have written a document under another key since."""
ALONE_PASSES = 2
"""Where nobody else may use the store: the second one finds who does."""
NOTICED_S = 2 * CHECK_EVERY_S
"""After so long, in seconds, every process of this release has seen the marker, and has ended the verb it was in."""


@dataclass
class Done:
    """What became of documents.

    rewritten: how many. left: those that others saved under an earlier key, or without one, until the last pass.
    broken: those that do not open, as `collection/id`.
    """

    rewritten: int = 0
    left: int = 0
    broken: list[str] = field(default_factory=list)


Step = Callable[[Collection, Document], bool]
"""Rewrites a stored document if that is needed; whether it was. Raises Conflict, BrokenSeal."""


class Resealing:
    """store: as the database has it. seen: called with the number of documents that were looked at since the last call.
    wait: waits so many seconds for processes that run on to see that the store is being changed.

    Every verb raises Misfit for keys that are not the store's, and StoreUnavailable.
    """

    def __init__(
        self,
        store: Store,
        sealing: Sealing,
        collections: Mapping[str, Collection],
        seen: Callable[[int], object] = lambda number: None,
        wait: Callable[[float], object] = lambda seconds: None,
    ) -> None:
        self._store = store
        self._forms = Forms(sealing)
        self._sealing = sealing
        self._collections = [collection for collection in collections.values() if collection.sealed]
        self._seen = seen
        self._wait = wait

    def seal(self) -> Done:
        """Seals what is not sealed yet. It is not done while another process uses the store.

        Raises Misfit for a store that is sealed: what is not sealed in it was put there by somebody without the keys.
        """
        self._mark(State.SEALING)
        return self._finished(self._alone(self._seal), State.SEALED)

    def unseal(self) -> Done:
        """Opens what is sealed, for good. It is not done while another process uses the store."""
        self._mark(State.UNSEALING)
        return self._finished(self._alone(self._unseal), State.PLAIN)

    def rotate(self) -> Done:
        """Brings all documents under the key that seals now, while others use the store."""

        def require(found: Document | None) -> None:
            if found is None or found["state"] != State.SEALED:
                raise not_sealed()
            require_keys(found, self._sealing)

        mark(self._store, require)
        return self._finished(self._passes(self._renew), State.SEALED)

    def _mark(self, state: State) -> None:
        def change(found: Document | None) -> Document:
            if found is not None and found["state"] != State.PLAIN:
                require_keys(found, self._sealing)
                if state is State.SEALING and found["state"] == State.SEALED:
                    raise Misfit(
                        "The store is sealed: there is nothing to do. `quittance data rotate` lists what does not open."
                    )
                return {**found, **stated(state, self._sealing)}
            if state is State.UNSEALING:
                raise Misfit("The store is not sealed: there is nothing to do.")
            # All of them: who writes into the store puts a document that is not sealed before those that are.
            if any(is_sealed(each) for name in self._collections for each in scan(self._store, name.name, {})):
                raise altered()
            return marker(state, self._sealing)

        mark(self._store, change)

    def _finished(self, done: Done, state: State) -> Done:
        """Marks the store, unless something is left. The token of the marker then is of the key that seals now."""
        if not done.left and not done.broken:
            mark(self._store, lambda found: marker(state, None if state is State.PLAIN else self._sealing))
        return done

    def _alone(self, step: Step) -> Done:
        """What is found in the second pass was written by somebody else since the first: that is left."""
        self._wait(NOTICED_S)
        done, rewritten = Done(), 0
        for _ in range(ALONE_PASSES):
            rewritten, done.left, done.broken = done.rewritten, 0, []
            for collection in self._collections:
                self._pass(collection, step, done)
        done.left += done.rewritten - rewritten
        return done

    def _passes(self, step: Step) -> Done:
        done = Done()
        for _ in range(MAX_PASSES):
            before = done.rewritten
            done.left, done.broken = 0, []
            for collection in self._collections:
                self._pass(collection, step, done)
            if done.rewritten == before and not done.left:
                break
        return done

    def _pass(self, collection: Collection, step: Step, done: Done) -> None:
        with ThreadPoolExecutor(THREADS) as pool:
            for batch in _batches(scan(self._store, collection.name, {})):
                for document, outcome in zip(batch, pool.map(partial(_tried, step, collection), batch), strict=True):
                    done.rewritten += outcome is True
                    done.left += outcome is None
                    if isinstance(outcome, BrokenSeal):
                        done.broken.append(f"{collection.name}/{document['id']}")
                self._seen(len(batch))

    def _seal(self, collection: Collection, stored: Document) -> bool:
        if is_sealed(stored):
            return False
        return self._put(collection, stored, self._forms.sealed(collection, stored))

    def _unseal(self, collection: Collection, stored: Document) -> bool:
        if not is_sealed(stored):
            return False
        return self._put(collection, stored, self._forms.opened(collection, stored))

    def _renew(self, collection: Collection, stored: Document) -> bool:
        if self._forms.is_latest(collection, stored):
            return False
        self._store.replace(collection.name, self._forms.sealed(collection, self._forms.opened(collection, stored)))
        return True

    def _put(self, collection: Collection, stored: Document, wanted: Document) -> bool:
        """Stores a document in another form: under its id, or under another one and then no more under this one.

        Who dies between these two finds both, and the second is as good as the first.
        """
        if wanted["id"] == stored["id"]:
            self._store.replace(collection.name, wanted)
            return True
        with suppress(Duplicate):
            self._store.insert(collection.name, wanted)
        self._store.delete(collection.name, stored["id"], stored["version"])
        return True


def _tried(step: Step, collection: Collection, stored: Document) -> bool | BrokenSeal | None:
    """None where somebody has changed the document meanwhile."""
    try:
        return step(collection, stored)
    except Conflict:
        return None
    except BrokenSeal as error:
        return error


def _batches(documents: Iterable[Document]) -> Iterable[list[Document]]:
    batch: list[Document] = []
    for document in documents:
        batch.append(document)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
