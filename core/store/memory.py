"""The store in a dictionary: nothing outlives the process. For simulations, where a database would be slowest."""

import pickle
import threading
from collections.abc import Mapping
from typing import Any

from core.errors import Conflict, Duplicate
from core.store.port import COLLECTIONS, AtMost, Condition, Document, Scalar


class MemoryStore:
    """The Store port. Documents are kept pickled, which is the cheapest way to hand out copies."""

    def __init__(self) -> None:
        self._documents: dict[str, dict[str, bytes]] = {name: {} for name in COLLECTIONS}
        self._keys: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in COLLECTIONS}
        self._lock = threading.Lock()

    def insert(self, collection: str, document: Document) -> Document:
        document = {**document, "version": 1}
        with self._lock:
            if document["id"] in self._documents[collection]:
                raise Duplicate("id")
            self._save(collection, document)
        return document

    def get(self, collection: str, id: str) -> Document | None:
        pickled = self._documents[collection].get(id)
        return None if pickled is None else _unpickled(pickled)

    def get_by(self, collection: str, field: str, value: Scalar) -> Document | None:
        if field != "id" and field not in COLLECTIONS[collection].unique:
            raise ValueError(f"{collection} has no unique field {field!r}")
        with self._lock:
            found = [id for id, keys in self._keys[collection].items() if value is not None and keys[field] == value]
        return self.get(collection, found[0]) if found else None

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
        for field in (sort, *where):
            if field != "id" and field not in COLLECTIONS[collection].fields:
                raise ValueError(f"{collection} declares no field {field!r}")
        with self._lock:
            rows = list(self._keys[collection].values())
        places = sorted(
            ((keys[sort], keys["id"]) for keys in rows if keys[sort] is not None and _meets(keys, where)), reverse=down
        )
        if after is not None:
            places = [place for place in places if (place < after if down else place > after)]
        found = (self.get(collection, id) for _, id in places[:limit])
        return [document for document in found if document is not None]

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
        declared, id = COLLECTIONS[collection], document["id"]
        keys = {field: document.get(field) for field in ("id", "version", *declared.fields)}
        for field in declared.unique:
            if keys[field] is not None:
                for other in self._keys[collection].values():
                    if other[field] == keys[field] and other["id"] != id:
                        raise Duplicate(field)
        self._documents[collection][id] = pickle.dumps(document, pickle.HIGHEST_PROTOCOL)
        self._keys[collection][id] = keys


def _unpickled(pickled: bytes) -> Document:
    document: Document = pickle.loads(pickled)
    return document


def _meets(keys: Mapping[str, Any], where: Mapping[str, Condition]) -> bool:
    for field, condition in where.items():
        value = keys[field]
        if isinstance(condition, AtMost):
            if value is None or value > condition.value:
                return False
        elif value != condition:
            return False
    return True
