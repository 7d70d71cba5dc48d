"""Sending money by USSD: the recipient, the amount, and the PIN."""

from api.limits import limits
from api.ussd.common import ask, ask_amount, confirm, screen_name
from api.ussd.screen import Entry, Pay, Talk, Wrong, text
from products.wallets.contract import TRANSFER, may_send, transfer


def _recipient(talk: Talk, typed: str) -> dict[str, object]:
    region = talk.core.settings.phone_region
    found = limits().recipient(talk.me.id, lambda: talk.core.people.find(typed, region))
    if found is None or found.suspended:
        raise Wrong(talk.say("Unknown."))
    if found.id == talk.me.id:
        raise Wrong(talk.say("That is you."))
    return {"to": found.id, "to_name": found.username or found.msisdn}


def _summary(talk: Talk) -> str:
    amount = talk.amount(talk.data["amount"], talk.currency)
    return talk.say("Send {amount} to {name}.", amount=amount, name=screen_name(talk, talk.data["to_name"]))


def _pay(talk: Talk) -> Pay:
    to, amount = talk.core.people.get(talk.data["to"]), talk.data["amount"]
    wallet = talk.core.wallet_of(talk.me.id)
    if to is None:
        raise Wrong(talk.say("Unknown."))
    command = transfer(talk.me, to, amount, wallet["currency"])
    return Pay("Transfer", command, amount, wallet["currency"], lambda: may_send(talk.core, wallet, to, amount))


SCREENS = (
    ask("transfer.to", text("Recipient (phone or name):"), _recipient, "transfer.amount"),
    ask_amount("transfer.amount", "transfer.pin"),
    confirm("transfer.pin", _summary, _pay),
)

ENTRY = Entry(10, "Transfer money", "transfer.to", SCREENS, (TRANSFER.kind,))
