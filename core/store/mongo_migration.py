"""Migrates MongoDB: makes indexes, and rewrites documents of earlier forms so that queries find them by new fields."""

from collections.abc import Callable
from typing import Any

from pymongo.collection import Collection as MongoCollection

from core.errors import StoreUnavailable
from core.store.migration import State
from core.store.mongo import MongoStore, unavailable
from core.store.mongo_schema import pending, prepare
from core.store.port import Collection, Document
from core.upcasts import latest, upcast

PAGE = 200
"""Documents read at once."""
MAX_PASSES = 10
"""Each but the first needs somebody to have written an earlier form since: only earlier releases do."""


def _upcast(collection: Collection, document: Document) -> Document:
    return dict(upcast(collection.upcasts, document))


class MongoMigration:
    """The Migration port, on the connection of a store.

    renew: brings a document, as it is stored, to the form of this release.
    """

    def __init__(self, store: MongoStore, renew: Callable[[Collection, Document], Document] = _upcast) -> None:
        self._store = store
        self._renew = renew
        self._changing = [collection for collection in store.collections.values() if collection.upcasts]

    def state(self) -> State:
        with unavailable():
            old = {collection.name: self._count_old(collection) for collection in self._changing}
            schema = pending(self._store.database, self._store.collections)
        after = _forms(self._changing)
        before = f"earlier forms of {sum(old.values())} documents" if any(old.values()) else after
        rewrites = (f"rewrite {number} documents of {name}" for name, number in old.items() if number)
        return State(before, after, (*schema, *rewrites))

    def run(self) -> None:
        with unavailable():
            prepare(self._store.database, self._store.collections)
            for collection in self._changing:
                self._rewrite_all(collection)

    def close(self) -> None:
        self._store.close()

    def _rewrite_all(self, collection: Collection) -> None:
        for _ in range(MAX_PASSES):
            if not self._rewrite(collection):
                return
        raise StoreUnavailable(reason=f"a process of an earlier release is still writing {collection.name}")

    def _rewrite(self, collection: Collection) -> int:
        """Rewrites all documents of earlier forms once; how many there were.

        A document keeps its version, because only its form changes: a worker that has read it may still save it. One
        that is saved meanwhile is left alone, and has the latest form by then.
        """
        raw, after, seen = self._raw(collection), "", 0
        while page := list(raw.find({**_old(collection), "_id": {"$gt": after}}).sort("_id").limit(PAGE)):
            for document in page:
                same = {"_id": document["_id"], "version": document["version"], **_old(collection)}
                after = document.pop("_id")
                raw.replace_one(same, {"_id": after} | self._renew(collection, document))
            seen += len(page)
        return seen

    def _count_old(self, collection: Collection) -> int:
        return self._raw(collection).count_documents(_old(collection))

    def _raw(self, collection: Collection) -> MongoCollection[Document]:
        return self._store.database[collection.name]


def _old(collection: Collection) -> dict[str, Any]:
    """A condition: documents without `schema`, and those of an earlier one."""
    return {"$or": [{"schema": {"$exists": False}}, {"schema": {"$lt": latest(collection.upcasts)}}]}


def _forms(collections: list[Collection]) -> str:
    return ", ".join(f"{collection.name} of form {latest(collection.upcasts)}" for collection in collections)
