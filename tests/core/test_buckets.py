"""Workers divide what is due. A worker that is gone loses its share, and nothing waits long for it."""

from collections.abc import Callable
from datetime import timedelta
from queue import SimpleQueue

import pytest

from core.broker.poller import Poller
from core.buckets import LATE_S, LEASE_S, RENEW_S, Share
from core.operation import BUCKETS, bucket_of
from core.store.memory import MemoryStore
from core.store.port import LEASES, OPERATIONS, OneOf, Store
from tests.doubles import START, CutOff, FakeClock, new_operation
from tests.store.samples import at_once

Make = Callable[[str], Share]


@pytest.fixture
def store() -> Store:
    return MemoryStore()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def share(store: Store, clock: FakeClock) -> Make:
    return lambda worker: Share(store, clock, ["fine", "sms"], worker)


def insert(store: Store, count: int) -> None:
    for number in range(count):
        document = new_operation(id=f"op-{number}", kind="fine").to_document()
        store.insert(OPERATIONS, document)


def found(store: Store, share: Share) -> set[str]:
    """What this worker finds due in its share."""
    share.due()  # the first question is for what is late
    return {document["id"] for document in store.find(OPERATIONS, share.due(), "due_at", 10_000)}


def test_the_bucket_of_an_operation_is_stored_and_never_changes() -> None:
    assert new_operation(id="01a1fb37-7851-74c6-b28a-58f4b87a2511").to_document()["bucket"] == 10
    assert {bucket_of(f"op-{number}") for number in range(1000)} == set(range(BUCKETS))


def test_who_is_alone_looks_for_everything(store: Store, share: Make) -> None:
    insert(store, 100)
    assert len(found(store, share("a"))) == 100


@pytest.mark.parametrize("count", [2, 3, 7])
def test_workers_divide_everything_evenly(store: Store, clock: FakeClock, share: Make, count: int) -> None:
    insert(store, 500)
    shares = [share(f"worker-{number}") for number in range(count)]
    for each in shares:
        each.due()
    clock.tick(RENEW_S)  # after which each knows all the others

    parts = [found(store, each) for each in shares]

    assert sum(map(len, parts)) == len(set.union(*parts)) == 500
    assert all(350 / count < len(part) < 650 / count for part in parts)


def test_workers_on_other_kinds_have_other_shares(store: Store, clock: FakeClock, share: Make) -> None:
    insert(store, 100)
    other = Share(store, clock, ["fine"], "other")
    assert len(found(store, share("a"))) == len(found(store, other)) == 100


def test_the_share_of_a_worker_that_is_gone_goes_to_the_others(store: Store, clock: FakeClock, share: Make) -> None:
    insert(store, 100)
    dead, alive = share("dead"), share("alive")
    dead.due()
    assert len(found(store, alive)) < 100
    clock.tick(LEASE_S)
    assert len(found(store, alive)) == 100


def test_the_share_of_a_worker_that_leaves_goes_to_the_others_at_once(
    store: Store, clock: FakeClock, share: Make
) -> None:
    insert(store, 100)
    leaving, staying = share("leaving"), share("staying")
    leaving.due()
    leaving.leave()
    assert len(found(store, staying)) == 100
    leaving.leave()


def test_what_is_late_is_taken_by_any_worker(store: Store, clock: FakeClock, share: Make) -> None:
    insert(store, 100)
    dead, alive = share("dead"), share("alive")
    dead.due()
    seen: set[str] = set()
    for _ in range(int(LATE_S) * 2 + 1):
        seen |= {document["id"] for document in store.find(OPERATIONS, alive.due(), "due_at", 1000)}
        clock.tick(1)
    assert len(seen) == 100


def test_who_comes_at_the_same_moment_is_seen_by_all(store: Store, clock: FakeClock, share: Make) -> None:
    insert(store, 500)
    shares = [share(f"worker-{number}") for number in range(8)]
    at_once(lambda number: [shares[number].due() for _ in range(20)], 8)
    clock.tick(RENEW_S)
    at_once(lambda number: [shares[number].due() for _ in range(20)], 8)

    parts = [found(store, each) for each in shares]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 500


def test_a_store_that_goes_away_while_somebody_leaves_does_not_matter(store: Store, clock: FakeClock) -> None:
    for verbs in range(2):
        Share(store, clock, ["fine"], "a").due()
        Share(CutOff(store, verbs), clock, ["fine"], "a").leave()
    (lease,) = store.find(LEASES, {})
    assert set(lease["workers"]) == {"a"}


def test_two_pollers_take_each_operation_once(store: Store, clock: FakeClock) -> None:
    handled: SimpleQueue[str] = SimpleQueue()
    pollers = [Poller(store, clock, ["fine"], handled.put, 50) for _ in range(2)]
    for poller in pollers:
        poller.run_once()
    clock.tick(RENEW_S)
    for poller in pollers:
        poller.run_once()  # for what is late: nothing yet
    for number in range(40):
        due_at = START + timedelta(seconds=RENEW_S)
        store.insert(OPERATIONS, new_operation(id=f"op-{number}", kind="fine", due_at=due_at).to_document())

    taken = [poller.run_once() for poller in pollers]

    assert min(taken) > 5
    assert sum(taken) == 40
    assert {handled.get(timeout=20) for _ in range(40)} == {f"op-{number}" for number in range(40)}
    for poller in pollers:
        assert poller.stop(5)


def test_a_question_names_the_buckets(store: Store, share: Make) -> None:
    first, second = share("a"), share("b")
    first.due()
    second.due()
    asked = second.due()["bucket"]
    assert isinstance(asked, OneOf)
    assert asked.values == tuple(range(1, BUCKETS, 2))
