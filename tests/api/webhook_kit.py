"""A client with endpoints of webhooks, and what delivers to them."""

import json
from typing import Any

import jsonschema

from core.identity.api_keys import Grant
from core.operation import Status
from products.webhooks.breakers import Breakers
from products.webhooks.catalogue import schema
from products.webhooks.process import webhook
from products.webhooks.rights import Rights
from tests.api.kit import Caller, House, body
from tests.ussd.kit import Worker
from worker.partners.breaker import Breaker
from worker.partners.pinned import Heard, NotHeard

BODIES = jsonschema.Draft202012Validator(schema())
ENDPOINTS, DELIVERIES = "/v1/webhooks/endpoints", "/v1/webhooks/deliveries"
HOOK = "https://203.0.114.1/hook"
SCOPES = frozenset({"webhooks:manage", "fines:pay", "fines:read"})


def shop(house: House, *scopes: str) -> Caller:
    _, text = house.core.api_keys.create("shop", Grant(SCOPES | set(scopes)))
    return house.caller(text)


def made(caller: Caller, **members: Any) -> dict[str, Any]:
    answer = caller.post(ENDPOINTS, {"url": HOOK, **members})
    assert answer.status_code == 201, answer.text
    return answer.json


class Postman:
    """Delivers what is due. answers: what the receivers say, in turn; then 204."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.house = worker, worker.house
        self.answers: list[Heard | NotHeard] = []
        self.sent: list[tuple[str, bytes, str]] = []
        breakers = Breakers(lambda _: Breaker("webhooks", self.house.clock, 8))
        rights = Rights(self.house.store, self.house.clock, self.house.core.settings.let_in)
        worker.serve(webhook(self.house.store, self.house.clock, self, breakers, rights))

    def post(self, url: str, body: bytes, headers: Any, owner: str) -> Heard | NotHeard:
        BODIES.validate(json.loads(body))
        self.sent.append((url, body, headers["webhook-id"]))
        return self.answers.pop(0) if self.answers else Heard(204, b"", 0)

    def run(self) -> None:
        self.worker.run()


def announce(house: House, caller: Caller, number: int, *statuses: Status) -> str:
    """What a worker does: it moves a payment, and says so before. Returns the payment's id."""
    fine = {"id": f"AM-{number}", "amount": 10}
    paid = caller.post("/amendes/payments", body(amount=10, amendes=[fine], msisdn=f"+22507070{number:05d}"))
    assert paid.status_code == 202, paid.text
    before = house.operation(paid.json["id"])
    after = before
    for status in statuses:
        after = after.moved(status, house.clock.now())
    house.core.announcements.changed(before, after)
    house.save(after)
    return before.id
