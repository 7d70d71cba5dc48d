"""A second payer of a fine is told when to come back, while the first one may still approve."""

from dataclasses import replace

import pytest

from core.bootstrap import Core
from core.keeping import Keeping
from core.operation import Operation, Status
from core.steps import StepState
from products.fines import routes
from products.fines.contract import DEBIT_STEP, RESERVED, FinePayment, gave_up, has_money, is_settled
from products.fines.reserved import refuse_what_is_being_paid
from tests.api.kit import House, assert_problem, body
from worker.reservations import Reservations

SECOND = body(msisdn="+2250707000002")


def reserve(house: House, id: str, *fines: str, state: StepState = StepState.SUBMITTED) -> Operation:
    """What a worker does to a payment: it has its fines, and the debit is sent, or over."""
    operation = house.operation(id)
    operation = operation.moved(Status.PROCESSING, house.clock.now())
    debit = replace(operation.step(DEBIT_STEP), state=state, submitted_at=house.clock.now())
    house.save(operation.with_step(DEBIT_STEP, debit))
    reservations = Reservations(
        house.store,
        house.clock,
        RESERVED,
        done=is_settled,
        has_money=has_money,
        gave_up=gave_up,
        keeping=Keeping(300),
        code="",
        busy_code="",
        lost_code="",
    )
    reservations.take(operation, list(fines) or ["AM-2026-000123", "AM-2026-000124"])
    return house.operation(id)


def test_a_second_payer_is_told_until_when_the_first_may_approve(house: House) -> None:
    id = house.pay()
    reserve(house, id)
    house.tick(100)

    with house.nothing_stored():
        refused = house.post(SECOND)

    problem = assert_problem(refused, 409, "fine_being_paid")
    assert refused.headers["Retry-After"] == "200"
    assert problem["detail"] == "The fine AM-2026-000123 is being paid. Try again at 2026-01-01T12:05:00.000000Z."
    assert id not in refused.get_data(as_text=True)


def test_the_same_request_again_is_the_payment_that_holds_the_fine(house: House) -> None:
    id = house.pay()
    reserve(house, id)

    for headers in ({}, {"Idempotency-Key": "k"}, {"Idempotency-Key": "k"}):
        again = house.post(body(), headers)
        assert (again.status_code, again.json["id"]) == (202, id)


def test_when_the_time_is_over_a_second_payer_is_accepted(house: House) -> None:
    reserve(house, house.pay())
    house.tick(300)

    assert house.post(SECOND).status_code == 202


@pytest.mark.parametrize("state", [StepState.DONE, StepState.DECLINED])
def test_what_has_the_money_or_never_gets_it_is_for_the_worker_to_decide(house: House, state: StepState) -> None:
    reserve(house, house.pay(), state)

    assert house.post(SECOND).status_code == 202


def test_a_payment_that_has_ended_keeps_nobody(house: House) -> None:
    id = house.pay()
    operation = reserve(house, id)
    house.save(operation.moved(Status.FAILED, house.clock.now()))

    assert house.post(SECOND).status_code == 202


def test_a_payment_that_lost_the_race_shows_when_the_fine_is_free(house: House) -> None:
    id, at = house.pay(), "2026-01-01T12:05:00.000000Z"
    reason = {"code": "fine_being_paid", "step": "claim", "claimed": "AM-2026-000123", "by": "another", "retry_at": at}
    house.save(replace(house.operation(id), error=reason))

    shown = house.get(id).json["reason"]

    assert shown == {name: value for name, value in reason.items() if name != "by"}


def test_the_time_is_the_fines_whoever_has_it_now(house: House) -> None:
    house.save(reserve(house, house.pay()).moved(Status.FAILED, house.clock.now()))
    house.tick(200)
    reserve(house, house.pay(body(msisdn="+2250707000003")))

    refused = house.post(SECOND)

    assert_problem(refused, 409, "fine_being_paid")
    assert refused.headers["Retry-After"] == "100"
    house.tick(100)
    assert house.post(SECOND).status_code == 202


def test_the_same_request_at_the_same_moment_is_no_other_payer(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = list[str]()

    def late(core: Core, payment: FinePayment) -> None:
        # Given that the other one was accepted, and its fines reserved, just before this one looks
        if not ids:
            ids.append("")
            ids.append(house.pay())
            reserve(house, ids[1])
        refuse_what_is_being_paid(core, payment)

    monkeypatch.setattr(routes, "refuse_what_is_being_paid", late)
    answer = house.post(body())

    assert (answer.status_code, answer.json["id"]) == (202, ids[1])
    assert answer.headers["Idempotency-Replayed"] == "true"
