"""The documentation: true, complete, and served from here alone."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from api.http.aliases import aliases
from api.http.fields import read_amount
from core.identity.people import Role
from tests.answers import Answer
from tests.api.kit import PASSWORD, House, body, build, wrong_fields

SERVICE = re.compile(r"/(healthz|readyz|metrics|openapi\.json|callbacks/.*|(v1/)?docs(/.*)?|ussd/phone(/.*)?)")


NAMED = {
    ("/amendes/payments", "post"): "post_fine_payment",
    ("/amendes/payments", "get"): "list_fine_payment",
    ("/amendes/payments/{payment_id}", "get"): "get_fine_payment",
    ("/start", "post"): "post_consultations_start",
    ("/api/event/{solution}/{model}/{action}", "post"): "post_events_events",
    ("/v1/payouts", "post"): "post_payout",
    ("/v1/payouts/{payout_id}/approve", "post"): "approve_payout",
    ("/v1/payouts/{payout_id}/reject", "post"): "reject_payout",
    ("/v1/operations/{payment_id}/refunds", "post"): "post_refund",
    ("/v1/operations", "get"): "get_operations_operations",
    ("/v1/auth/token", "post"): "post_people_token",
}


def braced(rule: str) -> str:
    """A rule of the app, as the description writes it."""
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for inner in node.values() for found in references(inner)]
    return [found for inner in node for found in references(inner)] if isinstance(node, list) else []


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return dict(json.loads(build().http.get("/openapi.json").data))


def test_openapi_names_every_route_of_the_products(spec: dict[str, Any]) -> None:
    rules = [rule for rule in build().app.url_map.iter_rules() if not (SERVICE.fullmatch(rule.rule) or rule.alias)]

    routes = {
        (re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in rules
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }

    assert len(routes) >= 3
    assert routes <= {(path, method) for path, item in spec["paths"].items() for method in item}


def test_openapi_says_which_routes_need_a_token(spec: dict[str, Any]) -> None:
    app = build().app
    access = {tuple(braced(route).split()): who for route, who in app.extensions["access"].items()}
    known = {braced(other): braced(path) for path, other in aliases(app)}
    for path, item in spec["paths"].items():
        for method in {"get", "post", "patch", "put", "delete"} & set(item):
            who = access[method.upper(), known.get(path, path)]
            open_to = who.split()[0].rstrip(",")
            bearer: list[dict[str, list[str]]] = [{"bearer": []}, {"password": []}]
            if scope := re.search(r"\bscope ([\w:]+)", who):
                bearer.append({"machine": [scope[1]]})
            open_to_all: list[dict[str, list[str]]] = []
            needed = {"anyone": open_to_all, "gateway": [{"gateway": []}]}.get(open_to, bearer)
            assert item[method].get("security", []) == needed, (method, path)


def test_authorize_in_the_docs_takes_a_token_or_a_username_and_a_password(house: House, spec: dict[str, Any]) -> None:
    schemes = spec["components"]["securitySchemes"]
    assert schemes["bearer"] == {"type": "http", "scheme": "bearer"}
    assert schemes["password"]["type"] == "oauth2"

    # I expect a token where it says, by the form that the page sends
    flow = schemes["password"]["flows"]["password"]
    house.person("awa")
    form = {"grant_type": "password", "username": "awa", "password": PASSWORD, "scope": ""}
    answer = house.http.post(flow["tokenUrl"], data=form, headers={"Authorization": "Basic Og=="})
    assert house.caller(answer.json["access_token"]).get("/v1/auth/read_current_user").json["username"] == "awa"


def test_every_post_that_answers_202_documents_the_wait_for_its_end(spec: dict[str, Any]) -> None:
    waiting = {
        path
        for path, item in spec["paths"].items()
        if "200" in item.get("post", {}).get("responses", ())
        and "202" in item["post"]["responses"]
        and "prefer" in {each["name"].lower() for each in item.get("post", {}).get("parameters", ())}
    }
    assert waiting == {
        "/amendes/payments",
        "/api/event/{solution}/{model}/{action}",
        "/api/event/{event_uid}/replay",
        "/v1/payments",
        "/v1/wallets/top-up",
        "/v1/wallets/transfers",
        "/v1/fines/lookups",
        "/v1/payers",
        "/v1/payouts",
        "/v1/operations/{id}/decision",
        "/v1/operations/{payment_id}/refunds",
        "/v1/webhooks/deliveries/{id}/resend",
        "/v1/webhooks/endpoints/{id}/test",
        "/v1/fines/payments",
        "/v1/events/{solution}/{model}/{action}",
        "/v1/events/{event_uid}/replay",
    }


def operations(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for item in spec["paths"].values():
        yield from (item[method] for method in {"get", "post", "patch", "put", "delete"} & set(item))


def test_every_operation_has_an_id_of_its_own_that_is_a_name_in_any_language(spec: dict[str, Any]) -> None:
    ids = [operation.get("operationId") for operation in operations(spec)]

    assert len(ids) > 30
    assert all(id and re.fullmatch(r"[a-z]+(_[a-z0-9]+)*", id) for id in ids), ids
    assert len(set(ids)) == len(ids)


def test_the_ids_of_operations_stay(spec: dict[str, Any]) -> None:
    """Clients that are generated from the description have methods of these names."""
    paths = spec["paths"]
    assert {(path, method): paths[path][method]["operationId"] for path, method in NAMED} == NAMED


def test_the_description_names_the_public_url_and_where_it_was_read(spec: dict[str, Any]) -> None:
    assert [server["url"] for server in spec["servers"]] == ["/"]
    public = json.loads(build(public_url="https://pay.example").http.get("/openapi.json").data)
    assert [server["url"] for server in public["servers"]] == ["https://pay.example", "/"]


def test_every_operation_has_an_example_of_its_answer_that_its_schema_allows(spec: dict[str, Any]) -> None:
    for operation in operations(spec):
        if "204" in operation["responses"]:
            continue
        answers = [answer for status, answer in operation["responses"].items() if status.startswith("2")]
        contents = [content for answer in answers for content in answer["content"].values()]
        assert contents, operation["operationId"]
        for content in contents:
            assert "example" in content, operation["operationId"]
            schema = {**content.get("schema", {}), "components": spec["components"]}
            jsonschema.Draft202012Validator(schema).validate(content["example"])
            shown = re.sub(r'"text":|"FieldType": "text"', "", json.dumps(content["example"]))
            assert '"text"' not in shown, operation["operationId"]


def test_every_json_body_has_an_example_that_its_schema_allows(spec: dict[str, Any]) -> None:
    for operation in operations(spec):
        content = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if content:
            assert "example" in content, operation["operationId"]
            schema = {**content["schema"], "components": spec["components"]}
            jsonschema.Draft202012Validator(schema).validate(content["example"])


def test_a_list_refuses_query_parameters_that_it_does_not_know(house: House, spec: dict[str, Any]) -> None:
    operator = house.person("root", Role.ADMIN)
    lists = [path for path, item in spec["paths"].items() if queries(item.get("get", {}))]
    assert len(lists) == 18
    for path in lists:
        answer = operator.get(f"{re.sub('{.+?}', 'a', path)}?limit=1&ref=AM-1")
        assert wrong_fields(answer) == {"/ref"}, path


def headers(operation: dict[str, Any]) -> dict[str, Any]:
    """An operation's header parameters, by name."""
    return {each["name"]: each for each in operation.get("parameters", ()) if each["in"] == "header"}


def queries(operation: dict[str, Any]) -> set[str]:
    """The names of an operation's query parameters."""
    return {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}


@pytest.mark.parametrize("path", ["/v1/docs", "/v1/docs/"])
def test_the_docs_are_found_from_their_former_path(house: House, path: str) -> None:
    answer = house.http.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (308, "/docs")
    assert house.http.get(answer.headers["Location"]).status_code == 200


def test_every_answer_of_json_is_compact_and_ends_with_a_newline(house: House) -> None:
    # Given answers of every kind: accepted, shown, listed, refused, and the description itself
    machine = house.caller()
    stored = machine.post("/api/event/a/b/c", '{"n": 1}')
    answers = [
        house.post(body()),
        stored,
        machine.get(stored.headers["Location"]),
        machine.get("/api/event/a/b/c"),
        machine.get("/api/event/no/no/no"),
        house.http.get("/nowhere"),
        house.post({}),
        house.http.get("/openapi.json"),
        house.http.get("/healthz"),
    ]

    for answer in answers:
        text = answer.get_data(as_text=True)
        assert text.endswith("}\n"), text
        assert int(answer.headers["Content-Length"]) == len(answer.data)
        # The data of an event alone is as it was written
        compact = json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=True)
        assert text.replace('{"n": 1}', '{"n":1}').rstrip("\n") == compact


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


def test_what_is_followed_by_an_etag_says_that_it_may_be_unchanged(spec: dict[str, Any]) -> None:
    followed = [each for each in operations(spec) if "If-None-Match" in headers(each)]
    assert len(followed) >= 8
    assert all("304" in each["responses"] for each in followed)


@pytest.mark.parametrize("key", ["a", '"', '""', "a b", '"a b"', 'a"b', r'"a\"b"', r'"a\b"', "é", "k" * 255, "k" * 256])
def test_the_pattern_of_an_idempotency_key_allows_what_is_read(spec: dict[str, Any], house: House, key: str) -> None:
    pattern = headers(spec["paths"]["/v1/payouts"]["post"])["Idempotency-Key"]["schema"]["pattern"]
    read = house.post({}, {"Idempotency-Key": key}).json["code"] != "bad_idempotency_key"
    assert bool(re.search(pattern, key)) == read


@pytest.mark.parametrize(
    "amount", ["1", "0", "0.00", "00.5", "0.0000000001", "", "-1", "+1", "1e3", "1.", ".5", "9" * 21]
)
def test_the_pattern_of_an_amount_allows_what_is_read(spec: dict[str, Any], amount: str) -> None:
    schema = spec["components"]["schemas"]["PayoutForm"]["properties"]["amount"]
    assert bool(re.search(schema["pattern"], amount)) == (read_amount(amount) is not None)


def test_openapi_describes_errors_as_they_are(spec: dict[str, Any]) -> None:
    for response in spec["components"]["responses"].values():
        assert "application/problem+json" in response.get("content", {"application/problem+json": {}})


def test_openapi_lists_the_headers_that_clients_may_send(spec: dict[str, Any]) -> None:
    parameters = {
        p["name"].lower()
        for item in spec["paths"].values()
        for o in item.values()
        if isinstance(o, dict)
        for p in o.get("parameters", [])
    }

    assert {"idempotency-key", "prefer"} <= parameters


class Checker:
    """Holds answers against the schemas of OpenAPI."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.components = spec["components"]

    def __call__(self, view: str, answer: Answer) -> list[str]:
        """What is wrong; a member that the schema does not know is, too."""
        body = json.loads(answer.data)
        schema = {"$ref": f"#/components/schemas/{view}", "components": self.components}
        found = jsonschema.Draft202012Validator(schema).iter_errors(body)
        unknown = sorted(set(body) ^ set(self.components["schemas"][view]["properties"]))
        return [f"{view}: {error.message}" for error in found] + [f"{view}: {name}" for name in unknown]


def test_answers_are_what_openapi_says(house: House, spec: dict[str, Any]) -> None:
    wrong, clinic = Checker(spec), house.caller()
    started = clinic.post("/start", {"physician_id": "p", "patient_id": "q", "start_date": "2025-12-31 13:00:00"})
    ended = clinic.post("/end", {"id": started.json["id"], "end_date": "2025-12-31 14:00:00"})
    stored = clinic.post("/api/event/a/b/c", {"n": 1})
    assert [
        *wrong("PaymentView", house.post(body())),
        *wrong("PaymentView", house.get(house.pay())),
        *wrong("ConsultationView", started),
        *wrong("ConsultationView", ended),
        *wrong("ChargeView", clinic.get(ended.headers["Location"])),
        *wrong("EventView", stored),
        *wrong("PublishedView", clinic.get(stored.headers["Location"])),
        *wrong("EventsView", clinic.get("/api/event/a/b/c")),
    ] == []
    assert wrong("PaymentView", started) or wrong("ChargeView", started)


def test_answers_to_people_are_what_openapi_says(house: House, spec: dict[str, Any]) -> None:
    # Given somebody with money, a service, and one of each payment
    wrong = Checker(spec)
    form = {"username": "awa", "password": PASSWORD}
    registered = house.post({**form, "msisdn": "0707000001"}, path="/v1/auth/")
    token = house.http.post("/v1/auth/token", data=form)
    awa = house.caller(token.json["access_token"])
    house.fund(registered.json["id"], 10000)
    house.person("kofi", msisdn="+2250707000002")
    admin = house.person("root", Role.ADMIN)
    service = admin.post("/v1/services/create", {"name": "Permit", "price": 5000})
    top_up = awa.post("/v1/wallets/top-up", {"amount": 5})
    transfer = awa.post("/v1/wallets/transfers", {"to": "kofi", "amount": 5, "note": "lunch"})
    payment = awa.post("/v1/payments/", {"service_id": service.json["id"]})

    # I expect each answer to be as it is described, to the last member
    assert [
        *wrong("PersonView", registered),
        *wrong("PersonView", awa.get("/v1/auth/read_current_user")),
        *wrong("PersonView", admin.get("/v1/auth/read_current_user")),
        *wrong("TokenView", token),
        *wrong("WalletView", awa.get("/v1/wallets/me")),
        *wrong("EntriesView", awa.get("/v1/wallets/me/entries")),
        *wrong("MoneyView", top_up),
        *wrong("MoneyView", awa.get(top_up.headers["Location"])),
        *wrong("TransferView", transfer),
        *wrong("TransferView", awa.get(transfer.headers["Location"])),
        *wrong("TransfersView", awa.get("/v1/wallets/transfers")),
        *wrong("ServiceView", service),
        *wrong("ServiceView", awa.get(service.headers["Location"])),
        *wrong("ServiceView", admin.patch(service.headers["Location"], {"retired": True})),
        *wrong("ServicesView", awa.get("/v1/services/list")),
        *wrong("ServicePaymentView", payment),
        *wrong("ServicePaymentView", awa.get(payment.headers["Location"])),
        *wrong("ServicePaymentsView", awa.get("/v1/payments")),
    ] == []
    assert wrong("WalletView", payment)
    assert wrong("ServiceView", token)


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
        with house.http.get(asset) as answer:  # it holds an open file
            assert (answer.status_code, bool(answer.data)) == (200, True)
            if asset.endswith(".css"):
                assert re.findall(r"""@import|url\(["']?(?:https?:)?//""", answer.get_data(as_text=True)) == []
    assert '"url": "/openapi.json"' in page.text
    assert '"validatorUrl": null' in page.text
