"""What scenarios of wallets share: their people, and the proof that no money was made or lost."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar, Generic

from core.accept import Command
from core.clock import to_rfc3339
from core.contract import Contract, R
from core.identity.people import Role
from core.ledger import MOBILE_MONEY, SYSTEM, Ledger, Movement
from core.operation import Operation, Status
from core.store.port import OPERATIONS, PEOPLE, Store, scan
from products.wallets.contract import SAME_WITHIN_S, TOP_UP, TopUp
from proof.ledger import examine_ledger
from proof.simulation.scenario import Scenario
from proof.simulation.summary import Summary
from proof.simulation.watch import WatchedStore
from proof.simulation.world import World

CURRENCY, PHONE = "XOF", "+2250700000000"
WORKERS = 8
ARRIVALS_S = 30
"""So close together that a paused worker finds its wallets changed."""
AGAIN_WITHIN_S = 20
AUDITS = 3
AUDITED_WITHIN_S = 90
KEYED_SHARE = 0.5
LAST_MINOR = 1


class WalletScenario(Scenario, Generic[R]):
    """Few wallets and many workers. The journal, the wallets and the operations must all agree.

    moved: how often a succeeded operation has held, spent, given back and credited.
    """

    moved: ClassVar[tuple[int, int, int, int]]
    contract: ClassVar[Contract[Any]]

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
    def moves(self, request: R) -> Mapping[str, int]:
        """What a succeeded operation changes in which wallet."""

    def inhabit(self) -> None:
        self.world.inhabit(self.processes, WORKERS)
        for _ in range(AUDITS):
            self.world.at(self.world.chance.between(0, AUDITED_WITHIN_S), self._audit)

    def ledger(self, store: Store, system: frozenset[str] = SYSTEM) -> Ledger:
        """Returns the ledger of one worker, on its view of the store."""
        return Ledger(store, self.world, system, self.world.turns())

    def give_income(self, amount: int) -> None:
        for person in self.people:
            self.give(person, amount)

    def give(self, person: str, amount: int) -> None:
        """Money from outside, as a top-up that has succeeded."""
        id, now = self.world.new_id(), self.world.now()
        request = TopUp(person, PHONE, amount, CURRENCY).to_json()
        done = Operation(id, TOP_UP.kind, request, created_at=now, updated_at=now, status=Status.SUCCEEDED)
        self.world.store.insert(OPERATIONS, done.to_document())
        self._ledger.settle(Movement(id, MOBILE_MONEY, person, amount, CURRENCY, TOP_UP.kind))
        self._opening[person] += amount

    def ask(self, number: int, command: Command) -> None:
        """Asks at some moment, sometimes twice, and with an idempotency key or without."""
        chance = self.world.chance
        keyed = chance.random.random() < KEYED_SHARE
        command = replace(
            command,
            idempotency_key=f"payment {number}" if keyed else None,
            repeatable=True,
            same_within_s=SAME_WITHIN_S,
        )
        at = chance.between(0, ARRIVALS_S)
        until = self.world.now() + timedelta(seconds=at + SAME_WITHIN_S)

        def answered(id: str) -> None:
            known = self._answers.setdefault(number, id)
            if id != known and (keyed or self.world.now() < until):
                self.watch.wrong.append(f"payment {number} was accepted as {known} and again as {id}")

        self.world.at(at, lambda: self.world.ask(command, answered))
        if chance.strikes("request twice"):
            self.world.at(at + chance.between(0, AGAIN_WITHIN_S), lambda: self.world.ask(command, answered))

    def effects(self) -> tuple[int, int, int]:
        return self.watch.held.total(), self.watch.spent.total(), self.watch.given_back.total()

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        counts = self.watch.counts(operation.id)
        happened = "was held {}, spent {}, given back {} and credited {} times".format(*counts)
        wrong = [("double", happened)] if max(counts) > 1 else []
        if operation.status is Status.SUCCEEDED and counts != self.moved:
            wrong.append(("lost", f"has succeeded, and {happened}"))
        if operation.status is Status.FAILED and counts not in ((0, 0, 0, 0), (1, 0, 1, 0)):
            wrong.append(("lost", f"has failed, and {happened}"))
        return wrong

    def summarize(self) -> Summary:
        summary = super().summarize()
        found = (f"{what} ({kind})" for kind, what in examine_ledger(self.world.store, self.world.installed.contracts))
        for why in (*self.watch.wrong, *found):
            summary.report("unexplained", why)
        expected = Counter[str]()
        for operation in scan(self.world.store, OPERATIONS, {"kind": self.kind, "status": Status.SUCCEEDED.value}):
            expected.update(self.moves(self.contract.request.from_json(operation["request"])))
        self.give_income(LAST_MINOR)  # its save removes all marks but its own
        expected.update(self._opening)
        for person in self.people:
            wallet = self._ledger.open(person, CURRENCY)
            if wallet["holds"] or len(wallet["applied"]) != 1:
                summary.report("unexplained", f"all has ended, and wallet {person} is {wallet}")
            if wallet["balance"] != expected[person]:
                name = "double" if wallet["balance"] > expected[person] else "lost"
                summary.report(name, f"wallet {person} has {wallet['balance']} instead of {expected[person]}")
        return summary

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
                "created_at": to_rfc3339(self.world.now()),
            },
        )
        self._ledger.open(id, CURRENCY)
        return id

    def _audit(self) -> None:
        """Beside workers that are paused or dead in the middle of anything: there is nothing wrong with that."""
        for kind, what in examine_ledger(self.world.store, self.world.installed.contracts):
            self.watch.wrong.append(f"{self.world.now():%H:%M:%S.%f}: {what} ({kind})")
