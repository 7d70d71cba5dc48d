"""Simulated wallets: people who top them up, and who send each other what they have."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping
from typing import TypeVar

from core.accept import Command
from core.identity.people import People
from core.operation import Operation, Status
from core.store.port import Store
from products.wallets.contract import DEBIT_STEP, TOP_UP, TRANSFER, Sending, TopUp, Transfer
from products.wallets.process import top_up, transfer
from products.wallets.wallet_scenario import CURRENCY, PHONE, WalletScenario
from proof.simulation.world import World
from worker.process import Processes

S = TypeVar("S", bound=Sending)


class SendingScenario(WalletScenario[S]):
    """Three people send each other sums that are large to them, and sometimes to one who is suspended."""

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
            request = self.request(number, sender, to, amount)
            self.ask(number, Command(self.kind, request.to_json(), sender, subject=sender, counterparty=to))

    @abstractmethod
    def request(self, number: int, sender: str, to: str, amount: int) -> S:
        """What somebody asks for. number: of the payment, so that no two are alike."""

    def moves(self, request: S) -> Mapping[str, int]:
        return {request.sender: -request.amount, request.to: request.amount}

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        stuck = operation.status is Status.NEEDS_REVIEW
        return [*super().wrong(operation), *([("unexplained", "needs a person")] if stuck else [])]


class TransfersScenario(SendingScenario[Transfer]):
    kind, contract = TRANSFER.kind, TRANSFER

    def request(self, number: int, sender: str, to: str, amount: int) -> Transfer:
        return Transfer(sender, to, to, amount, CURRENCY, note=f"{number}")

    def processes(self, store: Store) -> Processes:
        return {TRANSFER.kind: transfer(self.ledger(store), People(store, self.world))}


class TopUpsScenario(WalletScenario[TopUp]):
    """Three people have the operator debit their phones."""

    kind, contract = TOP_UP.kind, TOP_UP
    moved = (0, 0, 0, 1)

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world, people=3, opening=0)
        self._debits: Counter[str] = Counter()
        self._operators = self.operators(self._debit)
        self.inhabit()
        for number in range(payments):
            person = world.chance.random.choice(self.people)
            request = TopUp(person, PHONE, 100 + number, CURRENCY)
            self.ask(number, Command(self.kind, request.to_json(), person, subject=person))

    def processes(self, store: Store) -> Processes:
        return {TOP_UP.kind: top_up(self.ledger(store), self._operators(store))}

    def moves(self, request: TopUp) -> Mapping[str, int]:
        return {request.wallet: request.amount}

    def effects(self) -> tuple[int, int, int]:
        return self._debits.total(), self.watch.credited.total(), 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        wrong = super().wrong(operation)
        debits, credits = self._debits[operation.reference(DEBIT_STEP)], self.watch.credited[operation.id]
        if debits > 1:
            wrong.append(("double", f"was debited {debits} times"))
        if operation.terminal and debits > credits:
            wrong.append(("lost", f"was debited {debits} times and credited {credits} times: {operation.status}"))
        if credits > debits or (operation.status is Status.NEEDS_REVIEW and operation.step(DEBIT_STEP).ended):
            wrong.append(("unexplained", f"was debited {debits} times and credited {credits} times"))
        return wrong

    def _debit(self, reference: str, minor: int) -> str | None:
        if self.world.chance.strikes("declined"):
            return "INSUFFICIENT_FUNDS"
        self._debits[reference] += 1
        return None


SCENARIOS = {TOP_UP.kind: TopUpsScenario, TRANSFER.kind: TransfersScenario}
