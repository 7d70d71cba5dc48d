"""What the simulated towns of wallets share: their people, and the proof that no money was made or lost."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from core.accept import Order
from core.clock import to_text
from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.operation import Operation, Status
from core.people import Role
from core.store.port import OPERATIONS, PEOPLE, scan
from ops.audit.ledger import examine_ledger
from ops.simulation.reckoning import Reckoning
from ops.simulation.town import Town
from ops.simulation.watch import WatchedStore
from ops.simulation.world import World
from worker.processes.wallets import TOP_UP

CURRENCY = "XOF"
WORKERS = 8
ARRIVALS_S = 30
"""So soon after each other that whoever is paused finds his wallets changed."""
SAME_WITHIN_S = 10
"""As the API has it."""
AGAIN_WITHIN_S = 20
AUDITS = 3
AUDITED_WITHIN_S = 90
KEYED_SHARE = 0.5


class WalletTown(Town):
    """Few wallets and many workers. It is told by the journal, by the wallets and by the operations: all must agree.

    moved: how often a succeeded operation has held, spent, given back and credited.
    """

    moved: ClassVar[tuple[int, int, int, int]]

    def __init__(self, world: World, people: int, opening: int) -> None:
        """opening: what each has at first, in minor units."""
        super().__init__(world)
        self.watch = WatchedStore(world.store)
        world.store = self.watch
        self._ledger = Ledger(world.store, world)
        self._opening: Counter[str] = Counter()
        self._answers: dict[int, str] = {}
        self.people = [self._settle_in(number) for number in range(people)]
        for person in self.people if opening else ():
            self.give(person, opening)

    @abstractmethod
    def moves(self, asked: Mapping[str, Any]) -> Mapping[str, int]:
        """What a succeeded operation changes in which wallet, from its request."""

    def inhabit(self) -> None:
        self.world.inhabit(self.processes, WORKERS)
        for _ in range(AUDITS):
            self.world.at(self.world.chance.between(0, AUDITED_WITHIN_S), self._audit)

    def give(self, person: str, amount: int) -> None:
        """Money from outside, as a top-up that has succeeded."""
        id, now = self.world.new_id(), self.world.now()
        request = {"wallet": person, "msisdn": "+2250700000000", "amount": amount, "currency": CURRENCY}
        done = Operation(id, TOP_UP, request, created_at=now, updated_at=now, status=Status.SUCCEEDED)
        self.world.store.insert(OPERATIONS, done.to_document())
        self._ledger.settle(Movement(id, MOBILE_MONEY, person, amount, CURRENCY, TOP_UP))
        self._opening[person] += amount

    def ask(self, number: int, order: Order) -> None:
        """Asks at some moment, sometimes twice, and with an idempotency key or without."""
        chance = self.world.chance
        keyed = chance.random.random() < KEYED_SHARE
        order = replace(
            order,
            idempotency_key=f"payment {number}" if keyed else None,
            repeatable=True,
            same_within_s=SAME_WITHIN_S,
        )
        at = chance.between(0, ARRIVALS_S)
        until = self.world.now() + timedelta(seconds=at + SAME_WITHIN_S)

        def told(id: str) -> None:
            known = self._answers.setdefault(number, id)
            if id != known and (keyed or self.world.now() < until):
                self.watch.wrong.append(f"payment {number} was accepted as {known} and again as {id}")

        self.world.at(at, lambda: self.world.ask(order, told))
        if chance.strikes("request twice"):
            self.world.at(at + chance.between(0, AGAIN_WITHIN_S), lambda: self.world.ask(order, told))

    def effects(self) -> tuple[int, int, int]:
        return self.watch.held.total(), self.watch.spent.total(), self.watch.given_back.total()

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        counts = self.watch.counts(operation.id)
        told = "was held {}, spent {}, given back {} and credited {} times".format(*counts)
        wrong = [("double", told)] if max(counts) > 1 else []
        if operation.status is Status.SUCCEEDED and counts != self.moved:
            wrong.append(("lost", f"has succeeded, and {told}"))
        if operation.status is Status.FAILED and counts not in ((0, 0, 0, 0), (1, 0, 1, 0)):
            wrong.append(("lost", f"has failed, and {told}"))
        return wrong

    def reckon(self) -> Reckoning:
        reckoning = super().reckon()
        found = (f"{what} ({kind})" for kind, what in examine_ledger(self.world.store))
        for why in (*self.watch.wrong, *found):
            reckoning.tell("unexplained", why)
        expected = Counter(self._opening)
        for operation in scan(self.world.store, OPERATIONS, {"kind": self.kind, "status": Status.SUCCEEDED.value}):
            expected.update(self.moves(operation["request"]))
        for person in self.people:
            wallet = self._ledger.open(person, CURRENCY)
            if wallet["holds"] or wallet["applied"]:
                reckoning.tell("unexplained", f"all has ended, and wallet {person} is {wallet}")
            if wallet["balance"] != expected[person]:
                name = "double" if wallet["balance"] > expected[person] else "lost"
                reckoning.tell(name, f"wallet {person} has {wallet['balance']} instead of {expected[person]}")
        return reckoning

    def _settle_in(self, number: int) -> str:
        id, name = f"00000000-0000-4000-8000-{number:012x}", f"person-{number}"
        self.world.store.insert(
            PEOPLE,
            {
                "id": id,
                "username": name,
                "shown": name,
                "msisdn": f"+22507{number:08d}",
                "role": Role.USER.value,
                "password": "",
                "suspended": False,
                "created_at": to_text(self.world.now()),
            },
        )
        self._ledger.open(id, CURRENCY)
        return id

    def _audit(self) -> None:
        """Beside workers that are paused or dead in the middle of anything: there is nothing wrong with that."""
        for kind, what in examine_ledger(self.world.store):
            self.watch.wrong.append(f"{self.world.now():%H:%M:%S.%f}: {what} ({kind})")
