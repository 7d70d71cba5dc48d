from collections.abc import Callable
from dataclasses import replace

import pytest

from core.claims import claim
from core.keeping import Keeping
from core.operation import Operation, Status
from core.steps import StepState
from core.store.port import Document, Store
from tests.doubles import START, FakeClock, new_operation
from worker.partners.port import Confirmed, Declined
from worker.reservations import Reservations


@pytest.fixture
def reservations(store: Store) -> Reservations:
    return reserving(store, FakeClock())


def reserving(store: Store, clock: FakeClock) -> Reservations:
    return Reservations(
        store,
        clock,
        "fine:",
        done=lambda operation, thing: thing in operation.request["used"],
        has_money=lambda operation: operation.step("debit").state is StepState.DONE,
        gave_up=lambda operation: operation.step("debit").state is StepState.DECLINED,
        keeping=Keeping(300),
        code="claimed",
        busy_code="busy",
        lost_code="lost",
    )


@pytest.fixture
def operation(store: Store) -> Callable[..., Operation]:
    def make(id: str, *used: str, debit: StepState = StepState.DONE) -> Operation:
        """One that has its money, if its debit is not said to be in another state."""
        made = new_operation(id=id, request={"used": list(used)}, fingerprint=id, status=Status.PROCESSING)
        made = made.with_step("debit", replace(made.step("debit"), state=debit))
        store.insert("operations", made.to_document())
        return replace(made, version=1)

    return make


Make = Callable[..., Operation]


def paid(store: Store, operation: Operation) -> Operation:
    """The money has come, which is stored."""
    now_paid = operation.with_step("debit", replace(operation.step("debit"), state=StepState.DONE))
    return replace(now_paid, version=store.replace("operations", now_paid.to_document())["version"])


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


ASKED = StepState.SUBMITTED
UNTIL_TEXT = "2026-01-01T12:05:00.000000Z"
DAY_S = 86400


def busy(by: str, retry_at: str = UNTIL_TEXT) -> Declined:
    return Declined("busy", {"claimed": "a", "by": by, "retry_at": retry_at})


def test_while_a_payer_may_still_approve_the_others_are_told_when_to_come_back(
    store: Store, reservations: Reservations, operation: Make
) -> None:
    reservations.take(operation("op-1", debit=ASKED), ["a"])

    assert reservations.take(operation("op-2"), ["a"]) == busy("op-1")


def test_a_payer_who_takes_too_long_keeps_nothing(store: Store, operation: Make) -> None:
    clock = FakeClock()
    reservations = reserving(store, clock)
    reservations.take(operation("op-1", debit=ASKED), ["a"])
    clock.tick(299)
    assert isinstance(reservations.take(operation("op-2"), ["a"]), Declined)

    clock.tick(1)

    assert reservations.take(operation("op-3"), ["a"]) == Confirmed()


def test_whoever_asks_again_and_again_does_not_prolong_the_time(store: Store, operation: Make) -> None:
    # Given phones that never approve: of some the debit ends, and the next one is asked at once
    clock = FakeClock()
    reservations = reserving(store, clock)
    for number in range(5):
        bot = operation(f"bot-{number}", debit=ASKED)
        assert reservations.take(bot, ["a"]) == Confirmed()
        clock.tick(59)
        end(store, bot)
    reservations.take(operation("bot-5", debit=ASKED), ["a"])
    assert reservations.take(operation("op-1", debit=ASKED), ["a"]) == busy("bot-5")

    clock.tick(5)

    # I expect that from now on no payer without money keeps it from another
    assert reservations.take(operation("op-2", debit=ASKED), ["a"]) == Confirmed()
    assert reservations.take(operation("bot-6", debit=ASKED), ["a"]) == Confirmed()
    # and that a day later its time begins anew
    clock.tick(DAY_S)
    assert reservations.take(operation("op-3", debit=ASKED), ["a"]) == Confirmed()
    assert reservations.take(operation("op-4", debit=ASKED), ["a"]) == busy("op-3", "2026-01-02T12:10:00.000000Z")


def test_a_release_does_not_begin_the_time_anew(store: Store, operation: Make) -> None:
    clock = FakeClock()
    reservations = reserving(store, clock)
    first = operation("op-1", debit=ASKED)
    reservations.take(first, ["a"])
    clock.tick(200)
    reservations.release(first, ["a"])

    reservations.take(operation("op-2", debit=ASKED), ["a"])

    assert reservations.take(operation("op-3", debit=ASKED), ["a"]) == busy("op-2")


def test_a_payer_who_refused_keeps_nothing(store: Store, reservations: Reservations, operation: Make) -> None:
    reservations.take(operation("op-1", debit=StepState.DECLINED), ["a"])

    assert reservations.take(operation("op-2", debit=ASKED), ["a"]) == Confirmed()


def test_the_time_of_a_claim_of_the_release_before_began_with_its_holder(store: Store, operation: Make) -> None:
    clock = FakeClock()
    reservations = reserving(store, clock)
    operation("op-1", debit=ASKED)
    store.insert("claims", claim("fine:a", "op-1"))
    clock.tick(299)
    assert reservations.take(operation("op-2", debit=ASKED), ["a"]) == busy("op-1")

    clock.tick(1)

    assert reservations.take(operation("op-3", debit=ASKED), ["a"]) == Confirmed()
    assert reservations.take(operation("op-4", debit=ASKED), ["a"]) == busy("op-3", "2026-01-01T12:10:00.000000Z")


def test_who_has_the_money_in_time_keeps_the_thing(store: Store, reservations: Reservations, operation: Make) -> None:
    first = operation("op-1")
    reservations.take(first, ["a"])

    assert [reservations.keep(first, "a") for _ in range(2)] == [None, None]
    assert isinstance(reservations.take(operation("op-2"), ["a"]), Declined)


def test_money_goes_before_a_holder_without_money_whatever_time_that_has_left(store: Store, operation: Make) -> None:
    clock = FakeClock()
    reservations = reserving(store, clock)
    first, second = operation("op-1", debit=ASKED), operation("op-2", debit=ASKED)
    reservations.take(first, ["a"])
    clock.tick(300)
    reservations.take(second, ["a"])

    assert reservations.keep(paid(store, first), "a") is None

    # I expect that the second one's money comes too late
    lost = reservations.keep(paid(store, second), "a")
    assert lost == Declined("lost", {"claimed": "a", "by": "op-1"})
    assert lost.called is False
    # and that nobody waits for the first one's time: it has money
    assert reservations.take(operation("op-3", debit=ASKED), ["a"]) == Declined(
        "claimed", {"claimed": "a", "by": "op-1"}
    )


def test_money_that_comes_second_gets_the_thing_once_the_first_has_ended_without_it(
    store: Store, reservations: Reservations, operation: Make
) -> None:
    first, second = operation("op-1"), operation("op-2")
    reservations.take(first, ["a"])
    assert isinstance(reservations.keep(second, "a"), Declined)

    end(store, first)

    assert reservations.keep(second, "a") is None


def once_read(monkeypatch: pytest.MonkeyPatch, store: Store, keep: Callable[[], Declined | None]) -> None:
    """Has the money of the first operation come, be saved, and keep the thing, right after somebody has read it."""
    real_get = store.get

    def get(collection: str, id: str) -> Document | None:
        found = real_get(collection, id)
        if (collection, id) == ("operations", "op-1"):
            monkeypatch.setattr(store, "get", real_get)
            assert keep() is None
        return found

    monkeypatch.setattr(store, "get", get)


def test_of_a_late_payer_and_a_second_one_at_the_same_moment_one_gets_the_thing(
    store: Store, operation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a second payer whose worker has read that the first one is late, and is then paused
    clock = FakeClock()
    reservations = reserving(store, clock)
    first, second = operation("op-1", debit=ASKED), operation("op-2", debit=ASKED)
    reservations.take(first, ["a"])
    clock.tick(300)

    once_read(monkeypatch, store, lambda: reservations.keep(paid(store, first), "a"))

    assert reservations.take(second, ["a"]) == Declined("claimed", {"claimed": "a", "by": "op-1"})


def test_of_two_whose_money_comes_at_the_same_moment_one_gets_the_thing(
    store: Store, reservations: Reservations, operation: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a worker that has read that the holder has no money, and is then paused
    first, second = operation("op-1", debit=ASKED), operation("op-2")
    reservations.take(first, ["a"])

    once_read(monkeypatch, store, lambda: reservations.keep(paid(store, first), "a"))

    assert reservations.keep(second, "a") == Declined("lost", {"claimed": "a", "by": "op-1"}, called=False)
