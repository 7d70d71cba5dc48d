"""Every product is reached under /v1 too, and the paths that clients know stay."""

import pytest

from api.http.blueprint import Routes
from tests.api.kit import House, assert_problem, body, wrong_fields

KNOWN = {
    "/amendes/payments": "/v1/fines/payments",
    "/amendes/payments/<payment_id>": "/v1/fines/payments/<payment_id>",
    "/start": "/v1/consultations/start",
    "/end": "/v1/consultations/end",
    "/consultations": "/v1/consultations",
    "/consultations/<id>": "/v1/consultations/<id>",
    "/charges": "/v1/charges",
    "/charges/<appointment_id>": "/v1/charges/<appointment_id>",
    "/api/event/<solution>/<model>/<action>": "/v1/events/<solution>/<model>/<action>",
    "/api/event/<event_uid>": "/v1/events/<event_uid>",
    "/api/event/<event_uid>/replay": "/v1/events/<event_uid>/replay",
}


def test_every_route_of_a_product_is_under_v1(house: House) -> None:
    rules = list(house.app.url_map.iter_rules())
    under_v1 = {
        (rule.endpoint, method) for rule in rules if rule.rule.startswith("/v1/") for method in rule.methods or ()
    }
    for rule in rules:
        routes = house.app.blueprints.get(rule.endpoint.partition(".")[0])
        if isinstance(routes, Routes) and routes.name != "ussd":
            assert all((rule.endpoint, method) in under_v1 for method in rule.methods or ()), rule


def test_the_known_paths_stay(house: House) -> None:
    paths = {rule.rule for rule in house.app.url_map.iter_rules()}
    assert KNOWN.keys() | set(KNOWN.values()) <= paths


def test_both_paths_are_one_route(house: House) -> None:
    paid = house.caller().post("/v1/fines/payments/", body())
    again = house.caller().post("/amendes/payments", body())

    assert (paid.status_code, again.json["id"]) == (202, paid.json["id"])
    assert paid.headers["Location"] == again.headers["Location"]
    assert "/amendes/payments/" in paid.headers["Location"]
    for path in ("/v1/fines/payments", "/amendes/payments/"):
        assert [each["id"] for each in house.caller().get(path).json["payments"]] == [paid.json["id"]]
        assert house.caller().get(f"{path.rstrip('/')}/{paid.json['id']}").status_code == 200


@pytest.mark.parametrize("path", ["/v1/fines/payments", "/v1/consultations", "/v1/charges", "/v1/events/a/b/c"])
def test_an_alias_is_guarded_as_its_route(house: House, path: str) -> None:
    assert_problem(house.http.get(path), 401, "unauthorized")
    assert wrong_fields(house.caller().get(f"{path}?surprise=1")) == {"/surprise"}
    assert house.caller().get(path).status_code == 200
