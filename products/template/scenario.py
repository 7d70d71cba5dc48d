"""Simulated templates: their payers, and the operator that debits them."""

from collections import Counter

from core.accept import Command
from core.operation import Operation, Status
from core.store.port import Store
from products.template.contract import DEBIT_STEP, TEMPLATE_PAYMENT, TemplatePayment
from products.template.process import template_payment
from proof.simulation.scenario import Scenario
from proof.simulation.world import World
from worker.process import Processes

ARRIVALS_S = 120


class TemplateScenario(Scenario):
    """Each payer pays one template; some ask twice."""

    kind = TEMPLATE_PAYMENT.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        self._debits: Counter[str] = Counter()
        self._operators = self.operators(self._debit)
        world.inhabit(self.processes)
        for number in range(payments):
            msisdn = f"+22507{number:08d}"
            request = TemplatePayment(msisdn, f"A-{number}", 100 + number, "XOF")
            command = Command(self.kind, request.to_json(), "client", subject=msisdn)
            self.ask_at(world.chance.between(0, ARRIVALS_S), command)

    def processes(self, store: Store) -> Processes:
        return {self.kind: template_payment(self._operators(store))}

    def effects(self) -> tuple[int, int, int]:
        return self._debits.total(), len(self._debits), 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        debits = self._debits[operation.reference(DEBIT_STEP)]
        wrong = [("double", f"was debited {debits} times")] if debits > 1 else []
        if operation.status is Status.SUCCEEDED and not debits:
            wrong.append(("unexplained", "has succeeded and was not debited"))
        if operation.status is Status.FAILED and debits:
            wrong.append(("lost", "has failed and was debited"))
        return wrong

    def _debit(self, reference: str, minor: int) -> str | None:
        if self.world.chance.strikes("declined"):
            return "INSUFFICIENT_FUNDS"
        self._debits[reference] += 1
        return None


SCENARIOS = {TEMPLATE_PAYMENT.kind: TemplateScenario}
