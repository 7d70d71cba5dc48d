"""Airtel Africa: payments, enquiries, refunds and disbursements.

Where Airtel's pages are silent: a transaction that is not found is a 200 with `success: false` and ...1025; a repeated
`transaction.id` gets the first answer again and moves nothing; a refund is final when it is answered, and shows in the
`message` of the payment's enquiry; an expired payment has the code ...1005; the hash of a callback is over the
`transaction` object as it is sent; a PIN that cannot be opened is ROUTER116, and 0000 is the wrong PIN: ROUTER115.
"""

import re

from flask import Blueprint, Response, request

from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.chance import Fate
from mock_api.dialects.airtel_pin import opened
from mock_api.dialects.airtel_words import (
    CALLING_CODES,
    DUPLICATE,
    IN_PROCESS,
    MANNER,
    REFUSED,
    SUCCESS,
    bad_pin,
    key_of,
    money_id,
    not_found,
    notice,
    outcome,
    own_id,
    refuse,
    status_of,
)
from mock_api.dialects.face import Dialect, Face, Refusal, given, without_empty
from mock_api.dialects.money import Times, trades
from mock_api.forms import CURRENCY, ID
from mock_api.ledger import SUCCESSFUL, Submission
from mock_api.reply import Reply
from mock_api.settings import Settings
from mock_api.trade import Trades

EXPIRY_S = 300.0
REFERENCE, KIND = re.compile(r"[0-9A-Za-z]{4,64}"), re.compile("B2C|B2B")
WRONG_PIN = "0000"


def _trades(settings: Settings) -> Trades:
    return trades("airtel", Times.of(settings, EXPIRY_S), money_id, refunds_wait=False)


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("airtel", __name__)

    @routes.post("/auth/oauth2/token")
    def token() -> Response:
        body = request.get_json(silent=True, force=True)
        fields = body if isinstance(body, dict) and body.get("grant_type") == "client_credentials" else {}
        return face.grant(fields.get("client_id"), fields.get("client_secret"), "", _token)

    @routes.post("/merchant/v1/payments/", strict_slashes=False)
    def pay() -> Response:
        return face.write("debit", lambda: _read_payment(face), _sent)

    @routes.post("/standard/v2/disbursements/", strict_slashes=False)
    def disburse() -> Response:
        return face.write("payout", lambda: _read_payout(face), lambda done: _paid_out(face, done))

    @routes.post("/standard/v1/payments/refund")
    def refund() -> Response:
        return face.write("refund", lambda: _read_refund(face), _refunded)

    @routes.get("/standard/v1/payments/<transaction_id>", defaults={"call": "debit"})
    @routes.get("/standard/v2/disbursements/<transaction_id>", defaults={"call": "payout"})
    def enquire(transaction_id: str, call: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _country(face)
            found = face.find(key_of(call, transaction_id), call)
            if found is None:
                return not_found(call)
            return _show(face, found)

        return face.ask("request", transaction_id, answer)

    return routes


def _token(token: str, life_s: int) -> Reply:
    return {"access_token": token, "expires_in": life_s, "token_type": "bearer"}, 200


def _country(face: Face) -> tuple[str, str]:
    """Returns the calling code and the currency of the headers. Raises Refusal."""
    face.authorise("")
    code = CALLING_CODES.get(request.headers.get("X-Country", ""))
    currency = request.headers.get("X-Currency", "")
    if code is None or not CURRENCY.fullmatch(currency):
        raise Refusal(refuse("400", "X-Country and X-Currency are required"))
    return code, currency


def _registered(face: Face) -> dict[str, str]:
    return given(callback=face.callback_url(face.settings.airtel_callback_url))


def _read_payment(face: Face) -> Order:
    code, currency = _country(face)
    body = face.body()
    transaction = body.part("transaction")
    content = {"amount": transaction.amount("amount"), "currency": currency}
    content["msisdn"] = body.part("subscriber").phone("msisdn", code)
    content["reference"] = body.text("reference")
    return Order(face.name, "debit", transaction.text("id", ID), content | _registered(face))


def _read_payout(face: Face) -> Order:
    code, currency = _country(face)
    body = face.body()
    body.text("reference", REFERENCE)
    pin = opened(body.text("pin"))
    if pin in (None, WRONG_PIN):
        raise Refusal(bad_pin(encrypted=pin is not None))
    transaction = body.part("transaction")
    own = transaction.text("id", ID)
    content = {"amount": transaction.amount("amount"), "currency": currency, "caller_id": own}
    content["msisdn"] = body.part("payee").phone("msisdn", code)
    transaction.text("type", KIND)
    return Order(face.name, "payout", key_of("payout", own), content | _registered(face))


def _read_refund(face: Face) -> Order:
    _country(face)
    money_id = face.body().part("transaction").text("airtel_money_id")
    debit = face.of_transaction(money_id)
    if debit is None or debit.order.call != "debit":
        raise Refusal(not_found("debit"))
    content = {name: debit.order.content[name] for name in ("amount", "currency", "msisdn")}
    ids = {"debit_request_id": debit.order.request_id, "debit_id": debit.order.request_id, "caller_id": money_id}
    return Order(face.name, "refund", key_of("refund", money_id), content | ids)


def _sent(done: Submission) -> Reply:
    """The prompt is sent: no more than that is a success."""
    transaction = {"id": own_id(done.request.order), "status": "SUCCESS"}
    return {"data": {"transaction": transaction}, "status": status_of(IN_PROCESS, "SUCCESS", success=True)}, 200


def _refunded(done: Submission) -> Reply:
    if done.request.status != SUCCESSFUL or not done.fresh:
        return {"status": status_of(REFUSED, "The transaction has been refunded already", success=False)}, 200
    transaction = {"airtel_money_id": done.request.order.content["caller_id"], "status": "SUCCESS"}
    return {"data": {"transaction": transaction}, "status": status_of(SUCCESS, "SUCCESS", success=True)}, 200


def _paid_out(face: Face, done: Submission) -> Reply:
    if not done.fresh:
        return {"status": status_of(DUPLICATE, "Duplicate Transaction Id", success=False, call="payout")}, 200
    return _show(face, done.request)


def _show(face: Face, found: Request) -> Reply:
    status, code, message = outcome(face, found)
    ids = {"airtel_money_id": found.transaction_id, "id": own_id(found.order)}
    if found.order.call == "payout":
        ids["reference_id"] = found.transaction_id
    transaction = without_empty({**ids, "message": message, "status": status})
    return {
        "data": {"transaction": transaction},
        "status": status_of(code, "SUCCESS", success=True, call=found.order.call),
    }, 200


AIRTEL = Dialect(
    prefix="/airtel",
    manner=MANNER,
    invalid=lambda message: refuse("400", message),
    routes=_routes,
    trades=_trades,
    notice=lambda settings: Notice(lambda found: notice(settings.airtel_callback_secret, found)),
)
