"""Checks of payers: asked by those who may, answered to those who asked."""

from dataclasses import replace
from typing import Any

import pytest

from core.identity.api_keys import ApiKeys
from core.steps import StepState
from products.payers.contract import HOLDER_STEP
from tests.api.kit import NO_ID, PHONE, Caller, House, assert_problem


def shop(house: House, name: str = "shop") -> Caller:
    _, text = ApiKeys(house.store, house.clock).create(name, frozenset({"payers:check"}))
    return house.caller(text)


def asked(house: House, caller: Caller) -> str:
    answer = caller.post("/v1/payers", {"msisdn": PHONE})
    assert (answer.status_code, answer.json["active"], answer.json["name"]) == (202, None, None)
    assert (answer.json["msisdn"], answer.json["operator"]) == ("+225*******001", "operator")
    return str(answer.json["id"])


@pytest.mark.parametrize(
    ("result", "shown"),
    [({"active": True, "name": "Awa Koné"}, (True, "Awa Koné")), ({"active": False, "name": None}, (False, None))],
)
def test_what_the_operator_said_is_shown(house: House, result: dict[str, Any], shown: tuple[bool, str | None]) -> None:
    caller = shop(house)
    operation = house.operation(asked(house, caller))
    done = replace(operation.step(HOLDER_STEP), state=StepState.DONE, result=result)
    house.save(operation.with_step(HOLDER_STEP, done))
    answer = caller.get(f"/v1/payers/{operation.id}").json
    assert (answer["active"], answer["name"]) == shown


def test_nobody_else_sees_it(house: House) -> None:
    id = asked(house, shop(house))
    assert_problem(shop(house, "other").get(f"/v1/payers/{id}"), 404, "payer_check_not_found")
    assert_problem(house.caller().get(f"/v1/payers/{NO_ID}"), 404, "payer_check_not_found")


def test_the_same_question_within_seconds_is_one_look_up(house: House) -> None:
    caller = shop(house)
    first = asked(house, caller)
    assert caller.post("/v1/payers", {"msisdn": PHONE}).json["id"] == first
    house.tick(11)
    assert caller.post("/v1/payers", {"msisdn": PHONE}).json["id"] != first


@pytest.mark.parametrize("changes", [{"msisdn": "12"}, {"operator": "moov"}, {"colour": "red"}], ids=str)
def test_a_question_that_makes_no_sense_is_refused(house: House, changes: dict[str, Any]) -> None:
    with house.nothing_stored():
        assert shop(house).post("/v1/payers", {"msisdn": PHONE, **changes}).status_code == 422
