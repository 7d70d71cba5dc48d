"""What nobody needs any more is deleted; what is used again, and all that is about money, stays."""

from datetime import timedelta

import pytest

from core.clock import to_rfc3339
from core.installed import DEFAULT
from core.store.memory import MemoryStore
from core.store.port import ATTEMPTS, COLLECTIONS, SECURITY_LOG, USSD_SESSIONS, Document, Store
from tests.doubles import START, FakeClock
from worker.purge import PAGE_SIZE, Purge


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


def purge(store: Store, clock: FakeClock) -> Purge:
    return Purge(store, clock, COLLECTIONS.values())


def insert(store: Store, collection: str, field: str, id: str, days_ago: float) -> None:
    store.insert(collection, {"id": id, field: to_rfc3339(START - timedelta(days=days_ago))})


def ids(store: Store, collection: str) -> list[str]:
    return [document["id"] for document in store.find(collection, {})]


@pytest.mark.parametrize(("collection", "field", "days"), [(ATTEMPTS, "since", 1), (USSD_SESSIONS, "at", 30)])
def test_what_is_too_old_is_deleted(store: Store, clock: FakeClock, collection: str, field: str, days: int) -> None:
    insert(store, collection, field, "old", days)
    insert(store, collection, field, "new", days - 0.01)

    assert purge(store, clock).run_once() == 1
    assert ids(store, collection) == ["new"]
    assert purge(store, clock).run_once() == 0


def test_what_is_used_again_meanwhile_stays(clock: FakeClock) -> None:
    class UsedAgain(MemoryStore):
        def delete(self, collection: str, id: str, version: int) -> None:
            found: Document = self.get(collection, id) or {}
            if found["version"] == 1:
                self.replace(collection, {**found, "since": to_rfc3339(START)})
            super().delete(collection, id, version)

    store = UsedAgain()
    insert(store, ATTEMPTS, "since", "a", 2)

    assert purge(store, clock).run_once() == 0
    assert ids(store, ATTEMPTS) == ["a"]


def test_a_pass_is_bounded(store: Store, clock: FakeClock) -> None:
    for number in range(PAGE_SIZE + 1):
        insert(store, ATTEMPTS, "since", f"a{number}", 2)

    assert [purge(store, clock).run_once() for _ in range(3)] == [PAGE_SIZE, 1, 0]


def test_only_what_is_not_about_money_has_an_end() -> None:
    kept = {name for name, collection in DEFAULT.collections.items() if collection.kept}
    assert kept == {ATTEMPTS, SECURITY_LOG, USSD_SESSIONS}


def test_it_ends_when_it_is_told_to(store: Store, clock: FakeClock) -> None:
    running = purge(store, clock)
    running.start()
    running.stop()
    assert ids(store, ATTEMPTS) == []
