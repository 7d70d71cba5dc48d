"""Simulated look-ups of fines: those who ask, and a registry that sometimes does not answer."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from core.accept import Command
from core.operation import Operation, Status
from core.store.port import Store
from products.fines.lookup import FINE_LOOKUP, FineLookup, listed
from products.fines.process import fine_lookup
from proof.simulation.scenario import Scenario
from proof.simulation.world import World
from worker.partners.http import Answer
from worker.partners.registry import Registry
from worker.process import Processes

ARRIVALS_S = 120
WAYS = ("msisdn", "plate", "id")


class FineLookupsScenario(Scenario):
    """Asks for phones, for plates and for numbers in turn. Nothing moves, so only a wrong answer can go wrong."""

    kind = FINE_LOOKUP.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        self._answered = 0
        self._registry = self.partner(None, Registry.REASONS, self._look_up)
        world.inhabit(self.processes)
        for number in range(payments):
            request = FineLookup(**{WAYS[number % 3]: f"+22507{number:08d}"[number % 3 > 0 :]})
            self.ask_at(world.chance.between(0, ARRIVALS_S), Command(self.kind, request.to_json(), "clerk"))

    def processes(self, store: Store) -> Processes:
        return {self.kind: fine_lookup(Registry(self._registry, self.world.breaker("registry"), "XOF"))}

    def effects(self) -> tuple[int, int, int]:
        return 0, self._answered, 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        found = [fine.id for fine in listed(operation) or ()]
        asked = next(filter(None, FINE_LOOKUP.read(operation).to_json().values()))
        if operation.status is Status.SUCCEEDED and found != [self._fine_of(asked)]:
            return [("unexplained", f"{asked} was told {found}")]
        return []

    def _look_up(self, path: str, body: Mapping[str, Any] | None) -> Answer:
        self._answered += 1
        asked = urlsplit(path)
        if not asked.query:
            return Answer(200, self._shown(asked.path.rpartition("/")[2]), 0)
        (by,) = parse_qs(asked.query).values()
        return Answer(200, {"currency": "XOF", "amendes": [self._shown(self._fine_of(by[0]))]}, 0)

    @staticmethod
    def _fine_of(asked: str) -> str:
        return asked.removeprefix("+")

    @staticmethod
    def _shown(fine: str) -> dict[str, Any]:
        return {"id": fine, "status": "DUE", "amount": "100", "motif": "Feu rouge"}
