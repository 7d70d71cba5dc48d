"""Simulated webhooks: a client that pays fines, and its endpoints, which are away, slow or gone, or lie."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property

from standardwebhooks.webhooks import Webhook

from core.clock import to_rfc3339
from core.operation import TERMINAL, Operation
from core.store.port import OPERATIONS, Store, scan
from products.fines.scenario import FinesScenario
from products.webhooks.breakers import Breakers
from products.webhooks.contract import WEBHOOK
from products.webhooks.endpoints import Endpoint, Endpoints
from products.webhooks.process import webhook
from products.webhooks.rights import Rights
from proof.simulation.summary import Summary
from proof.simulation.world import World
from worker.partners.pinned import Heard, NotHeard
from worker.process import Processes

CLIENT = "client"
"""Who pays the fines."""
MAX_AWAY_S = 40 * 3600
"""The longest outage of an endpoint, of which each has one: two attempts follow it."""
ENDS = tuple(f"payment.{status}" for status in TERMINAL)
MESSAGES_EACH = 10
"""About as many are sent about one payment: so there are fewer payments in a world."""
Told = tuple[str, str, str]
"""An operation, the status that it came to, and when."""


class Receiver:
    """The client's endpoints.

    secrets: of each, by its URL.
    told: by endpoint, what it has been told, and how often; bodies: by endpoint and message.
    """

    def __init__(self, world: World, secrets: Mapping[str, str]) -> None:
        self._world = world
        self._secrets = secrets
        self._away_until: dict[str, datetime] = {}
        self.told: defaultdict[str, Counter[Told]] = defaultdict(Counter)
        self.bodies: defaultdict[tuple[str, str], set[bytes]] = defaultdict(set)
        self.gone: set[str] = set()
        self.wrong: list[str] = []

    def post(self, url: str, body: bytes, headers: Mapping[str, str], owner: str) -> Heard | NotHeard:
        answer = self._answer(url, body, headers)
        self._world.point()
        return answer

    def _answer(self, url: str, body: bytes, headers: Mapping[str, str]) -> Heard | NotHeard:
        strikes = self._world.chance.strikes
        if url in self.gone or (url.endswith("gone") and strikes("endpoint gone")):
            self.gone.add(url)
            return Heard(410, b"", 0)
        if self._is_away(url):
            return NotHeard("no connection")
        self._take(url, body, headers)
        if strikes("endpoint lies"):
            return Heard(500, b"I do not have it", 0)
        return NotHeard("no answer") if strikes("endpoint is slow") else Heard(200, b"", 0)

    def _is_away(self, url: str) -> bool:
        now, chance = self._world.now(), self._world.chance
        if url not in self._away_until and chance.strikes("endpoint away"):
            self._away_until[url] = now + timedelta(seconds=chance.between(1, MAX_AWAY_S))
        return self._away_until.get(url, now) > now

    def _take(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        id = headers["webhook-id"]
        expected = Webhook(self._secrets[url]).sign(id, self._world.now(), body.decode())
        if expected not in headers["webhook-signature"].split():
            self.wrong.append(f"{url} was told {id} under another secret")
        told = json.loads(body)
        self.told[url][told["data"]["id"], told["data"]["status"], told["timestamp"]] += 1
        self.bodies[url, id].add(body)


class WebhooksScenario(FinesScenario):
    """Every endpoint that is not gone is told of each status at least once, in the same words each time."""

    def __init__(self, world: World, payments: int) -> None:
        endpoints = Endpoints(world.store, world)
        # Where single faults are planted everywhere, one delivery shows what there is to see.
        wanted = {"one": ("*",), "other": ("*",), "gone": ("*",)} if world.chance.faults else {"ends": ENDS}
        self._endpoints: list[Endpoint] = [
            endpoints.create(CLIENT, f"https://client.invalid/{name}", types) for name, types in wanted.items()
        ]
        super().__init__(world, max(1, payments // MESSAGES_EACH))

    @cached_property
    def _receiver(self) -> Receiver:
        return Receiver(self.world, {endpoint.url: endpoint.secrets[0] for endpoint in self._endpoints})

    def processes(self, store: Store) -> Processes:
        breakers = Breakers(lambda _: self.world.breaker("webhooks"))
        rights = Rights(store, self.world, frozenset())
        return {**super().processes(store), WEBHOOK.kind: webhook(store, self.world, self._receiver, breakers, rights)}

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        wrong = super().wrong(operation)
        for endpoint in self._endpoints:
            moves = (entry for entry in operation.moves() if endpoint.wants(f"payment.{entry.event}"))
            happened = {(operation.id, entry.event, to_rfc3339(entry.at)) for entry in moves}
            told = {each for each in self._receiver.told[endpoint.url] if each[0] == operation.id}
            wrong += [("unexplained", f"{endpoint.url} was told what was not: {each}") for each in told - happened]
            if operation.terminal and endpoint.url not in self._receiver.gone:
                wrong += [("lost", f"{endpoint.url} was not told: {each}") for each in happened - told]
        return wrong

    def summarize(self) -> Summary:
        summary = super().summarize()
        for (url, id), bodies in self._receiver.bodies.items():
            if len(bodies) > 1:
                summary.report("unexplained", f"{url} was told {id} in {len(bodies)} bodies")
        for why in self._receiver.wrong:
            summary.report("unexplained", why)
        for document in scan(self.world.store, OPERATIONS, {"kind": WEBHOOK.kind}):
            delivery = Operation.from_document(document)
            if (delivery.error or {}).get("code") == "did_not_happen":
                continue  # announced by a worker that did not come to save it
            summary.statuses[f"webhook {delivery.status}"] += 1
            if not delivery.terminal:
                summary.report("lost", f"{document['id']} has not ended: {document['status']}")
        return summary


SCENARIOS = {WEBHOOK.kind: WebhooksScenario}
