"""The generic contract of an operator: debits the accounts of phones, refunds them, and pays out."""

from decimal import Decimal

from flask import Blueprint, Response, request

from mock_api.books import Books, Order
from mock_api.desk import Desk
from mock_api.forms import DEBIT, REFUND, BadForm, read_form
from mock_api.ledger import SUCCESSFUL
from mock_api.phones import HABITS, VERDICTS
from mock_api.trade import Trade, Verdict, prefixed

PARTNER = "operator"


def _decide_debit(books: Books, order: Order) -> Verdict:
    return VERDICTS.get(order.content["msisdn"][-2:], Verdict())


def _decide_refund(books: Books, order: Order) -> Verdict:
    debit = books.request(PARTNER, order.content["debit_request_id"])
    if debit is None or debit.order.call != "debit":
        return Verdict("PAYER_NOT_FOUND")
    taken = debit.order.content
    same_payer = all(taken[name] == order.content[name] for name in ("msisdn", "currency"))
    if debit.status != SUCCESSFUL or not same_payer:
        return Verdict("LIMIT_EXCEEDED")
    refunded = _refunded(books, order) + Decimal(order.content["amount"])
    return Verdict("LIMIT_EXCEEDED" if refunded > Decimal(taken["amount"]) else None)


def _refunded(books: Books, order: Order) -> Decimal:
    return Decimal(books.note(f"refunded:{order.content['debit_request_id']}") or 0)


def _record_refund(books: Books, order: Order) -> None:
    total = _refunded(books, order) + Decimal(order.content["amount"])
    books.write_note(f"refunded:{order.content['debit_request_id']}", str(total))


_MONEY = ("msisdn", "amount", "currency")
TRADES = {
    (PARTNER, "debit"): Trade("debits", prefixed("TX"), _MONEY, _decide_debit, lambda books, order: None),
    (PARTNER, "refund"): Trade(
        "refunds", prefixed("RF"), ("debit_request_id", *_MONEY), _decide_refund, _record_refund
    ),
    (PARTNER, "payout"): Trade("payouts", prefixed("PO"), _MONEY, _decide_debit, lambda books, order: None),
}


def blueprint(desk: Desk) -> Blueprint:
    """Returns `POST /debits`, `POST /refunds` and `POST /payouts`."""
    routes = Blueprint("operator", __name__)

    @routes.post("/debits")
    def debit() -> Response:
        return _order(desk, "debit")

    @routes.post("/refunds")
    def refund() -> Response:
        return _order(desk, "refund")

    @routes.post("/payouts")
    def payout() -> Response:
        return _order(desk, "payout")

    return routes


def _order(desk: Desk, call: str) -> Response:
    try:
        content = read_form(request.get_json(silent=True), REFUND if call == "refund" else DEBIT)
    except BadForm as error:
        body = {"error": str(error)}
        return desk.read(call, "", [], lambda: (body, 400))
    order = Order(PARTNER, call, content.pop("request_id"), content)
    return desk.write(order, HABITS.get(content["msisdn"][-2:]) if call != "refund" else None)
