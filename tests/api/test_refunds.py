"""Refunds: who asks for them, how much there is to give back, and that a repeat is the same refund."""

from dataclasses import replace
from typing import Any

import pytest

from core.given_back import given, taken
from core.identity.people import Role
from core.operation import Status
from core.steps import StepState
from products.fines.contract import paid
from products.refunds.contract import REFUND_KIND
from tests.api.kit import NO_ID, Caller, House, assert_problem, body

FINES = ("AM-2026-000123", "AM-2026-000124")
WHOLE = 25000


@pytest.fixture
def clerk(house: House) -> Caller:
    return house.person("clerk", Role.OPERATOR)


@pytest.fixture
def payment(house: House) -> str:
    """Of two fines, of 15,000 and 10,000, both settled."""
    id = house.pay()
    house.settle(id, Status.SUCCEEDED, f000123=StepState.DONE, f000124=StepState.DONE)
    return id


def ask(caller: Caller, payment: str, headers: dict[str, str] | None = None, **form: Any) -> Any:
    return caller.post(f"/v1/operations/{payment}/refunds", {"reason": "sold before", **form}, **(headers or {}))


def settle(house: House, id: str) -> None:
    """What a worker writes once the money is where it belongs."""
    operation = house.operation(id)
    done = operation.with_step("settle", replace(operation.step("settle"), state=StepState.DONE))
    house.save(replace(done, status=Status.SUCCEEDED))


def give(house: House, payment: str, refund: str) -> None:
    """What a worker notes in the payment in the end."""
    operation, request = house.operation(payment), REFUND_KIND.read(house.operation(refund))
    operation = taken(operation, refund, paid(operation), request.amount, request.items)
    house.save(given(operation, refund, paid(operation), "XOF", house.clock.now()))


def test_a_payment_is_given_back_whole_unless_the_request_says_less(house: House, clerk: Caller, payment: str) -> None:
    answer = ask(clerk, payment)

    assert (answer.status_code, answer.json["status"]) == (202, "accepted")
    assert (answer.json["amount"], answer.json["currency"], answer.json["payment"]) == (str(WHOLE), "XOF", payment)
    assert (answer.json["items"], answer.json["msisdn"]) == ([*FINES], "+225*******001")
    assert (answer.json["way"], answer.json["refund_reason"]) == ("refund", "sold before")
    request = REFUND_KIND.read(house.operation(answer.json["id"]))
    assert (request.amount, request.msisdn, request.legs) == (WHOLE, "+2250707000001", None)
    assert house.operation(answer.json["id"]).operator == house.operation(payment).operator
    receivers = house.operation(answer.json["id"]).receivers
    assert [(each["msisdn"], each["text"]) for each in receivers] == [
        ("+2250707000001", "25 000 XOF vous sont remboursés.")
    ]
    assert clerk.get(f"/v1/refunds/{answer.json['id']}").json["requested_by"] == clerk.id


@pytest.mark.parametrize(
    ("form", "amount", "items"),
    [
        ({"amount": 400}, 400, []),
        ({"amount": WHOLE}, WHOLE, [*FINES]),
        ({"items": [FINES[1]]}, 10000, [FINES[1]]),
        ({"items": [FINES[1]], "amount": "10000"}, 10000, [FINES[1]]),
    ],
    ids=str,
)
def test_a_part_is_an_amount_or_some_of_the_items(
    clerk: Caller, payment: str, form: dict[str, Any], amount: int, items: list[str]
) -> None:
    answer = ask(clerk, payment, **form)

    assert (answer.status_code, answer.json["amount"], answer.json["items"]) == (202, str(amount), items)


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"amount": WHOLE + 1}, 409, "refund_exceeds_payment"),
        ({"amount": 0}, 422, "validation_failed"),
        ({"amount": "1.5"}, 422, "validation_failed"),
        ({"items": ["AM-9"]}, 422, "validation_failed"),
        ({"items": [FINES[0], FINES[0]]}, 422, "validation_failed"),
        ({"items": [FINES[1]], "amount": 9999}, 422, "validation_failed"),
        ({"reason": ""}, 422, "validation_failed"),
    ],
    ids=str,
)
def test_what_cannot_be_given_back_is_refused_and_not_stored(
    house: House, clerk: Caller, payment: str, form: dict[str, Any], status: int, code: str
) -> None:
    with house.nothing_stored():
        assert_problem(ask(clerk, payment, **form), status, code)


def test_what_is_given_back_already_is_not_given_back_again(house: House, clerk: Caller, payment: str) -> None:
    give(house, payment, ask(clerk, payment, items=[FINES[1]]).json["id"])

    assert_problem(ask(clerk, payment, items=[FINES[1]], amount="10000"), 409, "already_refunded")
    assert_problem(ask(clerk, payment, amount=15001), 409, "refund_exceeds_payment")
    rest = ask(clerk, payment)
    assert (rest.json["amount"], rest.json["items"]) == ("15000", [FINES[0]])
    give(house, payment, rest.json["id"])
    house.tick(11)
    assert_problem(ask(clerk, payment), 409, "refund_exceeds_payment")


def test_the_payment_shows_what_was_given_back_and_may_be_made_again_when_all_was(
    house: House, clerk: Caller, payment: str
) -> None:
    give(house, payment, ask(clerk, payment, items=[FINES[1]]).json["id"])

    shown = house.get(payment).json
    assert shown["refunded"] == 10000
    assert [fine["status"] for fine in shown["amendes"]] == ["paid", "refunded"]
    assert shown["timeline"][-1]["event"] == "given_back"
    assert house.post(body()).json["id"] == payment

    give(house, payment, ask(clerk, payment).json["id"])

    assert house.get(payment).json["refunded"] == WHOLE
    assert house.post(body()).json["id"] != payment


@pytest.mark.parametrize("status", [Status.ACCEPTED, Status.FAILED, Status.REFUNDED], ids=str)
def test_only_what_has_succeeded_is_given_back(house: House, clerk: Caller, status: Status) -> None:
    id = house.pay()
    house.save(replace(house.operation(id), status=status))

    assert_problem(ask(clerk, id), 409, "not_refundable")


def test_what_moves_no_money_of_a_payer_is_not_given_back(clerk: Caller) -> None:
    event = clerk.post("/api/event/clinic/visit/opened", {"number": 1}).json["event_uid"]

    assert_problem(ask(clerk, event), 409, "not_refundable")
    assert_problem(ask(clerk, NO_ID), 404, "payment_not_found")


def test_a_repeat_is_the_same_refund_also_when_nothing_is_left(house: House, clerk: Caller, payment: str) -> None:
    keyed = {"Idempotency-Key": "ticket-17"}
    first = ask(clerk, payment, keyed).json["id"]
    give(house, payment, first)
    house.tick(60)

    again = ask(clerk, payment, keyed)

    assert (again.status_code, again.json["id"]) == (202, first)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert_problem(ask(clerk, payment, keyed, amount=5), 422, "idempotency_key_reused")


def test_refunds_are_listed_by_payment(house: House, clerk: Caller, payment: str) -> None:
    refund = ask(clerk, payment, amount=5).json["id"]
    other = house.pay(body(msisdn="+2250707000002"))

    def listed(query: str) -> list[str]:
        return [each["id"] for each in clerk.get(f"/v1/refunds{query}").json["refunds"]]

    assert listed("") == listed(f"?payment={payment}") == [refund]
    assert listed(f"?payment={other}") == []


def test_a_top_up_goes_back_to_its_phone_and_out_of_the_wallet(house: House, clerk: Caller) -> None:
    payer = house.person("payer", msisdn="+2250707000009")
    id = payer.post("/v1/wallets/top-up", {"amount": 700}).json["id"]
    settle(house, id)

    refund = ask(clerk, id)

    request = REFUND_KIND.read(house.operation(refund.json["id"]))
    assert (request.msisdn, request.legs) == ("+2250707000009", (payer.id, "mobile_money"))
    assert (refund.json["amount"], refund.json["items"]) == ("700", [])


def test_a_service_is_given_back_to_the_wallet(house: House, clerk: Caller) -> None:
    payer = house.person("payer", msisdn="+2250707000009", balance=5000)
    service = house.caller().post("/v1/services/create", {"name": "Permit", "price": 1200}).json["id"]
    id = payer.post("/v1/payments", {"service_id": service}).json["payment_id"]
    settle(house, id)

    refund = ask(clerk, id, amount=200)

    request = REFUND_KIND.read(house.operation(refund.json["id"]))
    assert (request.msisdn, request.legs, request.amount) == (None, ("services", payer.id), 200)
    assert refund.json["msisdn"] is None
    (told,) = house.operation(refund.json["id"]).receivers
    assert (told["msisdn"], told["text"]) == ("+2250707000009", "200 XOF vous sont remboursés.")


def test_the_rest_of_an_amount_names_the_items_whose_price_it_is(house: House, clerk: Caller, payment: str) -> None:
    give(house, payment, ask(clerk, payment, items=[FINES[0]]).json["id"])

    rest = ask(clerk, payment)

    assert (rest.json["amount"], rest.json["items"]) == ("10000", [FINES[1]])


def test_the_rest_names_no_item_that_costs_more(house: House, clerk: Caller, payment: str) -> None:
    give(house, payment, ask(clerk, payment, amount=15000).json["id"])

    rest = ask(clerk, payment)

    assert (rest.json["amount"], rest.json["items"]) == ("10000", [])
    assert REFUND_KIND.read(house.operation(rest.json["id"])).payment_items == [*FINES]


def test_a_top_up_that_credited_no_wallet_is_not_given_back(house: House, clerk: Caller) -> None:
    id = house.person("payer", msisdn="+2250707000009").post("/v1/wallets/top-up", {"amount": 700}).json["id"]
    house.save(replace(house.operation(id), status=Status.PARTIALLY_SUCCEEDED))

    assert_problem(ask(clerk, id), 409, "refund_exceeds_payment")
