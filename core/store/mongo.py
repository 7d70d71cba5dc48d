"""The store on MongoDB: each document as it is, with its id as `_id`, written to a majority's journals.

Only single-document operations are used, and no update operators: they mean the same on every server that speaks
the protocol.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any

from bson.errors import BSONError
from pymongo import ASCENDING, DESCENDING, MongoClient
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.read_preferences import ReadPreference
from pymongo.write_concern import WriteConcern

from core.errors import Conflict, Duplicate, StoreUnavailable
from core.store.mongo_schema import pending
from core.store.port import COLLECTIONS, CONNECTIONS, ELECTION_S, AtMost, Collection, Condition, Document, OneOf, Scalar

DATABASE = "quittance"
DUPLICATE_KEY = 11000
"""MongoDB's number of the error."""
# Shorter than the socket's: the server says that a majority is missing before the connection is given up.
DURABLE = WriteConcern("majority", j=True, wtimeout=5_000)


class MongoStore:
    """The Store port on MongoDB.

    url: mongodb://host[,host...]/database?options; without a database, `quittance`. client: one to use instead of
    connecting to the url. connections: at most; as many as there are threads. election_s: how long a verb waits for a
    primary. The server may still be down when this is built; a wrong url raises ValueError. The database is migrated by
    `MongoMigration` alone: until then, each use raises StoreUnavailable. Build it after a fork.

    A write whose connection breaks is sent once more by the driver, under the same transaction number: a replica set
    then answers what the first attempt did, so a save that succeeded is no Conflict. A standalone server knows no such
    numbers, and the driver does not send again: StoreUnavailable, and the caller reads what became of it.
    """

    def __init__(
        self,
        url: str,
        client: MongoClient[Document] | None = None,
        collections: Mapping[str, Collection] = COLLECTIONS,
        connections: int = CONNECTIONS,
        election_s: float = ELECTION_S,
    ) -> None:
        self.collections = collections
        try:
            self._client = client or connect(url, connections, election_s)
            self.database = self._client.get_default_database(
                DATABASE,
                write_concern=DURABLE,
                read_concern=ReadConcern("majority"),
                read_preference=ReadPreference.PRIMARY,
            )
        except PyMongoError as error:
            raise ValueError(str(error)) from error
        self._prepared = False

    def insert(self, collection: str, document: Document) -> Document:
        document = {**document, "version": 1}
        with unavailable():
            try:
                self._collection(collection).insert_one(_stored(document))
            except DuplicateKeyError:
                raise Duplicate(collection=collection, id=document["id"]) from None
        return document

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        for collection, group in groupby(documents, key=itemgetter(0)):
            stored = [_stored({**document, "version": 1}) for _, document in group]
            with unavailable():
                try:
                    self._collection(collection).insert_many(stored)
                except BulkWriteError as error:
                    if any(failed["code"] == DUPLICATE_KEY for failed in error.details["writeErrors"]):
                        raise Duplicate(collection=collection) from None
                    raise

    def get(self, collection: str, id: str) -> Document | None:
        with unavailable():
            stored = self._collection(collection).find_one({"_id": {"$eq": id}})
        return None if stored is None else _returned(stored)

    def replace(self, collection: str, document: Document) -> Document:
        document = {**document, "version": document["version"] + 1}
        old = {"_id": document["id"], "version": document["version"] - 1}
        with unavailable():
            saved = self._collection(collection).replace_one(old, _stored(document)).matched_count
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
        declared = self.collections[collection]
        sort, direction = order.removeprefix("-"), DESCENDING if order.startswith("-") else ASCENDING
        declared.require(sort, *where)
        conditions = [
            {_name(sort): {"$exists": True, "$ne": None}},
            *(_condition(field, value) for field, value in where.items()),
        ]
        if after:
            conditions += _beyond(_name(sort), direction, after)
        # The declared indexes end in `id`; the one of `_id` serves a question that none of them does.
        own = sort == "id" and where.keys() <= {"id"}
        keys = [(name, direction) for name in (("_id",) if own else dict.fromkeys((sort, "id")))]
        with unavailable():
            found = self._collection(collection).find({"$and": conditions}).sort(keys).limit(limit)
            return [_returned(stored) for stored in found]

    def count(self, collection: str, where: Mapping[str, Condition], limit: int) -> int:
        self.collections[collection].require(*where)
        wanted = {"$and": [_condition(field, value) for field, value in where.items()]} if where else {}
        with unavailable():
            return self._collection(collection).count_documents(wanted, limit=limit)

    def delete(self, collection: str, id: str, version: int) -> None:
        with unavailable():
            deleted = self._collection(collection).delete_one({"_id": id, "version": version}).deleted_count
        if not deleted:
            raise Conflict(collection=collection, id=id)

    def close(self) -> None:
        self._client.close()

    def _collection(self, name: str) -> MongoCollection[Document]:
        if not self._prepared:
            if missing := pending(self.database, self.collections):
                raise StoreUnavailable(reason=f"the database needs `quittance migrate`, to {', '.join(missing)}")
            self._prepared = True
        return self.database[name]


def connect(url: str, connections: int, election_s: float) -> MongoClient[Document]:
    return MongoClient(
        url,
        retryWrites=True,
        maxPoolSize=connections,
        serverSelectionTimeoutMS=int(election_s * 1000),
        connectTimeoutMS=2_000,
        waitQueueTimeoutMS=5_000,
        socketTimeoutMS=10_000,
    )


def _stored(document: Document) -> Document:
    return {"_id": document["id"]} | document


def _returned(stored: Document) -> Document:
    del stored["_id"]
    return stored


def _name(field: str) -> str:
    return "_id" if field == "id" else field


def _condition(field: str, value: Condition) -> dict[str, Any]:
    match value:
        case AtMost():
            return {_name(field): {"$lte": value.value}}
        case OneOf():
            return {_name(field): {"$in": list(value.values)}}
    return {_name(field): {"$eq": value}}


def _beyond(name: str, direction: int, after: tuple[Scalar, str]) -> list[dict[str, Any]]:
    """The conditions of what comes after this place. The second implies the first, which an index serves better."""
    past = "$gt" if direction == ASCENDING else "$lt"
    return [{name: {f"{past}e": after[0]}}, {"$or": [{name: {past: after[0]}}, {"id": {past: after[1]}}]}]


@contextmanager
def unavailable() -> Iterator[None]:
    """Raises errors of the driver as those of the port: StoreUnavailable, or ValueError for a refused value."""
    try:
        yield
    except BSONError as error:
        raise ValueError(str(error)) from error
    except PyMongoError as error:
        raise StoreUnavailable(reason=str(error)) from error
