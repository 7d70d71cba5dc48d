"""Callbacks: kept as evidence, never trusted, and a reason to ask now."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from core.broker.embedded import EmbeddedBroker
from core.callbacks import MAX_BODY_BYTES, MAX_KEPT, Callbacks
from core.ids import new_id
from core.operation import Lease, Operation, Status
from core.steps import StepRecord, StepState
from core.store.port import CALLBACKS, Store
from tests.doubles import START, FakeClock, load, new_operation, open_sql

REFERENCE = "op-1:debit"
LATER = START + timedelta(seconds=300)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> Iterator[Store]:
    store = open_sql("sqlite://")
    yield store
    store.close()


@pytest.fixture
def callbacks(store: Store, clock: FakeClock) -> Callbacks:
    return Callbacks(store, EmbeddedBroker(store, clock), clock, ["new secret", "old secret"])


def waiting(**changes: object) -> Operation:
    record = StepRecord(REFERENCE, StepState.SUBMITTED, attempts=1, submitted_at=START, next_at=LATER)
    return new_operation(**{"status": Status.PROCESSING, "due_at": LATER, **changes}).with_step("debit", record)


def kept(store: Store) -> int:
    return len(store.find(CALLBACKS, {"reference": REFERENCE}))


def test_a_callback_makes_the_next_enquiry_due_and_is_kept(store: Store, callbacks: Callbacks) -> None:
    store.insert("operations", waiting().to_document())
    assert callbacks.receive("mtn", callbacks.token("mtn", REFERENCE), b'{"status": "SUCCESSFUL"}')
    operation = load(store)
    assert (operation.due_at, operation.step("debit").next_at) == (START, START)
    assert operation.step("debit").state is StepState.SUBMITTED  # what it says decides nothing
    assert callbacks.about("mtn", REFERENCE) == [{"status": "SUCCESSFUL"}]


@pytest.mark.parametrize("secret", ["new secret", "old secret"])
def test_a_token_of_a_rotated_secret_is_still_ours(
    store: Store, clock: FakeClock, secret: str, callbacks: Callbacks
) -> None:
    token = Callbacks(store, EmbeddedBroker(store, clock), clock, [secret]).token("mtn", REFERENCE)
    assert callbacks.receive("mtn", token, b"{}")


def test_a_token_of_somebody_else_has_no_effect(store: Store, clock: FakeClock, callbacks: Callbacks) -> None:
    store.insert("operations", waiting().to_document())
    ours = callbacks.token("mtn", REFERENCE)
    forged = Callbacks(store, EmbeddedBroker(store, clock), clock, ["guess"]).token("mtn", REFERENCE)
    others = (
        forged,
        ours[:-1],
        ours + "A",
        ours.replace("op-1", "op-2"),
        ours.replace("debit", "refund"),
        "",
        ".",
        "é",
    )
    for token in others:
        assert not callbacks.receive("mtn", token, b"{}")
    assert not callbacks.receive("orange", ours, b"{}")
    assert kept(store) == 0
    assert load(store).version == 1


@pytest.mark.parametrize(
    "operation",
    [
        waiting(status=Status.SUCCEEDED, due_at=None),
        waiting(status=Status.NEEDS_REVIEW, due_at=None),
        waiting(lease=Lease("worker-1", LATER)),
        replace(waiting(), steps={"debit": StepRecord(REFERENCE, StepState.DONE)}),
        replace(waiting(), steps={}),
    ],
    ids=["ended", "with a person", "in hand", "known", "not begun"],
)
def test_an_operation_that_waits_for_no_answer_stays_as_it_is(
    store: Store, callbacks: Callbacks, operation: Operation
) -> None:
    store.insert("operations", operation.to_document())
    assert callbacks.receive("mtn", callbacks.token("mtn", REFERENCE), b"{}")
    assert load(store) == replace(operation, version=1)
    assert kept(store) == 1


def test_a_callback_may_come_before_its_operation_is_found(store: Store, callbacks: Callbacks) -> None:
    assert callbacks.receive("mtn", callbacks.token("mtn", REFERENCE), b"{}")
    assert kept(store) == 1


BODIES = [b"", b"\xff\xfe", b"[1]", b"[" * 10_000, b'{"a": ' + b"9" * 10**6, b"<xml/>"]


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_what_is_no_json_object_is_kept_and_says_nothing(store: Store, callbacks: Callbacks, body: bytes) -> None:
    assert callbacks.receive("mtn", callbacks.token("mtn", REFERENCE), body)
    (found,) = store.find(CALLBACKS, {"reference": REFERENCE})
    assert len(found["body"]) <= MAX_BODY_BYTES
    assert callbacks.about("mtn", REFERENCE) == []


def test_a_flood_of_callbacks_is_kept_and_followed_only_so_far(
    store: Store, clock: FakeClock, callbacks: Callbacks
) -> None:
    store.insert("operations", waiting().to_document())
    token = callbacks.token("mtn", REFERENCE)
    for number in range(MAX_KEPT + 5):
        assert callbacks.receive("mtn", token, json.dumps({"number": number}).encode())
        clock.tick(1)
    assert [body["number"] for body in callbacks.about("mtn", REFERENCE)] == [*range(MAX_KEPT)]
    assert load(store).due_at == START + timedelta(seconds=MAX_KEPT - 1)


def test_tokens_are_as_unguessable_as_a_key(callbacks: Callbacks) -> None:
    signatures = {callbacks.token("mtn", f"{new_id()}:debit").rpartition(".")[2] for _ in range(100)}
    assert len(signatures) == 100
    assert {len(signature) for signature in signatures} == {22}


def test_an_operator_says_nothing_about_the_money_of_another(store: Store, callbacks: Callbacks) -> None:
    store.insert("operations", waiting(operator="mtn").to_document())

    callbacks.keep("airtel", REFERENCE, b'{"status": "SUCCESSFUL"}')

    assert kept(store) == 0
    assert load(store).due_at == LATER


def test_what_was_kept_of_another_operator_is_not_heard(store: Store, callbacks: Callbacks) -> None:
    callbacks.keep("airtel", REFERENCE, b'{"status": "SUCCESSFUL"}')
    assert callbacks.about("mtn", REFERENCE) == []


def test_half_of_a_surrogate_pair_is_no_callback(callbacks: Callbacks) -> None:
    callbacks.keep("mtn", REFERENCE, b'{"id": "\\ud800"}')
    assert callbacks.about("mtn", REFERENCE) == []
