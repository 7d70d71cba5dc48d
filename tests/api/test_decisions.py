"""Operators decide over HTTP about what no machine can decide; large amounts need a second person."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.identity.people import Role
from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from products.decisions.contract import DECISIONS, mark
from tests.api.kit import NO_ID, Caller, House, assert_problem, body, wrong_fields
from tests.doubles import engine
from worker.products import build

CONFIRM = {"decision": "confirm", "reason": "on the statement"}


@pytest.fixture
def desk(house: House) -> Caller:
    return house.person("desk", Role.OPERATOR)


def stuck(house: House, amount: int = 100) -> str:
    """A payment whose debit a person has to decide."""
    paid = house.operation(house.pay(body(amount=amount, amendes=[{"id": "AM-1", "amount": amount}])))
    now = house.clock.now()
    for name, state in (("claim", StepState.DONE), ("check:AM-1", StepState.DONE), ("debit", StepState.SUBMITTED)):
        paid = paid.with_step(name, StepRecord(paid.reference(name), state, attempts=1, submitted_at=now))
    house.save(paid.moved(Status.PROCESSING, now).moved(Status.NEEDS_REVIEW, now))
    return paid.id


def work(house: House, id: str) -> Operation:
    """What a worker makes of a decision."""
    process = build(house.core)[DECISIONS.kind]
    engine(house.store, house.clock, process).advance(id)  # type: ignore[arg-type]  # it moves by itself
    return house.operation(id)


def test_a_decision_is_applied_once_with_who_and_why(house: House, desk: Caller) -> None:
    about = stuck(house)

    answer = desk.post(f"/v1/operations/{about}/decision", CONFIRM)
    again = desk.post(f"/v1/operations/{about}/decision", CONFIRM)

    id = answer.json["id"]
    assert (answer.status_code, answer.json["status"], again.json["id"]) == (202, "accepted", id)
    assert answer.json["explanation"] == "on the statement"
    assert work(house, id).status is Status.SUCCEEDED
    decided = house.operation(about)
    assert (decided.status, decided.step("debit").state) == (Status.PROCESSING, StepState.DONE)
    [entry] = [entry for entry in decided.history if entry.event == "review_confirm"]
    assert f"{desk.id} decided: on the statement ({mark(id)})" in entry.text
    assert [e["what"] for e in house.core.security_log.newest(1, who=desk.id)] == ["decision"]


def test_an_attempt_whose_result_was_lost_applies_nothing_twice(house: House, desk: Caller) -> None:
    about = stuck(house)
    id = desk.post(f"/v1/operations/{about}/decision", {**CONFIRM, "decision": "retry"}).json["id"]
    before = house.operation(id)
    work(house, id)
    once = house.operation(about)

    lost = house.operation(id)
    house.save(Operation.from_document({**before.to_document(), "version": lost.version}))
    assert work(house, id).status is Status.SUCCEEDED

    assert house.operation(about) == once


def test_above_the_limit_a_second_person_has_to_approve(house: House, desk: Caller) -> None:
    about, other = stuck(house, 100_001), house.person("other", Role.OPERATOR)
    answer = desk.post(f"/v1/operations/{about}/decision", CONFIRM)
    id = answer.json["id"]
    assert answer.json["status"] == "open"
    assert [each["id"] for each in other.get("/v1/decisions?status=open").json["decisions"]] == [id]

    assert_problem(desk.post(f"/v1/decisions/{id}/approve", None), 409, "second_decider_needed")
    assert work(house, id).status is Status.OPEN
    approved = other.post(f"/v1/decisions/{id}/approve", None)

    assert (approved.status_code, approved.json["decided_by"]) == (200, other.id)
    assert work(house, id).status is Status.SUCCEEDED
    assert any(f"with {other.id}" in entry.text for entry in house.operation(about).history)
    assert_problem(other.post(f"/v1/decisions/{id}/reject", {"reason": "late"}), 409, "decision_not_waiting")


def test_a_rejected_decision_changes_nothing(house: House, desk: Caller) -> None:
    about = stuck(house, 100_001)
    id = desk.post(f"/v1/operations/{about}/decision", CONFIRM).json["id"]

    rejected = desk.post(f"/v1/decisions/{id}/reject", {"reason": "not on the statement"})

    assert rejected.json["rejection"] == "not on the statement"
    assert work(house, id).error == {"code": "decision_rejected", "step": "approval"}
    assert house.operation(about).status is Status.NEEDS_REVIEW


def test_what_has_gone_on_meanwhile_is_left_alone(house: House, desk: Caller) -> None:
    about = stuck(house)
    id = desk.post(f"/v1/operations/{about}/decision", CONFIRM).json["id"]
    house.save(house.operation(about).moved(Status.PROCESSING, house.clock.now()))

    ended = work(house, id)

    assert (ended.status, (ended.error or {})["code"]) == (Status.FAILED, "not_reviewable")
    assert house.operation(about).step("debit").state is StepState.SUBMITTED


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (lambda house: house.pay(), 409, "not_in_review"),
        (lambda house: NO_ID, 404, "operation_not_found"),
        (lambda house: "%00", 404, "operation_not_found"),
    ],
)
def test_what_waits_for_nobody_is_not_decided(
    house: House, desk: Caller, path: Callable[[House], str], status: int, code: str
) -> None:
    assert_problem(desk.post(f"/v1/operations/{path(house)}/decision", CONFIRM), status, code)


def test_a_decision_has_a_way_and_a_reason(house: House, desk: Caller) -> None:
    answer = desk.post(f"/v1/operations/{stuck(house)}/decision", {"decision": "forget", "reason": ""})
    assert wrong_fields(answer) == {"/decision", "/reason"}
    assert_problem(desk.get(f"/v1/decisions/{NO_ID}"), 404, "decision_not_found")


def test_a_decision_is_about_the_steps_that_were_stuck_when_it_was_made(house: House, desk: Caller) -> None:
    about = stuck(house, 200_000)
    made = desk.post(f"/v1/operations/{about}/decision", CONFIRM).json
    assert (made["status"], made["steps"]) == ("open", ["debit"])

    # If the debit has an end meanwhile, and another step is stuck
    operation = house.operation(about)
    operation = operation.with_step("debit", replace(operation.step("debit"), state=StepState.DONE))
    house.save(operation.with_step("refund", StepRecord("x", StepState.SUBMITTED, attempts=1)))
    house.person("chief", Role.OPERATOR).send("POST", f"/v1/decisions/{made['id']}/approve")

    assert (work(house, made["id"]).error or {})["code"] == "changed_since"
    assert house.operation(about).step("refund").state is StepState.SUBMITTED
