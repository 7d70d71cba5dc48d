"""Payments from wallets as they are accepted, whichever way they come in; and what must be true of new ones."""

from collections.abc import Mapping

from api.errors import Problem, invalid
from api.fields import DIALLED
from core.accept import Order
from core.bootstrap import Core
from core.catalogue import OFFERED, Service
from core.ledger import Ledger
from core.merchants import Merchant
from core.people import People, Person, canonical_name
from core.store.port import Document

TOP_UP, TRANSFER, WITHDRAWAL = "wallet_top_up", "wallet_transfer", "wallet_withdrawal"
SERVICE_PAYMENT = "service_payment"
SAME_WITHIN_S = 10
"""Without an idempotency key, the same again so soon is a client that asks twice, not a person who pays twice."""


def wallet_of(core: Core, person: str) -> Document:
    """The wallet of the person of this id, made if it is not there."""
    return Ledger(core.store, core.clock).open(person, core.settings.wallet_currency)


def top_up(me: Person, amount: int, currency: str) -> Order:
    """amount: minor units, as in all of these. For a person with a phone."""
    request = {"wallet": me.id, "msisdn": me.msisdn, "amount": amount, "currency": currency}
    return _order(TOP_UP, request, me)


def transfer(me: Person, to: Person, amount: int, currency: str, note: str | None = None) -> Order:
    request = {"from": me.id, "to": to.id, "to_name": to.name, "amount": amount, "currency": currency, "note": note}
    return _order(TRANSFER, request, me, counterpart=to.id)


def withdrawal(me: Person, merchant: Merchant, amount: int, currency: str) -> Order:
    request = {
        "from": me.id,
        "to": merchant.owner,
        "merchant": merchant.code,
        "to_name": merchant.name,
        "amount": amount,
        "currency": currency,
    }
    return _order(WITHDRAWAL, request, me, counterpart=merchant.owner)


def service_payment(me: Person, service: Service) -> Order:
    """At the price of now; a later price does not make the same request another one."""
    wanted = {"wallet": me.id, "service": service.id}
    priced = {
        "username": me.username or me.msisdn,
        "name": service.name,
        "amount": service.price,
        "currency": service.currency,
    }
    return _order(SERVICE_PAYMENT, {**wanted, **priced}, me, asked=wanted)


def may_send(core: Core, wallet: Document, to: Person | None, amount: int) -> None:
    """Raises Problem 422 when it is known at once that this cannot be sent, or withdrawn."""
    if to is None or to.suspended:
        raise nobody()
    theirs = wallet_of(core, to.id)
    if theirs["currency"] != wallet["currency"]:
        raise invalid("to", f"Their wallet is in {theirs['currency']}, yours in {wallet['currency']}.")
    _afford(wallet, amount)


def may_pay(wallet: Document, service: Service) -> None:
    """Raises Problem 422 when it is known at once that this service cannot be paid."""
    if service.state != OFFERED:
        raise Problem(422, "service_retired", "This service is no longer offered.")
    if service.currency != wallet["currency"]:
        raise Problem(422, "other_currency", f"This service is paid in {service.currency}, not from your wallet.")
    _afford(wallet, service.price)


def find_recipient(core: Core, people: People, text: str) -> Person | None:
    """By username or phone, and by nothing else that has a phone in it."""
    try:
        canonical_name(text)
    except ValueError:
        if not DIALLED.fullmatch(text):
            return None
    return people.find(text, core.settings.phone_region)


def nobody() -> Problem:
    return invalid("to", "Nobody has this username or phone.")


def held_minor(wallet: Document) -> int:
    return sum(wallet["holds"].values())


def _afford(wallet: Document, amount: int) -> None:
    """What is held may be given back yet; whether it is in time, the worker finds out."""
    if wallet["balance"] + held_minor(wallet) < amount:
        raise Problem(422, "insufficient_funds", "There is not enough in your wallet.")


def _order(
    kind: str,
    request: Mapping[str, object],
    me: Person,
    counterpart: str | None = None,
    asked: Mapping[str, object] | None = None,
) -> Order:
    return Order(
        kind,
        request,
        me.id,
        subject=me.id,
        counterpart=counterpart,
        asked=asked,
        repeatable=True,
        same_within_s=SAME_WITHIN_S,
    )
