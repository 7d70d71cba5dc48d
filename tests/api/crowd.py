"""A house with one caller of each kind, and with what each of them makes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from core.identity.api_keys import Grant
from core.identity.people import Role
from core.installed import DEFAULT
from core.operation import Status
from core.steps import StepState
from products.fines.contract import settle_step
from tests.answers import Answer
from tests.api.kit import PHONE, House, body, machine_token

GATEWAY_KEYS = ("ussd", "ussd_africastalking", "ussd_hubtel", "ussd_infobip", "ussd_nalo")
GATEWAY_KEY = "the key of a gateway"
OPERATORS = frozenset({"operator", "admin", "admin token"})
ADMINS = OPERATORS - {"operator"}
PEOPLE = frozenset({"person", "other person", "operator", "admin"})
MACHINES = ("key", "other key", "key for all", "key without the scope", "expired key")


def in_both_ways(*keys: str) -> frozenset[str]:
    """Machines: each with its key, and with a token for it."""
    return frozenset({*keys, *(f"{key} by token" for key in keys)})


KEYS = in_both_ways("key", "other key", "key for all")
EXPIRED = in_both_ways("expired key")
UNKNOWN = EXPIRED | {"anonymous", "gateway", "gateway without its key"}
"""Callers that a bearer token does not tell: 401 where one is needed."""
CALLERS = (*sorted(OPERATORS | PEOPLE | KEYS | UNKNOWN | in_both_ways("key without the scope")),)
ALL = frozenset(CALLERS)


TOPIC = "clinic/visit/opened"
PARTS = dict(zip(("solution", "model", "action"), TOPIC.split("/"), strict=True))


class Crowd:
    """A house outside of one machine with one caller of each kind, and with what they make."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._number = 0
        self._endpoints: dict[str, str] = {}
        widening = frozenset(scope for scope in DEFAULT.scopes if scope.endswith(":all"))
        narrow = Grant(DEFAULT.scopes - widening, ("clinic.*.*",))
        tokens = {
            "person": self._person("person"),
            "other person": self._person("other"),
            "operator": self._person("operator", Role.OPERATOR),
            "admin": self._person("admin", Role.ADMIN),
            "admin token": house.settings.admin_token,
            "key": self._key(narrow),
            "other key": self._key(narrow),
            "key for all": self._key(Grant(DEFAULT.scopes, ("clinic.*.*",))),
            "key without the scope": self._key(Grant(frozenset(), ("clinic.*.*",))),
            "expired key": self._key(Grant(DEFAULT.scopes, ("*.*.*",)), timedelta(minutes=1)),
        }
        tokens |= {f"{key} by token": machine_token(house, tokens[key]) for key in MACHINES}
        house.tick(60)
        self.headers = {name: {"Authorization": f"Bearer {token}"} for name, token in tokens.items()}
        self.headers |= {
            "anonymous": {},
            "gateway": {"X-Gateway-Key": GATEWAY_KEY},
            "gateway without its key": {"X-Gateway-Key": "another"},
        }
        service = self.send("admin", "POST", "/v1/services/create", {"name": "Permit", "price": 1})
        self.service = service.json["id"]

    def send(self, who: str, method: str, path: str, content: Any = None) -> Answer:
        how: dict[str, Any] = (
            {} if content is None else {"data": json.dumps(content), "content_type": "application/json"}
        )
        if path.endswith(("/token", "africastalking")):
            how = {"data": content}
        return self.house.http.open(path, method=method, headers=self.headers[who], **how)

    def make(self, thing: str, owner: str) -> str:
        """The id of something new that this caller has made."""
        self._number += 1
        n = self._number
        makers: dict[str, Callable[[], Answer]] = {
            "consultation": lambda: self._started(owner, n),
            "charge": lambda: self._ended(owner, n),
            "event": lambda: self.send(owner, "POST", f"/api/event/{TOPIC}", {"number": n}),
            "fine": lambda: self.send(owner, "POST", "/amendes/payments", _fine(n)),
            "payout": lambda: self.send(
                owner, "POST", "/v1/payouts", {"msisdn": PHONE, "amount": 20_000 + n, "currency": "XOF"}
            ),
            "refund": lambda: self._refunded(owner, n),
            "fine look-up": lambda: self.send(owner, "POST", "/v1/fines/lookups", {"plate": f"AB{n}"}),
            "payer check": lambda: self.send(owner, "POST", "/v1/payers", {"msisdn": f"+22507000{n:05d}"}),
            "top-up": lambda: self.send(owner, "POST", "/v1/wallets/top-up", {"amount": n}),
            "transfer": lambda: self.send(owner, "POST", "/v1/wallets/transfers", {"to": "payee", "amount": n}),
            "service payment": lambda: self._paid(owner),
            "endpoint": lambda: self._endpoint(owner),
            "delivery": lambda: self._delivery(owner),
        }
        answer = makers[thing]()
        assert answer.status_code in (201, 202), answer.text
        return str(next(answer.json[name] for name in ("id", "event_uid", "payment_id") if name in answer.json))

    def _started(self, owner: str, n: int) -> Answer:
        return self.send(owner, "POST", "/start", {"physician_id": f"physician-{n}", "patient_id": "patient"})

    def _ended(self, owner: str, n: int) -> Answer:
        return self.send(owner, "POST", "/end", {"id": self._started(owner, n).json["id"]})

    def _refunded(self, owner: str, n: int) -> Answer:
        id = self.send(owner, "POST", "/amendes/payments", _fine(n)).json["id"]
        operation = self.house.operation(id)
        done = replace(operation.step(settle_step(f"AM-{n}")), state=StepState.DONE)
        operation = operation.with_step(settle_step(f"AM-{n}"), done)
        self.house.save(replace(operation, status=Status.SUCCEEDED))
        return self.send(owner, "POST", f"/v1/operations/{id}/refunds", {"reason": "a mistake"})

    def _paid(self, owner: str) -> Answer:
        self.house.tick(11)  # within ten seconds, it would be the same payment
        return self.send(owner, "POST", "/v1/payments", {"service_id": self.service})

    def _endpoint(self, owner: str) -> Answer:
        """In place of the one before: a client may have some only."""
        if before := self._endpoints.get(owner):
            self.send(owner, "DELETE", f"/v1/webhooks/endpoints/{before}")
        made = self.send(owner, "POST", "/v1/webhooks/endpoints", {"url": "https://203.0.114.1/hook"})
        self._endpoints[owner] = made.json["id"]
        return made

    def _delivery(self, owner: str) -> Answer:
        return self.send(owner, "POST", f"/v1/webhooks/endpoints/{self._endpoint(owner).json['id']}/test")

    def _person(self, name: str, role: Role = Role.USER) -> str:
        self._number += 1
        return self.house.person(name, role, f"+22507010{self._number:05d}", balance=100_000).token

    def _key(self, grant: Grant, lifetime: timedelta | None = None) -> str:
        return self.house.core.api_keys.create("clinic", grant, lifetime=lifetime)[1]


def _fine(number: int) -> dict[str, Any]:
    return body(msisdn=f"+22507{number:08d}", amount=1, amendes=[{"id": f"AM-{number}", "amount": 1}])
