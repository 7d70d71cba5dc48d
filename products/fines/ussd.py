"""Paying a fine by mobile money: one that the registry lists, or its number; and the PIN.

Where the registry does not answer in time, the number and the amount are typed as on the ticket.
"""

from collections.abc import Callable, Mapping
from typing import Any

from api.ussd.common import ask_amount, screen_name
from api.ussd.fit import short
from api.ussd.screen import Ask, Entry, Go, Menu, Option, Pay, Talk, Wrong, text
from core.accept import Command
from core.notices.languages import is_gsm7, plain
from products.fines.contract import FINE_PAYMENT, MAX_PLATE_CHARS, Fine, FinePayment, FinesSettings, names_of
from products.fines.lookup import FineLookup, listed, plate_of
from products.fines.numbers import WrongCount, example_of, number_of
from products.fines.ussd_lookup import Remembered, asked, asked_again, asked_of_typed, remembered
from products.payers.ussd import confirm_from_phone

MAX_REASON_CHARS = 14


def _owed(talk: Talk) -> Mapping[str, Any]:
    """What is owed for the caller's phone."""
    before = asked_again(talk, talk.data["asking"]) if talk.data.get("asking") else None
    lookup = before or asked(talk, FineLookup(msisdn=talk.msisdn))
    fines, asking = listed(lookup), None if lookup.terminal else lookup.id
    return {"owed": remembered(fines or ()), "silent": fines is None, "asking": asking}


def _heading(talk: Talk) -> str:
    if talk.data.get("silent"):
        return talk.say("No list of fines now.")
    return talk.say("Fines to pay:") if talk.data.get("owed") else talk.say("No fines on this phone.")


def _options(talk: Talk) -> list[Option]:
    return [
        *(_option(talk, fine) for fine in talk.data.get("owed", ())),
        Option(talk.say("By plate"), Go("fines.plate")),
        Option(talk.say("By number"), Go("fines.number")),
    ]


def _options_and(again: str) -> Callable[[Talk], list[Option]]:
    """again: where what the registry answers later is looked at. Not on the same screen: the same input there is taken
    for a repeated delivery by gateways that do not number their inputs.
    """

    def options(talk: Talk) -> list[Option]:
        look = [Option(talk.say("Look again"), Go(again))] if talk.data.get("asking") else []
        return [*_options(talk), *look]

    return options


def _option(talk: Talk, fine: Remembered) -> Option:
    """The number and the amount; and the reason, where letters are small enough to leave room for it."""
    label = f"{screen_name(talk, fine['fine'])} {talk.amount(fine['amount'], fine['currency'])}"
    why = short(plain(fine["why"], talk.language), MAX_REASON_CHARS)
    roomy = why and is_gsm7(f"{talk.say('Fines to pay:')}{why}")
    return Option(f"{label} {why}" if roomy else label, Go("fines.pin", _chosen(fine)))


def _chosen(fine: Remembered) -> dict[str, Any]:
    return {"fine": fine["fine"], "amount": fine["amount"], "fine_currency": fine["currency"]}


def _plate(talk: Talk, typed: str) -> Go:
    plate = plate_of(typed)
    if not plate.isascii() or not 1 <= len(plate) <= MAX_PLATE_CHARS:
        raise Wrong(talk.say("Not a plate."))
    fines = asked_of_typed(talk, FineLookup(plate=plate))
    if fines is None:
        return Go("fines.number", {"silent": True})
    if found := remembered(fines):
        return Go("fines.found", {"found": found, "silent": False})
    raise Wrong(talk.say("No fines to pay."))


def _ask_number(talk: Talk) -> str:
    silent = f"{talk.say('No list of fines now.')}\n" if talk.data.get("silent") else ""
    if example := example_of(_pattern(talk)):
        return f"{silent}{talk.say('Digits of its number, such as {example}:', example=example)}"
    return f"{silent}{talk.say('Number of the fine:')}"


def _number(talk: Talk, typed: str) -> Go:
    try:
        number = number_of(_pattern(talk), typed)
    except WrongCount:
        raise Wrong(talk.say("Wrong number of digits.")) from None
    if number is None:
        raise Wrong(talk.say("Not a number of a fine."))
    fines = asked_of_typed(talk, FineLookup(id=number))
    if fines is None:
        return Go("fines.amount", {"fine": number, "fine_currency": talk.currency, "silent": False})
    if not fines:
        raise Wrong(talk.say("There is no such fine."))
    match fines[0].status:
        case "paid":
            raise Wrong(talk.say("It is paid already."))
        case "cancelled":
            raise Wrong(talk.say("It is cancelled."))
        case _:
            return Go("fines.pin", {**_chosen(remembered(fines)[0]), "silent": False})


def _pattern(talk: Talk) -> str:
    # The picture of the menus is drawn without an installation.
    return talk.core.settings.of(FinesSettings).fine_number_pattern if talk.core else ""


def _currency(talk: Talk) -> str:
    return str(talk.data.get("fine_currency", talk.currency))


def _summary(talk: Talk) -> str:
    amount = talk.amount(talk.data["amount"], _currency(talk))
    return talk.say("Pay fine {name}: {amount}.", amount=amount, name=screen_name(talk, talk.data["fine"]))


def _pay(talk: Talk) -> Pay:
    amount, currency = talk.data["amount"], _currency(talk)
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


LEADS = ("fines.pin", "fines.plate", "fines.number")
SCREENS = (
    Menu("fines", _heading, _options_and("fines.again"), (*LEADS, "fines.again"), _owed),
    Menu("fines.again", _heading, _options_and("fines"), (*LEADS, "fines"), _owed),
    Ask("fines.plate", text("Plate:"), _plate, ("fines.found", "fines.number")),
    Menu(
        "fines.found",
        text("Fines to pay:"),
        lambda talk: [_option(talk, fine) for fine in talk.data.get("found", ())],
        ("fines.pin",),
    ),
    Ask("fines.number", _ask_number, _number, ("fines.pin", "fines.amount")),
    ask_amount("fines.amount", "fines.pin", text("Amount on the ticket:")),
    confirm_from_phone("fines.pin", _summary, _pay),
)
ENTRIES = (Entry(40, "Fines", "fines", SCREENS, (FINE_PAYMENT.kind,)),)
