"""Paying fines in a browser: find them, choose, check, pay, and follow what becomes of it. No phone is in any URL."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from flask import Response, redirect, request, session, url_for
from werkzeug.wrappers import Response as Answer

from api.auth.access import anyone
from api.auth.callers import client
from api.http.answers import accept_checked, load
from api.http.context import core
from api.http.waiting import waiting_room
from core.accept import Command
from core.errors import InvalidPhone, QuittanceError
from core.notices.languages import say_amount
from core.notices.outcome import Notification
from core.operation import Status, redirect_of, short_reference
from core.phone import to_e164
from products.fines.contract import DEBIT_STEP, FINE_PAYMENT, Fine, FinePayment, FinesSettings, names_of
from products.fines.lookup import FINE_LOOKUP, FineLookup, ListedFine, listed, plate_of
from products.fines.lookup_routes import SAME_WITHIN_S
from products.fines.numbers import WrongCount, number_of
from products.fines.page_words import state_of
from products.fines.reserved import refuse_what_is_being_paid
from products.fines.routes import command_of
from products.fines.words import details
from web.languages import language, say, text
from web.links import LinkEnded, link_to, linked
from web.pages import Pages, page

FOUND_FOR_S, FOLLOWED_FOR_S = 3600, 7 * 24 * 3600
"""How long the links to what was found, and to a payment, are good."""
ANSWERED_WITHIN_S = 2
MAX_TYPED_CHARS = 64
CHOICES, MOST_CHOICES = "choices", 3
WAYS = {"number": text("Fine number"), "plate": text("Plate"), "phone": text("Phone")}

pay = Pages("pay", __name__, limit="look_ups")
BLUEPRINTS = (pay,)
DOORS = (("/pay", text("Pay a fine"), text("By its number, by plate or by phone.")),)


@pay.show("/pay")
@anyone
def find() -> Response:
    """Ask which fines are meant. The link on a ticket names one: `/pay?fine=AM-2026-000123`."""
    return _find("number", request.args.get("fine", "")[:MAX_TYPED_CHARS])


@pay.take("/pay")
@anyone
def look_up() -> Answer:
    """Have the registry asked."""
    way, typed = request.form.get("way", ""), request.form.get("typed", "").strip()[:MAX_TYPED_CHARS]
    lookup = _lookup(way, typed)
    if isinstance(lookup, str):
        return _find(way, typed, lookup)
    command = Command(
        FINE_LOOKUP.kind,
        lookup.to_json(),
        client(),
        subject=client(),
        repeatable=True,
        same_within_s=SAME_WITHIN_S,
    )
    id = core().accept(command).operation.id
    return redirect(url_for("pay.show_found", link=link_to(id, "found")), 303)


@pay.show("/pay/<link>")
@anyone
def show_found(link: str) -> Response:
    """What the registry says is owed."""
    return _found(link)


@pay.take("/pay/<link>")
@anyone
def choose(link: str) -> Answer:
    """Keep which fines are to be paid, and by which phone."""
    id, owed = _owed(link)
    chosen = [fine.id for fine in owed if fine.id in request.form.getlist("fine")]
    typed, operator = request.form.get("phone", "").strip()[:MAX_TYPED_CHARS], request.form.get("operator") or None
    kept = {"fines": chosen, "phone": typed, "operator": operator}
    others = {key: value for key, value in session.get(CHOICES, {}).items() if key != id}
    session[CHOICES] = dict([*others.items(), (id, kept)][-MOST_CHOICES:])
    wrong = _wrong_choice(owed, kept)
    return _found(link, wrong) if wrong else redirect(url_for("pay.check", link=link), 303)


@pay.show("/pay/<link>/check")
@anyone
def check(link: str) -> Answer:
    """Show once more what is about to be paid."""
    found = _chosen(link)
    return _check(link, found[0]) if found else redirect(url_for("pay.show_found", link=link), 303)


@pay.take("/pay/<link>/check")
@anyone
def confirm(link: str) -> Answer:
    """Pay. The same again is the same payment."""
    found = _chosen(link)
    if found is None:
        return redirect(url_for("pay.show_found", link=link), 303)
    payment, operator = found
    told = Notification(payment.msisdn, language(), "Fine", payment.amount, payment.currency, once_asked=DEBIT_STEP)
    try:
        command = replace(command_of(payment, operator, names_of(payment)), notification=asdict(told))
        accepted = accept_checked(command, lambda: refuse_what_is_being_paid(core(), payment))
    except QuittanceError as error:
        return _check(link, payment, error.message)
    return redirect(url_for("pay.follow", link=link_to(accepted.operation.id, "payment")), 303)


@pay.show("/payments/<link>")
@anyone
def follow(link: str) -> Response:
    """What becomes of a payment. It may be closed, and opened again."""
    operation = load(FINE_PAYMENT.kind, linked(link, "payment", FOLLOWED_FOR_S), LinkEnded)
    payment = FINE_PAYMENT.read(operation)
    title, said = state_of(operation)
    return page(
        "news.html" if "HX-Request" in request.headers else "payment.html",
        title=title,
        said=said,
        why=details(operation, language()) if operation.terminal and operation.status is not Status.SUCCEEDED else "",
        amount=say_amount(payment.amount, payment.currency, language()),
        fines=[fine.id for fine in payment.amendes],
        reference=short_reference(operation.id),
        ended=operation.terminal,
        good=operation.status in (Status.SUCCEEDED, Status.PARTIALLY_SUCCEEDED),
        onward=redirect_of(operation),
        sms=core().notifier.reaches_phones(core().settings),
    )


def _find(way: str, typed: str, wrong: str = "") -> Response:
    pattern = core().settings.of(FinesSettings).fine_number_pattern
    return page("find.html", 422 if wrong else 200, ways=WAYS, way=way, typed=typed, wrong=wrong, pattern=pattern)


def _lookup(way: str, typed: str) -> FineLookup | str:
    """What to ask the registry, or what is wrong with what was typed."""
    if way == "phone":
        try:
            return FineLookup(msisdn=to_e164(typed, core().settings.phone_region))
        except InvalidPhone:
            return say("This is not a phone number.")
    if way == "plate":
        plate = plate_of(typed)
        return FineLookup(plate=plate) if plate else say("This is not a plate.")
    try:
        number = number_of(core().settings.of(FinesSettings).fine_number_pattern, typed)
    except WrongCount:
        number = None
    return FineLookup(id=number) if number else say("This is not the number of a fine.")


def _found(link: str, wrong: str = "") -> Response:
    id = linked(link, "found", FOUND_FOR_S)
    operation = waiting_room().wait(lambda: load(FINE_LOOKUP.kind, id, LinkEnded), ANSWERED_WITHIN_S, None)
    fines, kept = listed(operation), session.get(CHOICES, {}).get(id, {})
    return page(
        "found.html",
        422 if wrong else 200,
        waiting=fines is None and not operation.terminal,
        failed=fines is None and operation.terminal,
        fines=[(fine, say_amount(fine.amount, fine.currency, language())) for fine in fines or ()],
        owed=sum(fine.is_due for fine in fines or ()),
        chosen=kept.get("fines"),
        phone=kept.get("phone", ""),
        operator=kept.get("operator"),
        operators=[each.name for each in core().settings.operators.operators],
        wrong=wrong,
    )


def _owed(link: str) -> tuple[str, Sequence[ListedFine]]:
    """The id of the look-up, and the fines that it has found and that are owed."""
    id = linked(link, "found", FOUND_FOR_S)
    found = listed(load(FINE_LOOKUP.kind, id, LinkEnded)) or ()
    return id, [fine for fine in found if fine.is_due]


def _wrong_choice(owed: Sequence[ListedFine], kept: dict[str, Any]) -> str:
    """What is wrong with a choice; nothing for one that can be paid."""
    chosen = [fine for fine in owed if fine.id in kept["fines"]]
    if not chosen:
        return say("Choose at least one fine.")
    if len({fine.currency for fine in chosen}) > 1:
        return say("Pay fines of one currency at a time.")
    try:
        phone = to_e164(kept["phone"], core().settings.phone_region)
        core().route(phone, chosen[0].currency, kept["operator"])
    except InvalidPhone:
        return say("This is not a phone number.")
    except QuittanceError as error:
        return error.message
    return ""


def _chosen(link: str) -> tuple[FinePayment, str | None] | None:
    """What the reader has chosen of what was found, and the operator that they name; None without a valid choice.

    Amounts and currency are the registry's, whatever the form says.
    """
    id, owed = _owed(link)
    kept = session.get(CHOICES, {}).get(id)
    if kept is None or _wrong_choice(owed, kept):
        return None
    fines = sorted((fine for fine in owed if fine.id in kept["fines"]), key=lambda fine: fine.id)
    amount, phone = sum(fine.amount for fine in fines), to_e164(kept["phone"], core().settings.phone_region)
    payment = FinePayment(phone, fines[0].currency, amount, tuple(Fine(fine.id, fine.amount) for fine in fines))
    return payment, kept["operator"]


def _check(link: str, payment: FinePayment, wrong: str = "") -> Response:
    amounts = [(fine.id, say_amount(fine.amount, payment.currency, language())) for fine in payment.amendes]
    total = say_amount(payment.amount, payment.currency, language())
    values: dict[str, Any] = {"link": link, "fines": amounts, "total": total, "phone": payment.msisdn, "wrong": wrong}
    return page("check.html", 422 if wrong else 200, **values)
