import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from doubles import START, FakeClock

from core.accept import Accepted, Order, accept
from core.broker.embedded import EmbeddedBroker
from core.errors import Duplicate, IdempotencyKeyReused, StoreUnavailable
from core.operation import Operation, Status
from core.store.port import Document, Scalar, Store
from core.store.sql import SqlStore


@pytest.fixture
def store() -> Iterator[SqlStore]:
    store = SqlStore("sqlite://")
    yield store
    store.close()


def ask(store: Store, amount: int = 1, key: str | None = None, client: str = "c") -> Accepted:
    order = Order("test", {"amount": amount}, client, subject="+2250707000001", idempotency_key=key)
    clock = FakeClock()
    return accept(store, EmbeddedBroker(store, clock), clock, order)


def end(store: Store, operation: Operation, status: Status) -> None:
    store.replace("operations", operation.moved(Status.PROCESSING, START).moved(status, START).to_document())


def test_what_is_accepted_is_stored_and_due(store: SqlStore) -> None:
    accepted = ask(store)
    document = store.get("operations", accepted.operation.id)
    assert document is not None
    assert Operation.from_document(document) == accepted.operation
    assert (accepted.operation.status, accepted.operation.due_at) == (Status.ACCEPTED, START)


@pytest.mark.parametrize(("connected", "due_after_s"), [(True, 5), (False, 0)])
def test_a_ring_is_waited_for_only_while_the_broker_is_there(
    store: SqlStore, connected: bool, due_after_s: float
) -> None:
    class Broker(EmbeddedBroker):
        delivery_s = 5.0

        def connected(self) -> bool:
            return connected

    clock = FakeClock()
    accepted = accept(store, Broker(store, clock), clock, Order("test", {}, "c"))
    assert accepted.operation.due_at == START + timedelta(seconds=due_after_s)


def test_the_same_request_is_the_same_operation(store: SqlStore) -> None:
    first, second = ask(store), ask(store)
    assert (first.replayed, second.replayed) == (False, True)
    assert second.operation == first.operation
    assert ask(store, amount=2).operation.id != first.operation.id


@pytest.mark.parametrize(
    ("status", "again"),
    [
        (Status.FAILED, True),
        (Status.REFUNDED, True),
        (Status.SUCCEEDED, False),
        (Status.PARTIALLY_SUCCEEDED, False),
    ],
)
def test_only_what_left_nothing_done_may_be_asked_again(store: SqlStore, status: Status, again: bool) -> None:
    first = ask(store)
    end(store, first.operation, status)
    second = ask(store)
    assert (second.operation.id != first.operation.id) is again
    assert second.replayed is not again


def test_a_hundred_at_once_are_one(store: SqlStore) -> None:
    results: list[Accepted] = []
    threads = [threading.Thread(target=lambda: results.append(ask(store))) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({result.operation.id for result in results}) == 1
    assert [result.replayed for result in results].count(False) == 1


def test_a_key_stands_for_its_operation_whatever_became_of_it(store: SqlStore) -> None:
    first = ask(store, key="k")
    end(store, first.operation, Status.FAILED)
    again = ask(store, key="k")
    assert (again.operation.id, again.replayed) == (first.operation.id, True)
    assert ask(store).operation.id != first.operation.id


def test_a_key_is_for_one_request_of_one_client(store: SqlStore) -> None:
    first = ask(store, key="k")
    with pytest.raises(IdempotencyKeyReused):
        ask(store, amount=2, key="k")
    assert ask(store, amount=2, key="k", client="d").operation.id != first.operation.id


def test_a_second_key_for_the_same_request_is_remembered_too(store: SqlStore) -> None:
    first = ask(store, key="k")
    assert ask(store, key="l").operation.id == first.operation.id
    with pytest.raises(IdempotencyKeyReused):
        ask(store, amount=2, key="l")
    end(store, first.operation, Status.FAILED)
    assert ask(store, key="l").operation.id == first.operation.id


def test_a_key_whose_request_was_cut_off_before_it_was_stored_works_again(store: SqlStore) -> None:
    class CutOff:
        """A store that is gone right after the key was written."""

        def get(self, collection: str, id: str) -> Document | None:
            return store.get(collection, id)

        def insert(self, collection: str, document: Document) -> Document:
            if collection == "operations":
                raise SystemExit
            return store.insert(collection, document)

    with pytest.raises(SystemExit):
        ask(CutOff(), key="k")  # type: ignore[arg-type]
    accepted = ask(store, key="k")
    assert not accepted.replayed
    assert ask(store, key="k").operation.id == accepted.operation.id


def test_a_store_that_contradicts_itself_is_not_asked_for_ever(store: SqlStore) -> None:
    class SeesNothing:
        def insert(self, collection: str, document: Document) -> Document:
            raise Duplicate("fingerprint")

        def get_by(self, collection: str, field: str, value: Scalar) -> Document | None:
            return None

    with pytest.raises(StoreUnavailable):
        ask(SeesNothing())  # type: ignore[arg-type]


def test_a_key_never_leaves_an_operation_that_it_stands_for(store: SqlStore) -> None:
    # Given a request with a key that found the same request of somebody else, and was paused
    other = ask(store)

    class Paused:
        def insert(self, collection: str, document: Document) -> Document:
            return store.insert(collection, document)

        def get(self, collection: str, id: str) -> Document | None:
            return store.get(collection, id)

        def replace(self, collection: str, document: Document) -> Document:
            return store.replace(collection, document)

        def get_by(self, collection: str, field: str, value: Scalar) -> Document | None:
            found = store.get_by(collection, field, value)
            # meanwhile that one fails, and the key is used again and accepted
            end(store, other.operation, Status.FAILED)
            told.append(ask(store, key="k"))
            return found

    told: list[Accepted] = []
    told.append(ask(Paused(), key="k"))  # type: ignore[arg-type]
    # I expect that the key means one operation, to everybody
    told.append(ask(store, key="k"))
    assert len({accepted.operation.id for accepted in told}) == 1


def test_a_request_released_between_two_looks_is_accepted_anew(store: SqlStore) -> None:
    first = ask(store)

    class EndsMeanwhile:
        def insert(self, collection: str, document: Document) -> Document:
            return store.insert(collection, document)

        def get_by(self, collection: str, field: str, value: Scalar) -> Document | None:
            if not ended:
                ended.append(first)
                end(store, first.operation, Status.FAILED)
            return store.get_by(collection, field, value)

    ended: list[Accepted] = []
    second = ask(EndsMeanwhile())  # type: ignore[arg-type]
    assert second.operation.id != first.operation.id
    assert not second.replayed
