"""The finance service: records one charge for each appointment."""

from flask import Blueprint, Response, request

from mock_api.books import Books, Order
from mock_api.desk import Desk
from mock_api.forms import CHARGE, BadForm, read_form
from mock_api.trade import Trade, Verdict, prefixed

PARTNER = "finance"


def _decide(books: Books, order: Order) -> Verdict:
    return Verdict("ALREADY_CHARGED" if books.note(f"charged:{order.content['appointment_id']}") else None)


def _record(books: Books, order: Order) -> None:
    books.write_note(f"charged:{order.content['appointment_id']}", order.request_id)


TRADES = {
    (PARTNER, "charge"): Trade("charges", prefixed("FN"), ("appointment_id", "amount", "currency"), _decide, _record)
}


def blueprint(desk: Desk) -> Blueprint:
    """Returns `POST /charges`."""
    routes = Blueprint("finance", __name__)

    @routes.post("/charges")
    def charge() -> Response:
        try:
            content = read_form(request.get_json(silent=True), CHARGE)
        except BadForm as error:
            body = {"error": str(error)}
            return desk.read("charge", "", [], lambda: (body, 400))
        return desk.write(Order(PARTNER, "charge", content.pop("request_id"), content))

    return routes
