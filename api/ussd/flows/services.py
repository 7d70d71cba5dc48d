"""Paying a service: one of the catalogue, and the PIN."""

from api.orders import may_pay, service_payment, wallet_of
from api.ussd.flows.common import confirm, told
from api.ussd.screen import Go, Menu, Option, Pay, Talk, Wrong
from core.catalogue import Catalogue, Service

LISTED = 50
"""The newest ones: nobody turns more pages than these fill."""


def _heading(talk: Talk) -> str:
    return talk.say("Services:") if _offered(talk) else talk.say("No services.")


def _options(talk: Talk) -> list[Option]:
    return [
        Option(
            f"{told(talk, service.name)} {talk.amount(service.price, service.currency)}",
            Go("services.pin", {"service": service.id, "service_name": service.name, "price": service.price}),
        )
        for service in _offered(talk)
    ]


def _offered(talk: Talk) -> list[Service]:
    """Those that wallets can pay."""
    offered = Catalogue(talk.core.store, talk.core.clock).offered(LISTED, None)
    return [service for service in offered if service.currency == talk.currency]


def _summary(talk: Talk) -> str:
    amount = talk.amount(talk.data["price"], talk.currency)
    return talk.say("Pay {amount} for {name}.", amount=amount, name=told(talk, talk.data["service_name"]))


def _pay(talk: Talk) -> Pay:
    service = Catalogue(talk.core.store, talk.core.clock).get(talk.data["service"])
    if service is None or service.price != talk.data["price"]:
        raise Wrong(talk.say("The price has changed."))
    wallet, order = wallet_of(talk.core, talk.me.id), service_payment(talk.me, service)
    return Pay("Service", order, service.price, service.currency, lambda: may_pay(wallet, service))


SCREENS = (
    Menu("services", _heading, _options, ("services.pin",)),
    confirm("services.pin", _summary, _pay),
)
