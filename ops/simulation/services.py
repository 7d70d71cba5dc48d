"""The simulated town of service payments: people who cannot afford all they want, and two services that screen them."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from core.accept import Order
from core.ledger import Ledger
from core.operation import Operation, Status
from core.people import People
from core.store.port import Store
from ops.simulation.wallet_town import CURRENCY, WalletTown
from ops.simulation.world import World
from worker.partners.http import Answer
from worker.partners.screening import blacklist, verification
from worker.process import Processes
from worker.processes.services import KIND, service_payment

PEOPLE = 3
SHARE = 0.6
"""How much of what is wanted can be afforded, more or less."""
PRICES = (100, 500)


class ServicePaymentsTown(WalletTown):
    """Each payment is for a service of its own: the same twice in ten seconds would be one payment."""

    kind = KIND
    moved = (1, 1, 0, 0)

    def __init__(self, world: World, payments: int) -> None:
        opening = max(int(SHARE * payments * sum(PRICES) / 2 / PEOPLE), max(PRICES))
        super().__init__(world, PEOPLE, opening)
        self._verdicts: dict[str, bool] = {}
        """By reference: whether the payer may pass."""
        self._verification = self.partner(None, (), partial(self._screen, "verified", "rejected"))
        self._blacklist = self.partner(None, (), partial(self._screen, "clear", "listed"))
        self.inhabit()
        for number in range(payments):
            person, price = world.chance.random.choice(self.people), world.chance.random.randint(*PRICES)
            wanted = {"wallet": person, "service": f"service-{number}"}
            request = {
                **wanted,
                "username": person,
                "name": "a service",
                "amount": price + opening if world.chance.strikes("declined") else price,
                "currency": CURRENCY,
            }
            self.ask(number, Order(KIND, request, person, subject=person, asked=wanted))

    def processes(self, store: Store) -> Processes:
        verify = verification(self._verification, self.world.guard("screening"))
        screen = blacklist(self._blacklist, self.world.guard("blacklist"))
        return {KIND: service_payment(Ledger(store, self.world), People(store, self.world), verify, screen)}

    def moves(self, asked: Mapping[str, Any]) -> Mapping[str, int]:
        return {asked["wallet"]: -asked["amount"]}

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
