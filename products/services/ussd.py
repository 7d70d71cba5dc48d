"""Paying a service by USSD: one of the catalogue, and the PIN."""

from api.ussd.common import confirm, screen_name
from api.ussd.screen import Entry, Go, Menu, Option, Pay, Talk, Wrong
from products.services.catalogue import Catalogue, Service
from products.services.contract import SERVICE_PAYMENT, may_pay, service_payment

MAX_LISTED = 50
"""Only the newest services: a caller does not turn more pages than these fill."""


def _heading(talk: Talk) -> str:
    return talk.say("Services:") if _offered(talk) else talk.say("No services.")


def _options(talk: Talk) -> list[Option]:
    return [
        Option(
            f"{screen_name(talk, service.name)} {talk.amount(service.price, service.currency)}",
            Go("services.pin", {"service": service.id, "service_name": service.name, "price": service.price}),
        )
        for service in _offered(talk)
    ]


def _offered(talk: Talk) -> list[Service]:
    """Those that wallets can pay."""
    offered = talk.core.of(Catalogue).offered(MAX_LISTED, None)
    return [service for service in offered if service.currency == talk.currency]


def _summary(talk: Talk) -> str:
    amount = talk.amount(talk.data["price"], talk.currency)
    return talk.say("Pay {amount} for {name}.", amount=amount, name=screen_name(talk, talk.data["service_name"]))


def _pay(talk: Talk) -> Pay:
    service = talk.core.of(Catalogue).get(talk.data["service"])
    if service is None or service.price != talk.data["price"]:
        raise Wrong(talk.say("The price has changed."))
    wallet, command = talk.core.wallet_of(talk.me.id), service_payment(talk.me, service)
    return Pay("Service", command, service.price, service.currency, lambda: may_pay(wallet, service))


SCREENS = (
    Menu("services", _heading, _options, ("services.pin",)),
    confirm("services.pin", _summary, _pay),
)
ENTRIES = (Entry(30, "Pay services", "services", SCREENS, (SERVICE_PAYMENT.kind,)),)
