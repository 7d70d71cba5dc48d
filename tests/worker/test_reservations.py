from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from core.operation import Operation, Status
from core.store.port import Document, Store
from tests.doubles import START, FakeClock, new_operation
from worker.partners.port import Confirmed, Declined
from worker.reservations import Reservations


@pytest.fixture
def reservations(store: Store) -> Reservations:
    return reserving(store, FakeClock())


def reserving(store: Store, clock: FakeClock) -> Reservations:
    """An operation has no money until its `due_at`, if it has one, and then keeps nothing."""
    return Reservations(
        store,
        clock,
        "fine:",
        done=lambda operation, thing: thing in operation.request["used"],
        unpaid_until=lambda operation, _: operation.due_at,
        code="claimed",
        busy_code="busy",
        lost_code="lost",
    )


@pytest.fixture
def operation(store: Store) -> Callable[..., Operation]:
    def make(id: str, *used: str, due_at: datetime | None = None) -> Operation:
        made = new_operation(
            id=id, request={"used": list(used)}, fingerprint=id, status=Status.PROCESSING, due_at=due_at
        )
        store.insert("operations", made.to_document())
        return replace(made, version=1)

    return make


Make = Callable[..., Operation]


def end(store: Store, operation: Operation, status: Status = Status.FAILED) -> None:
    store.replace("operations", operation.moved(status, START).to_document())


def test_a_fine_is_reserved_by_one_operation(store: Store, reservations: Reservations, operation: Make) -> None:
    first, second = operation("op-1"), operation("op-2")
    assert reservations.take(first, ["a", "b"]) == Confirmed()
    assert reservations.take(second, ["b", "c"]) == Declined("claimed", {"claimed": "b", "by": "op-1"})


def test_an_ended_operation_whose_reservation_was_refused_blocks_nobody(
    store: Store, reservations: Reservations, operation: Make
) -> None:
    first, second, third = operation("op-1"), operation("op-2"), operation("op-3")
    reservations.take(first, ["b"])
    reservations.take(second, ["a", "b"])
    assert isinstance(reservations.take(third, ["a"]), Declined)
    end(store, second)
    assert reservations.take(third, ["a"]) == Confirmed()


def test_a_paused_worker_that_is_refused_gives_nothing_back(
    store: Store, reservations: Reservations, operation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that read that b is held, and was paused before it said so
    first, second, third = operation("op-1"), operation("op-2"), operation("op-3")
    reservations.take(second, ["b"])

    def get(collection: str, id: str) -> Document | None:
        found = real_get(collection, id)
        if collection == "operations":
            # meanwhile the holder fails, and another worker is granted both for the same operation
            monkeypatch.setattr(store, "get", real_get)
            reservations.release(second, ["b"])
            assert reservations.take(first, ["a", "b"]) == Confirmed()
        return found

    real_get = store.get
    monkeypatch.setattr(store, "get", get)
    assert isinstance(reservations.take(first, ["a", "b"]), Declined)
    # I expect that the operation still holds what it was granted
    assert reservations.take(third, ["a"]) == Declined("claimed", {"claimed": "a", "by": "op-1"})


def test_taking_and_releasing_may_be_repeated(store: Store, reservations: Reservations, operation: Make) -> None:
    first, second = operation("op-1"), operation("op-2")
    assert [reservations.take(first, ["a"]) for _ in range(2)] == [Confirmed()] * 2
    assert [reservations.release(first, ["a"]) for _ in range(2)] == [Confirmed()] * 2
    assert reservations.take(second, ["a"]) == Confirmed()
    reservations.release(first, ["a"])
    assert isinstance(reservations.take(first, ["a"]), Declined)


def test_a_used_reservation_stays(store: Store, reservations: Reservations, operation: Make) -> None:
    first, second = operation("op-1", "a"), operation("op-2")
    reservations.take(first, ["a", "b"])
    reservations.release(first, ["a", "b"])
    end(store, first, Status.SUCCEEDED)
    assert reservations.take(second, ["b"]) == Confirmed()
    assert reservations.take(second, ["a"]) == Declined("claimed", {"claimed": "a", "by": "op-1"})


def test_what_a_paused_worker_left_behind_can_be_taken_over(
    store: Store, reservations: Reservations, operation: Make
) -> None:
    first, second = operation("op-1"), operation("op-2")
    end(store, first)
    reservations.take(first, ["a"])  # the paused worker goes on after its operation has failed
    assert reservations.take(second, ["a"]) == Confirmed()
    assert isinstance(reservations.take(operation("op-3"), ["a"]), Declined)


def test_a_worker_paused_in_the_release_gives_back_nothing_of_the_next_holder(
    store: Store, reservations: Reservations, operation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that read its operation's claim, and was paused before it gave it back
    first, second = operation("op-1"), operation("op-2")
    reservations.take(first, ["a"])

    def get(collection: str, id: str) -> Document | None:
        found = real_get(collection, id)
        if collection == "claims":
            # meanwhile another worker gives it back, and another operation is granted it
            monkeypatch.setattr(store, "get", real_get)
            reservations.release(first, ["a"])
            assert reservations.take(second, ["a"]) == Confirmed()
        return found

    real_get = store.get
    monkeypatch.setattr(store, "get", get)
    reservations.release(first, ["a"])
    # I expect that the other operation still holds it
    assert reservations.take(operation("op-3"), ["a"]) == Declined("claimed", {"claimed": "a", "by": "op-2"})


UNTIL = START + timedelta(seconds=300)
UNTIL_TEXT = "2026-01-01T12:05:00.000000Z"


def test_while_a_payer_may_still_approve_the_others_are_told_when_to_come_back(
    store: Store, reservations: Reservations, operation: Make
) -> None:
    reservations.take(operation("op-1", due_at=UNTIL), ["a"])

    refused = reservations.take(operation("op-2"), ["a"])

    assert refused == Declined("busy", {"claimed": "a", "by": "op-1", "retry_at": UNTIL_TEXT})


def test_a_payer_who_takes_too_long_keeps_nothing(store: Store, operation: Make) -> None:
    clock = FakeClock()
    reservations = reserving(store, clock)
    reservations.take(operation("op-1", due_at=UNTIL), ["a"])
    clock.tick(299)
    assert isinstance(reservations.take(operation("op-2"), ["a"]), Declined)

    clock.tick(1)

    assert reservations.take(operation("op-3"), ["a"]) == Confirmed()


def test_who_has_the_money_in_time_keeps_the_thing(store: Store, reservations: Reservations, operation: Make) -> None:
    first = operation("op-1")
    reservations.take(first, ["a"])

    assert [reservations.keep(first, "a") for _ in range(2)] == [None, None]
    assert isinstance(reservations.take(operation("op-2"), ["a"]), Declined)


def test_money_that_comes_after_the_thing_was_given_to_another_does_not_get_it(store: Store, operation: Make) -> None:
    clock = FakeClock()
    reservations = reserving(store, clock)
    first, second = operation("op-1", due_at=UNTIL), operation("op-2")
    reservations.take(first, ["a"])
    clock.tick(300)
    reservations.take(second, ["a"])
    paid = store.replace("operations", replace(first, due_at=None).to_document())

    lost = reservations.keep(replace(first, due_at=None), "a")

    assert lost == Declined("lost", {"claimed": "a", "by": "op-2"})
    assert lost.called is False
    # I expect it to get the thing all the same once the other one has ended without it
    assert paid
    end(store, second)
    assert reservations.keep(first, "a") is None


def test_of_a_late_payer_and_a_second_one_at_the_same_moment_one_gets_the_thing(
    store: Store, operation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a second payer whose worker has read that the first one is late, and is then paused
    clock = FakeClock()
    reservations = reserving(store, clock)
    first, second = operation("op-1", due_at=UNTIL), operation("op-2")
    reservations.take(first, ["a"])
    clock.tick(300)

    def get(collection: str, id: str) -> Document | None:
        found = real_get(collection, id)
        if (collection, id) == ("operations", "op-1"):
            # meanwhile the money of the first one comes, which is saved, and keeps the thing
            monkeypatch.setattr(store, "get", real_get)
            store.replace("operations", replace(first, due_at=None).to_document())
            assert reservations.keep(first, "a") is None
        return found

    real_get = store.get
    monkeypatch.setattr(store, "get", get)

    assert reservations.take(second, ["a"]) == Declined("claimed", {"claimed": "a", "by": "op-1"})
