"""Every declared route, every kind of caller, and their own or another's operation: who is let in, who sees it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from core.identity.api_keys import Grant
from tests.answers import Answer
from tests.api.crowd import (
    ADMINS,
    ALL,
    CALLERS,
    EXPIRED,
    GATEWAY_KEY,
    GATEWAY_KEYS,
    KEYS,
    OPERATORS,
    PARTS,
    PEOPLE,
    UNKNOWN,
    Crowd,
    in_both_ways,
)
from tests.api.kit import NO_ID, build


@dataclass(frozen=True)
class Expected:
    """admitted: who may call; thing: what the route is about; sees: who sees the thing of somebody else."""

    admitted: frozenset[str]
    thing: str = ""
    sees: frozenset[str] = frozenset()


ANYONE = Expected(ALL)
KNOWN = Expected(ALL - EXPIRED)
"""For anyone, but a key or a machine's token that is sent has to be good."""
MINE = Expected(PEOPLE)
ADMIN = Expected(ADMINS)
GATEWAY = Expected(frozenset({"gateway"}))


def of_person(thing: str) -> Expected:
    return Expected(PEOPLE, thing)


def of_machine(thing: str = "") -> Expected:
    return Expected(OPERATORS | KEYS, thing, OPERATORS | in_both_ways("key for all"))


def of_its_machine(thing: str) -> Expected:
    """Nobody else uses it, whoever sees it."""
    return Expected(OPERATORS | KEYS, thing)


def of_operator(thing: str) -> Expected:
    return Expected(OPERATORS, thing, OPERATORS)


EXPECTED = {
    "GET /openapi.json": ANYONE,
    "GET /docs/": ANYONE,
    "GET /v1/docs": ANYONE,
    "GET /docs/<path:path>": ANYONE,
    "GET /healthz": ANYONE,
    "GET /readyz": ANYONE,
    "GET /metrics": ANYONE,
    "POST /callbacks/<operator>": ANYONE,
    "PUT /callbacks/<operator>": ANYONE,
    "POST /callbacks/<operator>/<token>": ANYONE,
    "PUT /callbacks/<operator>/<token>": ANYONE,
    "GET /amendes/payments": of_machine("fine"),
    "POST /amendes/payments": KNOWN,
    "GET /amendes/payments/<payment_id>": Expected(ALL, "fine", ALL),  # the id is what protects it
    "POST /start": of_machine(),
    "POST /end": of_machine("consultation"),
    "GET /consultations": of_machine("consultation"),
    "GET /consultations/<id>": of_machine("consultation"),
    "GET /charges": of_machine("charge"),
    "GET /charges/<appointment_id>": of_machine("charge"),
    "GET /api/event/<solution>/<model>/<action>": of_machine("event"),
    "POST /api/event/<solution>/<model>/<action>": of_machine(),
    "GET /api/event/<event_uid>": of_machine("event"),
    "POST /api/event/<event_uid>/replay": of_operator("event"),
    "POST /v1/auth": ANYONE,
    "POST /v1/auth/token": ANYONE,
    "GET /v1/auth/read_current_user": MINE,
    "PUT /v1/auth/phone": MINE,
    "POST /v1/auth/phone/code": MINE,
    "POST /v1/auth/phone/proof": MINE,
    "POST /v1/auth/password": MINE,
    "POST /v1/auth/password/code": ANYONE,
    "POST /v1/auth/password/reset": ANYONE,
    "PUT /v1/auth/pin": MINE,
    "POST /v1/auth/logout": MINE,
    "POST /v1/auth/factor": MINE,
    "DELETE /v1/auth/factor": MINE,
    "POST /v1/auth/factor/confirm": MINE,
    "GET /v1/operations": of_machine("event"),
    "GET /v1/operations/<id>": of_operator("event"),
    "POST /v1/operations/<id>/decision": of_operator("event"),
    "GET /v1/decisions": Expected(OPERATORS),
    "GET /v1/decisions/<decision_id>": Expected(OPERATORS),
    "POST /v1/decisions/<decision_id>/approve": Expected(OPERATORS),
    "POST /v1/decisions/<decision_id>/reject": Expected(OPERATORS),
    "GET /v1/wallets/me": MINE,
    "GET /v1/wallets/me/entries": MINE,
    "POST /v1/wallets/top-up": MINE,
    "GET /v1/wallets/top-up/<id>": of_person("top-up"),
    "POST /v1/wallets/transfers": MINE,
    "GET /v1/wallets/transfers": of_person("transfer"),
    "GET /v1/wallets/transfers/<id>": of_person("transfer"),
    "GET /v1/services/list": ANYONE,
    "GET /v1/services/<uuid:id>": ANYONE,
    "POST /v1/services/create": ADMIN,
    "PATCH /v1/services/<uuid:id>": ADMIN,
    "POST /v1/payments": MINE,
    "GET /v1/payments": of_person("service payment"),
    "GET /v1/payments/<payment_id>": of_person("service payment"),
    "POST /v1/merchants": ADMIN,
    "POST /v1/fines/lookups": of_machine(),
    "GET /v1/fines/lookups/<id>": of_machine("fine look-up"),
    "POST /v1/payers": of_machine(),
    "GET /v1/payers/<id>": of_machine("payer check"),
    "POST /v1/payouts": of_machine(),
    "GET /v1/payouts": of_machine("payout"),
    "GET /v1/payouts/<payout_id>": of_machine("payout"),
    "POST /v1/payouts/<payout_id>/approve": of_operator("payout"),
    "POST /v1/payouts/<payout_id>/reject": of_operator("payout"),
    "POST /v1/operations/<payment_id>/refunds": of_machine("fine"),
    "GET /v1/refunds": of_machine("refund"),
    "GET /v1/refunds/<refund_id>": of_machine("refund"),
    "POST /v1/webhooks/endpoints": of_machine(),
    "GET /v1/webhooks/endpoints": of_machine("endpoint"),
    "GET /v1/webhooks/endpoints/<id>": of_machine("endpoint"),
    "PATCH /v1/webhooks/endpoints/<id>": of_its_machine("endpoint"),
    "DELETE /v1/webhooks/endpoints/<id>": Expected(OPERATORS | KEYS, "endpoint", OPERATORS),
    "POST /v1/webhooks/endpoints/<id>/secret": of_its_machine("endpoint"),
    "POST /v1/webhooks/endpoints/<id>/test": of_its_machine("endpoint"),
    "POST /v1/webhooks/endpoints/<id>/recover": of_its_machine("endpoint"),
    "GET /v1/webhooks/deliveries": of_machine("delivery"),
    "GET /v1/webhooks/deliveries/<id>": of_machine("delivery"),
    "POST /v1/webhooks/deliveries/<id>/resend": of_its_machine("delivery"),
    "GET /ussd/phone": ANYONE,
    "GET /ussd/phone/inbox": ANYONE,
    "GET /ussd/phone/<name>": ANYONE,
    "POST /ussd": GATEWAY,
    "POST /ussd/africastalking": GATEWAY,
    "POST /ussd/hubtel": GATEWAY,
    "POST /ussd/infobip/session/<session>/start": GATEWAY,
    "POST /ussd/infobip/session/<session>/response": GATEWAY,
    "PUT /ussd/infobip/session/<session>/response": GATEWAY,
    "POST /ussd/infobip/session/<session>/end": GATEWAY,
    "PUT /ussd/infobip/session/<session>/end": GATEWAY,
    "POST /ussd/nalo": GATEWAY,
}
LISTS = {
    "GET /amendes/payments": ("payments", "id"),
    "GET /consultations": ("consultations", "id"),
    "GET /charges": ("charges", "appointment_id"),
    "GET /api/event/<solution>/<model>/<action>": ("events", "event_uid"),
    "GET /v1/wallets/transfers": ("transfers", "id"),
    "GET /v1/operations": ("operations", "id"),
    "GET /v1/payments": ("payments", "payment_id"),
    "GET /v1/payouts": ("payouts", "id"),
    "GET /v1/refunds": ("refunds", "id"),
    "GET /v1/webhooks/endpoints": ("endpoints", "id"),
    "GET /v1/webhooks/deliveries": ("deliveries", "id"),
}
"""The name of the list, and of the id of an item."""
UNDERSTOOD: dict[str, dict[str, Any]] = {
    "/reject": {"reason": "no"},
    "/refunds": {"reason": "no"},
    "/decision": {"decision": "confirm", "reason": "seen"},
    "/recover": {"since": "2026-01-01T12:00:00Z", "dry_run": True},
    "PATCH /v1/webhooks/endpoints/<id>": {"description": "orders"},
}
"""Bodies of routes that look at the body before they look for the thing, by the end of the route."""


@pytest.fixture(scope="module")
def crowd() -> Iterator[Crowd]:
    keys: dict[str, Any] = {f"{name}_key": GATEWAY_KEY for name in GATEWAY_KEYS}
    house = build(store_url="mongodb://x", **keys)
    house.person("payee")
    yield Crowd(house)
    house.store.close()


def call(crowd: Crowd, who: str, route: str, id: str) -> Answer:
    """A request to the route about the thing of this id, or one that is understood and asks for nothing."""
    method, rule = route.split()
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: PARTS.get(found[1], id), rule)
    if method == "GET":
        return crowd.send(who, method, f"{path}?limit=100" if route in LISTS else path)
    content = next((body for end, body in UNDERSTOOD.items() if route.endswith(end)), {"unknown": 1})
    return crowd.send(who, method, path, {"id": id} if path == "/end" else content)


def refusal(who: str, expected: Expected) -> int:
    return 401 if who in UNKNOWN or expected is GATEWAY else 403


def is_seen(route: str, answer: Answer, id: str) -> bool:
    if route not in LISTS:
        assert answer.status_code not in (401, 403), answer.text
        return answer.status_code != 404
    assert answer.status_code == 200, answer.text
    name, member = LISTS[route]
    return id in [item[member] for item in answer.json[name]]


def test_every_route_has_an_expectation(crowd: Crowd) -> None:
    assert EXPECTED.keys() == crowd.house.app.extensions["access"].keys()


@pytest.mark.parametrize("route", EXPECTED)
def test_each_caller_is_let_in_where_they_are_expected(crowd: Crowd, route: str) -> None:
    expected = EXPECTED[route]
    for who in CALLERS:
        answer = call(crowd, who, route, NO_ID)

        if who in expected.admitted:
            assert answer.status_code not in (401, 403), (who, answer.text)
        else:
            assert answer.status_code == refusal(who, expected), (who, answer.text)


@pytest.mark.parametrize("route", [route for route, expected in EXPECTED.items() if expected.thing])
def test_each_caller_sees_their_own_and_others_only_where_they_are_expected(crowd: Crowd, route: str) -> None:
    expected = EXPECTED[route]
    makers = PEOPLE if expected.thing in ("top-up", "transfer", "service payment") else OPERATORS | KEYS
    for who in CALLERS:
        if who in expected.admitted & makers:
            id = crowd.make(expected.thing, who)
            assert is_seen(route, call(crowd, who, route, id), id), f"{who} does not see their own"
        first, second = ("person", "other person") if makers is PEOPLE else ("key", "other key")
        id = crowd.make(expected.thing, second if who in in_both_ways(first) else first)
        answer = call(crowd, who, route, id)
        if who in expected.admitted:
            assert is_seen(route, answer, id) == (who in expected.sees), f"{who}: somebody else's"
        else:
            assert answer.status_code == refusal(who, expected), (who, answer.text)


def test_a_physician_who_is_busy_at_one_client_is_free_at_another(crowd: Crowd) -> None:
    person = {"physician_id": "busy", "patient_id": "patient"}
    opened = {}
    for who in ("key", "other key", "key for all", "operator"):
        opened[who] = crowd.send(who, "POST", "/start", person).json["id"]
    assert len(set(opened.values())) == len(opened)
    for who, id in opened.items():
        answer = crowd.send(who, "POST", "/start", person)
        assert (answer.status_code, answer.json["code"]) == (409, "physician_busy")
        assert id in answer.json["detail"]


def test_a_rotated_key_owns_what_its_predecessor_has_made(crowd: Crowd) -> None:
    keys = crowd.house.core.api_keys
    old, text = keys.create("clinic", frozenset({"consultations"}))
    crowd.headers["old"] = {"Authorization": f"Bearer {text}"}
    id = crowd.make("consultation", "old")
    made = keys.rotate(old.id, timedelta(hours=1))
    assert made is not None

    crowd.headers["new"] = {"Authorization": f"Bearer {made[1]}"}

    assert crowd.send("new", "GET", f"/consultations/{id}").status_code == 200
    assert crowd.send("old", "GET", f"/consultations/{id}").status_code == 200


def test_a_key_is_good_from_its_networks_only(crowd: Crowd) -> None:
    _, text = crowd.house.core.api_keys.create("clinic", Grant(frozenset({"consultations"}), (), ("10.1.0.0/16",)))
    for address, status in (("10.1.2.3", 200), ("::ffff:10.1.2.3", 200), ("10.2.0.1", 401), ("127.0.0.1", 401)):
        answer = crowd.house.http.get(
            "/consultations",
            headers={"Authorization": f"Bearer {text}"},
            environ_overrides={"REMOTE_ADDR": address},
        )
        assert answer.status_code == status, address
