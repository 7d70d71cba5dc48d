"""The store port: six verbs over versioned JSON documents, and the table of collections that every adapter reads.

A document is a JSON object with an `id` (a string of 1 to 255 characters, as are declared fields that are text) and
a `version` (an integer that `insert` sets to 1). A unique field that is absent may be read back as null.
Only the atomicity of a single document may be relied on: it holds on SQLite, PostgreSQL, MySQL and a sharded MongoDB
alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

Document = dict[str, Any]
Scalar = str | int | None


@dataclass(frozen=True)
class AtMost:
    """A `find` condition: the field has a value, and it is at most this one."""

    value: str | int


Condition = Scalar | AtMost

SCAN_PAGE = 1000


@dataclass(frozen=True)
class Collection:
    """What a collection's documents may be found by. All declared fields are top-level scalars of the document.

    unique: fields of which no two documents have the same value; any number may have none (null or absent).
    indexes: lists of fields, each served by one index, in this order and then by id.
    """

    name: str
    unique: tuple[str, ...] = ()
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every declared field but `id` and `version`, once, in a stable order."""
        return tuple(dict.fromkeys((*self.unique, *(field for index in self.indexes for field in index))))


OPERATIONS = "operations"
CLAIMS = "claims"
IDEMPOTENCY_KEYS = "idempotency_keys"
PARTNERS = "partners"
PEOPLE = "people"
ATTEMPTS = "attempts"
API_KEYS = "api_keys"
SERVICES = "services"
WALLETS = "wallets"
JOURNAL = "journal"
MERCHANTS = "merchants"
USSD_SESSIONS = "ussd_sessions"

COLLECTIONS: Mapping[str, Collection] = {
    collection.name: collection
    for collection in (
        Collection(
            OPERATIONS,
            unique=("fingerprint",),
            indexes=(("kind",), ("kind", "due_at"), ("kind", "status"), ("kind", "subject"), ("kind", "counterpart")),
        ),
        Collection(CLAIMS),
        Collection(IDEMPOTENCY_KEYS),
        Collection(PARTNERS),
        Collection(PEOPLE, unique=("username", "msisdn")),
        Collection(ATTEMPTS),
        Collection(API_KEYS),
        Collection(SERVICES, indexes=(("state",),)),
        Collection(WALLETS),
        Collection(MERCHANTS),
        Collection(USSD_SESSIONS),
        Collection(JOURNAL, indexes=(("account",),)),
    )
}


class Store(Protocol):
    """Every verb is durable when it returns, and raises StoreUnavailable when the store does not answer.

    `collection` is a name in COLLECTIONS. Documents handed in and out are the caller's own: no adapter keeps or
    shares them.
    """

    def insert(self, collection: str, document: Document) -> Document:
        """Stores a new document and returns it with `version` 1.

        Raises Duplicate(field), where field is `id` or a unique field.
        """

    def get(self, collection: str, id: str) -> Document | None:
        """The document with this id, or None."""

    def get_by(self, collection: str, field: str, value: Scalar) -> Document | None:
        """The document with this value of a unique field, or None."""

    def replace(self, collection: str, document: Document) -> Document:
        """Compare-and-set: saves the document if the stored one still has its `version`; returns it with version + 1.

        Raises Conflict when the stored document has another version or is gone, Duplicate(field) when a unique field
        is taken.
        """

    def find(
        self,
        collection: str,
        where: Mapping[str, Condition],
        order: str = "id",
        limit: int = 100,
        after: tuple[Scalar, str] | None = None,
    ) -> list[Document]:
        """Documents that meet all conditions on `id` and declared fields, in the order of one of these, then of id.

        order: "-" before the field: both descending. Text sorts by code point. Documents without a value in the order
        field are left out. after: the pair (value of the order field, id) of the last document of the page before; for
        the order `id` both are the id. Raises ValueError for a field that is not declared.
        """

    def delete(self, collection: str, id: str, version: int) -> None:
        """Deletes the document if it still has this version. Raises Conflict when it has another or is gone.

        No version protects a document that is inserted again under the same id: it begins at 1, as the old one did.
        """

    def close(self) -> None:
        """Gives connections and threads back."""


def scan(store: Store, collection: str, where: Mapping[str, Condition]) -> Iterator[Document]:
    """All documents that meet the conditions, in the order of their ids, read in pages."""
    after = None
    while page := store.find(collection, where, limit=SCAN_PAGE, after=after):
        yield from page
        after = (page[-1]["id"], page[-1]["id"])
