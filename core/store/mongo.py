"""The store on MongoDB: each document as it is, with its id as `_id`, written to a majority's journals.

Only single-document operations are used, and no update operators: they mean the same on every server that speaks
the protocol.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bson.errors import BSONError
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError, WriteConcernError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store.port import COLLECTIONS, AtMost, Collection, Condition, Document, Scalar

DATABASE = "quittance"
# Shorter than the socket's: the server says that a majority is missing before the connection is given up.
DURABLE = WriteConcern("majority", j=True, wtimeout=5_000)


class MongoStore:
    """The Store port on MongoDB.

    url: mongodb://host[,host...]/database?options; without a database, `quittance`. client: one to use instead of
    connecting to the url. Makes the indexes that are missing at the first use: the server may still be down when this
    is built. Build it after a fork.

    A write whose connection breaks is sent once more by the driver, under the same transaction number: a replica set
    then answers what the first attempt did, so a save that succeeded is no Conflict. A standalone server knows no such
    numbers, and the driver does not send again: StoreUnavailable, and the caller reads what became of it.
    """

    def __init__(self, url: str, client: MongoClient[Document] | None = None) -> None:
        self._client = client or _connect(url)
        self._database = self._client.get_default_database(
            DATABASE,
            write_concern=DURABLE,
            read_concern=ReadConcern("majority"),
            read_preference=ReadPreference.PRIMARY,
        )
        self._prepared = False

    def insert(self, collection: str, document: Document) -> Document:
        document = {**document, "version": 1}
        stored = _stored(COLLECTIONS[collection], document)
        with _unavailable(), self._duplicates(collection, stored, is_new=True):
            self._collection(collection).insert_one(stored)
        return document

    def get(self, collection: str, id: str) -> Document | None:
        return self._one(collection, "_id", id)

    def get_by(self, collection: str, field: str, value: Scalar) -> Document | None:
        if field != "id" and field not in COLLECTIONS[collection].unique:
            raise ValueError(f"{collection} has no unique field {field!r}")
        return None if value is None else self._one(collection, _name(field), value)

    def replace(self, collection: str, document: Document) -> Document:
        document = {**document, "version": document["version"] + 1}
        stored = _stored(COLLECTIONS[collection], document)
        old = {"_id": document["id"], "version": document["version"] - 1}
        with _unavailable(), self._duplicates(collection, stored, is_new=False):
            saved = self._collection(collection).replace_one(old, stored).matched_count
        if not saved:
            raise Conflict(collection=collection, id=document["id"])
        return document

    def find(
        self,
        collection: str,
        where: Mapping[str, Condition],
        order: str = "id",
        limit: int = 100,
        after: tuple[Scalar, str] | None = None,
    ) -> list[Document]:
        declared = COLLECTIONS[collection]
        sort, direction = order.removeprefix("-"), DESCENDING if order.startswith("-") else ASCENDING
        for field in (sort, *where):
            if field != "id" and field not in declared.fields:
                raise ValueError(f"{collection} declares no field {field!r}")
        conditions = [
            {_name(sort): {"$exists": True, "$ne": None}},
            *(_condition(field, value) for field, value in where.items()),
        ]
        if after:
            conditions += _beyond(_name(sort), direction, after)
        keys = [(name, direction) for name in (["_id"] if sort == "id" else [sort, "id"])]
        with _unavailable():
            found = self._collection(collection).find({"$and": conditions}).sort(keys).limit(limit)
            return [_returned(declared, stored) for stored in found]

    def delete(self, collection: str, id: str, version: int) -> None:
        with _unavailable():
            deleted = self._collection(collection).delete_one({"_id": id, "version": version}).deleted_count
        if not deleted:
            raise Conflict(collection=collection, id=id)

    def close(self) -> None:
        self._client.close()

    def _collection(self, name: str) -> MongoCollection[Document]:
        if not self._prepared:
            for collection in COLLECTIONS.values():
                _make_indexes(self._database[collection.name], collection)
            self._prepared = True
        return self._database[name]

    def _one(self, collection: str, name: str, value: Scalar) -> Document | None:
        with _unavailable():
            stored = self._collection(collection).find_one({name: {"$eq": value}})
        return None if stored is None else _returned(COLLECTIONS[collection], stored)

    @contextmanager
    def _duplicates(self, collection: str, stored: Document, is_new: bool) -> Iterator[None]:
        """Not every server says which field was taken, or even that one was: then it is looked up."""
        names = ["_id"] * is_new + [field for field in COLLECTIONS[collection].unique if field in stored]
        try:
            yield
        except WriteConcernError:
            raise
        except OperationFailure as error:
            named = list((error.details or {}).get("keyPattern") or ())
            taken = named or [name for name in names if self._is_taken(collection, name, stored)]
            if not taken and isinstance(error, DuplicateKeyError):
                taken = names[-1:]  # released since; an id seldom is
            if not taken:
                raise
            raise Duplicate("id" if taken[0] == "_id" else taken[0]) from None

    def _is_taken(self, collection: str, name: str, stored: Document) -> bool:
        others = {} if name == "_id" else {"_id": {"$ne": stored["_id"]}}
        return self._collection(collection).find_one({name: {"$eq": stored[name]}} | others) is not None


def _connect(url: str) -> MongoClient[Document]:
    return MongoClient(
        url,
        retryWrites=True,
        serverSelectionTimeoutMS=2_000,
        connectTimeoutMS=2_000,
        waitQueueTimeoutMS=5_000,
        socketTimeoutMS=10_000,
    )


def _make_indexes(target: MongoCollection[Document], collection: Collection) -> None:
    for field in collection.unique:
        # Sparse, and a field without a value is not stored: only so may many documents lack it on every server.
        target.create_index([(field, ASCENDING)], unique=True, sparse=True, name=f"{field}_unique")
    for fields in collection.indexes:
        # Its own `id`, not `_id`: not every server takes that into an index of several fields.
        target.create_index([(name, ASCENDING) for name in (*fields, "id")], name="_".join((*fields, "id")))


def _stored(collection: Collection, document: Document) -> Document:
    absent = {field for field in collection.unique if document.get(field) is None}
    return {"_id": document["id"]} | {name: value for name, value in document.items() if name not in absent}


def _returned(collection: Collection, stored: Document) -> Document:
    del stored["_id"]
    return stored | {field: stored.get(field) for field in collection.unique}


def _name(field: str) -> str:
    return "_id" if field == "id" else field


def _condition(field: str, value: Condition) -> dict[str, Any]:
    return {_name(field): {"$lte": value.value} if isinstance(value, AtMost) else {"$eq": value}}


def _beyond(name: str, direction: int, after: tuple[Scalar, str]) -> list[dict[str, Any]]:
    """What comes after this place. The first condition says nothing new, but an index serves it better."""
    past = "$gt" if direction == ASCENDING else "$lt"
    return [{name: {f"{past}e": after[0]}}, {"$or": [{name: {past: after[0]}}, {"id": {past: after[1]}}]}]


@contextmanager
def _unavailable() -> Iterator[None]:
    try:
        yield
    except BSONError as error:
        raise ValueError(str(error)) from error
    except PyMongoError as error:
        raise StoreUnavailable(reason=str(error)) from error
