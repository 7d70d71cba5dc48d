"""An adapter's part in the contract suite is a constructor: `open_store()` opens a store on this test's own data."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import mongomock
import pytest
from _pytest.mark import ParameterSet
from mongomock.collection import Collection as MockCollection

from core.sealing import Sealing
from core.store.memory import MemoryStore
from core.store.mongo import MongoStore
from core.store.mongo_migration import MongoMigration
from core.store.port import COLLECTIONS, Store
from core.store.sealed import SealedStore
from core.store.sql import SqlStore
from core.store.sql_migration import SqlMigration
from devtools.databases import own_database
from devtools.stores import StoreServer
from tests.doubles import KEYS

OpenStore = Callable[[], Store]
OpenData = Callable[[pytest.FixtureRequest], AbstractContextManager[OpenStore]]


@contextmanager
def _sqlite_file(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    path: Path = request.getfixturevalue("tmp_path") / "store.db"
    yield lambda: SqlStore(f"sqlite:///{path}")


@contextmanager
def _sqlite_memory(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    store = SqlStore("sqlite://")
    yield lambda: store


@contextmanager
def _memory(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    store = MemoryStore()
    yield lambda: store


@contextmanager
def _mongomock(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    """It finds first and writes afterwards; one lock makes its operations the single steps they are on a server."""
    lock, patch = threading.RLock(), request.getfixturevalue("monkeypatch")
    for name in ("_find_and_modify", "_update", "_insert", "_delete"):
        patch.setattr(MockCollection, name, _locked(lock, getattr(MockCollection, name)))
    client: Any = mongomock.MongoClient()
    MongoMigration(MongoStore("mongodb://mongomock/", client)).run()
    yield lambda: MongoStore("mongodb://mongomock/", client)


def _locked(lock: AbstractContextManager[Any], method: Callable[..., Any]) -> Callable[..., Any]:
    def locked(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return method(*args, **kwargs)

    return locked


@contextmanager
def _mongo_server(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    server: StoreServer = request.getfixturevalue("mongodb")
    with own_database(server.url) as url:
        with closing(MongoMigration(MongoStore(url))) as migration:
            migration.run()
        yield lambda: MongoStore(url)


def _sql_server(name: str) -> OpenData:
    """A server that is migrated before stores are opened on it."""

    @contextmanager
    def open_data(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
        server: StoreServer = request.getfixturevalue(name)
        with own_database(server.url) as url:
            with closing(SqlMigration(url, COLLECTIONS)) as migration:
                migration.run()
            yield lambda: SqlStore(url)

    return open_data


def _sealed(open_data: OpenData) -> OpenData:
    """The same adapter, and what it stores is sealed."""

    @contextmanager
    def open_sealed(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
        with open_data(request) as open_one:
            yield lambda: SealedStore(open_one(), Sealing(KEYS), COLLECTIONS)

    return open_sealed


PLAIN: dict[str, OpenData] = {
    "sqlite_file": _sqlite_file,
    "sqlite_memory": _sqlite_memory,
    "memory": _memory,
    "mongomock": _mongomock,
    "mongodb": _mongo_server,
    "postgresql": _sql_server("postgresql"),
    "mariadb": _sql_server("mariadb"),
}
ADAPTERS = PLAIN | {
    f"sealed_{name}": _sealed(PLAIN[name]) for name in ("sqlite_file", "memory", "mongomock", "mongodb", "postgresql")
}
UNORDERED = ("test_text_sorts_by_code_point[sealed_", "test_integers_sort_as_numbers[sealed_")
"""They order by a field that is blind where it is sealed."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    limit = pytest.mark.xfail(reason="mongo-java-server sorts text by UTF-16 units; MongoDB does not")
    for item in items:
        if item.name == "test_text_sorts_by_code_point[mongodb]" and "STORE_TEST_URL" not in os.environ:
            item.add_marker(limit)
        if item.name.startswith(UNORDERED):
            item.add_marker(pytest.mark.xfail(reason="a blind field has no order", raises=ValueError))


def _parameter(name: str) -> ParameterSet:
    # The first test of a server may have to install it.
    server = name.removeprefix("sealed_")
    return pytest.param(name, marks=[pytest.mark.xdist_group(f"store-{server}"), pytest.mark.timeout(300)])


@pytest.fixture(params=[_parameter(name) for name in ADAPTERS])
def open_store(request: pytest.FixtureRequest) -> Iterator[OpenStore]:
    with ExitStack() as opened:
        open_one = opened.enter_context(ADAPTERS[request.param](request))

        def open_store() -> Store:
            store = open_one()
            opened.callback(store.close)
            return store

        yield open_store


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()
