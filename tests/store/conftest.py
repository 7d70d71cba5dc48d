"""An adapter's part in the contract suite is a constructor: `open_store()` opens a store on this test's own data."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import mongomock
import pymongo
import pytest
import sqlalchemy as sa
from _pytest.mark import ParameterSet
from mongomock.collection import Collection as MockCollection
from store.servers import ferretdb, nx_27017

from core.store.memory import MemoryStore
from core.store.mongo import MongoStore
from core.store.port import Store
from core.store.sql import SqlStore

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
    client = mongomock.MongoClient()
    yield lambda: MongoStore("mongodb://mongomock/", client)


def _locked(lock: AbstractContextManager[Any], method: Callable[..., Any]) -> Callable[..., Any]:
    def locked(*args: Any, **kwargs: Any) -> Any:
        with lock:
            return method(*args, **kwargs)

    return locked


@contextmanager
def _mongo_server(url: str) -> Iterator[OpenStore]:
    name = f"quittance_test_{uuid4().hex}"
    address, _, options = url.partition("?")
    base = address.removesuffix("/") if address.count("/") == 2 else address.rpartition("/")[0]
    yield lambda: MongoStore(f"{base}/{name}?{options}")
    with pymongo.MongoClient(url) as client:
        client.drop_database(name)


def _private_server(fixture: str) -> OpenData:
    return lambda request: _mongo_server(request.getfixturevalue(fixture))


@contextmanager
def _postgres(url: str) -> Iterator[OpenStore]:
    schema, engine = f"quittance_test_{uuid4().hex}", sa.create_engine(url, isolation_level="AUTOCOMMIT")
    own = sa.make_url(url).update_query_dict({"options": f"-csearch_path={schema}"})
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        yield lambda: SqlStore(own.render_as_string(hide_password=False))
        connection.exec_driver_sql(f"DROP SCHEMA {schema} CASCADE")


@contextmanager
def _mysql(url: str) -> Iterator[OpenStore]:
    database, engine = f"quittance_test_{uuid4().hex}", sa.create_engine(url, isolation_level="AUTOCOMMIT")
    own = sa.make_url(url).set(database=database)
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {database}")
        yield lambda: SqlStore(own.render_as_string(hide_password=False))
        connection.exec_driver_sql(f"DROP DATABASE {database}")


ADAPTERS: dict[str, OpenData] = {
    "sqlite_file": _sqlite_file,
    "sqlite_memory": _sqlite_memory,
    "memory": _memory,
    "mongomock": _mongomock,
    "nx_27017": _private_server("nx_27017_url"),
    "ferretdb": _private_server("ferretdb_url"),
}
NAMED_SERVERS = {"STORE_TEST_URL": _mongo_server, "POSTGRES_TEST_URL": _postgres, "MYSQL_TEST_URL": _mysql}
for variable, open_data in NAMED_SERVERS.items():
    if url := os.environ.get(variable):
        ADAPTERS[variable] = lambda request, open_data=open_data, url=url: open_data(url)


# FerretDB v1 reads, and then writes in another transaction; it refuses arrays in arrays.
FERRETDB_FAILS = (
    "test_loses_no_update_of_many_at_once",
    "test_one_of_many_at_once_takes_a_version",
    "test_gives_back_what_was_stored[ferretdb-arrays_in_arrays]",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "[ferretdb" in item.name and item.name.startswith(FERRETDB_FAILS):
            item.add_marker(pytest.mark.skip(reason="a limit of FerretDB v1, not of the adapter"))


@pytest.fixture(scope="session")
def nx_27017_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with nx_27017(tmp_path_factory.mktemp("nx_27017")) as (url, _):
        yield url


@pytest.fixture(scope="session")
def ferretdb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with ferretdb(tmp_path_factory.mktemp("ferretdb")) as (url, _):
        yield url


def _parameter(name: str) -> ParameterSet:
    # The first test of FerretDB may have to build it.
    return pytest.param(name, marks=[pytest.mark.xdist_group(f"store-{name}"), pytest.mark.timeout(300)])


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
