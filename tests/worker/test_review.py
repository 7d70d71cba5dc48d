"""What a person decides about an operation that is stuck, and what follows from it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from tests.doubles import START, ScriptedPartner, new_operation, step
from worker.decide import Verb, Work, conclude, defer, record, work_now
from worker.partners.breaker import Deferral
from worker.partners.port import Confirmed
from worker.policy import Context, Policy
from worker.process import OPTIONAL, REPEATABLE, Stages, Unaskable
from worker.review import DECLINED, Decision, NotReviewable, review

POLICY = Policy(settle_window_s=30)
PARTNER = ScriptedPartner()
NOW = START + timedelta(days=2)
REFUND = step("refund", PARTNER)
DEBIT = step("debit", PARTNER, undo=REFUND, moves_money=True)
SETTLE_A, SETTLE_B = (step(f"settle:{name}", PARTNER, obligation=OPTIONAL) for name in "ab")
RELEASE = step("release", PARTNER, recovery=REPEATABLE)
CLAIM = step("claim", PARTNER, recovery=REPEATABLE, undo=RELEASE)
STAGES: Stages = ((CLAIM,), (DEBIT,), (SETTLE_A, SETTLE_B))


def stuck_at(name: str, *done: str, declined: tuple[str, ...] = ()) -> Operation:
    operation = new_operation(status=Status.NEEDS_REVIEW, due_at=None)
    for other in (*done, *declined):
        state = StepState.DECLINED if other in declined else StepState.DONE
        operation = operation.with_step(other, StepRecord(operation.reference(other), state, attempts=1))
    sent = StepRecord(operation.reference(name), StepState.SUBMITTED, 1, submitted_at=START, doubt_since=START)
    return operation.with_step(name, replace(sent, acknowledged=True))


def decide(operation: Operation, decision: Decision) -> Operation:
    return review(Context(STAGES, POLICY, NOW), operation, decision, "awa", "asked by phone")


def played_out(operation: Operation) -> tuple[Status, list[str]]:
    """How it ends when the partners confirm everything from now on, and what was asked of them."""
    asked = []
    while work := work_now(STAGES, operation, NOW):
        for item in work:
            asked.append(f"{item.verb.value} {item.step.name}")
            operation = record(Context(STAGES, POLICY, NOW, 1), operation, item, Confirmed())
        operation = conclude(Context(STAGES, POLICY, NOW), operation)
    return operation.status, asked


@pytest.mark.parametrize(
    ("decision", "status", "asked"),
    [
        (Decision.CONFIRM, Status.SUCCEEDED, ["submit settle:a", "submit settle:b"]),
        (Decision.DECLINE, Status.FAILED, ["submit release"]),
        (Decision.RETRY, Status.SUCCEEDED, ["submit debit", "submit settle:a", "submit settle:b"]),
        (Decision.REFUND, Status.REFUNDED, ["submit refund", "submit release"]),
    ],
)
def test_a_debit_that_nobody_knows_of(decision: Decision, status: Status, asked: list[str]) -> None:
    assert played_out(decide(stuck_at("debit", "claim"), decision)) == (status, asked)


@pytest.mark.parametrize(
    ("decision", "status", "asked"),
    [
        (Decision.CONFIRM, Status.SUCCEEDED, []),
        (Decision.DECLINE, Status.PARTIALLY_SUCCEEDED, ["submit refund", "submit release"]),
        (Decision.RETRY, Status.SUCCEEDED, ["submit settle:b"]),
        (Decision.REFUND, Status.PARTIALLY_SUCCEEDED, ["submit refund", "submit release"]),
    ],
)
def test_a_settlement_that_nobody_knows_of(decision: Decision, status: Status, asked: list[str]) -> None:
    operation = stuck_at("settle:b", "claim", "debit", "settle:a")
    assert played_out(decide(operation, decision)) == (status, asked)


@pytest.mark.parametrize(
    ("decision", "asked"),
    [(Decision.CONFIRM, ["submit release"]), (Decision.RETRY, ["submit refund", "submit release"])],
)
def test_a_refund_that_was_declined(decision: Decision, asked: list[str]) -> None:
    operation = stuck_at("refund", "claim", "debit", declined=("settle:a", "settle:b"))
    assert played_out(decide(operation, decision)) == (Status.REFUNDED, asked)


@pytest.mark.parametrize("decision", [Decision.DECLINE, Decision.REFUND])
def test_a_refund_cannot_be_refused_by_a_person_either(decision: Decision) -> None:
    with pytest.raises(NotReviewable):
        decide(stuck_at("refund", "claim", "debit", declined=("settle:a", "settle:b")), decision)


def test_who_and_why_are_in_the_history() -> None:
    entry = next(e for e in decide(stuck_at("debit", "claim"), Decision.DECLINE).history if e.event == "review_decline")
    assert (entry.at, entry.step, entry.text) == (NOW, "debit", "debit: awa decided: asked by phone")


def test_a_decision_makes_the_operation_due_and_records_the_reason() -> None:
    operation = decide(stuck_at("debit", "claim"), Decision.DECLINE)
    assert (operation.status, operation.due_at, operation.lease) == (Status.PROCESSING, NOW, None)
    assert operation.error == {"code": DECLINED, "step": "debit"}


@pytest.mark.parametrize("status", [Status.ACCEPTED, Status.PROCESSING, Status.SUCCEEDED, Status.FAILED, Status.OPEN])
def test_only_what_waits_for_a_person_is_reviewed(status: Status) -> None:
    with pytest.raises(NotReviewable, match=status):
        decide(replace(stuck_at("debit", "claim"), status=status), Decision.CONFIRM)


def test_a_partners_word_that_comes_after_the_decision_is_not_asked_for_any_more() -> None:
    decided = decide(stuck_at("debit", "claim"), Decision.CONFIRM)
    assert Work(DEBIT, Verb.ENQUIRE) not in work_now(STAGES, decided, NOW)


@pytest.mark.parametrize("decision", [Decision.RETRY, Decision.REFUND])
def test_a_settlement_that_the_breaker_never_admitted_can_be_decided(decision: Decision) -> None:
    operation = new_operation(status=Status.PROCESSING)
    for name in ("claim", "debit", "settle:b"):
        operation = operation.with_step(name, StepRecord(operation.reference(name), StepState.DONE, attempts=1))
    for at in (START, NOW):
        operation = defer(
            Context(STAGES, POLICY, at, 1), operation, Work(SETTLE_A, Verb.SUBMIT), Deferral(1, down=True)
        )
    assert operation.status is Status.NEEDS_REVIEW
    ended = Status.SUCCEEDED if decision is Decision.RETRY else Status.PARTIALLY_SUCCEEDED
    assert played_out(decide(operation, decision))[0] is ended


def test_what_cannot_be_asked_about_is_not_sent_again_by_a_person_either() -> None:
    push = step("push", PARTNER, recovery=Unaskable(PARTNER.hear("push")))
    stages: Stages = ((push,),)
    context = Context(stages, POLICY, NOW)
    with pytest.raises(NotReviewable, match="may move the money twice"):
        review(context, stuck_at("push"), Decision.RETRY, "awa", "again")
    assert review(context, stuck_at("push"), Decision.DECLINE, "awa", "not on the statement").status is Status.FAILED
    unsent = stuck_at("push")
    unsent = unsent.with_step("push", replace(unsent.step("push"), state=StepState.WAITING, begun_at=START))
    assert review(context, unsent, Decision.RETRY, "awa", "it is back").status is Status.PROCESSING
