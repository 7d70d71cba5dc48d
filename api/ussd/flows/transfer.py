"""Sending money: to whom, how much, and the PIN."""

from api.orders import find_recipient, may_send, transfer, wallet_of
from api.ussd.flows.common import ask, confirm, read_minor, told
from api.ussd.screen import Pay, Talk, Wrong, text


def _recipient(talk: Talk, typed: str) -> dict[str, object]:
    found = find_recipient(talk.core, talk.people, typed)
    if found is None or found.suspended:
        raise Wrong(talk.say("Unknown."))
    if found.id == talk.me.id:
        raise Wrong(talk.say("That is you."))
    return {"to": found.id, "to_name": found.username or found.msisdn}


def _summary(talk: Talk) -> str:
    amount = talk.amount(talk.data["amount"], talk.currency)
    return talk.say("Send {amount} to {name}.", amount=amount, name=told(talk, talk.data["to_name"]))


def _pay(talk: Talk) -> Pay:
    to, amount = talk.people.get(talk.data["to"]), talk.data["amount"]
    wallet = wallet_of(talk.core, talk.me.id)
    if to is None:
        raise Wrong(talk.say("Unknown."))
    order = transfer(talk.me, to, amount, wallet["currency"])
    return Pay("Transfer", order, amount, wallet["currency"], lambda: may_send(talk.core, wallet, to, amount))


SCREENS = (
    ask("transfer.to", text("Recipient (phone or name):"), _recipient, "transfer.amount"),
    ask(
        "transfer.amount",
        text("Amount:"),
        lambda talk, typed: {"amount": read_minor(talk, typed)},
        "transfer.pin",
    ),
    confirm("transfer.pin", _summary, _pay),
)
