"""The base of all scenarios: their partners, their clients, and the summary at the end."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any, ClassVar

from core.accept import Command
from core.money import to_minor
from core.operation import Operation, Status
from core.store.port import OPERATIONS, Store, scan
from proof.simulation.operators import GENERIC, MANNERS, NAME, Move, SimulatedOperator, callbacks
from proof.simulation.partner import Effect, LookUp, SimulatedPartner
from proof.simulation.summary import Summary
from proof.simulation.world import World
from worker.partners.http import Answer
from worker.partners.operators.generic import REASONS, Generic
from worker.partners.operators.port import Dialect, Operator, Operators
from worker.process import Processes

IDEMPOTENT_SHARE = 0.7
"""The share of idempotent partners, in a world with faults."""
MAX_REPEAT_AFTER_S = 40
"""The longest time until a client repeats a request."""


class Scenario(ABC):
    """The partners and clients of one product in a world. Subclasses schedule their clients' requests in __init__."""

    kind: ClassVar[str]

    def __init__(self, world: World) -> None:
        self.world = world
        self.partners: list[SimulatedPartner] = []

    @abstractmethod
    def processes(self, store: Store) -> Processes:
        """Returns the processes of one worker, on its view of the store."""

    @abstractmethod
    def effects(self) -> tuple[int, int, int]:
        """Returns how often the partners debited, settled and refunded."""

    @abstractmethod
    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        """Returns what is wrong with an operation at the end, as pairs: a count of Summary, and the reason."""

    def partner(
        self,
        effect: Effect | None,
        reasons: tuple[str, ...],
        look_up: LookUp = lambda path, body: Answer(404, {}, 0),
    ) -> SimulatedPartner:
        """Adds a partner. In a world with faults, about a third of the partners are not idempotent.

        effect: carries out its requests; None for a partner without effects.
        reasons: its reasons for FAILED.
        look_up: answers reads.
        """
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

    def operators(
        self,
        debit: Move,
        refund: Move = lambda reference, minor: None,
        pay_out: Move = lambda reference, minor: None,
        active: Callable[[str], bool] | None = None,
    ) -> Callable[[Store], Operators]:
        """Adds the mobile-money operator, of one of the manners that there are.

        debit, refund, pay_out: move money at the operator.
        active: returns whether the account of a phone can pay; our own contract does not tell it.
        Returns what makes the operators of one worker, on its view of the store.
        """
        chance = self.world.chance
        manner = chance.manner or (chance.random.choice([GENERIC, *MANNERS]) if chance.faults else GENERIC)
        if manner == GENERIC and active is not None:
            manner = next(iter(MANNERS))
        dialect: Dialect
        if manner == GENERIC:

            def move(path: str, body: Mapping[str, Any]) -> str | None:
                mover = {"/refunds": refund, "/payouts": pay_out}.get(path, debit)
                return mover(body["request_id"], to_minor(Decimal(body["amount"]), body["currency"]))

            dialect = Generic(self.partner(move, REASONS))
        else:
            dialect = SimulatedOperator(
                self.world, MANNERS[manner], debit, refund, pay_out, active or (lambda phone: True)
            )

        def of_worker(store: Store) -> Operators:
            kept = callbacks(self.world, store)
            operator = Operator(
                NAME,
                dialect,
                self.world.breaker(NAME),
                self.world,
                callback_url=lambda reference: f"https://us.invalid/callbacks/{NAME}/{kept.token(NAME, reference)}",
                heard=partial(kept.about, NAME),
            )
            return Operators({NAME: operator}, NAME)

        return of_worker

    def ask_at(self, seconds: float, command: Command) -> None:
        """Schedules a client's request; by chance, the client repeats it a little later.

        seconds: from now.
        """
        self.world.at(seconds, lambda: self.world.ask(command))
        if self.world.chance.strikes("request twice"):
            again = seconds + self.world.chance.between(0, MAX_REPEAT_AFTER_S)
            self.world.at(again, lambda: self.world.ask(command))

    def give_income(self, amount: int) -> None:
        """Gives every wallet money from outside.

        amount: in minor units.
        """
        return

    def land(self) -> None:
        """Carries out everything that is still scheduled at the partners and due by now."""
        for partner in self.partners:
            partner.land()

    def summarize(self) -> Summary:
        """Counts what has happened, and reports everything that is wrong."""
        found = [Operation.from_document(d) for d in scan(self.world.store, OPERATIONS, {"kind": self.kind})]
        summary = Summary(
            accepted=len(self.world.accepted),
            statuses=Counter(operation.status.value for operation in found),
            faults=self.world.chance.happened,
        )
        summary.debited, summary.settled, summary.refunded = self.effects()
        for operation in found:
            over = operation.terminal or operation.status is Status.NEEDS_REVIEW
            unfinished = [("lost", f"has not ended: {operation.status}, due {operation.due_at}")]
            for name, why in [*self.wrong(operation), *([] if over else unfinished)]:
                summary.report(name, f"{operation.id} {why}", _timeline(operation))
        for id in self.world.accepted - {operation.id for operation in found}:
            summary.report("lost", f"{id} was accepted and is not stored")
        for error in self.world.errors:
            summary.report("unexplained", error)
        return summary


def _timeline(operation: Operation) -> str:
    lines = (f"  {entry.at:%H:%M:%S.%f} {entry.step or '':<16} {entry.text}" for entry in operation.history)
    return "\n".join([f"{operation.id} {operation.request}", *lines])
