"""The examples of the API's description are those of a real conversation: what is sent is taken, and answered so."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import jsonschema
import pyotp
import pytest

from core.identity.people import Role
from core.operation import Status
from core.steps import StepState
from products.fines.contract import settle_step
from tests.answers import Answer
from tests.api.crowd import GATEWAY_KEY, GATEWAY_KEYS, PARTS, PEOPLE, Crowd
from tests.api.kit import PASSWORD, Caller, body, build
from tests.api.test_decisions import stuck
from tests.api.test_ownership import EXPECTED, GATEWAY
from tests.api.test_phone_proof import register

METHODS = ("get", "post", "put", "patch", "delete")
OTHERS = {"/v1/fines/payments": "/amendes/payments", "/v1/events": "/api/event"}
OTHERS |= {"/v1/consultations/start": "/start", "/v1/consultations/end": "/end"}
OTHERS |= {"/v1/consultations": "/consultations", "/v1/charges": "/charges"}
"""Other paths of a route, and the one that it is known by."""

Json = dict[str, Any]


@pytest.fixture(scope="module")
def world() -> Iterator["World"]:
    keys: dict[str, Any] = {f"{name}_key": GATEWAY_KEY for name in GATEWAY_KEYS}
    house = build(store_url="mongodb://x", **keys)
    for name in ("payee", "awa", "kofi"):
        house.person(name, msisdn=None)
    yield World(Crowd(house))
    house.store.close()


@pytest.fixture(scope="module")
def spec() -> Json:
    return dict(json.loads(build().http.get("/openapi.json").data))


def operations(spec: Json) -> list[tuple[str, str]]:
    return [(method, path) for path, item in spec["paths"].items() for method in METHODS if method in item]


def route_of(method: str, path: str) -> str:
    known = next((path.replace(other, known, 1) for other, known in OTHERS.items() if path.startswith(other)), path)
    routes = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route): route for route in EXPECTED}
    return routes[f"{method.upper()} {known}"]


@dataclass(frozen=True)
class Sent:
    """who: of the crowd; path: with its ids; content: the example, with what only a real world has."""

    who: str
    path: str
    content: Any


class World:
    """A crowd, and what the examples need of it."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd, self.house, self._number = crowd, crowd.house, 0

    def somebody(self, msisdn: str | None = None, role: Role = Role.USER) -> Caller:
        """Somebody new, who is of the crowd from now on, by their id."""
        self._number += 1
        found = self.house.person(f"somebody{self._number}", role, msisdn)
        self.crowd.headers[found.id] = {"Authorization": f"Bearer {found.token}"}
        return found

    def code(self, msisdn: str) -> str:
        """The code in the last SMS that is on its way to this phone."""
        (sms,) = self.house.store.find("operations", {"kind": "sms", "subject": msisdn}, order="-id", limit=1)
        return "".join(filter(str.isdigit, sms["request"]["text"]))

    def factor(self, person: Caller) -> str:
        """The secret of the second factor that the person is about to have."""
        made = self.crowd.send(person.id, "POST", "/v1/auth/factor", {"current_password": PASSWORD})
        return str(made.json["secret"])

    def typed(self, secret: str) -> dict[str, str]:
        """What an authenticator shows now."""
        return {"code": pyotp.TOTP(secret).at(self.house.clock.now())}

    def decision(self, who: str, amount: int) -> str:
        """The id of a decision about something stuck."""
        self._number += 1
        about = stuck(self.house, amount + self._number)
        content = {"decision": "confirm", "reason": "seen"}
        return str(self.crowd.send(who, "POST", f"/v1/operations/{about}/decision", content).json["id"])


def decided(world: World, path: str, example: Any) -> Sent:
    return Sent("admin", path.format(decision_id=world.decision("operator", 20_000)), example)


def at_session(world: World, path: str, example: Any) -> Sent:
    return Sent("gateway", path.format(session="example-1"), example)


def own_pin(world: World, path: str, example: Any) -> Sent:
    me = world.somebody("+2250708000001")
    world.house.core.credentials.set_pin(me.id, world.house.app.extensions["pins"].hash(example["current_pin"]))
    return Sent(me.id, path, example)


def proof(world: World, path: str, example: Any) -> Sent:
    me = register(world.house, "prover", "+2250708000002")
    world.crowd.headers[me.id] = {"Authorization": f"Bearer {me.token}"}
    world.crowd.send(me.id, "POST", "/v1/auth/phone/code", {})
    return Sent(me.id, path, {**example, "code": world.code("+2250708000002")})


def reset(world: World, path: str, example: Any) -> Sent:
    world.somebody(example["msisdn"])
    world.crowd.send("anonymous", "POST", "/v1/auth/password/code", {"msisdn": example["msisdn"]})
    return Sent("anonymous", path, {**example, "code": world.code(example["msisdn"])})


def confirmed(world: World, path: str, example: Any) -> Sent:
    me = world.somebody()
    return Sent(me.id, path, {**example, **world.typed(world.factor(me))})


def without_factor(world: World, path: str, example: Any) -> Sent:
    me = world.somebody()
    secret = world.factor(me)
    world.crowd.send(me.id, "POST", "/v1/auth/factor/confirm", world.typed(secret))
    world.house.tick(30)
    return Sent(me.id, path, {**example, **world.typed(secret)})


def ended(world: World, path: str, example: Any) -> Sent:
    return Sent("admin", path, {**example, "id": world.crowd.make("consultation", "admin")})


def refunded(world: World, path: str, example: Any) -> Sent:
    house = world.house
    id = world.crowd.send("admin", "POST", "/amendes/payments", body(msisdn="+2250708000003")).json["id"]
    operation = house.operation(id)
    for fine in ("AM-2026-000123", "AM-2026-000124"):
        done = replace(operation.step(settle_step(fine)), state=StepState.DONE)
        operation = operation.with_step(settle_step(fine), done)
    house.save(replace(operation, status=Status.SUCCEEDED))
    return Sent("admin", path.format(payment_id=id), example)


PREPARED: dict[str, Callable[[World, str, Any], Sent]] = {
    "post /v1/auth": lambda _, path, example: Sent("anonymous", path, {**example, "username": "aminata"}),
    "post /end": ended,
    "post /v1/consultations/end": ended,
    "post /v1/consultations/start": lambda _, path, example: Sent("admin", path, {**example, "physician_id": "other"}),
    "get /v1/services/{id}": lambda world, path, _: Sent("admin", path.format(id=world.crowd.service), None),
    "patch /v1/services/{id}": lambda world, path, example: Sent("admin", path.format(id=world.crowd.service), example),
    "post /v1/payments": lambda world, path, example: Sent("person", path, {"service_id": world.crowd.service}),
    "post /v1/webhooks/endpoints": lambda _, path, example: Sent(
        "admin", path, {**example, "url": "https://203.0.114.7/hook"}
    ),
    "post /v1/payouts/{payout_id}/approve": lambda world, path, example: Sent(
        "admin", path.format(payout_id=world.crowd.make("payout", "operator")), example
    ),
    "post /v1/operations/{payment_id}/refunds": refunded,
    "post /v1/operations/{id}/decision": lambda world, path, example: Sent(
        "operator", path.format(id=stuck(world.house)), example
    ),
    "get /v1/decisions/{decision_id}": lambda world, path, _: Sent(
        "operator", path.format(decision_id=world.decision("operator", 100)), None
    ),
    "post /v1/decisions/{decision_id}/approve": decided,
    "post /v1/decisions/{decision_id}/reject": decided,
    "post /v1/auth/phone/proof": proof,
    "post /v1/auth/password/reset": reset,
    "post /v1/auth/password": lambda world, path, example: Sent(world.somebody().id, path, example),
    "put /v1/auth/pin": own_pin,
    "post /v1/auth/logout": lambda world, path, example: Sent(world.somebody().id, path, example),
    "post /v1/auth/factor": lambda world, path, example: Sent(world.somebody().id, path, example),
    "post /v1/auth/factor/confirm": confirmed,
    "delete /v1/auth/factor": without_factor,
    **{
        f"{method} /ussd/infobip/session/{{session}}/{call}": at_session
        for method, call in (
            ("post", "start"),
            ("post", "response"),
            ("put", "response"),
            ("post", "end"),
            ("put", "end"),
        )
    },
}
"""What has to be there before the example of an operation can be sent."""


def send(world: World, spec: Json, method: str, path: str) -> Answer:
    """The example of a request, sent by somebody who may, about something of their own."""
    content = spec["paths"][path][method].get("requestBody", {}).get("content", {})
    example = next((each["example"] for each in content.values()), None)
    if prepare := PREPARED.get(f"{method} {path}"):
        sent = prepare(world, path, example)
        return world.crowd.send(sent.who, method.upper(), sent.path, sent.content)
    expected = EXPECTED[route_of(method, path)]
    who = "gateway" if expected is GATEWAY else "person" if expected.admitted == PEOPLE else "admin"
    id = world.crowd.make(expected.thing, who) if expected.thing else ""
    about = re.sub(r"{(\w+)}", lambda found: PARTS.get(found[1], id), path)
    return world.crowd.send(who, method.upper(), about, example)


def strict(schemas: Json) -> Json:
    """The schemas, without members that they do not name."""
    return {name: {**each, "additionalProperties": False} for name, each in schemas.items() if "properties" in each}


def unlike(example: Any, found: Any, where: str = "") -> list[str]:
    """Where an answer has other members than the example, or members of other types. Null may be anything.

    What a client has published is its own.
    """
    if example is None or found is None or where.endswith("/event_data"):
        return []
    if isinstance(example, dict) and isinstance(found, dict):
        others = [f"{where}/{name}" for name in sorted(example.keys() ^ found.keys())]
        both = [(name, example[name], found[name]) for name in sorted(example.keys() & found.keys())]
        return others + [each for name, one, other in both for each in unlike(one, other, f"{where}/{name}")]
    if isinstance(example, list) and isinstance(found, list):
        return unlike(example[0], found[0], f"{where}/0") if example and found else []
    numbers = isinstance(example, int | float) and isinstance(found, int | float)
    return [] if numbers or isinstance(found, type(example)) else [where]


def wrong(spec: Json, method: str, path: str, answer: Answer) -> list[str]:
    """What is not as the description says of the answer to this operation."""
    described = spec["paths"][path][method]["responses"].get(str(answer.status_code))
    if described is None or answer.status_code >= 300:
        return [f"{answer.status_code}: {answer.text[:200]}"]
    if "content" not in described:
        return [answer.text] if answer.text else []
    content = described["content"].get(answer.mimetype)
    if content is None or answer.mimetype != "application/json":
        return [] if content else [str(answer.mimetype)]
    found, schemas = json.loads(answer.data), spec["components"]["schemas"]
    schema = {**content["schema"], "components": {"schemas": {**schemas, **strict(schemas)}}}
    errors = [error.message[:200] for error in jsonschema.Draft202012Validator(schema).iter_errors(found)]
    return errors + unlike(content["example"], found)


def test_the_examples_of_requests_are_taken_and_answered_as_in_those_of_answers(world: World, spec: Json) -> None:
    found = {}
    for method, path in operations(spec):
        found[f"{method} {path}"] = wrong(spec, method, path, send(world, spec, method, path))
    assert len(found) > 90
    assert {operation: what for operation, what in found.items() if what} == {}


def test_what_an_example_does_not_have_is_seen() -> None:
    assert unlike({"a": 1, "b": [{"c": "x"}]}, {"a": 2.5, "b": [{"c": "y"}, {}]}) == []
    assert unlike({"a": 1, "b": [{"c": "x"}]}, {"a": "1", "b": [{"d": "y"}]}) == ["/a", "/b/0/c", "/b/0/d"]


def test_answers_may_get_new_members(spec: Json) -> None:
    """Only bodies of requests are closed: a typing error in an optional field is a mistake."""
    closed = {name for name, schema in spec["components"]["schemas"].items() if "additionalProperties" in schema}
    assert "PaymentRequest" in closed
    assert not any(name.endswith(("View", "ViewV1")) for name in closed)
