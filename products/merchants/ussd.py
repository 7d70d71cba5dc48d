"""Withdrawing at a merchant by USSD: the merchant's code, the amount, and the PIN."""

from api.ussd.common import ask, ask_amount, confirm, screen_name
from api.ussd.screen import Entry, Pay, Talk, Wrong, text
from products.merchants.contract import WITHDRAWAL, withdrawal
from products.merchants.register import Merchant, Merchants
from products.wallets.contract import may_send


def _merchant(talk: Talk, code: str) -> Merchant:
    found = talk.core.of(Merchants).get(code) if code.isascii() and code.isdigit() else None
    if found is None:
        raise Wrong(talk.say("Unknown."))
    if found.owner == talk.me.id:
        raise Wrong(talk.say("That is you."))
    return found


def _code(talk: Talk, typed: str) -> dict[str, object]:
    found = _merchant(talk, typed)
    return {"merchant": found.code, "merchant_name": found.name}


def _summary(talk: Talk) -> str:
    amount = talk.amount(talk.data["amount"], talk.currency)
    return talk.say("Withdraw {amount} at {name}.", amount=amount, name=screen_name(talk, talk.data["merchant_name"]))


def _pay(talk: Talk) -> Pay:
    merchant, amount = _merchant(talk, talk.data["merchant"]), talk.data["amount"]
    wallet, owner = talk.core.wallet_of(talk.me.id), talk.core.people.get(merchant.owner)
    command = withdrawal(talk.me, merchant, owner, amount, wallet["currency"])
    return Pay("Withdrawal", command, amount, wallet["currency"], lambda: may_send(talk.core, wallet, owner, amount))


SCREENS = (
    ask("withdraw.code", text("Merchant code:"), _code, "withdraw.amount"),
    ask_amount("withdraw.amount", "withdraw.pin"),
    confirm("withdraw.pin", _summary, _pay),
)
ENTRIES = (Entry(20, "Withdraw", "withdraw.code", SCREENS, (WITHDRAWAL.kind,)),)
