"""Simulated notices to operators, and a mail server that is away, loses answers and refuses."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from core.accept import Command
from core.operation import Operation, Status
from core.store.port import Store
from products.messages.contract import EMAIL, Email
from products.messages.mailing import email
from proof.simulation.partner import SimulatedPartner
from proof.simulation.scenario import Scenario
from proof.simulation.world import World
from worker.partners.http import Answer
from worker.partners.port import Confirmed, Reply
from worker.partners.sms.port import read
from worker.process import Processes

ARRIVALS_S = 120


class Server:
    """Takes each message as often as it comes: a notice may arrive twice."""

    def __init__(self, partner: SimulatedPartner) -> None:
        self._partner = partner

    def send(self, reference: str, to: Sequence[str], subject: str, text: str) -> Reply:
        body = {"request_id": reference, "subject": subject, "text": text}
        return read(self._partner.exchange("POST", "/mail", body), _taken)


class EmailScenario(Scenario):
    """Each notice is delivered at least once, as it was written."""

    kind = EMAIL.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        self.sent: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._server = Server(self.partner(self._take, ()))
        world.inhabit(self.processes)
        for number in range(payments):
            request = Email(["operations@city.example"], "Quittance", f"notice {number}")
            command = Command(self.kind, request.to_json(), "worker", idempotency_key=str(number), repeatable=True)
            self.ask_at(world.chance.between(0, ARRIVALS_S), command)

    def processes(self, store: Store) -> Processes:
        return {self.kind: email(self._server, self.world.breaker("mail"))}

    def effects(self) -> tuple[int, int, int]:
        """Nobody is debited; a notice that was taken is settled."""
        return 0, len(self.sent), 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        sent, text = self.sent[operation.id], operation.request["text"]
        if operation.status is Status.SUCCEEDED and not sent:
            return [("lost", "is said to be sent, and was not")]
        return [("unexplained", f"was sent as {sorted(sent)}")] if set(sent) - {text} else []

    def _take(self, path: str, body: Mapping[str, Any]) -> None:
        self.sent[body["request_id"].partition(":")[0]][body["text"]] += 1


def _taken(answer: Answer) -> Reply | None:
    """A mail server takes a message or not: it has no other answer that is usable."""
    return Confirmed() if answer.body.get("status") == "SUCCESSFUL" else None
