"""Paying services from a wallet: hold the price, have both services screen the payer, then pay or give back."""

from core.ledger import SERVICES, Ledger, Movement
from core.operation import Operation
from core.people import People
from worker.partners.screening import Screening
from worker.process import Process, Stages, Step
from worker.processes.movements import check, hold, settle

KIND = "service_payment"
FIRST_RETRY_S = 0.5
SCREENED_WITHIN_S = 120
"""A failure is no verdict, and asked again; but somebody waits for it, with his money held."""


def service_payment(ledger: Ledger, people: People, verification: Screening, blacklist: Screening) -> Process:
    """request: wallet (an id), username, service (an id), name, amount (minor units) and currency."""

    def stages(operation: Operation) -> Stages:
        asked = operation.request
        move = Movement(operation.id, asked["wallet"], SERVICES, asked["amount"], asked["currency"], KIND)
        screening = (
            _screen("verify", "verifying the payer", verification, operation),
            _screen("blacklist", "looking for the payer on the blacklist", blacklist, operation),
        )
        paying = settle(ledger, move, f"paying for {asked['name']}")
        return (check(people, asked["wallet"]),), (hold(ledger, move),), screening, (paying,)

    return Process(KIND, stages)


def _screen(name: str, label: str, screening: Screening, operation: Operation) -> Step:
    return Step(
        name,
        label,
        submit=lambda _: screening.check(operation.reference(name), operation.request["username"]),
        guard=screening.guard,
        first_retry_s=FIRST_RETRY_S,
        deadline_s=SCREENED_WITHIN_S,
    )
