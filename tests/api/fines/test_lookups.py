"""Look-ups of fines over HTTP: asked by those who may, answered to those who asked."""

from dataclasses import replace
from typing import Any

import pytest

from core.identity.api_keys import ApiKeys
from core.steps import StepState
from products.fines.lookup import LOOKUP_STEP
from tests.api.kit import PHONE, Caller, House, assert_problem

PATH = "/v1/fines/lookups"
FOUND = {"id": "AM-2026-000123", "amount": 1550, "currency": "EUR", "status": "due"}
SAID = {"reason": "Feu rouge", "issued": "2026-04-12", "plate": "AB-123-CD"}


def city(house: House, name: str = "city", *scopes: str) -> Caller:
    _, text = ApiKeys(house.store, house.clock).create(name, frozenset({"fines:read", *scopes}))
    return house.caller(text)


def asked(caller: Caller, **how: str) -> str:
    answer = caller.post(PATH, how)
    assert (answer.status_code, answer.json["amendes"]) == (202, None)
    return str(answer.json["id"])


def test_what_the_registry_said_is_shown_to_who_asked_alone(house: House) -> None:
    caller = city(house)
    id = asked(caller, msisdn=PHONE)
    operation = house.operation(id)
    done = replace(operation.step(LOOKUP_STEP), state=StepState.DONE, result={"fines": [FOUND | SAID]})
    house.save(operation.with_step(LOOKUP_STEP, done))
    shown = caller.get(f"{PATH}/{id}").json
    assert (shown["msisdn"], shown["plate"], shown["fine"]) == ("+225*******001", None, None)
    assert shown["amendes"] == [FOUND | SAID | {"amount": "15.50"}]
    assert_problem(city(house, "another").get(f"{PATH}/{id}"), 404, "fine_lookup_not_found")
    assert city(house, "all", "fines:all").get(f"{PATH}/{id}").status_code == 200


def test_the_same_question_within_seconds_is_one_look_up(house: House) -> None:
    caller = city(house)
    first = asked(caller, plate="AB-123-CD")
    assert asked(caller, plate="ab 123 cd") == first
    assert asked(caller, id="AM-1") != first
    house.tick(11)
    assert asked(caller, plate="AB-123-CD") != first


@pytest.mark.parametrize(
    "wrong", [{}, {"msisdn": "12"}, {"plate": "A", "id": "B"}, {"plate": "--"}, {"id": "/"}, {"colour": "red"}], ids=str
)
def test_a_question_that_makes_no_sense_is_refused(house: House, wrong: dict[str, Any]) -> None:
    with house.nothing_stored():
        assert city(house).post(PATH, wrong).status_code == 422


def test_without_the_scope_nothing_is_looked_up(house: House) -> None:
    _, text = ApiKeys(house.store, house.clock).create("shop", frozenset({"fines:pay"}))
    with house.nothing_stored():
        assert_problem(house.caller(text).post(PATH, {"plate": "AB-123-CD"}), 403, "forbidden")
