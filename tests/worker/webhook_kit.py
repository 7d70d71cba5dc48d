"""Webhooks in a house of their own: endpoints, what happens, and a receiver that remembers what it got."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import jsonschema
from standardwebhooks.webhooks import Webhook

from core.accept import ACCEPTED
from core.broker.embedded import EmbeddedBroker
from core.contract import Contract, Request, StatusEvents, no_effects
from core.ids import new_id
from core.notices.port import Site
from core.operation import Entry, Operation
from core.store.port import OPERATIONS, Store
from products.webhooks.breakers import Breakers
from products.webhooks.catalogue import schema
from products.webhooks.contract import WEBHOOK, WebhookAnnouncer
from products.webhooks.endpoints import Endpoint, Endpoints
from products.webhooks.off import Switch
from products.webhooks.process import webhook
from products.webhooks.rights import Rights
from tests.doubles import START, FakeClock, ScriptedPartner, engine, insert, process, step
from worker.engine import Engine
from worker.partners.breaker import Breaker
from worker.partners.pinned import Heard, NotHeard
from worker.partners.port import Confirmed

BODIES = jsonschema.Draft202012Validator(schema())
"""Checks every body that these tests send."""
CLIENT = "client-1"
OK = Heard(204, b"", 0)


@dataclass(frozen=True)
class Paid(Request):
    amount: int = 1250


PAID = Contract(
    "test",
    Paid,
    frozenset(),
    (),
    no_effects,
    status_events=StatusEvents("payment", "/payments/{id}", lambda request: (request.amount, "BRL")),
)


@dataclass
class Receiver:
    """Answers as it is told, and remembers what it got. now: of the attempts."""

    clock: FakeClock
    answers: list[Heard | NotHeard] = field(default_factory=list)
    got: list[tuple[datetime, str, bytes, Mapping[str, str]]] = field(default_factory=list)

    def post(self, url: str, body: bytes, headers: Mapping[str, str], owner: str) -> Heard | NotHeard:
        BODIES.validate(json.loads(body))
        self.got.append((self.clock.now(), url, body, headers))
        return self.answers.pop(0) if self.answers else OK

    @property
    def types(self) -> list[str]:
        return [json.loads(body)["type"] for _, _, body, _ in self.got]


@dataclass
class House:
    store: Store
    clock: FakeClock
    receiver: Receiver
    let_in: frozenset[str] = frozenset()
    notices: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.store, self.clock)

    def endpoint(self, *types: str, owner: str = CLIENT, hears: str | None = None) -> Endpoint:
        return self.endpoints.create(owner, "https://client.example/hook", types or ("*",), hears=hears)

    def reload(self, endpoint: Endpoint) -> Endpoint:
        found = self.endpoints.get(endpoint.id)
        assert found is not None
        return found

    def announcer(self) -> WebhookAnnouncer:
        broker = EmbeddedBroker(self.store, self.clock)
        return WebhookAnnouncer(
            self.store, broker, self.clock, new_id, Site({"test": PAID}, "https://pay.example", self.let_in)
        )

    def worker(self, store: Any = None, *replies: Any) -> Engine:
        partner = ScriptedPartner(*replies or (Confirmed(),))
        steps = process((step("one", partner),))
        return engine(store or self.store, self.clock, steps, announce=self.announcer().changed)

    def deliveries(self) -> list[Operation]:
        return [Operation.from_document(d) for d in self.store.find(OPERATIONS, {"kind": WEBHOOK.kind})]

    def deliver(self) -> None:
        """Advances all deliveries that are due."""
        breakers = Breakers(lambda _: Breaker("webhooks", self.clock, 8))
        rights = Rights(self.store, self.clock, self.let_in)
        switch = Switch(self.store, self.clock, lambda *notice: self.notices.append(notice))
        delivering = webhook(self.store, self.clock, self.receiver, breakers, rights, switch)
        worker = engine(self.store, self.clock, delivering, jitter=lambda: 0.5)
        for delivery in self.deliveries():
            worker.advance(delivery.id)


def pay(house: House, id: str = "op-1", **changes: Any) -> None:
    insert(house.store, id=id, client=CLIENT, request={"amount": 1250}, history=(Entry(START, *ACCEPTED),), **changes)
    house.worker().advance(id)


def verified(got: tuple[datetime, str, bytes, Mapping[str, str]], secret: str) -> Any:
    """The body, if the secret has signed it."""
    at, _, body, headers = got
    assert headers["webhook-timestamp"] == str(int(at.timestamp()))
    signed = {name: value for name, value in headers.items() if name.startswith("webhook-")}
    key = Webhook(secret)
    for text in signed["webhook-signature"].split():
        if text == key.sign(signed["webhook-id"], at, body.decode()):
            return json.loads(body)
    raise AssertionError("not signed by this secret")
