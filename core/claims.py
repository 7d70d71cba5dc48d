"""Values that only one document may have, such as fingerprints, usernames, phones and fines: a claim for each value.

The database guarantees nothing but unique ids, so a claim has the value as its id, and names the document that holds
it. It is written before that document has the value, and stays when the document loses it: then it can be taken over.
A claim is never deleted. Inserted again, it would start at version 1, and a writer that was paused over the old one
could overwrite the new one.
"""

from collections.abc import Callable, Mapping
from typing import Any

from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store.port import MAX_CAS_TRIES, Document, Store
from core.upcasts import CLAIM, latest, upcast


class Claims:
    """The claims of one sort. Every verb is safe to repeat, and raises StoreUnavailable.

    lost: called with a holder and a value. Returns whether the holder does not have the value, and no writer that has
        read the holder, or found the claim to be its own, before this call can give it the value any more.
    prefix: of the claims' ids.
    """

    def __init__(self, store: Store, collection: str, lost: Callable[[str, str], bool], prefix: str = "") -> None:
        self._store = store
        self._collection = collection
        self._lost = lost
        self._prefix = prefix

    def new(self, value: str, holder: str) -> tuple[str, Document]:
        """What `insert_all` stores to claim the value for the first time, together with its holder."""
        return self._collection, claim(self._prefix + value, holder)

    def take(
        self, value: str, holder: str, more: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict
    ) -> str | None:
        """Claims the value. Returns None, or the holder that it has already.

        A claim that is the holder's own is saved again: then a take-over that read it before fails. What else a claim
        remembers stays, whoever takes it.
        more: given the claim, returns it with what it remembers from now on.
        """
        _, mine = self.new(value, holder)
        for _ in range(MAX_CAS_TRIES):
            try:
                self._store.insert(self._collection, dict(more(mine)))
                return None
            except Duplicate:
                found = self.read(value)
            if found is None:
                continue
            other: str | None = found["holder"]
            if other not in (None, holder) and not self._lost(str(other), value):
                return other
            try:
                self._store.replace(self._collection, {**more(found), "holder": holder})
                return None
            except Conflict:
                continue
        raise StoreUnavailable(reason=f"others changed the claim on {self._prefix}{value} all the time")

    def keep(self, value: str, holder: str) -> str | None:
        """As `take`, in fewer round trips for a holder that has the value as a rule.

        The claim is saved again: whoever read it before cannot take it over any more.
        """
        found = self.read(value)
        if found is not None and found["holder"] == holder:
            try:
                self._store.replace(self._collection, {**found})
                return None
            except Conflict:
                pass  # somebody has taken it over meanwhile, or has saved it for the same holder
        return self.take(value, holder)

    def holder(self, value: str) -> str | None:
        """The document that has claimed the value. It may not have it yet, or not any more: look."""
        found = self.read(value)
        return found["holder"] if found else None

    def read(self, value: str) -> Mapping[str, Any] | None:
        """The claim with all that it remembers; None if there never was one."""
        found = self._store.get(self._collection, self._prefix + value)
        return upcast(CLAIM, found) if found else None

    def release(self, value: str, holder: str) -> None:
        """Gives the claim back, if it is the holder's."""
        found = self.read(value)
        if found is not None and found["holder"] == holder:
            try:
                self._store.replace(self._collection, {**found, "holder": None})
            except Conflict:
                return  # another writer has released it, or taken it over


def claim(id: str, holder: str, **more: Any) -> Document:
    """A new claim, with what else there is to remember about it."""
    return {"id": id, "schema": latest(CLAIM), "holder": holder, **more}
