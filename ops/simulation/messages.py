"""The simulated town of messages: payers of fines who want to be told how it ended, and a gateway that sends SMS."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import cached_property
from typing import Any

from core.accept import Order
from core.operation import Operation, Status
from core.outcomes import Tell, outcome
from core.store.port import OPERATIONS, Store, scan
from ops.simulation.fines import FinesTown
from ops.simulation.partner import SimulatedPartner
from ops.simulation.reckoning import Reckoning
from ops.simulation.world import World
from worker.partners.sms import HttpSms
from worker.process import Processes
from worker.processes.sms import KIND, sms


class MessagesTown(FinesTown):
    """What is paid ends in every way that there is, and of each end one message tells, and none before it."""

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world, payments)
        self._store = world.store
        self._told: defaultdict[str, list[str]] = defaultdict(list)
        """By payment: what its payer was told of it."""
        self._early: Counter[str] = Counter()

    def processes(self, store: Store) -> Processes:
        return {**super().processes(store), KIND: sms(store, HttpSms(self._gateway, self.world.guard("sms")))}

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        wrong, told = super().wrong(operation), self._told[operation.id]
        if len(told) > 1:
            wrong.append(("double", f"was told {len(told)} times: {told}"))
        if self._early[operation.id]:
            wrong.append(("unexplained", f"was told before its end: {told}"))
        if operation.terminal and not told and not self._refused(operation):
            wrong.append(("lost", f"was not told: {operation.status}"))
        if operation.terminal and any(text != outcome(operation) for text in told):
            wrong.append(("unexplained", f"was told otherwise: {operation.status}, {told}"))
        return wrong

    def reckon(self) -> Reckoning:
        reckoning = super().reckon()
        for document in scan(self._store, OPERATIONS, {"kind": KIND}):
            reckoning.statuses[f"sms {document['status']}"] += 1
            if not Operation.from_document(document).terminal:
                reckoning.tell("lost", f"{document['id']} has not ended: {document['status']}")
        return reckoning

    @cached_property
    def _gateway(self) -> SimulatedPartner:
        return self.partner(self._send, HttpSms.REASONS)

    def _order(self, number: int, wanted: list[str]) -> Order:
        order = super()._order(number, wanted)
        tell = Tell(order.request["msisdn"], "en", "Fine", order.request["amount"], order.request["currency"])
        return replace(order, tell=asdict(tell))

    def _send(self, path: str, body: Mapping[str, Any]) -> str | None:
        if self.world.chance.strikes("declined"):
            return "INVALID_NUMBER"
        about = self._load(self._load(body["request_id"].partition(":")[0]).request["about"])
        self._told[about.id].append(body["text"])
        self._early[about.id] += not about.terminal
        return None

    def _refused(self, about: Operation) -> bool:
        """Whether the gateway took no message for this payer."""
        found = self._store.find(OPERATIONS, {"kind": KIND, "subject": about.subject})
        return any(m["request"]["about"] == about.id and m["status"] == Status.FAILED.value for m in found)

    def _load(self, id: str) -> Operation:
        document = self._store.get(OPERATIONS, id)
        assert document is not None
        return Operation.from_document(document)
