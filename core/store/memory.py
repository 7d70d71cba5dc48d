"""The store in a dictionary: nothing outlives the process. For simulations, where a database would be slowest."""

import pickle
import threading
from collections.abc import Mapping
from typing import Any

from core.errors import Conflict, Duplicate
from core.store.port import COLLECTIONS, AtMost, Collection, Condition, Document, OneOf, Scalar


class MemoryStore:
    """The Store port. Documents are kept pickled, which is the cheapest way to hand out copies."""

    def __init__(self, collections: Mapping[str, Collection] = COLLECTIONS) -> None:
        self._collections = collections
        self._documents: dict[str, dict[str, bytes]] = {name: {} for name in collections}
        self._keys: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in collections}
        self._lock = threading.Lock()

    def insert(self, collection: str, document: Document) -> Document:
        document = {**document, "version": 1}
        with self._lock:
            if document["id"] in self._documents[collection]:
                raise Duplicate(collection=collection, id=document["id"])
            self._save(collection, document)
        return document

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        for collection, document in documents:
            self.insert(collection, document)

    def get(self, collection: str, id: str) -> Document | None:
        pickled = self._documents[collection].get(id)
        return None if pickled is None else _unpickled(pickled)

    def replace(self, collection: str, document: Document) -> Document:
        with self._lock:
            self._check(collection, document["id"], document["version"])
            document = {**document, "version": document["version"] + 1}
            self._save(collection, document)
        return document

    def find(
        self,
        collection: str,
        where: Mapping[str, Condition],
        order: str = "id",
        limit: int = 100,
        after: tuple[Scalar, str] | None = None,
    ) -> list[Document]:
        sort, down = order.removeprefix("-"), order.startswith("-")
        self._collections[collection].require(sort, *where)
        with self._lock:
            rows = list(self._keys[collection].values())
        places = sorted(
            ((keys[sort], keys["id"]) for keys in rows if keys[sort] is not None and _meets(keys, where)), reverse=down
        )
        if after is not None:
            places = [place for place in places if (place < after if down else place > after)]
        found = (self.get(collection, id) for _, id in places[:limit])
        return [document for document in found if document is not None]

    def count(self, collection: str, where: Mapping[str, Condition], limit: int) -> int:
        self._collections[collection].require(*where)
        with self._lock:
            return min(limit, sum(_meets(keys, where) for keys in self._keys[collection].values()))

    def delete(self, collection: str, id: str, version: int) -> None:
        with self._lock:
            self._check(collection, id, version)
            del self._documents[collection][id], self._keys[collection][id]

    def close(self) -> None:
        pass

    def _check(self, collection: str, id: str, version: int) -> None:
        keys = self._keys[collection].get(id)
        if keys is None or keys["version"] != version:
            raise Conflict(collection=collection, id=id)

    def _save(self, collection: str, document: Document) -> None:
        declared, id = self._collections[collection], document["id"]
        keys = {field: document.get(field) for field in ("id", "version", *declared.fields)}
        self._documents[collection][id] = pickle.dumps(document, pickle.HIGHEST_PROTOCOL)
        self._keys[collection][id] = keys


def _unpickled(pickled: bytes) -> Document:
    document: Document = pickle.loads(pickled)  # noqa: S301 - pickled by this store
    return document


def _meets(keys: Mapping[str, Any], where: Mapping[str, Condition]) -> bool:
    for field, condition in where.items():
        value = keys[field]
        if isinstance(condition, AtMost):
            if value is None or value > condition.value:
                return False
        elif isinstance(condition, OneOf):
            if value not in condition.values:
                return False
        elif value != condition:
            return False
    return True
