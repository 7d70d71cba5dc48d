"""Requests whose key or fingerprint is known: finds the operation that is there, or stores the one that is missing."""

from collections.abc import Callable
from dataclasses import replace

from core import operation_names
from core.claims import Claims
from core.errors import AlreadyOpen, Duplicate, StoreUnavailable
from core.idempotency import Key
from core.operation import Operation
from core.store.port import FINGERPRINTS, OPERATIONS, Document, Store

MAX_TRIES = 5
"""Retries are needed only if a competing operation ends between two looks at it."""


def fingerprints(store: Store) -> Claims:
    """The claims of operations on their fingerprints."""

    def lost(holder: str, value: str) -> bool:
        # An operation that is not stored yet has not lost it: the next request stores it under that id, and an id is
        # stored once. An operation that has released its fingerprint never gets it back.
        document = store.get(OPERATIONS, holder)
        return document is not None and document["fingerprint"] != value

    return Claims(store, FINGERPRINTS, lost)


class Repeated:
    """An operation that could not be stored, because its key or its fingerprint is known.

    opens: operations of one fingerprint may be of different requests, of which only one may be open.
    ids: makes new ids.
    names: what the operation can be found by, see `core.operation_names`.
    """

    def __init__(
        self,
        store: Store,
        operation: Operation,
        key: Key | None,
        opens: bool,
        ids: Callable[[], str],
        names: tuple[str, ...] = (),
    ) -> None:
        self._store = store
        self._operation = operation
        self._key = key
        self._opens = opens
        self._ids = ids
        self._names = names

    def accept(self) -> tuple[Document, bool]:
        """The operation of this request, and whether it was stored just now.

        Raises IdempotencyKeyReused, AlreadyOpen for one that another request has opened, StoreUnavailable.
        """
        if (known := self._of_key()) is not None:
            return known, False
        for _ in range(MAX_TRIES):
            document, is_new = self._live(), False
            if document is None:
                document, is_new = self._stored()
            if document is None or not (document["id"] == self._operation.id or self._holds(document)):
                continue  # It ended and released its fingerprint between two looks: now it can be claimed.
            if not is_new and self._is_of_another(document):
                raise AlreadyOpen(document["id"])
            named = self._named(document)
            if named is not None:
                return named, is_new and named["id"] == document["id"]
        raise StoreUnavailable(reason="the request is a duplicate, but its operation is not found")

    def _of_key(self) -> Document | None:
        """The operation that the key stands for, whatever became of it."""
        if self._key is None:
            return None
        self._name(self._key.take(self._store, self._operation.id, self._operation.created_at))
        document = self._store.get(OPERATIONS, self._operation.id)
        if document is not None and self._is_of_another(document):
            self._name(self._key.renew(self._store, self._operation.id, self._ids()))
            return None
        return document

    def _live(self) -> Document | None:
        """The operation that has the fingerprint now."""
        print = self._operation.fingerprint
        holder = fingerprints(self._store).holder(print) if print else None
        document = self._store.get(OPERATIONS, holder) if holder else None
        return document if document and self._holds(document) else None

    def _stored(self) -> tuple[Document | None, bool]:
        """The operation that has claimed the fingerprint, stored now if it is not there; and whether it was."""
        print = self._operation.fingerprint
        holder = fingerprints(self._store).take(print, self._operation.id) if print else None
        if self._key is not None and holder is None:
            self._name(self._key.settle(self._store, self._operation.id))
        chosen = replace(self._operation, id=holder or self._operation.id)
        operation_names.add(self._store, chosen.id, self._names)
        try:
            return self._store.insert(OPERATIONS, chosen.to_document()), True
        except Duplicate:
            return self._store.get(OPERATIONS, chosen.id), False

    def _named(self, document: Document) -> Document | None:
        """The operation that the key names in the end; None while it names one that is not stored yet."""
        if self._key is None or document["id"] == self._operation.id:
            return document
        self._name(self._key.point(self._store, self._operation.id, document["id"]))
        return document if document["id"] == self._operation.id else self._store.get(OPERATIONS, self._operation.id)

    def _name(self, id: str) -> None:
        self._operation = replace(self._operation, id=id)

    def _holds(self, document: Document) -> bool:
        print = self._operation.fingerprint
        return print is not None and document["fingerprint"] == print

    def _is_of_another(self, document: Document) -> bool:
        mine = self._operation.client, self._operation.idempotency_key
        return self._opens and (mine[1] is None or mine != (document["client"], document["idempotency_key"]))
