"""The decision table, row by row, and what follows from it for whole operations."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from tests.doubles import START, ScriptedPartner, new_operation, step
from worker.decide import Verb, Work, begin, conclude, defer, record, work_now
from worker.partners.breaker import Deferral
from worker.partners.port import (
    REFERENCE_CONFLICT,
    Confirmed,
    Declined,
    NotFound,
    Pending,
    Reply,
    Unavailable,
    Unknown,
)
from worker.policy import Context, Policy
from worker.process import AFTER_MONEY_S, BEFORE_MONEY_S, OPTIONAL, OWED, REPEATABLE, REQUIRED, Stages

POLICY = Policy(settle_window_s=30)
PARTNER = ScriptedPartner()
LOOK = step("look", PARTNER, recovery=REPEATABLE)
REFUND = step("refund", PARTNER, obligation=REQUIRED.within(AFTER_MONEY_S))
DEBIT = step("debit", PARTNER, undo=REFUND, moves_money=True)
SETTLE_A = step("settle:a", PARTNER, obligation=OPTIONAL)
SETTLE_B = step("settle:b", PARTNER, obligation=OPTIONAL)
RELEASE = step("release", PARTNER, recovery=REPEATABLE, obligation=REQUIRED.within(AFTER_MONEY_S))
CLAIM = step("claim", PARTNER, recovery=REPEATABLE, undo=RELEASE)
STAGES: Stages = ((CLAIM,), (LOOK,), (DEBIT,), (SETTLE_A, SETTLE_B))


def after(seconds: float, operation: Operation, work: Work, reply: Reply) -> Operation:
    """The operation some seconds after START, when this reply to this work has come."""
    now = START + timedelta(seconds=seconds)
    return conclude(Context(STAGES, POLICY, now), record(Context(STAGES, POLICY, now, 1), operation, work, reply))


def submitted(name: str, *done: str, declined: tuple[str, ...] = (), attempts: int = 1) -> Operation:
    """An operation whose step was sent at START, after some steps were done or declined."""
    operation = new_operation(status=Status.PROCESSING)
    for other in done:
        operation = operation.with_step(other, StepRecord(operation.reference(other), StepState.DONE, attempts=1))
    for other in declined:
        operation = operation.with_step(other, StepRecord(operation.reference(other), StepState.DECLINED, attempts=1))
    sent = StepRecord(
        operation.reference(name), StepState.SUBMITTED, attempts=attempts, begun_at=START, submitted_at=START
    )
    return operation.with_step(name, sent)


SUBMIT, ENQUIRE = Work(DEBIT, Verb.SUBMIT), Work(DEBIT, Verb.ENQUIRE)
UNDECIDED = [
    (SUBMIT, Pending()),
    (SUBMIT, Unknown("HTTP 504")),
    (ENQUIRE, Pending()),
    (ENQUIRE, Unknown("HTTP 504")),
    (ENQUIRE, Unavailable("HTTP 503")),
    (ENQUIRE, NotFound()),
]


@pytest.mark.parametrize("work", [SUBMIT, ENQUIRE])
def test_confirmed_goes_on_to_the_next_stage(work: Work) -> None:
    operation = after(1, submitted("debit", "claim", "look"), work, Confirmed({"transaction_id": "t"}))
    assert operation.step("debit").state is StepState.DONE
    assert operation.step("debit").result == {"transaction_id": "t"}
    assert [item.step for item in work_now(STAGES, operation, START)] == [SETTLE_A, SETTLE_B]


@pytest.mark.parametrize("work", [SUBMIT, ENQUIRE])
def test_declined_before_money_undoes_what_was_done_and_fails(work: Work) -> None:
    operation = after(1, submitted("debit", "claim", "look"), work, Declined("insufficient_funds"))
    assert operation.error == {"code": "insufficient_funds", "step": "debit"}
    assert [item.step for item in work_now(STAGES, operation, START)] == [RELEASE]
    operation = after(2, operation, Work(RELEASE, Verb.SUBMIT), Confirmed())
    assert operation.status is Status.FAILED
    assert operation.fingerprint is None


@pytest.mark.parametrize(("work", "reply"), UNDECIDED)
def test_while_nobody_knows_it_is_enquired_and_never_submitted_again(work: Work, reply: Reply) -> None:
    operation = after(1, submitted("debit", "claim", "look"), work, reply)
    assert operation.step("debit").state is StepState.SUBMITTED
    assert operation.status is Status.PROCESSING
    assert work_now(STAGES, operation, START + timedelta(seconds=1)) == []
    assert operation.due_at is not None
    due = operation.due_at - START
    assert timedelta(seconds=1) < due <= timedelta(seconds=1 + 2)
    assert work_now(STAGES, operation, operation.due_at) == [ENQUIRE]


@pytest.mark.parametrize(
    ("age_s", "enquiries", "wait_s", "after_failure_s"),
    [
        *((31, 0, 1.5, 1.5), (31, 1, 3, 2.5), (31, 2, 5, 2.5), (59, 9, 5, 2.5), (60, 9, 15, 15), (659, 30, 15, 15)),
        *((660, 30, 66, 66), (3600, 60, 360, 360), (9000, 90, 900, 900), (80_000, 200, 900, 900)),
    ],
)
def test_enquiries_are_close_together_while_the_payer_waits(
    age_s: int, enquiries: int, wait_s: float, after_failure_s: float
) -> None:
    operation = submitted("debit", "claim", "look")
    operation = operation.with_step("debit", replace(operation.step("debit"), enquiries=enquiries))
    for reply, seconds in (
        (Unknown("HTTP 504"), after_failure_s),
        (Unavailable("HTTP 503"), after_failure_s),
        (Pending(), wait_s),
    ):
        assert after(age_s, operation, ENQUIRE, reply).due_at == START + timedelta(seconds=age_s + seconds)


@pytest.mark.parametrize("reply", [Unknown("HTTP 504"), NotFound(), Unavailable("HTTP 503"), Pending()])
def test_an_enquiry_comes_at_the_end_of_the_settle_window_whatever_was_heard_before(reply: Reply) -> None:
    operation = submitted("debit", "claim", "look")
    operation = operation.with_step("debit", replace(operation.step("debit"), enquiries=9))
    assert after(28, operation, ENQUIRE, reply).due_at == START + timedelta(seconds=30)


def test_not_found_is_believed_only_after_the_settle_window() -> None:
    sent = submitted("debit", "claim", "look")
    early = after(29, sent, ENQUIRE, NotFound())
    assert early.step("debit").state is StepState.SUBMITTED
    assert early.due_at == START + timedelta(seconds=30)
    late = after(30, sent, ENQUIRE, NotFound())
    assert late.step("debit").state is StepState.WAITING
    assert work_now(STAGES, late, START + timedelta(seconds=30)) == [SUBMIT]


def test_not_found_is_not_believed_of_a_partner_that_once_had_the_request() -> None:
    pending = after(1, submitted("debit", "claim", "look"), SUBMIT, Pending())
    lost = after(100, pending, ENQUIRE, NotFound())
    assert lost.step("debit").state is StepState.SUBMITTED
    assert lost.due_at is not None
    assert work_now(STAGES, lost, lost.due_at) == [ENQUIRE]


def test_a_repeated_submission_keeps_its_reference_and_opens_a_new_window() -> None:
    operation = after(30, submitted("debit", "claim", "look"), ENQUIRE, NotFound())
    now = START + timedelta(seconds=31)
    again = begin(operation, [SUBMIT], now)
    assert again.step("debit").reference == "op-1:debit"
    assert again.step("debit").attempts == 2
    assert after(60, again, ENQUIRE, NotFound()).step("debit").state is StepState.SUBMITTED
    assert after(61, again, ENQUIRE, NotFound()).step("debit").state is StepState.WAITING


def test_an_unavailable_partner_is_tried_again_later() -> None:
    operation = after(1, submitted("debit", "claim", "look"), SUBMIT, Unavailable("HTTP 503"))
    assert operation.step("debit").state is StepState.WAITING
    assert operation.due_at == START + timedelta(seconds=2)
    assert work_now(STAGES, operation, operation.due_at) == [SUBMIT]


@pytest.mark.parametrize(("jitter", "later_s"), [(0, 40), (1, 44)])
def test_a_partners_retry_after_is_honoured_and_not_by_all_at_once(jitter: float, later_s: float) -> None:
    sent = submitted("debit", "claim", "look")
    operation = record(Context(STAGES, POLICY, START, jitter), sent, SUBMIT, Unavailable("HTTP 429", retry_after_s=40))
    assert operation.step("debit").next_at == START + timedelta(seconds=later_s)


def test_unavailable_until_the_deadline_counts_as_declined_before_money() -> None:
    operation = after(BEFORE_MONEY_S, submitted("debit", "claim", "look"), SUBMIT, Unavailable("HTTP 503"))
    assert operation.error == {"code": "partner_unavailable", "step": "debit"}
    assert operation.step("debit").state is StepState.DECLINED


def test_unavailable_until_the_deadline_needs_a_person_once_money_moved() -> None:
    sent = submitted("settle:a", "claim", "look", "debit")
    waiting = after(AFTER_MONEY_S - 1, sent, Work(SETTLE_A, Verb.SUBMIT), Unavailable("HTTP 503"))
    assert waiting.status is Status.PROCESSING
    stuck = after(AFTER_MONEY_S, sent, Work(SETTLE_A, Verb.SUBMIT), Unavailable("HTTP 503"))
    assert stuck.status is Status.NEEDS_REVIEW
    assert stuck.due_at is None
    assert work_now(STAGES, stuck, START + timedelta(days=9)) == []


@pytest.mark.parametrize(("work", "reply"), UNDECIDED)
def test_a_long_doubt_is_shown_and_then_needs_review_but_never_fails(work: Work, reply: Reply) -> None:
    sent = submitted("debit", "claim", "look")
    # Sent anew a moment ago, so that even a NotFound is not yet believed.
    asked = replace(sent.step("debit"), doubt_since=START, enquiries=9, submitted_at=START + timedelta(days=2))
    sent = sent.with_step("debit", asked)
    assert after(899, sent, work, reply).status is Status.PROCESSING
    doubtful = after(900, sent, work, reply)
    assert doubtful.status is Status.IN_DOUBT
    assert doubtful.due_at is not None
    assert after(86399, doubtful, work, reply).status is Status.IN_DOUBT
    assert after(86400, sent, work, reply).status is Status.NEEDS_REVIEW
    assert after(86400, doubtful, work, reply).status is Status.NEEDS_REVIEW


@pytest.mark.parametrize("reply", [Pending(), Unknown("HTTP 504")])
def test_a_partner_that_was_asked_once_after_a_long_stop_of_ours_is_asked_again(reply: Reply) -> None:
    sent = submitted("debit", "claim", "look")
    sent = sent.with_step("debit", replace(sent.step("debit"), doubt_since=START, enquiries=1))
    assert after(200_000, sent, ENQUIRE, reply).status is Status.IN_DOUBT


def test_not_found_is_a_word_even_after_days() -> None:
    sent = submitted("debit", "claim", "look")
    sent = sent.with_step("debit", replace(sent.step("debit"), doubt_since=START, enquiries=9))
    operation = after(200_000, sent, ENQUIRE, NotFound())
    assert work_now(STAGES, operation, START + timedelta(seconds=200_000)) == [SUBMIT]


def test_a_repeated_submission_has_its_whole_deadline_again() -> None:
    operation = after(400, submitted("debit", "claim", "look"), ENQUIRE, NotFound())
    again = begin(operation, [SUBMIT], START + timedelta(seconds=400))
    assert after(401, again, SUBMIT, Unavailable("HTTP 503")).step("debit").state is StepState.WAITING


def test_the_partners_word_ends_the_doubt() -> None:
    sent = submitted("debit", "claim", "look")
    doubtful = after(900, sent.with_step("debit", replace(sent.step("debit"), doubt_since=START)), ENQUIRE, Pending())
    assert after(950, doubtful, ENQUIRE, Confirmed()).status is Status.PROCESSING
    assert after(950, doubtful, ENQUIRE, Declined("limit_exceeded")).status is Status.PROCESSING


def test_an_intent_without_an_answer_is_enquired_about() -> None:
    assert work_now(STAGES, submitted("debit", "claim", "look"), START) == [ENQUIRE]
    begun = begin(submitted("debit", "claim", "look"), [ENQUIRE], START + timedelta(seconds=20))
    assert begun.step("debit").doubt_since == START + timedelta(seconds=20)


@pytest.mark.parametrize("reply", [Unknown("HTTP 504"), Pending(), NotFound()])
def test_a_step_without_effect_elsewhere_is_simply_repeated(reply: Reply) -> None:
    assert work_now(STAGES, submitted("look", "claim"), START) == [Work(LOOK, Verb.SUBMIT)]
    operation = after(1, submitted("look", "claim"), Work(LOOK, Verb.SUBMIT), reply)
    assert operation.step("look").state is StepState.WAITING


def test_a_reference_conflict_is_a_refusal_unless_the_other_request_may_be_our_own() -> None:
    first = after(1, submitted("debit", "claim", "look"), SUBMIT, Declined(REFERENCE_CONFLICT))
    assert first.step("debit").state is StepState.DECLINED
    second = after(1, submitted("debit", "claim", "look", attempts=2), SUBMIT, Declined(REFERENCE_CONFLICT))
    assert second.status is Status.NEEDS_REVIEW


def test_already_paid_on_a_repeated_settlement_may_be_our_own_doing() -> None:
    echoing = replace(SETTLE_A, ambiguous_on_retry=frozenset({"already_paid"}))
    stages: Stages = ((CLAIM,), (LOOK,), (DEBIT,), (echoing,))
    for attempts, status in ((1, Status.PROCESSING), (2, Status.NEEDS_REVIEW)):
        sent = submitted("settle:a", "claim", "look", "debit", attempts=attempts)
        reply = Declined("already_paid")
        assert record(Context(stages, POLICY, START, 1), sent, Work(echoing, Verb.SUBMIT), reply).status is status


@pytest.mark.parametrize(
    "first", [Confirmed(), Declined("no"), Pending(), Unknown("504"), NotFound(), Unavailable("503")]
)
@pytest.mark.parametrize(
    "second", [Confirmed(), Declined("no"), Pending(), Unknown("504"), NotFound(), Unavailable("503")]
)
@pytest.mark.parametrize("seconds", [1, 1000, 90_000])
@pytest.mark.parametrize("verb", Verb)
def test_any_two_replies_in_one_round_are_taken_together(first: Reply, second: Reply, seconds: int, verb: Verb) -> None:
    operation = submitted("settle:a", "claim", "look", "debit")
    both = begin(operation, [Work(SETTLE_B, Verb.SUBMIT)], START)
    for name in ("settle:a", "settle:b"):
        both = both.with_step(name, replace(both.step(name), attempts=2, enquiries=9, doubt_since=START))
    now = START + timedelta(seconds=seconds)
    for step_, reply in ((SETTLE_A, first), (SETTLE_B, second)):
        both = record(Context(STAGES, POLICY, now, 1), both, Work(step_, verb), reply)
    both = conclude(Context(STAGES, POLICY, now), both)
    assert (both.due_at is None) == (both.terminal or both.status is Status.NEEDS_REVIEW)
    waiting = {both.step(name).state for name in ("settle:a", "settle:b")} & {StepState.WAITING, StepState.SUBMITTED}
    assert not both.terminal or not waiting


def test_a_neighbours_word_does_not_end_the_doubt_of_the_other() -> None:
    operation = submitted("settle:b", "claim", "look", "debit")
    doubtful = replace(operation.step("settle:b"), doubt_since=START - timedelta(hours=1))
    operation = begin(operation.with_step("settle:b", doubtful), [Work(SETTLE_A, Verb.SUBMIT)], START)
    operation = conclude(Context(STAGES, POLICY, START), operation)
    assert after(1, operation, Work(SETTLE_A, Verb.SUBMIT), Confirmed()).status is Status.IN_DOUBT


def test_all_parts_refused_gives_all_back() -> None:
    operation = submitted("settle:b", "claim", "look", "debit", declined=("settle:a",))
    operation = after(1, operation, Work(SETTLE_B, Verb.SUBMIT), Declined("cancelled"))
    assert [item.step for item in work_now(STAGES, operation, START)] == [REFUND]
    operation = after(2, operation, Work(REFUND, Verb.SUBMIT), Confirmed())
    assert [item.step for item in work_now(STAGES, operation, START)] == [RELEASE]
    assert after(3, operation, Work(RELEASE, Verb.SUBMIT), Confirmed()).status is Status.REFUNDED


def test_some_parts_refused_is_a_partial_success() -> None:
    operation = submitted("settle:b", "claim", "look", "debit", "settle:a")
    operation = after(1, operation, Work(SETTLE_B, Verb.SUBMIT), Declined("cancelled"))
    assert [item.step for item in work_now(STAGES, operation, START)] == [REFUND]
    operation = after(2, operation, Work(REFUND, Verb.SUBMIT), Confirmed())
    operation = after(3, operation, Work(RELEASE, Verb.SUBMIT), Confirmed())
    assert operation.status is Status.PARTIALLY_SUCCEEDED
    assert operation.fingerprint == "f"


def test_nothing_is_given_back_while_a_part_is_unknown() -> None:
    operation = submitted("settle:b", "claim", "look", "debit", declined=("settle:a",))
    operation = after(1, operation, Work(SETTLE_B, Verb.SUBMIT), Unknown("HTTP 504"))
    assert operation.due_at is not None
    assert work_now(STAGES, operation, operation.due_at) == [Work(SETTLE_B, Verb.ENQUIRE)]


def test_a_declined_refund_needs_a_person() -> None:
    operation = submitted("refund", "claim", "look", "debit", declined=("settle:a", "settle:b"))
    assert after(1, operation, Work(REFUND, Verb.SUBMIT), Declined("payer_not_found")).status is Status.NEEDS_REVIEW


def test_a_refusal_waits_for_the_neighbours_that_were_sent_and_begins_no_others() -> None:
    left, right, third = (
        step(name, PARTNER, undo=step(f"undo-{name}", PARTNER)) for name in ("left", "right", "third")
    )
    stages = ((left, right, third),)
    operation = submitted("left")
    operation = begin(operation, [Work(right, Verb.SUBMIT)], START)
    operation = record(Context(stages, POLICY, START, 1), operation, Work(left, Verb.SUBMIT), Declined("no"))
    assert [item.step for item in work_now(stages, operation, START)] == [right]
    operation = record(Context(stages, POLICY, START, 1), operation, Work(right, Verb.ENQUIRE), Confirmed())
    assert [item.step.name for item in work_now(stages, operation, START)] == ["undo-right"]


@pytest.mark.parametrize("status", [Status.OPEN, Status.NEEDS_REVIEW, Status.SUCCEEDED, Status.FAILED])
def test_nothing_is_done_for_operations_that_are_not_ours_to_move(status: Status) -> None:
    operation = new_operation(status=status, due_at=None)
    assert work_now(STAGES, operation, START) == []
    assert conclude(Context(STAGES, POLICY, START), operation) == operation


@pytest.mark.parametrize("verb", Verb)
def test_a_call_deferred_by_our_own_cap_does_not_count_towards_the_deadline(verb: Verb) -> None:
    operation = submitted("debit", "claim", "look") if verb is Verb.ENQUIRE else new_operation(status=Status.PROCESSING)
    for day in range(3):
        now = START + timedelta(days=day)
        operation = defer(Context(STAGES, POLICY, now, 1), operation, Work(DEBIT, verb), Deferral(2, down=False))
        record = operation.step("debit")
        assert record.next_at == now + timedelta(seconds=2)
    assert (record.begun_at, record.attempts) == ((START, 1) if verb is Verb.ENQUIRE else (None, 0))
    assert operation.status is Status.PROCESSING


def test_a_call_deferred_by_an_outage_is_given_up_at_the_steps_deadline() -> None:
    operation, work, wait = new_operation(), Work(LOOK, Verb.SUBMIT), Deferral(7, down=True)
    operation = defer(Context(STAGES, POLICY, START, 0), operation, work, wait)
    assert operation.step("look").next_at == START + timedelta(seconds=7)
    assert operation.step("look").attempts == 0
    assert operation.history[-1].text == "look: partner not available (not called: it is down)"
    late = START + timedelta(seconds=BEFORE_MONEY_S)
    operation = defer(Context(STAGES, POLICY, late, 1), operation, work, wait)
    assert operation.step("look").state is StepState.DECLINED
    assert operation.error == {"code": "partner_unavailable", "step": "look"}


def test_an_outage_after_the_intent_of_a_dead_worker_is_a_doubt_from_then_on() -> None:
    operation = submitted("debit", "claim", "look")
    operation = defer(Context(STAGES, POLICY, START, 1), operation, ENQUIRE, Deferral(60, down=True))
    later = START + timedelta(seconds=POLICY.in_doubt_after_s)
    assert conclude(Context(STAGES, POLICY, later), operation).status is Status.IN_DOUBT


@pytest.mark.parametrize("verb", Verb)
def test_a_refused_owed_step_needs_review(verb: Verb) -> None:
    owed = step("charge", PARTNER, obligation=OWED)
    sent = submitted("charge")
    operation = record(Context(((owed,),), POLICY, START, 1), sent, Work(owed, verb), Declined("declined"))
    assert operation.status is Status.NEEDS_REVIEW
    assert operation.step("charge").state is StepState.SUBMITTED


def test_an_owed_step_waits_for_its_partner_for_years() -> None:
    owed = step("charge", PARTNER, obligation=OWED)
    later = START + timedelta(days=1000)
    stages = ((owed,),)
    operation = record(
        Context(stages, POLICY, later, 1), submitted("charge"), Work(owed, Verb.SUBMIT), Unavailable("x")
    )
    assert conclude(Context(stages, POLICY, later), operation).status is Status.PROCESSING
