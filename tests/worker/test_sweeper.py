from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from queue import Queue
from threading import Event

import pytest

from core.broker.poller import PAGE_MIN, Poller
from core.broker.port import Handle, Message, Subscription
from core.clock import to_rfc3339
from core.operation import SCHEMA, Operation, Status
from core.store.port import AtMost, Store
from tests.doubles import START, FakeClock, ScriptedPartner, engine, load, new_operation, process, step
from worker.partners.port import Confirmed
from worker.sweeper import PAGE_SIZE, RING_AGAIN_S, Sweeper


class Heard:
    """A subscription that hears rings, or does not."""

    def __init__(self, up: bool = True) -> None:
        self.up = up

    def connected(self) -> bool:
        return self.up

    def stop(self, timeout_s: float) -> bool:
        return True


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

    def publish(self, message: Message) -> None:
        raise NotImplementedError

    def consume(self, kinds: Iterable[str], handle: Handle, concurrency: int) -> Subscription:
        raise NotImplementedError

    def close(self) -> None:
        pass


@pytest.fixture
def handled() -> list[str]:
    return []


def sweeper(store: Store, clock: FakeClock, bell: Doorbell, handled: list[str]) -> Sweeper:
    return Sweeper(store, bell, clock, ["test"], Heard(), Poller(store, clock, ["test"], handled.append, 4))


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
    for either in (second, first):  # whose share it is in
        either.run_once()
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

    store.find = find  # type: ignore[method-assign]
    assert sweeper(store, clock, bell, handled).run_once() == 0
    assert bell.rung == []


@pytest.mark.parametrize(("bell", "heard"), [(Doorbell(up=False), Heard()), (Doorbell(), Heard(up=False))])
def test_while_rings_do_not_reach_it_a_worker_takes_what_is_due_itself(
    store: Store, clock: FakeClock, bell: Doorbell, heard: Heard
) -> None:
    insert(store, "op-1", 0)
    taken = Queue[str]()
    fallback = Poller(store, clock, ["test"], taken.put, 4)
    assert Sweeper(store, bell, clock, ["test"], heard, fallback).run_once() == 1
    assert taken.get(timeout=5) == "op-1"
    assert bell.rung == []


def test_a_document_of_a_newer_version_holds_nothing_up(store: Store, clock: FakeClock, handled: list[str]) -> None:
    document = new_operation(id="newer", fingerprint="newer").to_document()
    store.insert("operations", {**document, "of_a_newer_version": 1})
    insert(store, "op-1", 0)
    bell = Doorbell()
    assert sweeper(store, clock, bell, handled).run_once() == 2
    kept = store.get("operations", "newer")
    assert kept is not None
    assert kept["of_a_newer_version"] == 1


def test_a_sweeper_goes_on_after_any_error_and_waits_for_its_fallback(store: Store, clock: FakeClock) -> None:
    class Broken(Doorbell):
        def connected(self) -> bool:
            asked.put("connected")
            raise RuntimeError("can't start new thread")

    asked, begun, go_on = Queue[str](), Event(), Event()

    def handle(id: str) -> None:
        begun.set()
        go_on.wait(5)

    insert(store, "op-1", 0)
    fallback = Poller(store, clock, ["test"], handle, 4)
    sweep = Sweeper(store, Broken(), clock, ["test"], Heard(), fallback)
    sweep.start()
    assert [asked.get(timeout=5) for _ in range(2)] == ["connected"] * 2
    fallback.run_once()
    assert begun.wait(5)
    assert not sweep.stop(0.01)
    go_on.set()
    assert sweep.stop(5)


def test_documents_of_other_releases_are_rung_and_keep_what_they_say(
    store: Store, clock: FakeClock, handled: list[str]
) -> None:
    # Given an operation of the first form, and one of a later release
    document = new_operation(counterparty="kofi").to_document()
    first = {name: value for name, value in document.items() if name not in ("schema", "counterparty")}
    store.insert("operations", {**first, "counterpart": "kofi"})
    later = store.insert("operations", {**document, "id": "op-2", "fingerprint": "g", "schema": document["schema"] + 1})
    bell = Doorbell()

    # If the sweeper saves what it rings for
    assert sweeper(store, clock, bell, handled).run_once() == 2

    # I expect the first one to be found by its new name, and the other one to differ only in when it is due
    assert bell.rung == [("test", "op-1"), ("test", "op-2")]
    assert store.find("operations", {"kind": "test", "counterparty": "kofi"})[0]["id"] == "op-1"
    again = to_rfc3339(START + timedelta(seconds=RING_AGAIN_S))
    assert store.get("operations", "op-2") == {**later, "due_at": again, "version": 2}


@pytest.mark.parametrize("schema", [SCHEMA + 1, "of no release"])
def test_a_page_of_what_this_release_cannot_read_hides_nothing(
    store: Store, clock: FakeClock, handled: list[str], schema: object
) -> None:
    # Given more than a page of them, all due before the one that can be read
    for number in range(PAGE_SIZE + 1):
        document = new_operation(id=f"strange-{number}", fingerprint=f"strange-{number}").to_document()
        store.insert("operations", {**document, "schema": schema})
    clock.tick(1)
    insert(store, "op-1", 1)
    bell = Doorbell()

    # If an old worker's sweeper sweeps twice
    sweep = sweeper(store, clock, bell, handled)
    assert [sweep.run_once() for _ in range(3)] == [PAGE_SIZE, 2, 0]

    # I expect a ring for each, once: a worker of the later release may hear it
    assert len(bell.rung) == len(set(bell.rung)) == PAGE_SIZE + 2
    assert ("test", "op-1") in bell.rung


def test_an_old_worker_does_not_take_the_same_again_and_again(store: Store, clock: FakeClock) -> None:
    # Given operations of a later release, due before one that an old worker can read, and no broker
    for number in range(PAGE_MIN * 2):
        document = new_operation(id=f"later-{number}", fingerprint=f"later-{number}").to_document()
        store.insert("operations", {**document, "schema": SCHEMA + 1})
    clock.tick(1)
    insert(store, "op-1", 1)
    looked_at = Queue[str]()
    worker = engine(store, clock, process((step("one", ScriptedPartner(Confirmed())),)))

    def handle(id: str) -> None:
        worker.advance(id)
        looked_at.put(id)

    # If it polls until it has come to that one
    poller = Poller(store, clock, ["test"], handle, 4)
    seen: list[str] = []
    while "op-1" not in seen:
        seen += [looked_at.get(timeout=5) for _ in range(poller.run_once())]

    # I expect it to look at each once, and to end the one that it can read
    assert len(seen) == len(set(seen)) == PAGE_MIN * 2 + 1
    assert load(store).status is Status.SUCCEEDED
    assert store.find("operations", {"kind": "test", "due_at": AtMost(to_rfc3339(clock.now()))}) == []
    assert poller.stop(5)
