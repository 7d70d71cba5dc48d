"""Documents of release 0.1.0 on MongoDB are read at once, and rewritten by the command."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import mongomock
import pymongo
import pytest

from core.errors import StoreUnavailable
from core.identity.people import People
from core.installed import DEFAULT
from core.operation import SCHEMA, Operation
from core.sealing import Sealing
from core.store import mongo_migration, mongo_schema
from core.store.mongo import DATABASE, MongoStore
from core.store.mongo_migration import MongoMigration
from core.store.mongo_schema import CLAIMED
from core.store.port import FINGERPRINTS, OPERATIONS, Document, scan
from core.store.resealing import Resealing
from core.store.sealed import SealedStore, upcast_stored
from core.upcasts import Upcasts, upcast
from devtools.databases import own_database
from devtools.stores import StoreServer
from tests.doubles import KEYS, FakeClock
from tests.store.earlier import AWA, KOFI, TABLES_0_1_0, operations, transfer_under_way, write_0_1_0

PERSON = "00000000-0000-4000-8000-000000000009"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_0_1_0(tmp_path / "store.db")
    return tmp_path / "store.db"


class TestMongo:
    """Documents of release 0.1.0 on MongoDB."""

    @pytest.fixture(params=["mongomock", pytest.param("mongodb", marks=pytest.mark.xdist_group("store-mongodb"))])
    def client(self, request: pytest.FixtureRequest) -> Iterator[pymongo.MongoClient[Document]]:
        if request.param == "mongomock":
            yield mongomock.MongoClient()
            return
        server: StoreServer = request.getfixturevalue("mongodb")
        with own_database(server.url) as url, pymongo.MongoClient[Document](url) as client:
            yield client

    @pytest.fixture
    def store(self, client: pymongo.MongoClient[Document], path: Path) -> MongoStore:
        database = client.get_default_database(DATABASE)
        with closing(sqlite3.connect(path)) as file:
            for name in TABLES_0_1_0:
                for (text,) in file.execute(f"SELECT document FROM {name}"):  # noqa: S608 (fixed names)
                    document = json.loads(text)
                    absent = [field for field in CLAIMED.get(name, ()) if document[field] is None]
                    stored = {field: value for field, value in document.items() if field not in absent}
                    database[name].insert_one({"_id": document["id"], **stored})
        fields = [("kind", 1), ("counterpart", 1), ("id", 1)]
        database[OPERATIONS].create_index(fields, name="kind_counterpart_id")
        for name, unique in CLAIMED.items():
            for field in unique:
                database[name].create_index([(field, 1)], unique=True, sparse=True, name=f"{field}_unique")
        return MongoStore("mongodb://test/", client, DEFAULT.collections)

    def test_no_request_migrates_it(self, store: MongoStore) -> None:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="quittance migrate"):
                operations(store)

    def test_the_command_rewrites_earlier_documents(self, store: MongoStore) -> None:
        before = unmigrated(store)
        migration = MongoMigration(store)
        assert rewrites(migration) == [
            "rewrite 6 documents of operations",
            "rewrite 4 documents of idempotency_keys",
            "rewrite 2 documents of ussd_sessions",
        ]

        migration.run()

        assert migration.state().pending == ()
        transfer = transfer_under_way(store)
        where = {"kind": "wallet_transfer", "counterparty": transfer.counterparty}
        assert len(store.find(OPERATIONS, where)) == 2
        assert operations(store) == before
        assert not any("counterpart" in document or "tell" in document for document in scan(store, OPERATIONS, {}))

    def test_what_is_sealed_is_rewritten_sealed(self, store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
        MongoMigration(store).run()
        Resealing(store, Sealing(KEYS), DEFAULT.collections).seal()
        latest = DEFAULT.collections[OPERATIONS]
        newer = {**DEFAULT.collections, OPERATIONS: replace(latest, upcasts=(*latest.upcasts, with_colour))}
        monkeypatch.setattr(store, "collections", newer)

        with pytest.raises(StoreUnavailable, match="DATA_KEYS is not set"):
            MongoMigration(store, partial(upcast_stored, None)).run()
        MongoMigration(store, partial(upcast_stored, Sealing(KEYS))).run()

        found = list(scan(SealedStore(store, Sealing(KEYS), newer), OPERATIONS, {}))
        assert [document["colour"] for document in found] == [len(document["steps"]) for document in found]
        assert len(found) > 2
        assert all("colour" not in document for document in scan(store, OPERATIONS, {}))

    def test_unique_values_are_claimed(self, store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
        # Given a command that was interrupted after the first claim
        real_values = mongo_schema._values

        def interrupted(*arguments: Any) -> Iterator[tuple[str, Any]]:
            yield next(iter(real_values(*arguments)))
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(mongo_schema, "_values", interrupted)
            with pytest.raises(KeyboardInterrupt):
                MongoMigration(store).run()

        # If it is run again
        MongoMigration(store).run()

        # I expect each value to name its document, and the unique indexes to be gone
        held = {operation.fingerprint: operation.id for operation in operations(store) if operation.fingerprint}
        assert {claim["id"]: claim["holder"] for claim in scan(store, FINGERPRINTS, {})} == held != {}
        people = People(store, FakeClock())
        assert [person.msisdn for person in map(people.of_phone, (AWA, KOFI)) if person] == [AWA, KOFI]
        assert not any(name.endswith("_unique") for name in store.database[OPERATIONS].index_information())

    def test_a_person_without_a_phone_is_read_and_gets_one(self, store: MongoStore) -> None:
        person = {"id": PERSON, "username": "ama", "shown": "Ama", "role": "user", "suspended": False, "version": 1}
        store.database["people"].insert_one({"_id": PERSON, **person})
        MongoMigration(store).run()

        people = People(store, FakeClock())
        found = people.find("ama", "CI")
        assert found is not None
        assert (found.username, found.msisdn) == ("Ama", None)
        assert people.set_phone(PERSON, "+2250700000009").msisdn == "+2250700000009"

    def test_every_operation_says_whether_it_has_a_fingerprint(self, store: MongoStore) -> None:
        assert any("fingerprint" not in document for document in store.database[OPERATIONS].find({}))
        MongoMigration(store).run()
        assert all("fingerprint" in document for document in scan(store, OPERATIONS, {}))

    def test_what_a_worker_saves_meanwhile_is_kept(self, store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
        (transfer,) = (each for each in unmigrated(store) if each.kind == "wallet_transfer" and not each.terminal)

        def save_first(upcasts: Upcasts, document: Document) -> Mapping[str, Any]:
            monkeypatch.undo()
            store.replace(OPERATIONS, replace(transfer, error={"code": "saved_meanwhile"}).to_document())
            return upcast(upcasts, document)

        monkeypatch.setattr(mongo_migration, "upcast", save_first)
        monkeypatch.setattr(mongo_migration, "PAGE", 10)
        MongoMigration(store).run()

        saved = transfer_under_way(store)
        assert (saved.error, saved.version) == ({"code": "saved_meanwhile"}, transfer.version + 1)
        assert rewrites(MongoMigration(store)) == []

    def test_it_may_be_run_twice_and_in_small_pages(self, store: MongoStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mongo_migration, "PAGE", 2)
        migration = MongoMigration(store)
        before = unmigrated(store)

        migration.run()
        rewritten = list(scan(store, OPERATIONS, {}))
        migration.run()

        assert operations(store) == before
        assert list(scan(store, OPERATIONS, {})) == rewritten
        assert all(document["schema"] == SCHEMA for document in rewritten)


def with_colour(document: Mapping[str, Any]) -> dict[str, Any]:
    """A change of the form that looks at what is sealed."""
    return {**document, "colour": len(document["steps"])}


def unmigrated(store: MongoStore) -> list[Operation]:
    """The operations of a database that the store refuses to read yet."""
    found = store.database[OPERATIONS].find({}, {"_id": 0}).sort("id")
    return [Operation.from_document({"fingerprint": None} | document) for document in found]


def rewrites(migration: MongoMigration) -> list[str]:
    """What is to be rewritten."""
    return [what for what in migration.state().pending if what.startswith("rewrite")]


def test_indexes_are_made_and_dropped_on_mongodb() -> None:
    client: pymongo.MongoClient[Document] = mongomock.MongoClient()
    raw = client[DATABASE][OPERATIONS]
    raw.create_index([("kind", 1), ("counterpart", 1), ("id", 1)], name="kind_counterpart_id")
    migration = MongoMigration(MongoStore("mongodb://test/", client))
    pending = migration.state().pending
    assert "make the index kind_counterparty_id of operations" in pending
    assert "drop the index kind_counterpart_id of operations" in pending

    migration.run()

    assert migration.state().pending == ()
    assert "kind_counterparty_id" in raw.index_information()
    assert "kind_counterpart_id" not in raw.index_information()
