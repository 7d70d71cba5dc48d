"""Paying a fine by mobile money: its number and its amount as on the ticket, and the PIN."""

import re

from api.fines import KIND
from api.ussd.flows.common import ask, confirm, read_minor, told
from api.ussd.screen import Pay, Talk, Wrong, text
from core.accept import Order

_NUMBER = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,63}")


def _number(talk: Talk, typed: str) -> dict[str, object]:
    number = typed.upper()
    if not _NUMBER.fullmatch(number):
        raise Wrong(talk.say("Not a number of a fine."))
    return {"fine": number}


def _summary(talk: Talk) -> str:
    amount = talk.amount(talk.data["amount"], talk.currency)
    return talk.say("Pay fine {name}: {amount}.", amount=amount, name=told(talk, talk.data["fine"]))


def _pay(talk: Talk) -> Pay:
    amount, currency = talk.data["amount"], talk.currency
    fine = {"id": talk.data["fine"], "amount": amount}
    request = {"msisdn": talk.msisdn, "currency": currency, "amount": amount, "amendes": [fine]}
    return Pay("Fine", Order(KIND, request, talk.me.id, subject=talk.msisdn), amount, currency)


SCREENS = (
    ask("fines.number", text("Number of the fine:"), _number, "fines.amount"),
    ask(
        "fines.amount",
        text("Amount on the ticket:"),
        lambda talk, typed: {"amount": read_minor(talk, typed)},
        "fines.pin",
    ),
    confirm("fines.pin", _summary, _pay),
)
