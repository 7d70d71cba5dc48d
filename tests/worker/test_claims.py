from collections.abc import Callable
from dataclasses import replace

import pytest
from doubles import START, new_operation

from core.operation import Operation, Status
from core.store.port import Document, Store
from worker.partners.port import Confirmed, Declined
from worker.processes.claims import Claims


@pytest.fixture
def claims(store: Store) -> Claims:
    return Claims(store, "fine:", done=lambda operation, thing: thing in operation.request["used"], code="claimed")


@pytest.fixture
def operation(store: Store) -> Callable[..., Operation]:
    def make(id: str, *used: str) -> Operation:
        made = new_operation(id=id, request={"used": list(used)}, fingerprint=id, status=Status.PROCESSING)
        store.insert("operations", made.to_document())
        return replace(made, version=1)

    return make


Make = Callable[..., Operation]


def end(store: Store, operation: Operation, status: Status = Status.FAILED) -> None:
    store.replace("operations", operation.moved(status, START).to_document())


def test_a_thing_is_claimed_by_one(store: Store, claims: Claims, operation: Make) -> None:
    first, second = operation("op-1"), operation("op-2")
    assert claims.take(first, ["a", "b"]) == Confirmed()
    assert claims.take(second, ["b", "c"]) == Declined("claimed", {"claimed": "b", "by": "op-1"})


def test_who_was_refused_and_has_ended_holds_nothing_up(store: Store, claims: Claims, operation: Make) -> None:
    first, second, third = operation("op-1"), operation("op-2"), operation("op-3")
    claims.take(first, ["b"])
    claims.take(second, ["a", "b"])
    assert isinstance(claims.take(third, ["a"]), Declined)
    end(store, second)
    assert claims.take(third, ["a"]) == Confirmed()


def test_a_paused_worker_that_is_refused_gives_nothing_back(
    store: Store, claims: Claims, operation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that read that b is held, and was paused before it said so
    first, second, third = operation("op-1"), operation("op-2"), operation("op-3")
    claims.take(second, ["b"])

    def get(collection: str, id: str) -> Document | None:
        found = real_get(collection, id)
        if collection == "operations":
            # meanwhile the holder fails, and another worker is granted both for the same operation
            monkeypatch.setattr(store, "get", real_get)
            claims.release(second, ["b"])
            assert claims.take(first, ["a", "b"]) == Confirmed()
        return found

    real_get = store.get
    monkeypatch.setattr(store, "get", get)
    assert isinstance(claims.take(first, ["a", "b"]), Declined)
    # I expect that the operation still holds what it was granted
    assert claims.take(third, ["a"]) == Declined("claimed", {"claimed": "a", "by": "op-1"})


def test_taking_and_releasing_may_be_repeated(store: Store, claims: Claims, operation: Make) -> None:
    first, second = operation("op-1"), operation("op-2")
    assert [claims.take(first, ["a"]) for _ in range(2)] == [Confirmed()] * 2
    assert [claims.release(first, ["a"]) for _ in range(2)] == [Confirmed()] * 2
    assert claims.take(second, ["a"]) == Confirmed()
    claims.release(first, ["a"])
    assert isinstance(claims.take(first, ["a"]), Declined)


def test_what_was_used_up_stays_claimed(store: Store, claims: Claims, operation: Make) -> None:
    first, second = operation("op-1", "a"), operation("op-2")
    claims.take(first, ["a", "b"])
    claims.release(first, ["a", "b"])
    end(store, first, Status.SUCCEEDED)
    assert claims.take(second, ["b"]) == Confirmed()
    assert claims.take(second, ["a"]) == Declined("claimed", {"claimed": "a", "by": "op-1"})


def test_what_a_paused_worker_left_behind_can_be_taken_over(store: Store, claims: Claims, operation: Make) -> None:
    first, second = operation("op-1"), operation("op-2")
    end(store, first)
    claims.take(first, ["a"])  # the paused worker goes on after its operation has failed
    assert claims.take(second, ["a"]) == Confirmed()
    assert isinstance(claims.take(operation("op-3"), ["a"]), Declined)


def test_a_worker_paused_in_the_release_gives_back_nothing_of_the_next_holder(
    store: Store, claims: Claims, operation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that read its operation's claim, and was paused before it gave it back
    first, second = operation("op-1"), operation("op-2")
    claims.take(first, ["a"])

    def get(collection: str, id: str) -> Document | None:
        found = real_get(collection, id)
        if collection == "claims":
            # meanwhile another worker gives it back, and another operation is granted it
            monkeypatch.setattr(store, "get", real_get)
            claims.release(first, ["a"])
            assert claims.take(second, ["a"]) == Confirmed()
        return found

    real_get = store.get
    monkeypatch.setattr(store, "get", get)
    claims.release(first, ["a"])
    # I expect that the other operation still holds it
    assert claims.take(operation("op-3"), ["a"]) == Declined("claimed", {"claimed": "a", "by": "op-2"})
