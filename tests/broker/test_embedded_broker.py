"""How the store is polled: what is due, whose turn it is, and what happens when the store does not answer."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.broker.embedded import EmbeddedBroker
from core.broker.poller import Poller
from core.clock import SystemClock, to_rfc3339
from core.errors import StoreUnavailable
from core.store.port import Document
from core.store.sql import SqlStore
from tests.broker.kits import EmbeddedKit, Work

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)


class StoppedClock:
    def __init__(self) -> None:
        self.time = NOON

    def now(self) -> datetime:
        return self.time


class FlakyStore(SqlStore):
    """Does not answer the first few times it is searched."""

    def __init__(self, failures: int) -> None:
        super().__init__("sqlite://")
        self.failures = failures

    def find(self, *arguments: Any, **named: Any) -> list[Document]:
        if self.failures:
            self.failures -= 1
            raise StoreUnavailable
        return super().find(*arguments, **named)


@pytest.fixture
def store() -> Iterator[SqlStore]:
    store = SqlStore("sqlite://")
    yield store
    store.close()


class Held:
    """A handler that waits at a gate and leaves its operation due."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.gate = threading.Event()
        self._one_more = threading.Semaphore(0)

    def __call__(self, id: str) -> None:
        self.begun.append(id)
        self._one_more.release()
        self.gate.wait()

    def wait_begun(self, count: int) -> None:
        for _ in range(count):
            assert self._one_more.acquire(timeout=10)


@pytest.fixture
def held() -> Iterator[Held]:
    held = Held()
    yield held
    held.gate.set()


def due(store: SqlStore, kind: str, id: str, at: datetime | None) -> None:
    store.insert("operations", {"id": id, "kind": kind, "status": "accepted", "due_at": at and to_rfc3339(at)})


def test_only_due_operations_reach_a_handler(store: SqlStore, held: Held) -> None:
    due(store, "fine", "now", NOON)
    due(store, "fine", "later", NOON + timedelta(seconds=1))
    due(store, "fine", "never", None)
    due(store, "event", "of another kind", NOON)
    poller = Poller(store, StoppedClock(), ["fine"], held, 5)

    assert poller.run_once() == 1

    held.wait_begun(1)
    assert held.begun == ["now"]


def test_the_most_overdue_come_first(store: SqlStore, held: Held) -> None:
    for n in range(9):
        due(store, "fine", f"f{n}", NOON - timedelta(seconds=n))
    poller = Poller(store, StoppedClock(), ["fine"], held, 2)

    assert poller.run_once() == 2
    assert poller.run_once() == 0

    held.wait_begun(2)
    assert sorted(held.begun) == ["f7", "f8"]


def test_those_in_hand_do_not_hide_the_others(store: SqlStore, held: Held) -> None:
    """However many pages of them there are."""
    for n in range(100):
        due(store, "fine", f"f{n}", NOON)
    poller = Poller(store, StoppedClock(), ["fine"], held, 101)
    assert poller.run_once() == 100

    due(store, "fine", "last", NOON)

    assert poller.run_once() == 1
    held.wait_begun(101)
    assert held.begun[-1] == "last"


def test_threads_are_shared_out_among_the_kinds(store: SqlStore, held: Held) -> None:
    for n in range(20):
        for kind in ("fine", "event", "consultation"):
            due(store, kind, f"{kind}-{n}", NOON)
    kinds = ["fine", "event", "consultation"]
    poller = Poller(store, StoppedClock(), kinds, held, 9)

    assert poller.run_once() == 9

    held.wait_begun(9)
    assert Counter(id.split("-")[0] for id in held.begun) == {"fine": 3, "event": 3, "consultation": 3}


def test_a_single_thread_goes_round_the_kinds(store: SqlStore) -> None:
    begun: list[str] = []
    ended = threading.Semaphore(0)

    def handle(id: str) -> None:
        operation = store.get("operations", id)
        assert operation is not None
        store.replace("operations", operation | {"due_at": None})
        begun.append(operation["kind"])
        ended.release()

    for n in range(5):
        for kind in ("fine", "event"):
            due(store, kind, f"{kind}-{n}", NOON)
    with_one_thread = EmbeddedBroker(store, StoppedClock(), poll_s=0.01)
    subscription = with_one_thread.consume(["fine", "event"], handle, 1)

    for _ in range(10):
        assert ended.acquire(timeout=10)
    assert subscription.stop(5)
    assert set(begun[:3]) == {"fine", "event"}


@pytest.mark.parametrize("error", [RuntimeError, StoreUnavailable])
def test_what_raised_without_moving_on_is_left_alone_for_a_while(store: SqlStore, error: type[Exception]) -> None:
    clock, calls = StoppedClock(), threading.Semaphore(0)
    due(store, "fine", "bad", NOON)

    def handle(id: str) -> None:
        calls.release()
        raise error("asked for by a test")

    poller = Poller(store, clock, ["fine"], handle, 1)
    assert poller.run_once() == 1
    assert calls.acquire(timeout=5)

    due(store, "fine", "another", NOON)
    while not poller.run_once():  # the first one's thread has to come back
        assert not calls.acquire(blocking=False)
    assert calls.acquire(timeout=5)
    clock.time += timedelta(seconds=2)
    while not poller.run_once():
        pass
    assert calls.acquire(timeout=5)
    assert poller.stop(5)


def test_a_store_that_does_not_answer_is_polled_again(store: SqlStore) -> None:
    flaky, begun = FlakyStore(failures=3), threading.Event()
    due(flaky, "fine", "f", NOON)
    with pytest.raises(StoreUnavailable):
        Poller(flaky, SystemClock(), ["fine"], lambda id: None, 1).run_once()

    subscription = EmbeddedBroker(flaky, SystemClock(), poll_s=0.01).consume(["fine"], lambda id: begun.set(), 1)

    assert begun.wait(10)
    assert subscription.stop(5)
    flaky.close()


def test_a_ring_in_the_same_process_does_not_wait_for_the_next_poll(store: SqlStore) -> None:
    first, second = threading.Event(), threading.Event()
    events = {"first": first, "second": second}

    def handle(id: str) -> None:
        operation = store.get("operations", id)
        assert operation is not None
        store.replace("operations", operation | {"due_at": None})
        events[id].set()

    due(store, "fine", "first", NOON)
    broker = EmbeddedBroker(store, SystemClock(), poll_s=3600)
    subscription = broker.consume(["fine"], handle, 4)
    assert first.wait(10)

    due(store, "fine", "second", NOON)
    broker.ring("fine", "second")

    assert second.wait(10)
    assert subscription.stop(5)


def test_nothing_is_ever_sent(embedded_kit: EmbeddedKit) -> None:
    broker = embedded_kit.broker()

    assert broker.connected()
    assert broker.delivery_s == 0


def test_a_backlog_is_worked_off_without_waiting_for_polls(embedded_kit: EmbeddedKit) -> None:
    work = Work(embedded_kit)
    ids = [f"f{n}" for n in range(200)]
    for id in ids:
        embedded_kit.ring("fine", id)

    embedded_kit.broker().consume(["fine"], work, 4)

    work.wait_ended(*ids)
    assert work.peak <= 4
