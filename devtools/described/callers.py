"""A stack with something to find on it, and the callers that Schemathesis plays."""

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests

from core.installed import DEFAULT
from devtools.stack import ROOT, Stack

ADMIN_TOKEN = "a-token-of-administrators-for-tests"
GATEWAY_KEY = "a-key-of-all-gateways-in-these-tests"
PASSWORD = "a password of no example"
"""That of the examples would change the caller's password, and so end their token."""
LEAVERS = ("lea", "leo", "liz")
PHONES = {"awa": "+2250707000001", "kofi": "+2250707000002"}
TIMEOUT_S = 30

SETTINGS: Mapping[str, str] = {
    "ADMIN_TOKEN": ADMIN_TOKEN,
    "SECRET_KEY": "a-secret-of-these-tests-long-enough-to-sign",
    "PIN_PEPPER": "a-pepper-of-these-tests-long-enough-to-mix",
    **{f"USSD_{name}KEY": GATEWAY_KEY for name in ("", "AFRICASTALKING_", "HUBTEL_", "INFOBIP_", "NALO_")},
    "OPERATORS": "mtn-ci",  # that of the examples
    "MTN_CI_DIALECT": "generic",
    "RATE_LIMITS": "off",
    "NEW_TOPICS_PER_HOUR": "1000000",
    "MOCK_LATENCY_MAX_S": "0.05",
    "MOCK_TIMEOUT_RATE": "0",
    "LOG_LEVEL": "WARNING",
}
"""Every secret is set, so that no route is open, and the sandbox is quick."""


@dataclass(frozen=True)
class Caller:
    """The kinds of caller.

    headers: what shows it.
    leaver: the Authorization of a person who signs out in place of this one; empty for who is no person.
    paths: a pattern of the paths that it calls.
    """

    name: str
    headers: Mapping[str, str]
    leaver: str = ""
    paths: str = "^/"


def prepare(stack: Stack) -> tuple[list[Caller], dict[str, tuple[str, ...]]]:
    """Makes people, a key and operations on a running stack.

    Returns the callers in the order of their turns and, by the name of a dictionary in schemathesis.toml, the ids of
    what is there.
    """
    client = _Client(stack.api)
    for username in ("awa", "kofi", *LEAVERS):
        person = {"username": username, "password": PASSWORD, "msisdn": PHONES.get(username)}
        client.send("POST", "/v1/auth", {name: value for name, value in person.items() if value})
    _ops(stack, "people", "create-operator", "olga")
    _ops(stack, "people", "create-admin", "rosa")
    scopes = [word for scope in sorted(DEFAULT.scopes) for word in ("--scope", scope)]
    key = json.loads(_ops(stack, "keys", "create", "till", *scopes, "--topic", "*.*.*", "--json"))["key"]
    admin, machine, awa = _bearer(ADMIN_TOKEN), _bearer(key), client.sign_in("awa")
    leaver = (client.sign_in(name)["Authorization"] for name in LEAVERS)
    callers = [
        Caller("anonymous", {}),
        Caller("person", awa, next(leaver)),
        Caller("operator", client.sign_in("olga"), next(leaver)),
        Caller("admin", client.sign_in("rosa"), next(leaver)),
        Caller("admin token", admin),
        Caller("API key", machine),
        Caller("gateway", {"X-Gateway-Key": GATEWAY_KEY}, paths="^/ussd"),
    ]
    return callers, _operations(client, admin, machine, awa)


def _operations(
    client: "_Client", admin: Mapping[str, str], machine: Mapping[str, str], awa: Mapping[str, str]
) -> dict[str, tuple[str, ...]]:
    """One or more operations of each kind. Returns their ids."""
    fine = {"id": "AM-2026-000123", "amount": 15000}
    paid = {"msisdn": PHONES["awa"], "currency": "XOF", "amount": 15000, "amendes": [fine]}
    service = client.send("POST", "/v1/services/create", {"name": "Parking permit", "price": 50}, admin)["id"]
    top_up = client.send("POST", "/v1/wallets/top-up", {"amount": 10**6}, {**awa, "Prefer": "wait=20"})
    assert top_up["status"] == "succeeded", top_up
    people = [{"physician_id": f"physician-{number}", "patient_id": "patient-1"} for number in (1, 2)]
    consultations = [client.send("POST", "/start", both, machine)["id"] for both in people]
    client.send("POST", "/end", {"id": consultations[0]}, machine)
    payout = {"msisdn": PHONES["kofi"], "amount": 200_000, "currency": "XOF"}  # above the limit: it waits
    client.send("POST", "/v1/merchants", {"name": "Kiosk", "owner": "kofi"}, admin)
    endpoint = client.send("POST", "/v1/webhooks/endpoints", {"url": "http://127.0.0.1:9/hook"}, machine)["id"]
    found = {
        "endpoints": endpoint,
        "deliveries": client.send("POST", f"/v1/webhooks/endpoints/{endpoint}/test", None, machine)["id"],
        "fines": client.send("POST", "/amendes/payments", paid)["id"],
        "events": client.send("POST", "/api/event/shop/order/created", {"order": 7}, machine)["event_uid"],
        "services": service,
        "charges": consultations[0],
        "lookups": client.send("POST", "/v1/fines/lookups", {"plate": "AB-123-CD"}, machine)["id"],
        "payers": client.send("POST", "/v1/payers", {"msisdn": PHONES["kofi"]}, machine)["id"],
        "payouts": client.send("POST", "/v1/payouts", payout, machine)["id"],
        "payments": client.send("POST", "/v1/payments", {"service_id": service}, awa)["payment_id"],
        "top_ups": top_up["id"],
        "transfers": client.send("POST", "/v1/wallets/transfers", {"to": "kofi", "amount": 5}, awa)["id"],
    }
    ids = {name: (str(id),) for name, id in found.items()}
    return {**ids, "consultations": tuple(consultations), "operations": tuple(sum(ids.values(), ()))}


class _Client:
    """Calls the API, and expects that it succeeds."""

    def __init__(self, api: str) -> None:
        self._api = api

    def send(self, method: str, path: str, body: object, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        answer = requests.request(method, self._api + path, json=body, headers=headers, timeout=TIMEOUT_S)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return dict(answer.json())

    def sign_in(self, username: str) -> dict[str, str]:
        form = {"username": username, "password": PASSWORD}
        answer = requests.post(f"{self._api}/v1/auth/token", data=form, timeout=TIMEOUT_S)
        assert answer.ok, answer.text
        return _bearer(answer.json()["access_token"])


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _ops(stack: Stack, *words: str) -> str:
    command = [sys.executable, "-m", "ops", *words]
    done = subprocess.run(
        command, cwd=ROOT, env=stack.environment, capture_output=True, text=True, input=PASSWORD + "\n"
    )
    assert done.returncode == 0, f"{' '.join(words)}: {done.stdout}{done.stderr}"
    return done.stdout
