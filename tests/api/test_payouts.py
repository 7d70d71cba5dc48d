"""Payouts: asked for by one, approved by another above a limit, and paid once."""

from typing import Any

import pytest

from core.identity.api_keys import ApiKeys
from core.identity.people import Role
from core.operation import Status
from products.payouts.contract import PAYOUTS
from tests.api.kit import NO_ID, PHONE, Caller, House, assert_problem

LIMIT = 10_000


def machine(house: House) -> Caller:
    _, text = ApiKeys(house.store, house.clock).create("payroll", frozenset({"payouts:create"}))
    return house.caller(text)


def order(amount: Any = LIMIT + 1, **changes: Any) -> dict[str, Any]:
    return {"msisdn": PHONE, "amount": amount, "currency": "XOF", "text": "Ticket 17", **changes}


def waiting(house: House, caller: Caller) -> str:
    answer = caller.post("/v1/payouts", order())
    assert (answer.status_code, answer.json["status"]) == (202, "open")
    return f"/v1/payouts/{answer.json['id']}"


def test_a_small_payout_is_accepted_at_once(house: House) -> None:
    answer = machine(house).post("/v1/payouts", order(LIMIT))
    assert (answer.status_code, answer.json["status"]) == (202, "accepted")
    assert answer.json["msisdn"] == "+225*******001"
    operation = house.operation(answer.json["id"])
    assert (operation.operator, operation.due_at) == ("operator", house.clock.now())
    assert PAYOUTS.read(operation).amount == LIMIT


@pytest.mark.parametrize("changes", [{"amount": LIMIT + 1}, {"amount": 1, "currency": "EUR"}], ids=str)
def test_a_large_one_or_one_in_a_currency_without_a_limit_waits(house: House, changes: dict[str, Any]) -> None:
    answer = machine(house).post("/v1/payouts", order(**changes))
    assert (answer.status_code, answer.json["status"], answer.json["decided_by"]) == (202, "open", None)
    assert house.operation(answer.json["id"]).due_at is None


def test_a_second_person_approves_it(house: House) -> None:
    manager = house.person("manager", Role.OPERATOR)
    path = waiting(house, machine(house))
    answer = manager.send("POST", f"{path}/approve")
    assert (answer.status_code, answer.json["status"]) == (200, "accepted")
    assert answer.json["decided_by"] == manager.id
    assert_problem(manager.send("POST", f"{path}/approve"), 409, "payout_not_waiting")
    assert_problem(manager.post(f"{path}/reject", {"reason": "too late"}), 409, "payout_not_waiting")


def test_nobody_approves_what_they_have_asked_for(house: House) -> None:
    manager = house.person("manager", Role.OPERATOR)
    path = waiting(house, manager)
    assert_problem(manager.send("POST", f"{path}/approve"), 409, "second_person_needed")
    assert manager.get(path).json["status"] == "open"
    assert manager.post(f"{path}/reject", {"reason": "a mistake of mine"}).status_code == 200


def test_a_rejected_one_says_why_and_by_whom(house: House) -> None:
    manager = house.person("manager", Role.OPERATOR)
    path = waiting(house, machine(house))
    assert_problem(manager.post(f"{path}/reject", {}), 422, "validation_failed")
    answer = manager.post(f"{path}/reject", {"reason": "unknown payee"})
    assert (answer.json["rejection"], answer.json["decided_by"]) == ("unknown payee", manager.id)


def test_the_one_who_asks_cannot_decide_by_a_key(house: House) -> None:
    caller = machine(house)
    path = waiting(house, caller)
    for verb in ("approve", "reject"):
        assert_problem(caller.send("POST", f"{path}/{verb}", '{"reason": "x"}'), 403, "forbidden")


def test_a_repeat_is_the_same_payout_and_a_key_holds_for_ever(house: House) -> None:
    caller = machine(house)
    first = caller.post("/v1/payouts", order())
    again = caller.post("/v1/payouts", order())
    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    house.tick(11)
    assert caller.post("/v1/payouts", order()).json["id"] != first.json["id"]
    keyed = [caller.post("/v1/payouts", order(), Idempotency_Key="run-7") for _ in range(2)]
    house.tick(10**6)
    keyed.append(caller.post("/v1/payouts", order(), Idempotency_Key="run-7"))
    assert len({answer.json["id"] for answer in keyed}) == 1


@pytest.mark.parametrize(
    "changes",
    [{"msisdn": "12"}, {"amount": 0}, {"amount": 1.5}, {"currency": "ZZZ"}, {"operator": "moov"}, {"text": "x" * 141}],
    ids=str,
)
def test_what_cannot_be_paid_is_refused_and_not_stored(house: House, changes: dict[str, Any]) -> None:
    caller = machine(house)
    with house.nothing_stored():
        assert caller.post("/v1/payouts", order(**changes)).status_code == 422


def test_waiting_ones_are_listed(house: House) -> None:
    caller = machine(house)
    path = waiting(house, caller)
    caller.post("/v1/payouts", order(LIMIT))
    listed = caller.get("/v1/payouts?status=open").json["payouts"]
    assert [payout["id"] for payout in listed] == [path.rpartition("/")[2]]


def test_an_unknown_payout_is_a_404(house: House) -> None:
    for verb in ("approve", "reject"):
        answer = house.caller().send("POST", f"/v1/payouts/{NO_ID}/{verb}", '{"reason": "x"}')
        assert_problem(answer, 404, "payout_not_found")


def test_two_who_decide_at_once_decide_once(house: House) -> None:
    manager, other = house.person("manager", Role.OPERATOR), house.person("other", Role.OPERATOR)
    path = waiting(house, machine(house))
    operation = house.operation(path.rpartition("/")[2])
    assert manager.send("POST", f"{path}/approve").status_code == 200
    assert house.operation(operation.id).version == operation.version + 1
    assert_problem(other.post(f"{path}/reject", {"reason": "no"}), 409, "payout_not_waiting")
    assert house.operation(operation.id).status is Status.ACCEPTED
