"""Open requests for approval on a phone: the limit is exact under races, and repeats are free."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.accept import Accepted, Command, accept
from core.broker.embedded import EmbeddedBroker
from core.errors import StoreUnavailable
from core.operation import Status
from core.prompts import Limit, Prompt, TooManyPrompts
from core.steps import Call, StepState
from core.store.port import ATTEMPTS, OPERATIONS, Store
from core.store.sql import SqlStore
from tests.doubles import CutOff, FakeClock, lent_sql
from tests.store.samples import at_once

PHONE = "+2250707000001"
MOST = 3
PROMPT = Prompt(PHONE, "debit", MOST)


@pytest.fixture
def store() -> Iterator[SqlStore]:
    with lent_sql() as store:
        yield store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def ask(store: Any, clock: FakeClock, number: int, **changes: Any) -> Accepted:
    values: dict[str, Any] = {"prompt": PROMPT, **changes}
    command = Command("test", {"number": number}, "c", **values)
    return accept(store, EmbeddedBroker(store, clock), clock, command)


def is_accepted(store: Any, clock: FakeClock, number: int, **changes: Any) -> bool:
    try:
        return bool(ask(store, clock, number, **changes).operation)
    except TooManyPrompts:
        return False


def test_a_phone_has_so_many_open_debits_and_no_more(store: SqlStore, clock: FakeClock) -> None:
    assert [is_accepted(store, clock, number) for number in range(5)] == [True] * MOST + [False] * 2
    other = Prompt("+2250707000002", "debit", MOST)
    assert is_accepted(store, clock, 6, prompt=other)
    assert is_accepted(store, clock, 7, prompt=None)


def test_the_limit_is_exact_under_races(store: SqlStore, clock: FakeClock) -> None:
    taken = at_once(lambda number: is_accepted(store, clock, number), 12)

    assert taken.count(True) == MOST
    assert len(store.find(OPERATIONS, {"kind": "test"})) == MOST


@pytest.mark.parametrize("changes", [{}, {"idempotency_key": "k"}, {"repeatable": True, "same_within_s": 10}], ids=str)
def test_the_same_request_at_once_takes_one_place(store: SqlStore, clock: FakeClock, changes: dict[str, Any]) -> None:
    asked = at_once(lambda _: ask(store, clock, 1, **changes).operation.id, 12)

    assert len(set(asked)) == 1
    assert [is_accepted(store, clock, number) for number in range(2, 5)] == [True, True, False]


def test_a_repeat_of_what_was_accepted_is_never_refused(store: SqlStore, clock: FakeClock) -> None:
    first = [ask(store, clock, number, idempotency_key=f"k{number}") for number in range(MOST)]
    clock.tick(3600)

    for number, accepted in enumerate(first):
        for key in (f"k{number}", None, "another"):
            again = ask(store, clock, number, idempotency_key=key and f"{key}{number}" if key == "another" else key)
            assert (again.replayed, again.operation.id) == (True, accepted.operation.id)


@pytest.mark.parametrize("end", ["failed", "debited", "declined"])
def test_a_debit_that_has_ended_leaves_its_place(store: SqlStore, clock: FakeClock, end: str) -> None:
    operations = [ask(store, clock, number).operation for number in range(MOST)]
    begun = operations[0].moved(Status.PROCESSING, clock.now())
    state = StepState.DONE if end == "debited" else StepState.DECLINED
    changed = (
        begun.moved(Status.FAILED, clock.now())
        if end == "failed"
        else begun.with_step("debit", replace(begun.step("debit"), state=state))
    )
    store.replace(OPERATIONS, changed.to_document())

    assert [is_accepted(store, clock, number) for number in (10, 11)] == [True, False]


def test_a_debit_that_is_pending_for_long_keeps_its_place(store: SqlStore, clock: FakeClock) -> None:
    operation = ask(store, clock, 0).operation.moved(Status.PROCESSING, clock.now())
    sent = replace(operation.step("debit"), state=StepState.SUBMITTED)
    store.replace(OPERATIONS, operation.with_step("debit", sent).to_document())
    clock.tick(20 * 3600)

    assert [is_accepted(store, clock, number) for number in range(1, 4)] == [True, True, False]


@pytest.mark.parametrize("verbs", range(1, 9))
def test_what_never_came_to_be_leaves_its_place_after_a_minute(store: SqlStore, clock: FakeClock, verbs: int) -> None:
    # Given a request whose process died, or lost its store, at any verb
    with contextlib.suppress(StoreUnavailable):
        ask(CutOff(store, verbs), clock, 0, idempotency_key="k")

    # I expect its repeat to be accepted, in the place that it has
    assert [is_accepted(store, clock, number) for number in (1, 2)] == [True, True]
    assert is_accepted(store, clock, 0, idempotency_key="k")
    assert not is_accepted(store, clock, 3)


def test_a_place_that_nobody_came_for_is_free_after_a_minute(store: SqlStore, clock: FakeClock) -> None:
    with pytest.raises(StoreUnavailable):
        ask(NoOperations(store), clock, 0)
    assert [is_accepted(store, clock, number) for number in (1, 2, 3)] == [True, True, False]

    clock.tick(61)

    assert [is_accepted(store, clock, number) for number in (3, 4)] == [True, False]


def test_a_limit_counts_what_was_new(store: SqlStore, clock: FakeClock) -> None:
    prompt = replace(PROMPT, most=100, limits=(Limit("address", "10.0.0.1", 2, 3600),))
    assert [is_accepted(store, clock, number, prompt=prompt) for number in (1, 1, 2, 2, 3)] == [True] * 4 + [False]
    with pytest.raises(TooManyPrompts) as refused:
        ask(store, clock, 3, prompt=prompt)
    assert refused.value.retry_after_s == 3601

    # I expect no place to be taken by those that were refused
    assert [is_accepted(store, clock, number, prompt=PROMPT) for number in (4, 5)] == [True, False]
    clock.tick(3601)
    assert is_accepted(store, clock, 3, prompt=prompt)


def test_an_operator_that_does_not_serve_the_phone_uses_up_nothing_of_the_one_that_does(
    store: SqlStore, clock: FakeClock
) -> None:
    def accepted(number: int, operator: str, served_by: str | None = "orange") -> bool:
        prompt = replace(PROMPT, operator=operator, served_by=served_by)
        return is_accepted(store, clock, number, prompt=prompt)

    # Given all other operators named in turn, none of which ever answers
    assert [accepted(number, ["moov", "wave"][number % 2]) for number in range(5)] == [True] * 3 + [False] * 2

    # I expect the phone's own to have all of its places, and no more
    assert [accepted(number, "orange") for number in range(10, 15)] == [True] * 3 + [False] * 2
    # and no more than twice as many, where no operator is known to serve the phone
    assert [accepted(number, "mtn", None) for number in range(20, 22)] == [False] * 2


def test_what_an_owner_has_asked_for_leaves_nothing_behind(store: SqlStore, clock: FakeClock) -> None:
    """Nobody counts it, so the document would only grow."""
    prompt = replace(PROMPT, by_owner=True)
    for number in range(5):
        operation = ask(store, clock, number, prompt=prompt).operation.moved(Status.PROCESSING, clock.now())
        declined = replace(
            operation.step("debit"), state=StepState.DECLINED, submitted_at=clock.now(), last_error="not_approved"
        )
        store.replace(OPERATIONS, operation.with_step("debit", declined).to_document())
    (document,) = store.find(ATTEMPTS, {})
    assert len(document["open"]) == 1


def test_what_was_refused_before_anybody_could_see_it_does_not_count(store: SqlStore, clock: FakeClock) -> None:
    def rings(number: int, **changes: Any) -> bool:
        """Whether a debit that was declined so counts: then one more of two is left."""
        prompt = replace(PROMPT, msisdn=f"+22507000000{number:02d}", most=100, an_hour=2)
        operation = ask(store, clock, number, prompt=prompt).operation.moved(Status.PROCESSING, clock.now())
        record = replace(operation.step("debit"), state=StepState.DECLINED, submitted_at=clock.now(), attempts=1)
        store.replace(OPERATIONS, operation.with_step("debit", replace(record, **changes)).to_document())
        probes = [is_accepted(store, clock, 100 + 10 * number + each, prompt=prompt) for each in range(2)]
        return probes == [True, False]

    call = Call(clock.now(), 80, "submit", "declined", {})
    assert not rings(1, last_error="payer_not_found", acknowledged=True)
    assert not rings(2, last_error="partner_unavailable")
    assert not rings(3, last_error="limit_exceeded", calls=(call,))
    # A person may have refused it: it took long, or the operator had said that it asks, or had the request twice
    assert rings(4, last_error="limit_exceeded", calls=(replace(call, took_ms=4000),))
    assert rings(5, last_error="limit_exceeded", calls=(call,), acknowledged=True)
    assert rings(6, last_error="limit_exceeded", calls=(call, call), attempts=2)
    assert rings(7, last_error="not_approved")


class NoOperations:
    """A store that does not answer when an operation is to be stored."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def insert_all(self, *documents: Any) -> None:
        raise StoreUnavailable
