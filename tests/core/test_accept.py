import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from core.accept import Accepted, Command, accept
from core.broker.embedded import EmbeddedBroker
from core.errors import Duplicate, IdempotencyKeyReused, StoreUnavailable
from core.operation import Operation, Status
from core.store.port import Document, Store
from core.store.sql import SqlStore
from tests.doubles import START, FakeClock, lent_sql


@pytest.fixture
def store() -> Iterator[SqlStore]:
    with lent_sql() as store:
        yield store


def ask(store: Store, amount: int = 1, key: str | None = None, client: str = "c") -> Accepted:
    command = Command("test", {"amount": amount}, client, subject="+2250707000001", idempotency_key=key)
    clock = FakeClock()
    return accept(store, EmbeddedBroker(store, clock), clock, command)


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
    accepted = accept(store, Broker(store, clock), clock, Command("test", {}, "c"))
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
def test_only_an_operation_that_did_nothing_may_be_requested_again(
    store: SqlStore, status: Status, again: bool
) -> None:
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


class Between:
    """A store of which each verb may be preceded by something else. `insert_all` is a verb for each document."""

    def __init__(self, store: Store, before: Callable[[str, str], object]) -> None:
        self._store = store
        self._before = before

    def __getattr__(self, verb: str) -> Any:
        def call(collection: str, *arguments: Any) -> Any:
            self._before(verb, collection)
            return getattr(self._store, verb)(collection, *arguments)

        return call

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        for collection, document in documents:
            self.insert(collection, document)


@pytest.mark.parametrize("key", [None, "k"])
def test_a_request_that_was_cut_off_before_its_operation_was_stored_works_again(
    store: SqlStore, key: str | None
) -> None:
    def cut(verb: str, collection: str) -> None:
        if (verb, collection) == ("insert", "operations"):
            raise SystemExit

    with pytest.raises(SystemExit):
        ask(Between(store, cut), key=key)
    accepted = ask(store, key=key)
    assert not accepted.replayed
    assert ask(store, key=key).operation.id == accepted.operation.id
    assert ask(store).operation.id == accepted.operation.id


def test_a_store_that_contradicts_itself_is_not_read_for_ever(store: SqlStore) -> None:
    class SeesNothing:
        def get(self, collection: str, id: str) -> None:
            return None

        def insert(self, collection: str, document: Document) -> Document:
            raise Duplicate

        def insert_all(self, *documents: tuple[str, Document]) -> None:
            raise Duplicate

    with pytest.raises(StoreUnavailable):
        ask(SeesNothing())  # type: ignore[arg-type]


def test_a_key_never_leaves_an_operation_that_it_stands_for(store: SqlStore) -> None:
    # Given a request with a key that found the same request of somebody else, and is paused
    other, answers = ask(store), list[Accepted]()

    def meanwhile(verb: str, collection: str) -> None:
        if (verb, collection) == ("replace", "idempotency_keys") and not answers:
            # that one fails, and the key is used again and accepted
            end(store, other.operation, Status.FAILED)
            answers.append(ask(store, key="k"))

    answers.append(ask(Between(store, meanwhile), key="k"))
    # I expect that the key means one operation, to everybody
    answers.append(ask(store, key="k"))
    assert len(answers) == 3
    assert len({accepted.operation.id for accepted in answers}) == 1


def test_a_request_released_between_two_looks_is_accepted_anew(store: SqlStore) -> None:
    first, ended = ask(store), list[Accepted]()

    def meanwhile(verb: str, collection: str) -> None:
        if (verb, collection) == ("get", "operations") and not ended:
            ended.append(first)
            end(store, first.operation, Status.FAILED)

    second = ask(Between(store, meanwhile))
    assert ended
    assert second.operation.id != first.operation.id
    assert not second.replayed
