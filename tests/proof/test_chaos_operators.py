"""The operators of a chaos run: who serves which phone, and which operations may stay without an end."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from core.dialects import DIALECTS
from core.operation import Operation, Status
from core.settings import read_settings
from core.steps import Call, StepRecord, StepState
from proof.chaos.operators import BY_CHANCE, CLEAR, MARKETS, UNASKABLE, Market, operator_settings
from proof.chaos.outcome import DOUBT_AFTER_S, outcome_of
from tests.conformance.kit import REDIRECTS, Trial
from tests.doubles import START, FakeClock

LATER = timedelta(seconds=DOUBT_AFTER_S + 1)


def test_every_dialect_has_an_operator() -> None:
    assert [market.operator for market in MARKETS] == list(DIALECTS)
    assert tuple(market.operator for market in MARKETS if market.redirects) == REDIRECTS


@pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.operator)
def test_each_phone_is_served_by_its_operator(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in operator_settings("http://127.0.0.1:9", "http://127.0.0.1:8", 0).items():
        monkeypatch.setenv(name, value)
    operators = read_settings().operators
    for ending in (BY_CHANCE, CLEAR):
        assert operators.route(market.phone(12345, ending), market.currency) == market.operator
    assert market.phone(1) != market.phone(2)


def test_what_cannot_be_asked_is_what_the_adapters_cannot_ask(tmp_path_factory: pytest.TempPathFactory) -> None:
    unaskable = set()
    for market in MARKETS:
        dialect = Trial(market.operator, tmp_path_factory.mktemp(market.operator)).operator.dialect
        services = {"debit": dialect.debits}
        services |= {"refund": dialect.refunds} if market.refunds and dialect.refunds else {}
        services |= {"payout": dialect.payouts} if market.pays_out and dialect.payouts else {}
        unaskable |= {
            (market.operator, name)
            for name, service in services.items()
            if service.ask is None or service.asked_by_theirs
        }
    assert unaskable == UNASKABLE


def debit_in_flight(operator: str, **record: Any) -> Operation:
    step = StepRecord("op-1:debit", StepState.SUBMITTED, attempts=1, submitted_at=START)
    operation = Operation("op-1", "fine_payment", {}, START, START, status=Status.PROCESSING, operator=operator)
    return operation.with_step("debit", replace(step, **record))


UNAVAILABLE = (Call(START, 5, "submit", "unavailable", {}),)
ANSWERED = (Call(START, 5, "submit", "pending", {}),)


@pytest.mark.parametrize(
    ("operation", "later", "doubts"),
    [
        (debit_in_flight("daraja"), LATER, 1),
        (debit_in_flight("daraja"), timedelta(0), 0),
        (debit_in_flight("daraja", calls=ANSWERED), LATER, 0),
        (debit_in_flight("daraja", calls=UNAVAILABLE, attempts=2), LATER, 1),
        (debit_in_flight("daraja", state=StepState.WAITING), LATER, 0),
        (debit_in_flight("daraja", state=StepState.DONE), LATER, 0),
        (debit_in_flight("mtn"), LATER, 0),
    ],
)
def test_only_a_lost_answer_that_nobody_can_be_asked_about_is_a_doubt(
    operation: Operation, later: timedelta, doubts: int
) -> None:
    clock = FakeClock()
    clock.tick(later.total_seconds())
    outcome = outcome_of([operation], {operation.id}, clock)
    assert (outcome.doubts.total(), len(outcome.unfinished)) == (doubts, 1 - doubts)


def test_an_accepted_operation_that_is_not_stored_is_wrong() -> None:
    assert outcome_of([], {"op-1"}, FakeClock()).unfinished == ["op-1 was accepted and is not stored"]


def test_operations_are_counted_by_operator() -> None:
    ended = replace(debit_in_flight("mtn", state=StepState.DONE), status=Status.SUCCEEDED)
    outcome = outcome_of([ended, debit_in_flight("mtn")], {"op-1"}, FakeClock())
    assert outcome.by_operator() == {"mtn": {"accepted": 2, "processing": 1, "succeeded": 1, "doubts": 0}}
