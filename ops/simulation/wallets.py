"""The simulated towns of wallets: people who top them up, and who send each other what they have."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from core.accept import Order
from core.ledger import Ledger
from core.operation import Operation, Status
from core.people import People
from core.store.port import Store
from ops.simulation.wallet_town import CURRENCY, WalletTown
from ops.simulation.world import World
from worker.partners.operator import Operator
from worker.process import Processes
from worker.processes.wallets import TOP_UP, TRANSFER, top_up, transfer


class TransfersTown(WalletTown):
    """Three people send each other sums that are large to them, and sometimes to one who is suspended."""

    kind = TRANSFER
    moved = (1, 1, 0, 1)
    opening = 1000

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world, people=4, opening=self.opening)
        *senders, suspended = self.people
        People(world.store, world).suspend(suspended, True)
        self.inhabit()
        chance = world.chance
        for number in range(payments):
            sender, to = chance.random.sample(senders, 2)
            to = suspended if chance.strikes("declined") else to
            amount = chance.random.randint(1, self.opening)
            amount += len(senders) * self.opening if chance.strikes("declined") else 0
            request = {
                "from": sender,
                "to": to,
                "to_name": to,
                "amount": amount,
                "currency": CURRENCY,
                "note": f"{number}",
            }
            self.ask(number, Order(self.kind, request, sender, subject=sender, counterpart=to))

    def processes(self, store: Store) -> Processes:
        return {TRANSFER: transfer(Ledger(store, self.world), People(store, self.world))}

    def moves(self, asked: Mapping[str, Any]) -> Mapping[str, int]:
        return {asked["from"]: -asked["amount"], asked["to"]: asked["amount"]}

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        stuck = operation.status is Status.NEEDS_REVIEW
        return [*super().wrong(operation), *([("unexplained", "needs a person")] if stuck else [])]


class TopUpsTown(WalletTown):
    """Three people have the operator debit their phones."""

    kind = TOP_UP
    moved = (0, 0, 0, 1)

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world, people=3, opening=0)
        self._debits: Counter[str] = Counter()
        self._operator = self.partner(self._debit, Operator.REASONS)
        self.inhabit()
        for number in range(payments):
            person = world.chance.random.choice(self.people)
            request = {"wallet": person, "msisdn": "+2250700000000", "amount": 100 + number, "currency": CURRENCY}
            self.ask(number, Order(TOP_UP, request, person, subject=person))

    def processes(self, store: Store) -> Processes:
        operator = Operator(self._operator, self.world.guard("operator"))
        return {TOP_UP: top_up(Ledger(store, self.world), operator)}

    def moves(self, asked: Mapping[str, Any]) -> Mapping[str, int]:
        return {asked["wallet"]: asked["amount"]}

    def effects(self) -> tuple[int, int, int]:
        return self._debits.total(), self.watch.credited.total(), 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        wrong = super().wrong(operation)
        debits, credits = self._debits[operation.reference("debit")], self.watch.credited[operation.id]
        if debits > 1:
            wrong.append(("double", f"was debited {debits} times"))
        if operation.terminal and debits > credits:
            wrong.append(("lost", f"was debited {debits} times and credited {credits} times: {operation.status}"))
        if credits > debits or (operation.status is Status.NEEDS_REVIEW and operation.step("debit").ended):
            wrong.append(("unexplained", f"was debited {debits} times and credited {credits} times"))
        return wrong

    def _debit(self, path: str, body: Mapping[str, Any]) -> str | None:
        if self.world.chance.strikes("declined"):
            return "INSUFFICIENT_FUNDS"
        self._debits[body["request_id"]] += 1
        return None
