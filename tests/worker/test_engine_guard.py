"""The engine at the guards of its partners: what is not let in waits, and every place is given back."""

from contextlib import suppress
from datetime import timedelta

import pytest
from doubles import START, FakeClock, ScriptedPartner, engine, insert, load, process, step

from core.errors import Conflict, StoreUnavailable
from core.operation import Status
from core.store.port import Document, Store
from worker.engine import SEND_WITHIN_S
from worker.partners.guard import FAILURES, Guard
from worker.partners.port import Confirmed


def test_what_a_guard_does_not_let_in_is_put_off_without_a_call(store: Store, clock: FakeClock) -> None:
    partner, guard = ScriptedPartner(Confirmed()), Guard("operator", clock, 1)
    insert(store)
    worker = engine(store, clock, process((step("debit", partner, guard=guard),)))
    guard.enter()
    worker.advance("op-1")
    operation = load(store)
    assert partner.asked == []
    assert (operation.status, operation.lease) == (Status.ACCEPTED, None)
    assert operation.due_at is not None
    assert START < operation.due_at < START + timedelta(seconds=1)
    guard.leave(None, START)
    clock.tick(1)
    worker.advance("op-1")
    assert partner.asked == [("submit", "debit")]
    assert guard.in_flight == 0


def test_many_steps_at_a_guard_that_lets_in_few_are_all_done_in_the_end(store: Store, clock: FakeClock) -> None:
    partner, guard = ScriptedPartner(*[Confirmed()] * 50), Guard("registry", clock, 3)
    insert(store)
    worker = engine(store, clock, process(tuple(step(f"s{n}", partner, guard=guard) for n in range(50))))
    for _ in range(50):
        worker.advance("op-1")
        clock.tick(1)
    assert load(store).status is Status.SUCCEEDED
    assert len(partner.asked) == 50


@pytest.mark.parametrize("error", [StoreUnavailable(), Conflict()])
def test_an_intent_that_is_not_saved_gives_its_place_back(store: Store, clock: FakeClock, error: Exception) -> None:
    class Refusing:
        def get(self, collection: str, id: str) -> Document | None:
            return store.get(collection, id)

        def replace(self, collection: str, document: Document) -> Document:
            raise error

    guard = Guard("operator", clock, 1)
    insert(store)
    worker = engine(Refusing(), clock, process((step("debit", ScriptedPartner(), guard=guard),)))  # type: ignore[arg-type]
    with suppress(StoreUnavailable):
        worker.advance("op-1")
    assert guard.in_flight == 0


def test_nothing_is_begun_beside_a_step_that_was_put_off_for_too_long(store: Store, clock: FakeClock) -> None:
    partner, here, away = ScriptedPartner(Confirmed()), Guard("here", clock, 1), Guard("away", clock, 1)
    away.open_until = START + timedelta(days=9)
    debit = step("debit", partner, moves_money=True)
    settlements = (step("settle:a", partner, guard=here), step("settle:b", partner, guard=away, deadline_s=60))
    insert(store)
    worker = engine(store, clock, process((debit,), settlements))
    here.enter()
    worker.advance("op-1")
    here.leave(None, START)
    clock.tick(3600)
    worker.advance("op-1")
    operation = load(store)
    assert (operation.status, operation.due_at, operation.lease) == (Status.NEEDS_REVIEW, None, None)
    assert partner.asked == [("submit", "debit")]
    assert here.in_flight == 0


def test_our_own_pause_is_no_fault_of_the_partner(store: Store, clock: FakeClock) -> None:
    class Pausing:
        """The store, after whose every save the worker is paused."""

        def get(self, collection: str, id: str) -> Document | None:
            return store.get(collection, id)

        def replace(self, collection: str, document: Document) -> Document:
            saved = store.replace(collection, document)
            clock.tick(SEND_WITHIN_S + 1)
            return saved

    guard = Guard("operator", clock, 1)
    insert(store)
    worker = engine(Pausing(), clock, process((step("debit", ScriptedPartner(), guard=guard),)))  # type: ignore[arg-type]
    for _ in range(2 * FAILURES):
        worker.advance("op-1")
        clock.tick(60)
    assert load(store).step("debit").attempts > 1
    assert guard.open_until is None
