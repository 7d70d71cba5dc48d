"""A query parameter that a route does not declare is refused, on every route: its filter would not be applied."""

import re

import pytest

from api.http.blueprint import Routes
from api.http.query import guarded
from tests.api.kit import NO_ID, House, wrong_fields

UNGUARDED = {"ussd", "ussd_phone", "health", "callbacks", "docs", "v1_docs", "api-docs", "swagger_ui"}


def test_no_route_takes_a_parameter_that_it_does_not_declare(house: House) -> None:
    routes = list(guarded(house.app))
    assert len(routes) > 50
    for method, rule, declared in routes:
        path = re.sub(r"<(?:\w+:)?\w+>", NO_ID, rule)
        assert "surprise" not in declared
        answer = house.caller().send(method, f"{path}?surprise=1&other=", None if method == "GET" else "{}")
        assert wrong_fields(answer) == {"/surprise", "/other"}, (method, rule)


def test_the_description_has_just_the_parameters_that_are_taken(house: House) -> None:
    spec = house.http.get("/openapi.json").json["paths"]
    for method, rule, declared in guarded(house.app):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)
        described = next(item for name, item in spec.items() if name.rstrip("/") == path.rstrip("/"))[method.lower()]
        named = {each["name"] for each in described.get("parameters", ()) if each.get("in") == "query"}
        assert named == declared, (method, rule)


def test_every_blueprint_is_guarded_or_says_why_not(house: House) -> None:
    free = {name for name, each in house.app.blueprints.items() if not isinstance(each, Routes) or each.any_query}
    assert free <= UNGUARDED, free


@pytest.mark.parametrize("path", ["/healthz?probe=1", "/docs/?v=2"])
def test_pages_take_what_load_balancers_and_browsers_add(house: House, path: str) -> None:
    assert house.http.get(path).status_code == 200


def test_a_head_is_checked_as_its_get(house: House) -> None:
    assert house.caller().send("HEAD", "/v1/operations?limit=1").status_code == 200
    assert house.caller().send("HEAD", "/v1/operations?surprise=1").status_code == 422
