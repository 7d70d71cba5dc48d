"""Services: a catalogue, and payments from a wallet after two screenings of the payer."""

from dataclasses import dataclass
from typing import Self

from core.accept import Command
from core.contract import Contract, Door, Refunding, Request, StatusEvents, no_effects
from core.environment import Env
from core.errors import Refused
from core.identity.people import Person
from core.ledger import SETTLE_STEP
from core.operation import Operation
from core.steps import StepState
from core.store.port import Collection, Document
from products.services.catalogue import OFFERED, SERVICES, Service
from products.wallets.contract import afford, from_wallet

ACCOUNT = "services"
"""The system account of what was paid for services."""
VERIFY_STEP, BLACKLIST_STEP = "verify", "blacklist"


@dataclass(frozen=True)
class ServicePayment(Request):
    """wallet and service: ids; name: the service's, when the payment was accepted; amount: minor units."""

    wallet: str
    service: str
    username: str
    name: str
    amount: int
    currency: str


class ServiceRetired(Refused):
    """This service is no longer offered."""

    code = "service_retired"
    screen_text = "No longer offered."


class OtherCurrency(Refused):
    """This service is not paid in the currency of your wallet."""

    code = "other_currency"


@dataclass(frozen=True)
class ServicesSettings:
    """screening_url: verifies payers; blacklist_url: looks them up on a blacklist."""

    screening_url: str
    blacklist_url: str

    @classmethod
    def read(cls, env: Env) -> Self:
        blacklist_url = env.partner("BLACKLIST_URL", "/blacklist", former="SCREENING_URL2")
        return cls(env.partner("SCREENING_URL", "/screening"), blacklist_url)


def _paid(operation: Operation) -> dict[str, int]:
    paid = operation.step(SETTLE_STEP).state is StepState.DONE
    return {"": SERVICE_PAYMENT.read(operation).amount} if paid else {}


SERVICE_PAYMENT = Contract(
    "service_payment",
    ServicePayment,
    frozenset({Door.HTTP, Door.USSD}),
    (),
    no_effects,
    legs=lambda request: (request.wallet, ACCOUNT),
    accounts=frozenset({ACCOUNT}),
    status_events=StatusEvents("payment", "/v1/payments/{id}", lambda request: (request.amount, request.currency)),
    refunding=Refunding(
        _paid,
        lambda request: request.currency,
        legs=lambda request: (ACCOUNT, request.wallet),
    ),
)
CONTRACTS = (SERVICE_PAYMENT,)
COLLECTIONS = (Collection(SERVICES, indexes=(("state",),)),)
SETTINGS = (ServicesSettings,)


def service_payment(me: Person, service: Service) -> Command:
    """At the current price; a later price does not make the same request another one."""
    wanted = {"wallet": me.id, "service": service.id}
    request = ServicePayment(
        **wanted,
        username=me.username or me.msisdn or "",
        name=service.name,
        amount=service.price,
        currency=service.currency,
    )
    return from_wallet(SERVICE_PAYMENT.kind, request, me, payload=wanted)


def may_pay(wallet: Document, service: Service) -> None:
    """Raises Refused when it is known at once that this service cannot be paid."""
    if service.state != OFFERED:
        raise ServiceRetired
    if service.currency != wallet["currency"]:
        raise OtherCurrency(f"This service is paid in {service.currency}, not from your wallet.")
    afford(wallet, service.price)
