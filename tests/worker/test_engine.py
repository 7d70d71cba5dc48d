"""The engine on a real store, with a clock that the test moves and partners with scripted replies."""

import threading
from datetime import timedelta
from typing import Any

import pytest

from core.clock import to_rfc3339
from core.errors import Conflict, StoreUnavailable
from core.operation import Lease, Operation, Status
from core.steps import StepState
from core.store.port import Document, Store
from tests.doubles import (
    LEASE_S,
    START,
    FakeClock,
    ScriptedPartner,
    engine,
    insert,
    load,
    new_operation,
    process,
    step,
)
from worker.engine import DEFER_S, LEASE_SPARE_S, run_concurrently
from worker.partners.port import Confirmed, Declined, NotFound, Reply, Unavailable, Unknown
from worker.policy import SEND_WITHIN_S
from worker.process import REPEATABLE, Process


def test_an_operation_is_taken_through_its_steps_to_its_end(store: Store, clock: FakeClock) -> None:
    partner = ScriptedPartner(Confirmed(), Confirmed({"transaction_id": "t"}))
    insert(store)
    engine(store, clock, process((step("one", partner),), (step("two", partner),))).advance("op-1")
    operation = load(store)
    assert operation.status is Status.SUCCEEDED
    assert (operation.due_at, operation.lease) == (None, None)
    assert partner.asked == [("submit", "one"), ("submit", "two")]
    assert [entry.event for entry in operation.history] == [
        "processing", "step_begun", "step_done", "step_begun", "step_done", "succeeded",
    ]  # fmt: skip


def test_the_intent_is_saved_before_the_call(store: Store, clock: FakeClock) -> None:
    seen: list[Operation] = []

    def look(operation: Operation) -> Reply:
        seen.append(load(store))
        return Confirmed()

    insert(store)
    engine(store, clock, process((step("one", ScriptedPartner(), submit=look),))).advance("op-1")
    assert seen[0].step("one").state is StepState.SUBMITTED
    assert seen[0].step("one").submitted_at == START
    assert seen[0].lease == Lease("worker-1", START + timedelta(seconds=LEASE_S))
    assert seen[0].due_at == START + timedelta(seconds=LEASE_S)


def test_what_another_worker_holds_is_left_alone(store: Store, clock: FakeClock) -> None:
    insert(store, lease=Lease("worker-2", START + timedelta(seconds=1)))
    engine(store, clock, process((step("one", ScriptedPartner()),))).advance("op-1")
    assert load(store).version == 1


def test_an_early_ring_changes_nothing(store: Store, clock: FakeClock) -> None:
    partner = ScriptedPartner(Unavailable("HTTP 503"))
    insert(store)
    worker = engine(store, clock, process((step("one", partner),)))
    worker.advance("op-1")
    version = load(store).version
    worker.advance("op-1")
    assert load(store).version == version
    assert partner.asked == [("submit", "one")]


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.NEEDS_REVIEW, Status.OPEN])
def test_a_ring_for_what_has_ended_or_is_not_ours_changes_nothing(
    store: Store, clock: FakeClock, status: Status
) -> None:
    insert(store, status=status, due_at=None)
    worker = engine(store, clock, process((step("one", ScriptedPartner()),)))
    worker.advance("op-1")
    worker.advance("nobody")
    assert load(store).version == 1


def test_a_worker_that_died_in_the_call_is_followed_by_one_that_enquires(store: Store, clock: FakeClock) -> None:
    def die(operation: Operation) -> Reply:
        raise SystemExit  # nothing that handles errors may run when a process is gone

    partner = ScriptedPartner(Confirmed())
    insert(store)
    with pytest.raises(SystemExit):
        engine(store, clock, process((step("debit", partner, submit=die),))).advance("op-1")
    clock.tick(LEASE_S)
    engine(store, clock, process((step("debit", partner),))).advance("op-1")
    assert partner.asked == [("enquire", "debit")]
    assert load(store).status is Status.SUCCEEDED


def test_a_worker_that_lost_its_lease_in_the_call_saves_nothing(store: Store, clock: FakeClock) -> None:
    insert(store)
    asked: list[str] = []

    def slow(operation: Operation) -> Reply:
        asked.append("slow")
        clock.tick(LEASE_S)
        second.advance("op-1")
        return Declined("too late to say so")

    partner = ScriptedPartner(Confirmed())
    second = engine(store, clock, process((step("debit", partner),)), worker="worker-2")
    engine(store, clock, process((step("debit", partner, submit=slow),))).advance("op-1")
    assert asked == ["slow"]
    assert partner.asked == [("enquire", "debit")]
    assert load(store).status is Status.SUCCEEDED


def test_a_worker_paused_before_the_call_does_not_send(clock: FakeClock, store: Store) -> None:
    class PausedAfterIntent:
        """The store, and a worker that is stopped for a while right after its first save."""

        def replace(self, collection: str, document: Document) -> Document:
            saved = store.replace(collection, document)
            clock.tick(SEND_WITHIN_S + 1)
            return saved

        def get(self, collection: str, id: str) -> Document | None:
            return store.get(collection, id)

    partner = ScriptedPartner()
    insert(store)
    engine(PausedAfterIntent(), clock, process((step("debit", partner),))).advance("op-1")  # type: ignore[arg-type]
    assert partner.asked == []
    assert load(store).step("debit").state is StepState.WAITING


def test_whatever_breaks_in_an_adapter_is_unknown_and_never_a_refusal(store: Store, clock: FakeClock) -> None:
    partner = ScriptedPartner(ValueError("bug"), NotFound(), Confirmed())
    insert(store)
    worker = engine(store, clock, process((step("debit", partner),)))
    worker.advance("op-1")
    assert load(store).step("debit").state is StepState.SUBMITTED
    clock.tick(40)
    worker.advance("op-1")
    assert partner.asked == [("submit", "debit"), ("enquire", "debit"), ("submit", "debit")]
    assert load(store).status is Status.SUCCEEDED


def test_a_store_that_fails_after_the_call_leaves_an_intent_to_enquire_about(store: Store, clock: FakeClock) -> None:
    class FailsAtResult:
        saves = 0

        def replace(self, collection: str, document: Document) -> Document:
            self.saves += 1
            if self.saves == 2:
                raise StoreUnavailable
            return store.replace(collection, document)

        def get(self, collection: str, id: str) -> Document | None:
            return store.get(collection, id)

    partner = ScriptedPartner(Confirmed(), Confirmed())
    insert(store)
    worker = engine(FailsAtResult(), clock, process((step("debit", partner),)))  # type: ignore[arg-type]
    with pytest.raises(StoreUnavailable):
        worker.advance("op-1")
    worker.advance("op-1")  # the lease still runs
    clock.tick(LEASE_S)
    worker.advance("op-1")
    assert partner.asked == [("submit", "debit"), ("enquire", "debit")]
    assert load(store).status is Status.SUCCEEDED


def test_two_workers_at_once_make_one_call(store: Store, clock: FakeClock) -> None:
    partner = ScriptedPartner(*[Confirmed()] * 8)
    insert(store)
    workers = [engine(store, clock, process((step("debit", partner),)), worker=str(n)) for n in range(8)]
    threads = [threading.Thread(target=worker.advance, args=("op-1",)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert partner.asked == [("submit", "debit")]


def test_a_stopping_worker_returns_the_operation_between_steps(store: Store, clock: FakeClock) -> None:
    stopping: list[bool] = []

    def last(operation: Operation) -> Reply:
        stopping.append(True)
        return Confirmed()

    partner = ScriptedPartner()
    steps = process((step("one", partner, submit=last),), (step("two", partner),))
    insert(store)
    engine(store, clock, steps, stopping=lambda: bool(stopping)).advance("op-1")
    operation = load(store)
    assert operation.step("one").state is StepState.DONE
    assert (operation.lease, operation.due_at) == (None, START)
    assert partner.asked == []


def test_a_request_that_its_process_cannot_read_is_deferred_and_reported(store: Store, clock: FakeClock) -> None:
    def broken(operation: Operation) -> Any:
        raise KeyError("amendes")

    insert(store)
    with pytest.raises(KeyError):
        engine(store, clock, Process("test", broken)).advance("op-1")
    assert load(store).due_at == START + timedelta(seconds=DEFER_S)


def test_a_document_that_cannot_be_read_is_deferred_and_reported(store: Store, clock: FakeClock) -> None:
    store.insert("operations", {**new_operation().to_document(), "of_a_newer_version": 1})
    with pytest.raises(TypeError):
        engine(store, clock, process((step("debit", ScriptedPartner()),))).advance("op-1")
    document = store.get("operations", "op-1")
    assert document is not None
    assert document["due_at"] == to_rfc3339(START + timedelta(seconds=DEFER_S))


def of_a_later_release(**changes: Any) -> Document:
    """A document of an operation in a form that this release does not know."""
    document = new_operation(**changes).to_document()
    return {**document, "schema": document["schema"] + 1, "steps": "of another form"}


def test_what_a_later_release_wrote_is_put_off_for_its_workers(store: Store, clock: FakeClock) -> None:
    written = store.insert("operations", of_a_later_release())
    engine(store, clock, process((step("debit", ScriptedPartner()),))).advance("op-1")
    later = to_rfc3339(START + timedelta(seconds=DEFER_S))
    assert store.get("operations", "op-1") == {**written, "due_at": later, "version": 2}


def test_what_a_worker_of_a_later_release_may_hold_is_left_alone(store: Store, clock: FakeClock) -> None:
    written = store.insert("operations", of_a_later_release(due_at=START + timedelta(seconds=1)))
    engine(store, clock, process((step("debit", ScriptedPartner()),))).advance("op-1")
    assert store.get("operations", "op-1") == written


def test_a_document_whose_form_is_not_a_number_is_put_off_and_reported(store: Store, clock: FakeClock) -> None:
    store.insert("operations", {**new_operation().to_document(), "schema": "two"})
    with pytest.raises(TypeError):
        engine(store, clock, process((step("debit", ScriptedPartner()),))).advance("op-1")
    document = store.get("operations", "op-1")
    assert document is not None
    assert document["due_at"] == to_rfc3339(START + timedelta(seconds=DEFER_S))


def test_a_ring_that_meets_a_sweeper_is_not_lost(store: Store, clock: FakeClock) -> None:
    class SweptMeanwhile:
        """The store, where a sweeper moves the due time on between this worker's look and its first save."""

        def __init__(self) -> None:
            self.swept = False

        def get(self, collection: str, id: str) -> Document | None:
            found = store.get(collection, id)
            if found and not self.swept:
                self.swept = True
                store.replace(collection, {**found, "due_at": to_rfc3339(START + timedelta(seconds=30))})
            return found

        def replace(self, collection: str, document: Document) -> Document:
            return store.replace(collection, document)

    partner = ScriptedPartner(Confirmed())
    insert(store)
    engine(SweptMeanwhile(), clock, process((step("debit", partner),))).advance("op-1")  # type: ignore[arg-type]
    assert load(store).status is Status.SUCCEEDED


def test_steps_of_a_stage_run_at_once(store: Store, clock: FakeClock) -> None:
    both = threading.Barrier(2, timeout=10)

    def meet(operation: Operation) -> Reply:
        both.wait()
        return Confirmed()

    partner = ScriptedPartner()
    insert(store)
    stage = (step("left", partner, submit=meet), step("right", partner, submit=meet))
    engine(store, clock, process(stage)).advance("op-1")
    assert load(store).status is Status.SUCCEEDED


def test_many_steps_of_a_stage_run_a_few_at_a_time(store: Store, clock: FakeClock) -> None:
    partner = ScriptedPartner(*[Confirmed()] * 50)
    insert(store)
    engine(store, clock, process(tuple(step(f"s{n}", partner) for n in range(50)))).advance("op-1")
    assert load(store).status is Status.SUCCEEDED
    assert len(partner.asked) == 50


@pytest.mark.parametrize("rung", [True, False])
def test_a_step_without_intent_saves_none_where_a_ring_reaches_one_worker(
    store: Store, clock: FakeClock, rung: bool
) -> None:
    partner = ScriptedPartner(Unavailable("away"), Confirmed())
    insert(store)
    worker = engine(
        store,
        clock,
        process((step("publish", partner, recovery=REPEATABLE, saves_intent=False),)),
        exclusive_delivery=rung,
    )
    worker.advance("op-1")
    clock.tick(60)
    worker.advance("op-1")
    operation = load(store)
    assert operation.status is Status.SUCCEEDED
    assert operation.step("publish").attempts == 2
    assert operation.version == (3 if rung else 5)


def test_a_quick_look_up_needs_no_lease_and_a_quick_step_under_one_no_intent(store: Store, clock: FakeClock) -> None:
    # Given a quick look-up, a step that takes the lease, and a quick step that is safe to repeat
    partner = ScriptedPartner(*[Confirmed()] * 3)
    quick = {"recovery": REPEATABLE, "saves_intent": False}
    stages = (
        (step("check", partner, **quick, is_lookup=True),),
        (step("hold", partner),),
        (step("settle", partner, **quick),),
    )
    insert(store)

    # If a worker makes them, where all workers see every operation
    engine(store, clock, process(*stages)).advance("op-1")

    # I expect a save before the hold, and one at the end
    assert load(store).status is Status.SUCCEEDED
    assert load(store).version == 1 + 2


@pytest.mark.parametrize("spare_s", [0, LEASE_SPARE_S + 1])
def test_a_look_up_under_a_lease_saves_no_intent(store: Store, clock: FakeClock, spare_s: float) -> None:
    # Given a step that takes the lease, and may take most of it; a look-up; and a debit
    partner = ScriptedPartner(*[Confirmed()] * 3)

    def slow(operation: Operation) -> Reply:
        clock.tick(spare_s)
        return partner.submit("claim")(operation)

    look_up = step("check", partner, recovery=REPEATABLE, is_lookup=True)
    stages = ((step("claim", partner, submit=slow),), (look_up,), (step("debit", partner),))
    insert(store)

    # If a worker makes them
    engine(store, clock, process(*stages)).advance("op-1")

    # I expect an intent for the look-up only where the lease would not have lasted for it
    assert load(store).status is Status.SUCCEEDED
    assert load(store).version == 1 + (4 if spare_s else 3)


def test_a_lease_that_lasts_for_the_next_round_stays_as_it_is(store: Store, clock: FakeClock) -> None:
    seen: list[Operation] = []

    def look(operation: Operation) -> Reply:
        clock.tick(LEASE_SPARE_S)
        seen.append(load(store))
        return Confirmed()

    insert(store)
    stages = tuple((step(name, ScriptedPartner(), submit=look),) for name in ("one", "two", "three"))
    engine(store, clock, process(*stages)).advance("op-1")
    until = [operation.lease.until for operation in seen if operation.lease]
    assert until == [START + timedelta(seconds=LEASE_S)] * 2 + [START + timedelta(seconds=2 * LEASE_SPARE_S + LEASE_S)]
    assert [operation.due_at for operation in seen] == until


def test_a_conflict_is_no_error(store: Store, clock: FakeClock) -> None:
    class AlwaysLate:
        def get(self, collection: str, id: str) -> Document | None:
            return store.get(collection, id)

        def replace(self, collection: str, document: Document) -> Document:
            raise Conflict

    partner = ScriptedPartner()
    insert(store)
    engine(AlwaysLate(), clock, process((step("debit", partner),))).advance("op-1")  # type: ignore[arg-type]
    assert partner.asked == []


def test_replies_come_in_the_order_of_the_calls() -> None:
    replies: list[Reply] = [Unknown(str(number)) for number in range(5)]
    assert run_concurrently([lambda reply=reply: reply for reply in replies]) == replies  # type: ignore[misc]
