"""Withdrawing at a merchant: his code, how much, and the PIN. His wallet is credited, and he hands out cash."""

from api.orders import may_send, wallet_of, withdrawal
from api.ussd.flows.common import ask, confirm, read_minor, told
from api.ussd.screen import Pay, Talk, Wrong, text
from core.merchants import Merchant, Merchants


def _merchant(talk: Talk, code: str) -> Merchant:
    found = Merchants(talk.core.store, talk.core.clock).get(code) if code.isascii() and code.isdigit() else None
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
    return talk.say("Withdraw {amount} at {name}.", amount=amount, name=told(talk, talk.data["merchant_name"]))


def _pay(talk: Talk) -> Pay:
    merchant, amount = _merchant(talk, talk.data["merchant"]), talk.data["amount"]
    wallet, owner = wallet_of(talk.core, talk.me.id), talk.people.get(merchant.owner)
    order = withdrawal(talk.me, merchant, amount, wallet["currency"])
    return Pay("Withdrawal", order, amount, wallet["currency"], lambda: may_send(talk.core, wallet, owner, amount))


SCREENS = (
    ask("withdraw.code", text("Merchant code:"), _code, "withdraw.amount"),
    ask(
        "withdraw.amount",
        text("Amount:"),
        lambda talk, typed: {"amount": read_minor(talk, typed)},
        "withdraw.pin",
    ),
    confirm("withdraw.pin", _summary, _pay),
)
