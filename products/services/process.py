"""Paying services from a wallet: hold the price, have both services screen the payer, then pay or give back."""

from core.identity.people import People
from core.ledger import Ledger, Movement
from core.operation import Operation
from products.services.contract import ACCOUNT, BLACKLIST_STEP, SERVICE_PAYMENT, VERIFY_STEP, ServicesSettings
from worker.movements import check, hold, settle
from worker.partners.screening import Screening, blacklist, verification
from worker.process import REPEATABLE, REQUIRED, Process, Stages, Step
from worker.products import WorkerServices

FIRST_RETRY_S = 0.5
SCREENED_WITHIN_S = 120
"""A failed call is no verdict, and is repeated; but the payer waits, and their money is held."""


def processes(services: WorkerServices) -> tuple[Process, ...]:
    core, connect = services.core, services.partners.connect
    settings = core.settings.of(ServicesSettings)
    verify = verification(*connect("screening", settings.screening_url))
    screen = blacklist(*connect("blacklist", settings.blacklist_url))
    return (service_payment(core.ledger, core.people, verify, screen),)


def service_payment(ledger: Ledger, people: People, verify: Screening, screen: Screening) -> Process:
    def stages(operation: Operation) -> Stages:
        request = SERVICE_PAYMENT.read(operation)
        move = Movement(operation.id, request.wallet, ACCOUNT, request.amount, request.currency, SERVICE_PAYMENT.kind)
        screening = (
            _screen(VERIFY_STEP, "verifying the payer", verify, operation, request.username),
            _screen(BLACKLIST_STEP, "looking for the payer on the blacklist", screen, operation, request.username),
        )
        paying = settle(ledger, move, f"paying for {request.name}")
        return (check(people, request.wallet),), (hold(ledger, move),), screening, (paying,)

    return Process(SERVICE_PAYMENT.kind, stages)


def _screen(name: str, label: str, screening: Screening, operation: Operation, username: str) -> Step:
    return Step(
        name,
        label,
        submit=lambda _: screening.check(operation.reference(name), username),
        recovery=REPEATABLE,
        breaker=screening.breaker,
        is_lookup=True,
        obligation=REQUIRED.within(SCREENED_WITHIN_S),
        first_retry_s=FIRST_RETRY_S,
    )
