"""Simulated service payments: people who cannot afford all they want, and two services that screen them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from core.accept import Command
from core.identity.people import People
from core.ledger import SYSTEM
from core.operation import Operation, Status
from core.store.port import Store
from products.services.contract import ACCOUNT, SERVICE_PAYMENT, ServicePayment
from products.services.process import service_payment
from products.wallets.wallet_scenario import CURRENCY, WalletScenario
from proof.simulation.world import World
from worker.partners.http import Answer
from worker.partners.screening import blacklist, verification
from worker.process import Processes

PEOPLE = 3
SHARE = 0.6
"""How much of what is wanted can be afforded, more or less."""
PRICES = (100, 500)


class ServicePaymentsScenario(WalletScenario[ServicePayment]):
    """Each payment is for a service of its own: the same twice in ten seconds would be one payment."""

    kind, contract = SERVICE_PAYMENT.kind, SERVICE_PAYMENT
    moved = (1, 1, 0, 0)

    def __init__(self, world: World, payments: int) -> None:
        opening = max(int(SHARE * payments * sum(PRICES) / 2 / PEOPLE), *PRICES)
        super().__init__(world, PEOPLE, opening)
        self._verdicts: dict[str, bool] = {}
        """By reference: whether the payer may pass."""
        self._verification = self.partner(None, (), partial(self._screen, "verified", "rejected"))
        self._blacklist = self.partner(None, (), partial(self._screen, "clear", "listed"))
        self.inhabit()
        for number in range(payments):
            person, price = world.chance.random.choice(self.people), world.chance.random.randint(*PRICES)
            wanted = {"wallet": person, "service": f"service-{number}"}
            amount = price + opening if world.chance.strikes("declined") else price
            request = ServicePayment(**wanted, username=person, name="a service", amount=amount, currency=CURRENCY)
            self.ask(number, Command(self.kind, request.to_json(), person, subject=person, payload=wanted))

    def processes(self, store: Store) -> Processes:
        verify = verification(self._verification, self.world.breaker("screening"))
        screen = blacklist(self._blacklist, self.world.breaker("blacklist"))
        ledger = self.ledger(store, SYSTEM | {ACCOUNT})
        return {self.kind: service_payment(ledger, People(store, self.world), verify, screen)}

    def moves(self, request: ServicePayment) -> Mapping[str, int]:
        return {request.wallet: -request.amount}

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        wrong = super().wrong(operation)
        passed = [self._verdicts.get(operation.reference(name)) for name in ("verify", "blacklist")]
        if operation.status is Status.SUCCEEDED and not all(passed):
            wrong.append(("unexplained", f"was paid, and the screenings say {passed}"))
        if operation.status is Status.NEEDS_REVIEW:
            wrong.append(("unexplained", "needs a person"))
        return wrong

    def _screen(self, passes: str, fails: str, path: str, body: Mapping[str, Any] | None) -> Answer:
        chance = self.world.chance
        if chance.strikes("screening fails"):
            return Answer(chance.random.choice((200, 404, 500, 503)), {}, chance.between(0, 10))
        assert body is not None
        reference = body["request_id"]
        if reference not in self._verdicts:
            self._verdicts[reference] = not chance.strikes("declined")
        return Answer(200, {"result": passes if self._verdicts[reference] else fails}, 0)


SCENARIOS = {SERVICE_PAYMENT.kind: ServicePaymentsScenario}
