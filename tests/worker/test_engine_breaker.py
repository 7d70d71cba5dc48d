"""The engine at the breakers of its partners: what is not let in waits, and every place is given back."""

from contextlib import suppress
from datetime import timedelta

import pytest

from core.errors import Conflict, StoreUnavailable
from core.operation import Status
from core.store.port import Document, Store
from tests.doubles import START, FakeClock, ScriptedPartner, engine, insert, load, process, step
from worker.partners.breaker import FAILURES, Breaker
from worker.partners.port import Confirmed
from worker.policy import SEND_WITHIN_S
from worker.process import REQUIRED


def test_a_step_that_the_breaker_does_not_admit_is_deferred_without_a_call(store: Store, clock: FakeClock) -> None:
    partner, breaker = ScriptedPartner(Confirmed()), Breaker("operator", clock, 1)
    insert(store)
    worker = engine(store, clock, process((step("debit", partner, breaker=breaker),)))
    breaker.try_acquire()
    worker.advance("op-1")
    operation = load(store)
    assert partner.asked == []
    assert (operation.status, operation.lease) == (Status.ACCEPTED, None)
    assert operation.due_at is not None
    assert START < operation.due_at < START + timedelta(seconds=1)
    breaker.release(None, START)
    clock.tick(1)
    worker.advance("op-1")
    assert partner.asked == [("submit", "debit")]
    assert breaker.in_flight == 0


def test_many_steps_behind_a_low_cap_are_all_done_in_the_end(store: Store, clock: FakeClock) -> None:
    partner, breaker = ScriptedPartner(*[Confirmed()] * 50), Breaker("registry", clock, 3)
    insert(store)
    worker = engine(store, clock, process(tuple(step(f"s{n}", partner, breaker=breaker) for n in range(50))))
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

    breaker = Breaker("operator", clock, 1)
    insert(store)
    worker = engine(Refusing(), clock, process((step("debit", ScriptedPartner(), breaker=breaker),)))  # type: ignore[arg-type]
    with suppress(StoreUnavailable):
        worker.advance("op-1")
    assert breaker.in_flight == 0


def test_no_step_begins_beside_one_that_was_deferred_past_its_deadline(store: Store, clock: FakeClock) -> None:
    partner, here, away = ScriptedPartner(Confirmed()), Breaker("here", clock, 1), Breaker("away", clock, 1)
    away.open_until = START + timedelta(days=9)
    debit = step("debit", partner, moves_money=True)
    settlements = (
        step("settle:a", partner, breaker=here),
        step("settle:b", partner, breaker=away, obligation=REQUIRED.within(60)),
    )
    insert(store)
    worker = engine(store, clock, process((debit,), settlements))
    here.try_acquire()
    worker.advance("op-1")
    here.release(None, START)
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

    breaker = Breaker("operator", clock, 1)
    insert(store)
    worker = engine(Pausing(), clock, process((step("debit", ScriptedPartner(), breaker=breaker),)))  # type: ignore[arg-type]
    for _ in range(2 * FAILURES):
        worker.advance("op-1")
        clock.tick(60)
    assert load(store).step("debit").attempts > 1
    assert breaker.open_until is None
