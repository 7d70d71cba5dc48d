"""Paying a fine by mobile money: its number and its amount as on the ticket, and the PIN."""

import re

from api.ussd.common import ask, confirm, screen_name
from api.ussd.screen import Entry, Pay, Talk, Wrong, text
from core.accept import Command
from products.fines.contract import FINE_ID, FINE_PAYMENT, Fine, FinePayment, names_of
from products.payers.ussd import ask_amount_from_phone, with_holder


def _number(talk: Talk, typed: str) -> dict[str, object]:
    number = typed.upper()
    if not re.fullmatch(FINE_ID, number, re.ASCII):
        raise Wrong(talk.say("Not a number of a fine."))
    return {"fine": number}


def _summary(talk: Talk) -> str:
    amount = talk.amount(talk.data["amount"], talk.currency)
    return talk.say("Pay fine {name}: {amount}.", amount=amount, name=screen_name(talk, talk.data["fine"]))


def _pay(talk: Talk) -> Pay:
    amount, currency = talk.data["amount"], talk.currency
    request = FinePayment(talk.msisdn, currency, amount, (Fine(talk.data["fine"], amount),))
    operator = talk.core.route(talk.msisdn, currency)
    command = Command(
        FINE_PAYMENT.kind,
        request.to_json(),
        talk.me.id,
        subject=talk.msisdn,
        operator=operator,
        names=names_of(request),
    )
    return Pay("Fine", command, amount, currency)


SCREENS = (
    ask("fines.number", text("Number of the fine:"), _number, "fines.amount"),
    ask_amount_from_phone("fines.amount", "fines.pin", text("Amount on the ticket:")),
    confirm("fines.pin", with_holder(_summary), _pay),
)
ENTRIES = (Entry(40, "Fines", "fines.number", SCREENS, (FINE_PAYMENT.kind,)),)
