"""The simulated fine payment: its payers, its operator, its registry, and whether its money adds up."""

from collections import Counter
from collections.abc import Mapping
from functools import partial
from typing import Any

from core.accept import Command
from core.operation import Operation, Status
from core.steps import StepState
from core.store.port import OPERATIONS, Store
from products.fines.contract import FINE_PAYMENT, TAKEN_OVER, Fine, FinePayment, has_money, settle_step
from products.fines.lookup import FINE_LOOKUP
from products.fines.lookup_scenario import FineLookupsScenario
from products.fines.process import fine_payment
from proof.simulation.scenario import Scenario
from proof.simulation.world import World
from worker.partners.http import Answer
from worker.partners.registry import Registry
from worker.process import Processes

ARRIVALS_S = 120
FINES_EACH = 3
PAYER_TIME_S = 20
"""Shorter than some payers take: others then pay their fines, and a late debit is given back."""
FIRST_BOT = 90_000_000
"""The number of the first phone of bots: they ask for a fine that somebody wants to pay, and never pay."""
BOT_EACH = 8
"""Of so many payments, a bot wants the fines of one."""
BOT_ASKS, BOT_EVERY_S = 6, 15
"""A bot asks for longer than PAYER_TIME_S, each time from another phone."""


class FinesScenario(Scenario):
    """About every fourth payment wants a fine that another one wants too, and a bot wants the fines of some."""

    kind = FINE_PAYMENT.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        self._debits: Counter[str] = Counter()
        self._refunds: Counter[str] = Counter()
        self._amounts: dict[str, int] = {}
        self._bots: set[str] = set()
        """The operations of bots, as soon as these know them."""
        self._settled: dict[str, str] = {}
        """By fine: the reference that settled it."""
        self._operators = self.operators(self._debit, self._refund)
        self._registry = self.partner(self._settle, Registry.REASONS, self._look_up)
        world.inhabit(self.processes)
        random = self.world.chance.random
        self._fines = {f"AM-{number:04d}": 100 + number for number in range(payments * FINES_EACH)}
        for number in range(payments):
            wanted = sorted(random.sample(sorted(self._fines), random.randint(1, FINES_EACH)))
            command = self.command(number, wanted)
            at_s = random.uniform(0, ARRIVALS_S)
            self.ask_at(at_s, command)
            if world.chance.faults and number % BOT_EACH == 0:
                self._besiege(number, wanted, at_s)
                self.ask_at(at_s + BOT_ASKS * BOT_EVERY_S / 2, command)  # while the bot still asks

    def _besiege(self, number: int, wanted: list[str], at_s: float) -> None:
        for ask in range(BOT_ASKS):
            command = self.command(FIRST_BOT + number * BOT_ASKS + ask, wanted)
            soon_s = self.world.chance.between(-1, 5)
            asks = partial(self.world.ask, command, self._bots.add)
            self.world.at(max(0, at_s + soon_s + ask * BOT_EVERY_S), asks)

    def processes(self, store: Store) -> Processes:
        registry = Registry(self._registry, self.world.breaker("registry"), "XOF")
        return {self.kind: fine_payment(store, self.world, self._operators(store), registry, PAYER_TIME_S)}

    def effects(self) -> tuple[int, int, int]:
        return self._debits.total(), len(self._settled), self._refunds.total()

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        wrong = []
        debit, refund = operation.reference("debit"), operation.reference("refund")
        if self._debits[debit] > 1 or self._refunds[refund] > 1:
            wrong.append(("double", f"debited {self._debits[debit]} and refunded {self._refunds[refund]} times"))
        request = FINE_PAYMENT.read(operation)
        for fine in request.amendes:
            step = operation.step(settle_step(fine.id))
            if step.state is StepState.DECLINED and step.last_error == "already_paid":
                wrong.append(("double", f"{fine.id} was taken money for that {self._settled[fine.id]} settled"))
            if step.state is StepState.DECLINED and step.last_error == TAKEN_OVER:
                by = str(step.result.get("by"))
                holder = self.world.store.get(OPERATIONS, by)
                if holder is None or not has_money(Operation.from_document(holder)):
                    wrong.append(("unexplained", f"{fine.id} was lost to {by}, which has no money"))
        if not operation.terminal:
            return wrong
        taken = self._debits[debit] * request.amount
        back = self._refunds[refund] * self._amounts.get(refund, 0)
        paid = sum(fine.amount for fine in request.amendes if self._paid_by(operation, fine.id))
        if taken != back + paid or (operation.status is Status.FAILED and taken):
            wrong.append(("unexplained", f"{operation.status}: took {taken}, gave back {back}, settled {paid}"))
        return wrong

    def _paid_by(self, operation: Operation, fine: str) -> bool:
        return self._settled.get(fine) == operation.reference(settle_step(fine))

    def command(self, number: int, wanted: list[str]) -> Command:
        """The request of one payer for these fines."""
        fines = tuple(Fine(id, self._fines[id]) for id in wanted)
        msisdn = f"+22507{number:08d}"
        request = FinePayment(msisdn, "XOF", sum(fine.amount for fine in fines), fines)
        return Command(self.kind, request.to_json(), "client", subject=msisdn)

    def _debit(self, reference: str, minor: int) -> str | None:
        if self.world.chance.strikes("declined") or reference.partition(":")[0] in self._bots:
            return "INSUFFICIENT_FUNDS"
        self._debits[reference] += 1
        return None

    def _refund(self, reference: str, minor: int) -> str | None:
        self._refunds[reference] += 1
        self._amounts[reference] = minor
        return None

    def _settle(self, path: str, body: Mapping[str, Any]) -> str | None:
        fine = path.split("/")[2]
        if fine in self._settled:
            return "ALREADY_PAID"
        if self.world.chance.strikes("declined"):
            return "CANCELLED"
        self._settled[fine] = body["request_id"]
        return None

    def _look_up(self, path: str, body: Mapping[str, Any] | None) -> Answer:
        fine = path.split("/")[2]
        status = "PAID" if fine in self._settled else "DUE"
        return Answer(200, {"id": fine, "status": status, "amount": str(self._fines[fine])}, 0)


SCENARIOS = {FINE_PAYMENT.kind: FinesScenario, FINE_LOOKUP.kind: FineLookupsScenario}
