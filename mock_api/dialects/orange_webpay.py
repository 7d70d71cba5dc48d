"""Orange Money WebPay: the payer is sent to a page of Orange's.

Where Orange's pages are silent: the payer is the phone in `reference` if it is one, otherwise a phone that pays; a used
order_id is a 400; a transactionstatus whose order_id, amount and pay_token do not fit is a 404; a payment that has
failed or expired is notified, too. There are no refunds.
"""

import hashlib
import re

from flask import Blueprint, Response, request

from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.dialects.body import URL, BadField, Body
from mock_api.dialects.face import Dialect, Face, Refusal, basic_user, bearer
from mock_api.dialects.money import Times, digits, trades
from mock_api.dialects.payer_page import PayerPage
from mock_api.forms import CURRENCY
from mock_api.ledger import FAILED, PENDING, SUCCESSFUL, Submission
from mock_api.reply import Manner, Reply
from mock_api.settings import Settings
from mock_api.trade import Trades

EXPIRY_S = 600.0
"""The payer has ten minutes."""
USUAL_PAYER = "+2250700000011"
_BASE = "/orange-money-webpay/<country>/v1"
_SHORT = re.compile(r"[!-~ ]{1,30}")
_WHOLE = re.compile(r"[1-9][0-9]{0,14}")
_PHONE = re.compile(r"\+?[1-9][0-9]{7,14}")
_STATUSES = {PENDING: "INITIATED", SUCCESSFUL: "SUCCESS", FAILED: "FAILED"}
_ERRORS = {
    "400": (24, "Invalid body", "The request cannot be used"),
    "401": (
        42,
        "Expired credentials",
        "The requested service needs credentials, but the ones provided were out-of-date",
    ),
    "404": (60, "Resource not found", "The requested transaction does not exist"),
    "409": (53, "Too many requests", "The request is in conflict with another one"),
    "429": (53, "Too many requests", "The maximum number of requests is exceeded"),
    "500": (1, "Internal error", "An internal error occurred"),
    "503": (5, "The service is temporarily unavailable", "The service is temporarily unavailable"),
    "504": (5, "The service is temporarily unavailable", "The service did not answer in time"),
}


def _refuse(status: str, description: str = "") -> Reply:
    code, message, usual = _ERRORS[status]
    return {"code": code, "message": message, "description": description or usual}, int(status)


MANNER = Manner("orange_webpay", _refuse, frozenset({"order_id", "txnid", "pay_token", "notif_token"}))


def _number(order: Order) -> str:
    number = digits(order, 15)
    return f"MP{number[:6]}.{number[6:10]}.A{number[10:]}"


def _times(settings: Settings) -> Times:
    return Times.of(settings, EXPIRY_S, waits_for_page=not settings.auto_approve)


def _token(kind: str, order_id: str) -> str:
    return hashlib.blake2b(f"{kind}:{order_id}".encode(), digest_size=32).hexdigest()


def _trades(settings: Settings) -> Trades:
    return trades("orange_webpay", _times(settings), _number)


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("orange_webpay", __name__)

    @routes.post("/oauth/<any(v2,v3):version>/token")
    def token(version: str) -> Response:
        name, secret = basic_user()
        asked = request.form.get("grant_type") == "client_credentials"
        return face.grant(name, secret if asked else None, "", bearer)

    @routes.post(f"{_BASE}/webpayment")
    def create(country: str) -> Response:
        base = request.host_url.rstrip("/") + request.path.partition("/orange-money-webpay")[0]
        return face.write("debit", lambda: _read(face, country), lambda done: _accept(done, base))

    @routes.post(f"{_BASE}/transactionstatus")
    def status(country: str) -> Response:
        return face.ask("request", face.field("order_id"), lambda fate: _status(face))

    def by_token(pay_token: str) -> Request | None:
        order_id = face.desk.notes.get(f"orange_webpay-token:{pay_token}")
        return None if order_id is None else face.find(order_id, "debit")

    PayerPage(face, "/payment", by_token, _times(face.settings)).mount(routes)
    return routes


def _read(face: Face, country: str) -> Order:
    face.authorise("")
    body = face.body()
    if body.text("merchant_key") == "wrong":
        raise Refusal(_refuse("401"))
    order_id = body.text("order_id", _SHORT)
    content = {"amount": body.amount("amount", _WHOLE), "currency": _currency(body, country), "country": country}
    reference = body.text("reference", _SHORT)
    content["msisdn"] = f"+{reference.removeprefix('+')}" if _PHONE.fullmatch(reference) else USUAL_PAYER
    content |= {"success_url": body.text("return_url", URL), "error_url": body.text("cancel_url", URL)}
    content |= {"callback": body.text("notif_url", URL), "created_s": str(face.desk.ledger.now())}
    face.desk.notes.put(f"orange_webpay-token:{_token('pay', order_id)}", order_id)
    return Order(face.name, "debit", order_id, content)


def _currency(body: Body, country: str) -> str:
    currency = body.text("currency", CURRENCY)
    if (country == "dev") != (currency == "OUV"):
        raise BadField("currency must be OUV in the vendor's sandbox (dev), and only there")
    return currency


def _accept(done: Submission, base: str) -> Reply:
    if not done.fresh:
        return _refuse("400", "order_id has been used")
    order_id = done.request.order.request_id
    pay_token = _token("pay", order_id)
    return {
        "status": 201,
        "message": "OK",
        "pay_token": pay_token,
        "payment_url": f"{base}/payment/{pay_token}",
        "notif_token": _token("notif", order_id),
    }, 201


def _word(found: Request, *, clicked: bool = False) -> str:
    if found.status == PENDING and clicked:
        return "PENDING"
    return "EXPIRED" if found.reason == "EXPIRED" else _STATUSES[found.status]


def _status(face: Face) -> Reply:
    face.authorise("")
    body = face.body()
    order_id, pay_token = body.text("order_id"), body.text("pay_token")
    found = face.find(order_id, "debit")
    fits = found is not None and body.amount("amount") == found.order.content["amount"]
    if found is None or not fits or pay_token != _token("pay", order_id):
        return _refuse("404")
    clicked = face.desk.notes.get(f"clicked:{face.name}:{order_id}") is not None
    return {"status": _word(found, clicked=clicked), "order_id": order_id, "txnid": found.transaction_id or ""}, 200


def _notice(found: Request) -> dict[str, object]:
    """Three fields, and no order id."""
    notif_token = _token("notif", found.order.request_id)
    return {"status": _word(found), "notif_token": notif_token, "txnid": found.transaction_id or ""}


ORANGE_WEBPAY = Dialect(
    prefix="/orange-webpay",
    manner=MANNER,
    invalid=lambda message: _refuse("400", message),
    routes=_routes,
    trades=_trades,
    notice=lambda settings: Notice(_notice),
)
