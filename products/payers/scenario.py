"""Simulated checks of payers: those who ask, and an operator that sometimes does not answer."""

from core.accept import Command
from core.operation import Operation, Status
from core.store.port import Store
from products.payers.contract import PAYER_CHECK, PayerCheck, holder_of
from products.payers.process import payer_check
from proof.simulation.scenario import Scenario
from proof.simulation.world import World
from worker.process import Processes

ARRIVALS_S = 120


class PayersScenario(Scenario):
    """Every third account is closed. Nothing moves, so only a wrong answer can go wrong."""

    kind = PAYER_CHECK.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        self._answered = 0
        self._operators = self.operators(lambda reference, minor: None, active=self._answer)
        world.inhabit(self.processes)
        for number in range(payments):
            request = PayerCheck(f"+22507{number:08d}")
            self.ask_at(world.chance.between(0, ARRIVALS_S), Command(self.kind, request.to_json(), "clerk"))

    def processes(self, store: Store) -> Processes:
        return {self.kind: payer_check(self._operators(store))}

    def effects(self) -> tuple[int, int, int]:
        return 0, self._answered, 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        active, _ = holder_of(operation)
        if operation.status is Status.SUCCEEDED and active != self._is_active(PAYER_CHECK.read(operation).msisdn):
            return [("unexplained", f"was said to be active: {active}")]
        return []

    def _answer(self, phone: str) -> bool:
        self._answered += 1
        return self._is_active(phone)

    @staticmethod
    def _is_active(phone: str) -> bool:
        return int(phone[-2:]) % 3 != 0


SCENARIOS = {PAYER_CHECK.kind: PayersScenario}
