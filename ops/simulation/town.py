"""What the simulated towns of all products share: their partners, and how the account is made up in the end."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import ClassVar

from core.operation import Operation, Status
from core.store.port import OPERATIONS, Store, scan
from ops.simulation.partner import Effect, LookUp, SimulatedPartner
from ops.simulation.reckoning import Reckoning
from ops.simulation.world import World
from worker.partners.http import Answer
from worker.process import Processes

IDEMPOTENT_SHARE = 0.7


class Town(ABC):
    """Who lives in a world and asks for one product. Subclasses arrange for their clients in __init__."""

    kind: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world
        self.partners: list[SimulatedPartner] = []

    @abstractmethod
    def processes(self, store: Store) -> Processes:
        """As one worker has them that sees this store."""

    @abstractmethod
    def effects(self) -> tuple[int, int, int]:
        """How much the partners did: debited, settled, refunded."""

    @abstractmethod
    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        """What is wrong with an operation whose story is over: pairs of the count it belongs to, and why."""

    def partner(
        self,
        effect: Effect | None,
        reasons: tuple[str, ...],
        look_up: LookUp = lambda path, body: Answer(404, {}, 0),
    ) -> SimulatedPartner:
        """One more partner; about a third of them are not idempotent, where anything goes wrong at all."""
        chance = self.world.chance
        partner = SimulatedPartner(
            clock=self.world,
            chance=chance,
            effect=effect,
            look_up=look_up,
            point=self.world.point,
            reasons=frozenset(reasons),
            idempotent=not chance.faults or chance.random.random() < IDEMPOTENT_SHARE,
        )
        self.partners.append(partner)
        return partner

    def land(self) -> None:
        """Lets everything that is still on its way to a partner arrive."""
        for partner in self.partners:
            partner.land()

    def reckon(self) -> Reckoning:
        found = [Operation.from_document(d) for d in scan(self.world.store, OPERATIONS, {"kind": self.kind})]
        reckoning = Reckoning(
            accepted=len(self.world.accepted),
            statuses=Counter(operation.status.value for operation in found),
            faults=self.world.chance.happened,
        )
        reckoning.debited, reckoning.settled, reckoning.refunded = self.effects()
        for operation in found:
            over = operation.terminal or operation.status is Status.NEEDS_REVIEW
            open_end = [("lost", f"has not ended: {operation.status}, due {operation.due_at}")]
            for name, why in [*self.wrong(operation), *([] if over else open_end)]:
                reckoning.tell(name, f"{operation.id} {why}", _timeline(operation))
        for id in self.world.accepted - {operation.id for operation in found}:
            reckoning.tell("lost", f"{id} was accepted and is not stored")
        for error in self.world.errors:
            reckoning.tell("unexplained", error)
        return reckoning


def _timeline(operation: Operation) -> str:
    lines = (f"  {entry.at:%H:%M:%S.%f} {entry.step or '':<16} {entry.text}" for entry in operation.history)
    return "\n".join([f"{operation.id} {operation.request}", *lines])
