"""Simulated messages: payers of fines who want to know the outcome, and a gateway that sends SMS."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

from core.accept import Command
from core.notices.outcome import Notification, outcome
from core.operation import Operation, Status
from core.store.port import OPERATIONS, Store, scan
from products.fines.scenario import FinesScenario
from products.messages.contract import EMAIL, SMS
from products.messages.mailing_scenario import EmailScenario
from products.messages.process import sms
from proof.simulation.partner import SimulatedPartner
from proof.simulation.summary import Summary
from proof.simulation.world import World
from worker.partners.sms.generic import HttpSms
from worker.process import Processes


class MessagesScenario(FinesScenario):
    """Payments end in every possible way. Each end has to be reported by one message, and none earlier."""

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world, payments)
        self._store = world.store
        self._sent: defaultdict[str, list[str]] = defaultdict(list)
        """By payment: the texts that its payer got."""
        self._early: Counter[str] = Counter()

    def processes(self, store: Store) -> Processes:
        sender = HttpSms(self._gateway, self.world.breaker("sms"))
        return {**super().processes(store), SMS.kind: sms(store, sender, self.world)}

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        wrong, sent = super().wrong(operation), self._sent[operation.id]
        if len(sent) > 1:
            wrong.append(("double", f"was notified {len(sent)} times: {sent}"))
        if self._early[operation.id]:
            wrong.append(("unexplained", f"was notified before its end: {sent}"))
        if operation.terminal and not sent and not self._refused(operation):
            wrong.append(("lost", f"was not sent: {operation.status}"))
        if operation.terminal and any(text != outcome(operation) for text in sent):
            wrong.append(("unexplained", f"was notified wrongly: {operation.status}, {sent}"))
        return wrong

    def summarize(self) -> Summary:
        summary = super().summarize()
        for document in scan(self._store, OPERATIONS, {"kind": SMS.kind}):
            summary.statuses[f"sms {document['status']}"] += 1
            if not Operation.from_document(document).terminal:
                summary.report("lost", f"{document['id']} has not ended: {document['status']}")
        return summary

    @cached_property
    def _gateway(self) -> SimulatedPartner:
        return self.partner(self._send, HttpSms.REASONS)

    def command(self, number: int, wanted: list[str]) -> Command:
        command = super().command(number, wanted)
        notification = Notification(
            command.request["msisdn"], "en", "Fine", command.request["amount"], command.request["currency"]
        )
        return replace(command, notification=asdict(notification))

    def _send(self, path: str, body: Mapping[str, Any]) -> str | None:
        if self.world.chance.strikes("declined"):
            return "INVALID_NUMBER"
        about = self._load(self._load(body["request_id"].partition(":")[0]).request["about"])
        self._sent[about.id].append(body["text"])
        self._early[about.id] += not about.terminal
        return None

    def _refused(self, about: Operation) -> bool:
        """Whether the gateway took no message for this payer."""
        found = self._store.find(OPERATIONS, {"kind": SMS.kind, "subject": about.subject})
        return any(m["request"]["about"] == about.id and m["status"] == Status.FAILED.value for m in found)

    def _load(self, id: str) -> Operation:
        document = self._store.get(OPERATIONS, id)
        assert document is not None
        return Operation.from_document(document)


SCENARIOS = {SMS.kind: MessagesScenario, EMAIL.kind: EmailScenario}
