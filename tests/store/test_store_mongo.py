"""What only a server can show: that it is gone."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from core.errors import StoreUnavailable
from core.store.mongo import MongoStore
from core.store.mongo_migration import MongoMigration
from devtools.databases import own_database
from devtools.stores import StoreServer
from tests.store.samples import at_once, operation

pytestmark = pytest.mark.xdist_group("store-mongodb")


@pytest.fixture
def url(mongodb: StoreServer) -> Iterator[str]:
    with own_database(mongodb.url) as url:
        migrate(url)
        yield url


def migrate(url: str) -> None:
    with closing(MongoMigration(MongoStore(url))) as migration:
        migration.run()


@pytest.fixture
def stopped(mongodb: StoreServer) -> Iterator[StoreServer]:
    """A server that the test kills, and that is started again afterwards."""
    if not mongodb.controllable:
        pytest.skip("STORE_TEST_URL names a server that tests must not stop")
    migrate(mongodb.url)
    yield mongodb
    mongodb.start()


def test_a_server_that_is_gone_is_unavailable(stopped: StoreServer) -> None:
    with closing(MongoStore(stopped.url)) as store:
        saved = store.insert("operations", operation("a"))
        stopped.kill()

        def open_another() -> None:
            with closing(MongoStore(stopped.url)) as another:
                another.get("operations", "a")

        verbs = [
            lambda: store.insert("operations", operation("b")),
            lambda: store.get("operations", "a"),
            lambda: store.insert_all(("operations", operation("c"))),
            lambda: store.replace("operations", saved),
            lambda: store.find("operations", {}),
            lambda: store.delete("operations", "a", 1),
            open_another,
        ]

        def fails(number: int) -> None:
            with pytest.raises(StoreUnavailable):
                verbs[number]()

        at_once(fails, len(verbs))


def test_no_request_migrates_it(mongodb: StoreServer) -> None:
    with own_database(mongodb.url) as url, closing(MongoStore(url)) as store:
        for _ in range(2):
            with pytest.raises(StoreUnavailable, match="quittance migrate"):
                store.get("operations", "a")
        migrate(url)
        assert store.get("operations", "a") is None


def test_starts_again_on_what_is_stored(url: str) -> None:
    with closing(MongoStore(url)) as store:
        saved = store.insert("operations", operation("a"))

    with closing(MongoStore(url)) as again:
        assert again.get("operations", "a") == saved


def test_a_closed_store_is_unavailable(url: str) -> None:
    store = MongoStore(url)
    store.close()

    with pytest.raises(StoreUnavailable):
        store.get("operations", "a")
