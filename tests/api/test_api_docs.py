"""The documentation: true, complete, and served from here alone."""

import json
import re
from typing import Any

import jsonschema
import pytest
from werkzeug.test import TestResponse

from tests.api.kit import House, body, build

SERVICE = re.compile(r"/(healthz|readyz|metrics|openapi\.json|docs(/.*)?)")


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for inner in node.values() for found in references(inner)]
    return [found for inner in node for found in references(inner)] if isinstance(node, list) else []


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return dict(json.loads(build().http.get("/openapi.json").data))


def test_openapi_names_every_route_of_the_products(spec: dict[str, Any]) -> None:
    rules = [rule for rule in build().app.url_map.iter_rules() if not SERVICE.fullmatch(rule.rule)]

    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert len(routes) >= 3
    assert routes <= {(path, method) for path, item in spec["paths"].items() for method in item}


def test_openapi_refers_to_what_is_there(spec: dict[str, Any]) -> None:
    assert spec["openapi"].startswith("3.")
    for reference in references(spec):
        node = spec
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_openapi_schemas_are_json_schemas(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]
    assert {"PaymentView", "ConsultationView", "ChargeView", "PublishedView"} <= set(schemas)
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)  # raises for one that is none


def test_openapi_patterns_are_read_by_every_client(spec: dict[str, Any]) -> None:
    # JSON Schema's patterns are ECMA-262's, which knows neither \A nor \Z
    assert re.findall(r'"pattern": "[^"]*\\\\[AZ][^"]*"', json.dumps(spec)) == []


def test_openapi_tells_errors_as_they_are(spec: dict[str, Any]) -> None:
    for response in spec["components"]["responses"].values():
        assert "application/problem+json" in response.get("content", {"application/problem+json": {}})


def test_openapi_tells_the_headers_that_clients_may_send(spec: dict[str, Any]) -> None:
    parameters = {
        p["name"].lower()
        for item in spec["paths"].values()
        for o in item.values()
        if isinstance(o, dict)
        for p in o.get("parameters", [])
    }

    assert {"idempotency-key", "prefer"} <= parameters


def test_answers_are_what_openapi_says(house: House, spec: dict[str, Any]) -> None:
    def wrong(view: str, answer: TestResponse) -> list[str]:
        schema = {"$ref": f"#/components/schemas/{view}", "components": spec["components"]}
        found = jsonschema.Draft202012Validator(schema).iter_errors(json.loads(answer.data))
        return [f"{view}: {error.message}" for error in found]

    started = house.post({"physician_id": "p", "patient_id": "q", "start_date": "2025-12-31 13:00:00"}, path="/start")
    ended = house.post({"id": started.json["id"], "end_date": "2025-12-31 14:00:00"}, path="/end")
    told = house.post({"n": 1}, path="/api/event/a/b/c")
    assert [
        *wrong("PaymentView", house.post(body())),
        *wrong("PaymentView", house.get(house.pay())),
        *wrong("ConsultationView", started),
        *wrong("ConsultationView", ended),
        *wrong("ChargeView", house.http.get(ended.headers["Location"])),
        *wrong("EventView", told),
        *wrong("PublishedView", house.http.get(told.headers["Location"])),
        *wrong("EventsView", house.http.get("/api/event/a/b/c")),
    ] == []
    assert wrong("PaymentView", started) or wrong("ChargeView", started)


def test_openapi_is_the_same_in_every_process(spec: dict[str, Any]) -> None:
    assert json.loads(build().http.get("/openapi.json").data) == spec


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_the_docs_need_nothing_from_elsewhere(house: House, path: str) -> None:
    # Given the documentation's page
    page = house.http.get(path)
    assets = re.findall(r"""(?:src|href)\s*=\s*["']?([^"' >]+)""", page.text)

    # I expect everything that it loads to be served here
    assert page.status_code == 200
    assert len(assets) >= 3
    for asset in assets:
        assert asset.startswith("/docs/")
        answer = house.http.get(asset)
        assert (answer.status_code, bool(answer.data)) == (200, True)
        if asset.endswith(".css"):
            assert re.findall(r"""@import|url\(["']?(?:https?:)?//""", answer.text) == []
    assert '"url": "/openapi.json"' in page.text
    assert '"validatorUrl": null' in page.text
