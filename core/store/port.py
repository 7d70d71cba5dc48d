"""The store port: seven verbs over versioned JSON documents, and the table of collections that every adapter reads.

A document is a JSON object with an `id` (a string of 1 to 255 characters, as are declared fields that are text) and
a `version` (an integer that `insert` sets to 1).
Only the atomicity of a single document may be relied on, and nothing but the id is unique: that holds on SQLite,
PostgreSQL, MySQL and a sharded MongoDB alike. See `core.claims` for other values that only one document may have.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from core.errors import Conflict
from core.upcasts import CLAIM, OPERATION, USSD_SESSION, Upcasts

Document = dict[str, Any]
Scalar = str | int | None


@dataclass(frozen=True)
class AtMost:
    """A `find` condition: the field has a value, and it is at most this one."""

    value: str | int


@dataclass(frozen=True)
class OneOf:
    """A `find` condition: the field has one of these values."""

    values: tuple[str | int, ...]


Condition = Scalar | AtMost | OneOf

SCAN_PAGE = 1000
CONNECTIONS = 16
"""To a server, at most. Requests of an API process that need one while all are in use wait for it."""
ELECTION_S = 5.0
"""How long a verb waits for MongoDB to have a primary. A replica set elects one within about 12 s
(electionTimeoutMillis is 10 s): the API gives up earlier, because people wait for its answer, and workers do not."""


@dataclass(frozen=True)
class Collection:
    """What a collection's documents may be found by. All declared fields are top-level scalars of the document.

    indexes: lists of fields, each served by one index, in this order and then by id. Where the database can, an index
        leaves out documents without a value in the last field: it serves no question for them.
    filters: other fields, which narrow what an index has found.
    kept: the field that says when a document was last used, and after how many days it is deleted; None: never.
    upcasts: see `core.upcasts`. Stores return documents as they are stored; the reader upcasts them.

    On a store that is sealed (see `core.store.sealed`):

    sealed: whether all that is not declared is encrypted. False only where nothing says who somebody is or what they
        asked for.
    blind: declared fields, or `id`, of which the database has only an HMAC. They are found by equality and by OneOf;
        documents with a blind id are in no order that means anything, but can be paged through by it.
    """

    name: str
    indexes: tuple[tuple[str, ...], ...] = ()
    filters: tuple[str, ...] = ()
    kept: tuple[str, int] | None = None
    upcasts: Upcasts = ()
    sealed: bool = True
    blind: tuple[str, ...] = ()

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Every declared field but `id` and `version`, once, in a stable order."""
        return tuple(dict.fromkeys((*(field for index in self.indexes for field in index), *self.filters)))

    def require(self, *fields: str) -> None:
        """Raises ValueError for a field that documents cannot be found by: neither `id` nor declared."""
        for field in fields:
            if field != "id" and field not in self.fields:
                raise ValueError(f"{self.name} declares no field {field!r}")


OPERATIONS = "operations"
OPERATION_NAMES = "operation_names"
FINGERPRINTS = "fingerprints"
RESERVATIONS = "claims"
IDEMPOTENCY_KEYS = "idempotency_keys"
PARTNERS = "partners"
PEOPLE = "people"
USERNAMES = "usernames"
PHONES = "phones"
ATTEMPTS = "attempts"
LEASES = "leases"
API_KEYS = "api_keys"
WALLETS = "wallets"
JOURNAL = "journal"
USSD_SESSIONS = "ussd_sessions"
CALLBACKS = "callbacks"
SECURITY_LOG = "security_log"
DATA_AT_REST = "data_at_rest"

COLLECTIONS: Mapping[str, Collection] = {
    collection.name: collection
    for collection in (
        Collection(
            OPERATIONS,
            indexes=(
                ("kind",),
                ("due_at",),
                ("kind", "due_at"),
                ("kind", "status"),
                ("kind", "subject"),
                ("kind", "counterparty"),
                ("kind", "client"),
                ("short",),
            ),
            filters=("bucket",),
            upcasts=OPERATION,
            blind=("subject", "counterparty", "client"),
        ),
        Collection(OPERATION_NAMES, indexes=(("name",),), blind=("name",)),
        Collection(FINGERPRINTS, upcasts=CLAIM, blind=("id",)),
        Collection(RESERVATIONS, upcasts=CLAIM, blind=("id",)),
        Collection(IDEMPOTENCY_KEYS, upcasts=CLAIM, blind=("id",)),
        Collection(PARTNERS, sealed=False),
        Collection(PEOPLE),
        Collection(USERNAMES, upcasts=CLAIM, blind=("id",)),
        Collection(PHONES, upcasts=CLAIM, blind=("id",)),
        Collection(ATTEMPTS, indexes=(("since",),), kept=("since", 1), blind=("id",)),
        Collection(LEASES, sealed=False),
        Collection(API_KEYS, blind=("id",)),
        Collection(WALLETS, sealed=False),
        Collection(USSD_SESSIONS, indexes=(("at",),), kept=("at", 30), upcasts=USSD_SESSION, blind=("id",)),
        Collection(JOURNAL, indexes=(("account",),), sealed=False),
        Collection(SECURITY_LOG, indexes=(("at",),), kept=("at", 400)),
        Collection(CALLBACKS, indexes=(("reference",),), blind=("reference",)),
        Collection(DATA_AT_REST, sealed=False),
    )
}
"""Those of the core. Products declare theirs in their contracts."""

MAX_CAS_TRIES = 100
"""Compare-and-set retries before `update` gives up: each but the first needs another writer to be faster."""


class Store(Protocol):
    """Every verb is durable when it returns, and raises StoreUnavailable when the store does not answer.

    `collection` is a name of the collections that the adapter was built with. Documents handed in and out are the
    caller's own: no adapter keeps or shares them.
    """

    def insert(self, collection: str, document: Document) -> Document:
        """Stores a new document and returns it with `version` 1. Raises Duplicate when there is one with its id."""

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        """Stores new documents in this order, each with `version` 1, and in as few round trips as the database allows.

        documents: each after the name of its collection. Raises Duplicate when there is one with the id of one of them:
        then those before it may be stored or not, and those after it are not. As when the process dies.
        """

    def get(self, collection: str, id: str) -> Document | None:
        """The document with this id, or None."""

    def replace(self, collection: str, document: Document) -> Document:
        """Compare-and-set: saves the document if the stored one still has its `version`; returns it with version + 1.

        Raises Conflict when the stored document has another version or is gone.
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

    def count(self, collection: str, where: Mapping[str, Condition], limit: int) -> int:
        """How many documents meet all conditions on `id` and declared fields, at most `limit`.

        It reads no documents where an index has all of the fields, and no more of it than `limit` entries. Raises
        ValueError as `find` does.
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


def update(
    store: Store,
    collection: str,
    id: str,
    change: Callable[[Document], Document | None],
    tries: int = MAX_CAS_TRIES,
) -> Document | None:
    """Reads a document, changes it and saves it by compare-and-set, again as long as others are faster.

    change: the document as it is to be; None leaves it as it is. It may be called several times, and may raise.
    Returns the document as it then is, or None when there is none with this id.
    Raises Conflict when others were faster each time, and StoreUnavailable.
    """
    for tries_left in reversed(range(tries)):
        document = store.get(collection, id)
        if document is None:
            return None
        changed = change(document)
        if changed is None:
            return document
        try:
            return store.replace(collection, changed)
        except Conflict:
            if not tries_left:
                raise
    raise AssertionError("tries must be positive")
