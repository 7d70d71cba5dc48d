"""A store whose documents are sealed: the database has what they are found by, and a token with all the rest.

What a document is found by stays readable, or is an HMAC where its collection declares it blind. The token holds all
other members, and is bound to the collection, the id and the readable members: moved to another document, or beside an
altered status, it does not open. Nothing can tell an earlier state of a whole document from the latest one.
"""

import json
from collections.abc import Mapping
from typing import Any

import structlog

from core.errors import StoreUnavailable
from core.sealing import BrokenSeal, Sealing
from core.store.port import AtMost, Collection, Condition, Document, OneOf, Scalar, Store
from core.upcasts import upcast

SEALED = "sealed"
"""The member of a stored document that holds the token. No other document may have it."""
READABLE = ("id", "version", "schema")
"""Members that stay readable besides the declared ones."""

log = structlog.get_logger()

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


class Forms:
    """Brings documents into the form in which they are stored, and back."""

    def __init__(self, sealing: Sealing) -> None:
        self.sealing = sealing

    def sealed(self, collection: Collection, document: Document) -> Document:
        """The document as it is stored. Raises ValueError for what is no JSON, and for a member named SEALED."""
        if not collection.sealed:
            return document
        if SEALED in document:
            raise ValueError(f"{SEALED} is no name for a member of a document")
        stored: Document = {name: document[name] for name in (*READABLE, *collection.fields) if name in document}
        hidden = {name: value for name, value in document.items() if name not in stored}
        for name in collection.blind:
            if (value := stored.get(name)) is not None:
                hidden[name], stored[name] = value, self.blind(collection, name, value)
        about = _about(collection, stored)
        stored[SEALED] = self.sealing.seal(_encode(hidden).encode(), about)
        return stored

    def opened(self, collection: Collection, stored: Document) -> Document:
        """The inverse of `sealed`. Raises BrokenSeal."""
        if not collection.sealed:
            return stored
        token = stored.get(SEALED)
        readable = {name: value for name, value in stored.items() if name != SEALED}
        if not isinstance(token, str):
            raise BrokenSeal(collection=collection.name, id=stored["id"], token=None)
        try:
            hidden = self.sealing.open(token, _about(collection, readable))
        except BrokenSeal as error:
            raise BrokenSeal(collection=collection.name, id=stored["id"], **error.details) from None
        document: Document = readable | json.loads(hidden)
        return document

    def blind(self, collection: Collection, field: str, value: str | int) -> str:
        return self.sealing.blind(f"{collection.name}.{field}", _text(value))

    def is_latest(self, collection: Collection, stored: Document) -> bool:
        """Whether `sealed` would store this document so: under the key that seals now, and with the declared fields.

        Raises BrokenSeal, but only where it has to open the document.
        """
        if not collection.sealed:
            return True
        if not self.sealing.seals_now(str(stored.get(SEALED))):
            return False
        if all(field in stored for field in collection.fields):
            return True
        return stored.keys() == self.sealed(collection, self.opened(collection, stored)).keys()


def is_sealed(stored: Document) -> bool:
    return SEALED in stored


def upcast_stored(sealing: Sealing | None, collection: Collection, stored: Document) -> Document:
    """Brings a stored document to the form of this release, whether it is sealed or not.

    sealing: None where no keys are set. Raises StoreUnavailable for a document that it cannot open.
    """
    if not is_sealed(stored):
        return dict(upcast(collection.upcasts, stored))
    if sealing is None:
        raise StoreUnavailable(reason="the store is sealed, and DATA_KEYS is not set")
    forms = Forms(sealing)
    return forms.sealed(collection, dict(upcast(collection.upcasts, forms.opened(collection, stored))))


def _about(collection: Collection, readable: Mapping[str, Any]) -> bytes:
    """What a token is bound to: unambiguous, and made faster than JSON.

    The version is left out: the store counts it, and a migration keeps it.
    """
    parts = [collection.name]
    for name in sorted(readable):
        if name != "version":
            text = _text(readable[name])
            parts.append(f"{name} {len(text)} {text}")
    return "\n".join(parts).encode("utf-8", "surrogatepass")


def _text(value: Scalar) -> str:
    """Another text for each value, whatever subclass of its type it has: an enumeration is read again as plain text."""
    if isinstance(value, str):
        return f"text {str.__str__(value)}"
    return "none" if value is None else f"number {int.__repr__(value)}"


class SealedStore:
    """The Store port, round another store of the same collections.

    A document that does not open raises BrokenSeal where it is asked for by its id. `find` logs it and leaves it out,
    so that it holds up no other. A condition other than equality and OneOf on a blind field, and an order by one,
    raise ValueError.
    """

    def __init__(self, store: Store, sealing: Sealing, collections: Mapping[str, Collection]) -> None:
        self._store = store
        self._forms = Forms(sealing)
        self._collections = collections
        self._reported: set[tuple[str, str]] = set()

    def insert(self, collection: str, document: Document) -> Document:
        self._store.insert(collection, self._sealed(collection, document))
        return {**document, "version": 1}

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        self._store.insert_all(*((name, self._sealed(name, document)) for name, document in documents))

    def get(self, collection: str, id: str) -> Document | None:
        stored = self._store.get(collection, self._id(collection, id))
        return None if stored is None else self._opened(collection, stored)

    def replace(self, collection: str, document: Document) -> Document:
        self._store.replace(collection, self._sealed(collection, document))
        return {**document, "version": document["version"] + 1}

    def find(
        self,
        collection: str,
        where: Mapping[str, Condition],
        order: str = "id",
        limit: int = 100,
        after: tuple[Scalar, str] | None = None,
    ) -> list[Document]:
        declared, field = self._collections[collection], order.removeprefix("-")
        if field in declared.blind and field != "id":
            raise ValueError(f"{collection} has no order by {field}, which is blind")
        conditions = self._conditions(declared, where)
        if after is not None:
            id = self._id(collection, after[1])
            after = (id if field == "id" else after[0], id)
        found: list[Document] = []
        while len(found) < limit:
            wanted = limit - len(found)
            page = self._store.find(collection, conditions, order, wanted, after)
            found += filter(None, (self._opened_or_reported(collection, stored) for stored in page))
            if len(page) < wanted:
                break
            after = page[-1][field], page[-1]["id"]
        return found

    def count(self, collection: str, where: Mapping[str, Condition], limit: int) -> int:
        return self._store.count(collection, self._conditions(self._collections[collection], where), limit)

    def delete(self, collection: str, id: str, version: int) -> None:
        self._store.delete(collection, self._id(collection, id), version)

    def close(self) -> None:
        self._store.close()

    def _opened_or_reported(self, collection: str, stored: Document) -> Document | None:
        try:
            return self._opened(collection, stored)
        except BrokenSeal as error:
            which = collection, stored["id"]
            if which not in self._reported:
                self._reported.add(which)
                log.exception("document_does_not_open", **error.details)
            return None

    def _conditions(self, collection: Collection, where: Mapping[str, Condition]) -> dict[str, Condition]:
        return {name: self._condition(collection, name, condition) for name, condition in where.items()}

    def _condition(self, collection: Collection, field: str, condition: Condition) -> Condition:
        if field not in collection.blind or condition is None:
            return condition
        match condition:
            case AtMost():
                raise ValueError(f"{collection.name} cannot compare {field}, which is blind")
            case OneOf():
                return OneOf(tuple(self._forms.blind(collection, field, value) for value in condition.values))
        return self._forms.blind(collection, field, condition)

    def _id(self, collection: str, id: str) -> str:
        declared = self._collections[collection]
        return self._forms.blind(declared, "id", id) if declared.sealed and "id" in declared.blind else id

    def _sealed(self, collection: str, document: Document) -> Document:
        return self._forms.sealed(self._collections[collection], document)

    def _opened(self, collection: str, stored: Document) -> Document:
        return self._forms.opened(self._collections[collection], stored)
