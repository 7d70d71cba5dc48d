"""Merchants: people withdraw cash there, and the merchant's wallet is credited."""

from dataclasses import dataclass, replace

from core.accept import Command
from core.contract import Contract, Door, StatusEvents, no_effects
from core.identity.people import Person
from core.store.port import Collection, Store
from products.merchants.register import MERCHANTS, Merchant
from products.wallets.contract import Sending, from_wallet, notified

TOLD_A_DAY = 500
"""Messages to a merchant about withdrawals: cash is handed out by them."""


@dataclass(frozen=True)
class Withdrawal(Sending):
    """As a transfer to the merchant's owner. merchant: the merchant's code; to_name: the merchant's name."""

    merchant: str = ""


WITHDRAWAL = Contract(
    "wallet_withdrawal",
    Withdrawal,
    frozenset({Door.USSD}),
    (),
    no_effects,
    legs=lambda request: (request.sender, request.to),
    status_events=StatusEvents("withdrawal", "/v1/operations/{id}", lambda request: (request.amount, request.currency)),
)
CONTRACTS = (WITHDRAWAL,)
COLLECTIONS = (Collection(MERCHANTS, indexes=(("owner",),)),)


def depends_on(store: Store, person: str) -> bool:
    """Whether a merchant is paid into this person's wallet. Raises StoreUnavailable."""
    return bool(store.find(MERCHANTS, {"owner": person}, limit=1))


def withdrawal(me: Person, merchant: Merchant, owner: Person | None, amount: int, currency: str) -> Command:
    """owner: of the merchant. amount: minor units."""
    request = Withdrawal(me.id, merchant.owner, merchant.name, amount, currency, merchant=merchant.code)
    command = from_wallet(WITHDRAWAL.kind, request, me, counterparty=merchant.owner)
    if owner is None:
        return command
    receivers = notified(owner, lambda say: say("Give {amount} in cash to {name}."), amount, currency, me, TOLD_A_DAY)
    return replace(command, receivers=receivers)
