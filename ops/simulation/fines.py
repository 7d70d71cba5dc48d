"""The simulated town of the fine payment: its payers, its operator, its registry, and whether its money adds up."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from core.accept import Order
from core.operation import Operation, Status, StepState
from core.store.port import OPERATIONS, Store, scan
from ops.simulation.chance import Chance
from ops.simulation.partner import SimulatedPartner
from ops.simulation.reckoning import Reckoning
from ops.simulation.world import World
from worker.partners.http import Answer
from worker.partners.operator import Operator
from worker.partners.registry import Registry
from worker.process import Processes
from worker.processes.fines import KIND, fine_payment

ARRIVALS_S = 120
SAME_AGAIN_S = 40
FINES_EACH = 3
IDEMPOTENT_SHARE = 0.7


@dataclass
class FinesTown:
    """payments: how many are asked for. About every fourth wants a fine that another one wants too."""

    world: World
    payments: int
    debits: Counter[str] = field(default_factory=Counter)
    refunds: Counter[str] = field(default_factory=Counter)
    amounts: dict[str, int] = field(default_factory=dict)
    settled: dict[str, str] = field(default_factory=dict)
    """By fine: the reference that settled it."""

    def __post_init__(self) -> None:
        self._operator = self._partner(self._move_money, Operator.REASONS)
        self._registry = self._partner(self._settle, Registry.REASONS)
        self.world.inhabit(self.processes)
        random = self.world.chance.random
        self._fines = {f"AM-{number:04d}": 100 + number for number in range(self.payments * FINES_EACH)}
        for number in range(self.payments):
            wanted = sorted(random.sample(sorted(self._fines), random.randint(1, FINES_EACH)))
            order = self._order(number, wanted)
            at = random.uniform(0, ARRIVALS_S)
            self.world.at(at, lambda order=order: self.world.ask(order))  # type: ignore[misc]
            if self.world.chance.strikes("request twice"):
                again = at + random.uniform(0, SAME_AGAIN_S)
                self.world.at(again, lambda order=order: self.world.ask(order))  # type: ignore[misc]

    def processes(self, store: Store) -> Processes:
        operator = Operator(self._operator, self.world.guard("operator"))
        registry = Registry(self._registry, self.world.guard("registry"))
        return {KIND: fine_payment(store, operator, registry)}

    def land(self) -> None:
        """Lets everything that is still on its way to a partner arrive."""
        self._operator.land()
        self._registry.land()

    def reckon(self) -> Reckoning:
        store = self.world.store
        found = [Operation.from_document(document) for document in scan(store, OPERATIONS, {"kind": KIND})]
        reckoning = Reckoning(
            accepted=len(self.world.accepted),
            debited=self.debits.total(),
            settled=len(self.settled),
            refunded=self.refunds.total(),
            statuses=Counter(operation.status.value for operation in found),
            faults=self.world.chance.happened,
        )
        for operation in found:
            for name, why in self._wrong(operation):
                setattr(reckoning, name, getattr(reckoning, name) + 1)
                reckoning.why.append(f"{name}: {operation.id} {why}")
                reckoning.timelines.append(_timeline(operation))
        for id in self.world.accepted - {operation.id for operation in found}:
            reckoning.lost += 1
            reckoning.why.append(f"lost: {id} was accepted and is not stored")
        reckoning.unexplained += len(self.world.errors)
        reckoning.why += [f"unexplained: {error}" for error in self.world.errors]
        return reckoning

    def _wrong(self, operation: Operation) -> list[tuple[str, str]]:
        """What is wrong with an operation: pairs of the account it belongs to, and why."""
        wrong = []
        debit, refund = operation.reference("debit"), operation.reference("refund")
        if self.debits[debit] > 1 or self.refunds[refund] > 1:
            wrong.append(("double", f"debited {self.debits[debit]} and refunded {self.refunds[refund]} times"))
        for fine in operation.request["amendes"]:
            step = operation.step(f"settle:{fine['id']}")
            if step.state is StepState.DECLINED and step.last_error == "already_paid":
                wrong.append(("double", f"{fine['id']} was taken money for that {self.settled[fine['id']]} settled"))
        if operation.status is Status.NEEDS_REVIEW:
            return wrong
        if not operation.terminal:
            return [*wrong, ("lost", f"has not ended: {operation.status}, due {operation.due_at}")]
        taken = self.debits[debit] * operation.request["amount"]
        back = self.refunds[refund] * self.amounts.get(refund, 0)
        paid = sum(f["amount"] for f in operation.request["amendes"] if self._paid_by(operation, f["id"]))
        if taken != back + paid or (operation.status is Status.FAILED and taken):
            wrong.append(("unexplained", f"{operation.status}: took {taken}, gave back {back}, settled {paid}"))
        return wrong

    def _paid_by(self, operation: Operation, fine: str) -> bool:
        return self.settled.get(fine) == operation.reference(f"settle:{fine}")

    def _partner(self, effect: Any, reasons: tuple[str, ...]) -> SimulatedPartner:
        chance: Chance = self.world.chance
        return SimulatedPartner(
            clock=self.world,
            chance=chance,
            effect=effect,
            look_up=self._look_up,
            point=self.world.point,
            reasons=frozenset(reasons),
            idempotent=not chance.faults or chance.random.random() < IDEMPOTENT_SHARE,
        )

    def _order(self, number: int, wanted: list[str]) -> Order:
        fines = [{"id": id, "amount": self._fines[id]} for id in wanted]
        total = sum(self._fines[id] for id in wanted)
        msisdn = f"+22507{number:08d}"
        return Order(KIND, {"msisdn": msisdn, "currency": "XOF", "amount": total, "amendes": fines}, "town", msisdn)

    def _move_money(self, path: str, body: Mapping[str, Any]) -> str | None:
        if path == "/refunds":
            self.refunds[body["request_id"]] += 1
            self.amounts[body["request_id"]] = int(body["amount"])
            return None
        if self.world.chance.strikes("declined"):
            return "INSUFFICIENT_FUNDS"
        self.debits[body["request_id"]] += 1
        return None

    def _settle(self, path: str, body: Mapping[str, Any]) -> str | None:
        fine = path.split("/")[2]
        if fine in self.settled:
            return "ALREADY_PAID"
        if self.world.chance.strikes("declined"):
            return "CANCELLED"
        self.settled[fine] = body["request_id"]
        return None

    def _look_up(self, path: str) -> Answer:
        fine = path.split("/")[2]
        status = "PAID" if fine in self.settled else "DUE"
        return Answer(200, {"id": fine, "status": status, "amount": str(self._fines[fine])}, 0)


def _timeline(operation: Operation) -> str:
    lines = (f"  {entry.at:%H:%M:%S.%f} {entry.step or '':<16} {entry.text}" for entry in operation.history)
    return "\n".join([f"{operation.id} {operation.request['amendes']}", *lines])
