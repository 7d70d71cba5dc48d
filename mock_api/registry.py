"""The fines registry: reports which fines are due, records payments, and asks again for fines given back."""

from collections.abc import Mapping
from decimal import Decimal
from re import Pattern

from flask import Blueprint, Response, request

from mock_api import catalogue
from mock_api.books import Books, Order
from mock_api.catalogue import CANCELLED, CURRENCY, DUE, PAID, Fine
from mock_api.desk import Desk
from mock_api.forms import REOPENING, SETTLEMENT, BadForm, read_form
from mock_api.ledger import Ledger
from mock_api.reply import Reply
from mock_api.trade import Trade, Verdict, prefixed

PARTNER = "registry"


def _decide(books: Books, order: Order) -> Verdict:
    fine = catalogue.fine(order.content["id"])
    if fine is None:
        return Verdict("UNKNOWN_FINE")
    if fine.status == CANCELLED or fine.number == catalogue.CANCELLED_MEANWHILE:
        return Verdict("CANCELLED")
    if fine.status == PAID or fine.number == catalogue.PAID_MEANWHILE or books.note(f"paid:{fine.id}"):
        return Verdict("ALREADY_PAID")
    if Decimal(order.content["amount"]) != fine.amount:
        return Verdict("AMOUNT_MISMATCH")
    return Verdict(waits=fine.number == catalogue.SETTLED_SLOWLY)


def _record(books: Books, order: Order) -> None:
    books.write_note(f"paid:{order.content['id']}", order.request_id)


def _decide_reopening(books: Books, order: Order) -> Verdict:
    """A fine is reopened for the payment that has paid it, whose id is the beginning of the settlement's."""
    paid = books.note(f"paid:{order.content['id']}") or ""
    return Verdict(None if paid.startswith(f"{order.content['payment_id']}:") else "NOT_PAID")


def _record_reopening(books: Books, order: Order) -> None:
    books.write_note(f"paid:{order.content['id']}", "")


TRADES = {
    (PARTNER, "settle"): Trade("fines", prefixed("RG"), ("id", "payment_id", "amount"), _decide, _record),
    (PARTNER, "reopen"): Trade(
        "reopenings", prefixed("RO"), ("id", "payment_id"), _decide_reopening, _record_reopening
    ),
}


def blueprint(desk: Desk) -> Blueprint:
    """Returns `GET /amendes`, `GET /amendes/{id}`, `PUT /amendes/{id}/statut` and `POST /amendes/{id}/reopen`."""
    routes = Blueprint("registry", __name__)

    @routes.get("/amendes")
    def lookup() -> Response:
        plate = request.args.get("immatriculation", "").strip()
        msisdn = request.args.get("msisdn", "").strip()
        return desk.read("lookup", plate or msisdn, [plate, msisdn], lambda: _look_up(desk.ledger, plate, msisdn))

    @routes.get("/amendes/<fine_id>")
    def fine(fine_id: str) -> Response:
        return desk.read("fine", fine_id, [fine_id], lambda: _show(desk.ledger, fine_id))

    @routes.put("/amendes/<fine_id>/statut")
    def settle(fine_id: str) -> Response:
        return write("settle", fine_id, SETTLEMENT)

    @routes.post("/amendes/<fine_id>/reopen")
    def reopen(fine_id: str) -> Response:
        return write("reopen", fine_id, REOPENING)

    def write(call: str, fine_id: str, form: Mapping[str, Pattern[str]]) -> Response:
        try:
            content = read_form(request.get_json(silent=True), form)
        except BadForm as error:
            body = {"error": str(error)}
            return desk.read(call, "", [fine_id], lambda: (body, 400))
        return desk.write(Order(PARTNER, call, content.pop("request_id"), content | {"id": fine_id}))

    return routes


def _look_up(ledger: Ledger, plate: str, msisdn: str) -> Reply:
    if not plate and not msisdn:
        return {"error": "immatriculation or msisdn is required"}, 400
    phone, fines = catalogue.fines_of_plate(plate) if plate else catalogue.fines_of_phone(msisdn)
    due = [fine for fine in fines if _status(ledger, fine) == DUE]
    total = sum(fine.amount for fine in due)
    listed = [_describe(fine, DUE) for fine in due]
    return {"msisdn": phone, "currency": CURRENCY, "amount": str(total), "amendes": listed}, 200


def _show(ledger: Ledger, fine_id: str) -> Reply:
    fine = catalogue.fine(fine_id)
    if fine is None:
        return {"error": "no such fine"}, 404
    return _describe(fine, _status(ledger, fine)), 200


def _status(ledger: Ledger, fine: Fine) -> str:
    return PAID if ledger.note(f"paid:{fine.id}") else fine.status


def _describe(fine: Fine, status: str) -> Mapping[str, object]:
    body = {"id": fine.id, "amount": str(fine.amount), "currency": fine.currency, "status": status}
    return body | {"motif": fine.motif, "date": fine.date, "immatriculation": fine.immatriculation}
