"""Simulated consultations: physicians who open and end them, and the finance service that charges them."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from core.accept import Command, accept, close
from core.errors import AlreadyOpen, Conflict
from core.operation import Operation, Status
from core.steps import StepState
from core.store.port import OPERATIONS, Store
from products.consultations.contract import CHARGE_STEP, CONSULTATION, ConsultationRequest
from products.consultations.process import consultation
from proof.simulation.scenario import Scenario
from proof.simulation.world import World
from worker.partners.finance import Finance
from worker.process import Processes

ARRIVALS_S = 120
MAX_CONSULTATION_S = 60


class ConsultationsScenario(Scenario):
    """Each payment is a consultation; every fourth physician is asked for a second one while in the first."""

    kind = CONSULTATION.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        self._charges: Counter[str] = Counter()
        self._amounts: dict[str, str] = {}
        self._finance = self.partner(self._charge, Finance.REASONS)
        world.inhabit(self.processes)
        for number in range(payments):
            at = world.chance.between(0, ARRIVALS_S)
            physician = f"physician-{number - number % 4 // 3}"
            world.at(at, lambda physician=physician, number=number: self._open(physician, 100 + number))  # type: ignore[misc]

    def processes(self, store: Store) -> Processes:
        return {self.kind: consultation(Finance(self._finance, self.world.breaker("finance")))}

    def effects(self) -> tuple[int, int, int]:
        return self._charges.total(), len(self._charges), 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        wrong = []
        reference = operation.reference(CHARGE_STEP)
        charges = self._charges[reference]
        if charges > 1:
            wrong.append(("double", f"was charged {charges} times"))
        if operation.status is Status.SUCCEEDED and charges == 0:
            wrong.append(("unexplained", "has succeeded and was not charged"))
        if charges and self._amounts[reference] != f"{operation.request['price'] / 100:.2f}":
            wrong.append(("unexplained", f"costs {operation.request['price']}, charged {self._amounts[reference]}"))
        if operation.status is Status.FAILED or operation.step(CHARGE_STEP).state is StepState.DECLINED:
            wrong.append(("lost", "is owed, and was given up"))
        return wrong

    def _open(self, physician: str, price: int) -> None:
        def attempt(store: Store) -> None:
            command = Command(
                self.kind,
                ConsultationRequest("2026-01-01 00:00:00", None, rate=100, currency="BRL", price=None).to_json(),
                "client",
                subject=physician,
                idempotency_key=f"visit {price}",  # by which a physician who got no answer finds what was opened
                unique={"open": physician, "client": "client"},
                opens=True,
            )
            try:
                id = accept(store, self.world, self.world, command, self.world.new_id).operation.id
            except AlreadyOpen:
                self.world.at(self.world.chance.between(1, MAX_CONSULTATION_S), lambda: self._open(physician, price))
                return
            self.world.accepted.add(id)
            self.world.at(self.world.chance.between(0, MAX_CONSULTATION_S), lambda: self._end(id, price))
            if self.world.chance.strikes("request twice"):
                self.world.at(self.world.chance.between(0, MAX_CONSULTATION_S), lambda: self._end(id, price))

        self.world.until_answered(attempt)

    def _end(self, id: str, price: int) -> None:
        def attempt(store: Store) -> None:
            document = store.get(OPERATIONS, id)
            assert document is not None
            operation = Operation.from_document(document)
            if operation.status is Status.OPEN:
                try:
                    close(store, self.world, self.world, operation, {**operation.request, "price": price})
                except Conflict:
                    attempt(store)

        self.world.until_answered(attempt)

    def _charge(self, path: str, body: Mapping[str, Any]) -> str | None:
        if self.world.chance.strikes("declined"):
            return "NOT_NOW"
        self._charges[body["request_id"]] += 1
        self._amounts[body["request_id"]] = body["amount"]
        return None


SCENARIOS = {CONSULTATION.kind: ConsultationsScenario}
