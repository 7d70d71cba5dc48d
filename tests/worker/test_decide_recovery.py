"""The decision table for partners that cannot be asked by our reference, and for what they gave us."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.operation import Operation, Status
from core.steps import StepState
from tests.doubles import START, ScriptedPartner, step
from tests.worker.test_decide import ENQUIRE, POLICY, SUBMIT, after, submitted
from worker.decide import Verb, Work, begin, conclude, record, work_now
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable, Unknown
from worker.policy import Context
from worker.process import Stages, Unaskable

PARTNER = ScriptedPartner()
UNASKABLE = step("push", PARTNER, recovery=Unaskable(PARTNER.hear("push"), PARTNER.ask("push"), "their_id"))
PUSH: Stages = ((UNASKABLE,),)


def pushed(seconds: float, operation: Operation, verb: Verb, reply: Reply) -> Operation:
    """The operation some seconds after START, when this reply of the partner of PUSH has come."""
    context = Context(PUSH, POLICY, START + timedelta(seconds=seconds), 1)
    return conclude(context, record(context, operation, Work(UNASKABLE, verb), reply))


def test_a_step_that_cannot_be_asked_about_is_never_sent_again_after_an_unknown_outcome() -> None:
    operation = pushed(1, submitted("push"), Verb.SUBMIT, Unknown("HTTP 504"))
    for hours in (0.01, 1, 12, 23):
        later = START + timedelta(hours=hours)
        assert work_now(PUSH, operation, later) == [Work(UNASKABLE, Verb.LISTEN)]
        begun = begin(operation, [Work(UNASKABLE, Verb.LISTEN)], later)
        operation = pushed(hours * 3600, begun, Verb.LISTEN, Unknown("no callback yet"))
        assert operation.step("push").attempts == 1
    assert operation.status is Status.IN_DOUBT
    stuck = pushed(
        25 * 3600, begin(operation, [Work(UNASKABLE, Verb.LISTEN)], START), Verb.LISTEN, Unknown("no callback")
    )
    assert stuck.status is Status.NEEDS_REVIEW


def test_a_step_that_cannot_be_asked_about_is_sent_again_when_it_was_surely_not_processed() -> None:
    operation = pushed(1, submitted("push"), Verb.SUBMIT, Unavailable("HTTP 503"))
    assert work_now(PUSH, operation, START + timedelta(seconds=9)) == [Work(UNASKABLE, Verb.SUBMIT)]


def test_a_partner_that_gave_its_own_id_is_asked_by_it_and_not_found_proves_nothing() -> None:
    operation = pushed(1, submitted("push"), Verb.SUBMIT, Pending({"their_id": "ws_1"}))
    assert operation.step("push").result == {"their_id": "ws_1"}
    later = START + timedelta(minutes=20)
    assert work_now(PUSH, operation, later) == [Work(UNASKABLE, Verb.ENQUIRE)]
    unacknowledged = operation.with_step("push", replace(operation.step("push"), acknowledged=False))
    for found in (operation, unacknowledged):
        assert work_now(PUSH, pushed(1200, found, Verb.ENQUIRE, NotFound()), later + timedelta(hours=1)) == [
            Work(UNASKABLE, Verb.ENQUIRE)
        ]


@pytest.mark.parametrize("said", [Unknown("HTTP 500"), Unavailable("HTTP 503")])
def test_a_partner_that_is_silent_for_long_is_listened_to(said: Reply) -> None:
    operation = pushed(1, submitted("push"), Verb.SUBMIT, Pending({"their_id": "ws_1"}))
    verbs = []
    for minutes in (1, 5, 10, 16, 20, 25, 30):
        later = START + timedelta(minutes=minutes)
        work = work_now(PUSH, operation, later + timedelta(minutes=5))
        verbs.append(work[0].verb)
        heard = said if work[0].verb is Verb.ENQUIRE else Unknown("no callback has come")
        operation = pushed(minutes * 60, begin(operation, work, later), work[0].verb, heard)
    assert verbs[:4] == [Verb.ENQUIRE] * 4
    assert set(verbs[4:]) == {Verb.ENQUIRE, Verb.LISTEN}


def test_a_partner_that_says_pending_for_long_is_not_listened_to() -> None:
    operation = pushed(1, submitted("push"), Verb.SUBMIT, Pending({"their_id": "ws_1"}))
    for minutes in (1, 16, 20, 25, 30):
        later = START + timedelta(minutes=minutes)
        work = work_now(PUSH, operation, later + timedelta(minutes=5))
        assert work == [Work(UNASKABLE, Verb.ENQUIRE)]
        operation = pushed(minutes * 60, begin(operation, work, later), Verb.ENQUIRE, Pending())
    assert operation.status is Status.IN_DOUBT


@pytest.mark.parametrize("verb", [Verb.ENQUIRE, Verb.LISTEN])
def test_a_callback_or_a_status_ends_it(verb: Verb) -> None:
    operation = pushed(60, submitted("push"), verb, Confirmed({"receipt": "R"}))
    assert operation.status is Status.SUCCEEDED
    assert pushed(60, submitted("push"), verb, Declined("not_approved")).status is Status.FAILED


def test_what_a_partner_gave_while_pending_is_kept_with_what_it_gives_in_the_end() -> None:
    operation = after(1, submitted("debit", "claim", "look"), SUBMIT, Pending({"their_id": "1"}))
    operation = after(2, operation, ENQUIRE, Confirmed({"transaction_id": "t"}))
    assert operation.step("debit").result == {"their_id": "1", "transaction_id": "t"}


def test_what_an_earlier_attempt_gave_is_not_used_for_the_next() -> None:
    operation = submitted("debit", "claim", "look")
    operation = operation.with_step("debit", replace(operation.step("debit"), result={"their_id": "old"}))
    assert begin(operation, [SUBMIT], START).step("debit").result == {}


@pytest.mark.parametrize("work", [SUBMIT, ENQUIRE])
def test_a_partner_that_has_our_reference_with_another_amount_is_for_a_person(work: Work) -> None:
    operation = after(1, submitted("debit", "claim", "look"), work, Mismatch("another amount"))
    assert operation.status is Status.NEEDS_REVIEW
    assert operation.step("debit").state is StepState.SUBMITTED
    assert operation.history[-2].text == "debit: the partner has this request with another amount"
