"""Debits and refunds at operators that cannot be asked by our reference, and what their callbacks tell."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from core.errors import StoreUnavailable
from core.operation import Operation
from tests.doubles import START, FakeClock, PlayedDialect, new_operation
from worker.mobile_money import Payer, Refund, debit
from worker.partners.operators.port import Demand, Operator, Service
from worker.partners.port import Confirmed, Declined, Pending, Reply, Unavailable, Unknown
from worker.policy import SEND_WITHIN_S
from worker.process import Step, Unaskable

PAYER = Payer("+254708374149", 10000, "KES", "Fine")
UNKNOWN, TELLS_ID, DECLINES, CONFIRMS = Unknown("?"), Pending({"id": "t-1"}), Declined("declined"), Confirmed({"r": 1})
REPLIES: dict[str, Reply] = {"unknown": UNKNOWN, "id": TELLS_ID, "no": DECLINES, "yes": CONFIRMS}


def read(demand: Demand, body: Mapping[str, Any]) -> Reply:
    return REPLIES[body["says"]]


def stage(*said: str, dialect: PlayedDialect | None = None, lost: bool = False) -> Step:
    """The debit at an operator whose callbacks have said so."""
    dialect = dialect or PlayedDialect()
    dialect.debits = replace(dialect.debits, asked_by_theirs="id", read=read)

    def heard(reference: str) -> list[dict[str, str]]:
        if lost:
            raise StoreUnavailable
        return [{"says": word} for word in said]

    operator = Operator("operator", dialect, None, FakeClock(), heard=heard)
    refund = Refund("refund", "refund", lambda _: 10000)
    return debit(operator, new_operation(), "debit", PAYER, refund)[0][0]


def hear(step: Step, operation: Operation) -> Reply:
    assert isinstance(step.recovery, Unaskable)
    return step.recovery.hear(operation)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ((), Unknown("no callback has come")),
        (("unknown",), Unknown("no callback has come")),
        (("unknown", "id"), TELLS_ID),
        (("id", "yes"), CONFIRMS),
        (("id", "unknown", "no"), DECLINES),
        (("yes", "no"), CONFIRMS),
        (("no", "yes"), DECLINES),
    ],
)
def test_a_callback_that_decides_counts_more_than_one_that_tells_an_id(said: tuple[str, ...], expected: Reply) -> None:
    assert hear(stage(*said), new_operation()) == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (("no",), Unknown("no callback has come")),
        (("no", "yes"), CONFIRMS),
        (("yes", "no"), CONFIRMS),
        (("id",), TELLS_ID),
    ],
)
def test_where_the_operator_could_be_asked_only_a_confirmation_counts(said: tuple[str, ...], expected: Reply) -> None:
    operation = new_operation()
    known = operation.with_step("debit", replace(operation.step("debit"), result={"id": "t-1"}))
    assert hear(stage(*said), known) == expected


def test_a_demand_says_when_it_was_sent() -> None:
    dialect = PlayedDialect()
    step = stage(dialect=dialect)
    operation = new_operation()
    sent = operation.with_step("debit", replace(operation.step("debit"), submitted_at=START, result={"id": "t-1"}))
    assert isinstance(step.recovery, Unaskable)
    assert step.recovery.ask is not None
    step.recovery.ask(sent)
    assert dialect.asked[-1][1].submitted_at == START
    assert dialect.asked[-1][1].known == {"id": "t-1"}


@pytest.mark.parametrize(
    ("said", "known"), [((), {"id": "t-1"}), (("no",), {"id": "t-1"}), (("id", "yes"), {"id": "t-1", "r": 1})]
)
def test_a_refund_knows_what_the_callback_of_the_debit_told(said: tuple[str, ...], known: dict[str, object]) -> None:
    dialect = PlayedDialect()
    undo = stage(*said, dialect=dialect).undo
    assert undo is not None
    operation = new_operation()
    undo.submit(operation.with_step("debit", replace(operation.step("debit"), result={"id": "t-1"})))
    verb, refund = dialect.asked[-1]
    assert (verb, refund.reference) == ("refund", "op-1:refund")
    assert refund.debit is not None
    assert refund.debit.known == known


def test_a_refund_waits_for_our_store() -> None:
    dialect = PlayedDialect()
    undo = stage(dialect=dialect, lost=True).undo
    assert undo is not None
    assert undo.submit(new_operation()) == Unavailable("our store did not answer")
    assert dialect.asked == []


@pytest.mark.parametrize(("took_s", "sent"), [(SEND_WITHIN_S, True), (SEND_WITHIN_S + 0.1, False)])
def test_a_refund_is_not_sent_when_our_store_took_long(took_s: float, sent: bool) -> None:
    """Another worker may have found the request missing meanwhile, and sent it again."""
    dialect, clock = PlayedDialect(), FakeClock()

    def heard(_: str) -> list[dict[str, str]]:
        clock.tick(took_s)
        return []

    operator = Operator("operator", dialect, None, clock, heard=heard)
    dialect.debits = replace(dialect.debits, read=read)
    undo = debit(operator, new_operation(), "debit", PAYER, Refund("refund", "refund", lambda _: 10000))[0][0].undo
    assert undo is not None
    reply = undo.submit(new_operation())
    assert ("refund" in [verb for verb, _ in dialect.asked]) == sent
    assert isinstance(reply, Unavailable) != sent


def test_an_operator_that_never_calls_back_leaves_nothing_to_read() -> None:
    dialect = PlayedDialect()
    dialect.debits = Service(dialect.debits.submit)
    operator = Operator("operator", dialect, None, FakeClock(), heard=lambda _: [{}])
    step = debit(operator, new_operation(), "debit", PAYER)[0][0]
    assert hear(step, new_operation()) == Unknown("no callback has come")
