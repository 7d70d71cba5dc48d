"""What a MongoDB database needs for some collections: indexes, and nothing that a sharded cluster cannot have."""

from collections.abc import Iterator, Mapping
from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from core.claims import claim
from core.store.port import FINGERPRINTS, OPERATIONS, PEOPLE, PHONES, USERNAMES, Collection, Document

OBSOLETE: Mapping[str, tuple[str, ...]] = {OPERATIONS: ("kind_counterpart_id",)}
"""By collection: indexes of earlier releases that serve no query any more."""
CLAIMED: Mapping[str, Mapping[str, str]] = {
    OPERATIONS: {"fingerprint": FINGERPRINTS},
    PEOPLE: {"username": USERNAMES, "msisdn": PHONES},
}
"""By collection: fields that had unique indexes in earlier releases, and the collections of their claims."""


def pending(database: Database[Document], collections: Mapping[str, Collection]) -> list[str]:
    """What `prepare` would do, in words."""
    missing, obsolete, unclaimed = [], [], []
    for name, collection in collections.items():
        made = database[name].index_information().keys()
        missing += [f"make the index {index} of {name}" for index in indexes_of(collection) if index not in made]
        obsolete += [f"drop the index {index} of {name}" for index in OBSOLETE.get(name, ()) if index in made]
        unclaimed += [
            f"claim each {field} of {name}" for field in CLAIMED.get(name, ()) if _unique_index(field) in made
        ]
    return missing + obsolete + unclaimed


def prepare(database: Database[Document], collections: Mapping[str, Collection]) -> None:
    """Makes and drops indexes. Every part may be repeated, and several processes may do it at once."""
    for name, collection in collections.items():
        target = database[name]
        for index, fields in indexes_of(collection).items():
            target.create_index([(field, ASCENDING) for field in fields], name=index)
        made = target.index_information().keys()
        for field, claims in CLAIMED.get(name, {}).items():
            if _unique_index(field) in made:
                _claim_all(database, name, field, claims)
                target.drop_index(_unique_index(field))  # when it is gone, all values are claimed
        for index in made & set(OBSOLETE.get(name, ())):
            target.drop_index(index)


def indexes_of(collection: Collection) -> dict[str, tuple[str, ...]]:
    """The fields of each index that a collection needs, by the index's name."""
    # Its own `id`, not `_id`: not every server takes that into an index of several fields.
    return {"_".join((*fields, "id")): (*fields, "id") for fields in collection.indexes}


def _unique_index(field: str) -> str:
    return f"{field}_unique"


def _claim_all(database: Database[Document], name: str, field: str, claims: str) -> None:
    for value, holder in _values(database, name, field):
        new = claim(value, holder)
        try:
            database[claims].insert_one({"_id": value, **new, "version": 1})
        except DuplicateKeyError:
            continue  # another process has claimed it, or this one was interrupted before


def _values(database: Database[Document], name: str, field: str) -> Iterator[tuple[str, Any]]:
    found = database[name].find({field: {"$type": "string"}}, {field: 1}).sort("_id")
    return ((document[field], document["_id"]) for document in found)
