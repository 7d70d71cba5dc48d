from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from queue import Queue

import pytest
from doubles import START, FakeClock, new_operation

from core.broker.embedded import Poller
from core.broker.port import Handle, Subscription
from core.operation import Operation, Status
from core.store.port import Store
from worker.sweeper import RING_AGAIN_S, Sweeper


class Doorbell:
    """A broker port that can be up or down, and remembers who rang."""

    delivery_s = 5.0

    def __init__(self, up: bool = True) -> None:
        self.up = up
        self.rung: list[tuple[str, str]] = []

    def connected(self) -> bool:
        return self.up

    def ring(self, kind: str, id: str) -> None:
        self.rung.append((kind, id))

    def consume(self, kinds: Iterable[str], handle: Handle, concurrency: int) -> Subscription:
        raise NotImplementedError

    def close(self) -> None:
        pass


@pytest.fixture
def handled() -> list[str]:
    return []


def sweeper(store: Store, clock: FakeClock, bell: Doorbell, handled: list[str]) -> Sweeper:
    return Sweeper(store, bell, clock, ["test"], Poller(store, clock, ["test"], handled.append, 4))


def insert(store: Store, id: str, due_s: float, **changes: object) -> None:
    due_at = START + timedelta(seconds=due_s)
    store.insert("operations", new_operation(id=id, fingerprint=id, due_at=due_at, **changes).to_document())


def test_it_rings_for_what_is_due_and_for_nothing_else(store: Store, clock: FakeClock, handled: list[str]) -> None:
    insert(store, "due", 0)
    insert(store, "later", 1)
    insert(store, "other", 0, kind="other")
    bell = Doorbell()
    assert sweeper(store, clock, bell, handled).run_once() == 1
    assert bell.rung == [("test", "due")]


def test_a_backlog_is_not_rung_again_and_again(store: Store, clock: FakeClock, handled: list[str]) -> None:
    insert(store, "op-1", 0)
    bell = Doorbell()
    first, second = (sweeper(store, clock, bell, handled) for _ in range(2))
    first.run_once()
    second.run_once()
    clock.tick(RING_AGAIN_S - 1)
    first.run_once()
    assert len(bell.rung) == 1
    clock.tick(1)
    second.run_once()
    assert len(bell.rung) == 2


def test_what_a_worker_takes_in_the_same_moment_is_not_rung(store: Store, clock: FakeClock, handled: list[str]) -> None:
    insert(store, "op-1", 0)
    bell = Doorbell()
    document = store.get("operations", "op-1")
    assert document is not None
    found = store.find

    def find(*args: object, **kwargs: object) -> list[dict[str, object]]:
        page = found(*args, **kwargs)  # type: ignore[arg-type]
        operation = Operation.from_document(document)
        store.replace("operations", replace(operation, status=Status.PROCESSING).to_document())
        return page

    store.find = find  # type: ignore[method-assign,assignment]
    assert sweeper(store, clock, bell, handled).run_once() == 0
    assert bell.rung == []


def test_while_the_broker_is_away_the_worker_takes_what_is_due_itself(store: Store, clock: FakeClock) -> None:
    insert(store, "op-1", 0)
    bell, taken = Doorbell(up=False), Queue[str]()
    fallback = Poller(store, clock, ["test"], taken.put, 4)
    assert Sweeper(store, bell, clock, ["test"], fallback).run_once() == 1
    assert taken.get(timeout=5) == "op-1"
    assert bell.rung == []
