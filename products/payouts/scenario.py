"""Simulated payouts: those who ask for them, the second person, and the operator that pays."""

from collections import Counter
from dataclasses import replace

from core.accept import Command, accept, close
from core.errors import Conflict
from core.operation import Operation, Status
from core.store.port import OPERATIONS, Store
from products.payouts.contract import PAYOUT_STEP, PAYOUTS, PayoutRequest
from products.payouts.process import payout
from proof.simulation.scenario import Scenario
from proof.simulation.world import World
from worker.process import Processes

ARRIVALS_S = 120
MAX_DECIDED_S = 300


class PayoutsScenario(Scenario):
    """Every second payout waits for a second person, who rejects some of them."""

    kind = PAYOUTS.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        self._paid: Counter[str] = Counter()
        self._rejected: set[str] = set()
        self._operators = self.operators(lambda reference, minor: None, pay_out=self._pay)
        world.inhabit(self.processes)
        for number in range(payments):
            world.at(world.chance.between(0, ARRIVALS_S), lambda number=number: self._ask(number))  # type: ignore[misc]

    def processes(self, store: Store) -> Processes:
        return {self.kind: payout(self._operators(store))}

    def effects(self) -> tuple[int, int, int]:
        return self._paid.total(), len(self._paid), 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        paid = self._paid[operation.reference(PAYOUT_STEP)]
        wrong = [("double", f"was paid {paid} times")] if paid > 1 else []
        if operation.status is Status.SUCCEEDED and not paid:
            wrong.append(("unexplained", "has succeeded and was not paid"))
        if operation.status is Status.FAILED and paid:
            wrong.append(("lost", "has failed and was paid"))
        if paid and operation.id in self._rejected:
            wrong.append(("unexplained", "was rejected and paid"))
        return wrong

    def _ask(self, number: int) -> None:
        request = PayoutRequest(f"+22507{number:08d}", 100 + number, "XOF", "", "clerk")
        waits = number % 2 == 1
        command = Command(
            self.kind, request.to_json(), "clerk", idempotency_key=f"payout {number}", repeatable=True, opens=waits
        )

        def attempt(store: Store) -> None:
            id = accept(store, self.world, self.world, command, self.world.new_id).operation.id
            self.world.accepted.add(id)
            if waits:
                rejected = self.world.chance.strikes("declined")
                self.world.at(self.world.chance.between(0, MAX_DECIDED_S), lambda: self._decide(id, rejected))

        self.world.until_answered(attempt)

    def _decide(self, id: str, rejected: bool) -> None:
        def attempt(store: Store) -> None:
            document = store.get(OPERATIONS, id)
            assert document is not None
            operation = Operation.from_document(document)
            if operation.status is Status.OPEN:
                decided = replace(PAYOUTS.read(operation), decided_by="manager", rejected=rejected)
                try:
                    close(store, self.world, self.world, operation, decided.to_json())
                except Conflict:
                    attempt(store)
                    return
                if rejected:
                    self._rejected.add(id)

        self.world.until_answered(attempt)

    def _pay(self, reference: str, minor: int) -> str | None:
        if self.world.chance.strikes("declined"):
            return "PAYER_NOT_FOUND"
        self._paid[reference] += 1
        return None


SCENARIOS = {PAYOUTS.kind: PayoutsScenario}
