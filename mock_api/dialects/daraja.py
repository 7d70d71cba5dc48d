"""M-Pesa Daraja: STK push, its query, reversals and B2C payouts.

There is no id that the caller chooses: a repeated STK push is a second prompt, and a second debit. Where Safaricom's
pages are silent: a CheckoutRequestID that is not known is a 404; an invalid token is a 401 with the code 404.001.03; a
payer who does not answer expires (1019) after a minute; a phone that is not found gets no prompt (1025); a limit is 17.
"""

import base64
import re

from flask import Blueprint, Response, request

from mock_api.answers import UNREACHABLE
from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.dialects.body import URL, BadField, Body
from mock_api.dialects.daraja_words import (
    MANNER,
    PROCESSING,
    conversation_id,
    fail,
    merchant_id,
    nairobi,
    receipt,
    result,
    result_callback,
    stk_callback,
)
from mock_api.dialects.face import Dialect, Face, basic_user
from mock_api.dialects.money import Times, digits, trades
from mock_api.ledger import FAILED, PENDING, Submission
from mock_api.reply import Reply
from mock_api.settings import Settings
from mock_api.trade import Trades

EXPIRY_S = 60.0
CALLING_CODE = "254"
_WHOLE = re.compile(r"[1-9][0-9]{0,8}")
_TIMESTAMP = re.compile(r"[0-9]{14}")
_TYPE = re.compile(r"CustomerPayBillOnline|CustomerBuyGoodsOnline")
_ACCOUNT = re.compile(r".{1,12}")
_DESCRIPTION = re.compile(r".{1,181}")


def _trades(settings: Settings) -> Trades:
    return trades("daraja", Times.of(settings, EXPIRY_S), receipt)


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("daraja", __name__)

    @routes.get("/oauth/v1/generate")
    def token() -> Response:
        name, secret = basic_user()
        asked = request.args.get("grant_type") == "client_credentials"
        return face.grant(name, secret if asked else None, "", _token)

    @routes.post("/mpesa/stkpush/v1/processrequest")
    def push() -> Response:
        return face.write("debit", lambda: _read_push(face), _pushed)

    @routes.post("/mpesa/stkpushquery/v1/query")
    def query() -> Response:
        return face.ask("request", face.field("CheckoutRequestID"), lambda fate: _query(face))

    @routes.post("/mpesa/reversal/v1/request")
    def reverse() -> Response:
        return face.write("refund", lambda: _read_reversal(face), _acknowledge)

    @routes.post("/mpesa/b2c/<any(v1,v3):version>/paymentrequest")
    def pay_out(version: str) -> Response:
        return face.write("payout", lambda: _read_payout(face), _acknowledge)

    return routes


def _token(token: str, life_s: int) -> Reply:
    return {"access_token": token, "expires_in": str(life_s)}, 200


def _check_password(body: Body) -> None:
    shortcode, timestamp = body.text("BusinessShortCode"), body.text("Timestamp", _TIMESTAMP)
    try:
        password = base64.b64decode(body.text("Password"), validate=True).decode()
    except ValueError:
        password = ""
    passkey = password.removeprefix(shortcode).removesuffix(timestamp)
    if password != f"{shortcode}{passkey}{timestamp}" or not passkey or passkey == "wrong":
        raise BadField("Password must be base64 of the short code, the passkey and the timestamp")


def _new_id(face: Face, key: str) -> int:
    """Returns 9 digits that depend on the key and on how often it was used, not on the other keys."""
    number = face.desk.notes.serial(f"{face.name}:{key}")
    return int(digits(Order(face.name, "id", f"{key}:{number}", {}), 9))


def _read_push(face: Face) -> Order:
    face.authorise("")
    body = face.body()
    _check_password(body)
    body.text("TransactionType", _TYPE)
    body.text("PartyB")
    body.text("TransactionDesc", _DESCRIPTION)
    account = body.text("AccountReference", _ACCOUNT)
    content = {"amount": body.amount("Amount", _WHOLE), "currency": "KES", "reference": account}
    content |= {"msisdn": body.phone("PhoneNumber", CALLING_CODE), "callback": body.text("CallBackURL", URL)}
    content["key"] = f"{body.phone('PartyA', CALLING_CODE)}:{account}"
    stamp = nairobi(face.desk.ledger.now())
    return Order(face.name, "debit", f"ws_CO_{stamp}{_new_id(face, content['key']):09}", content)


def _pushed(done: Submission) -> Reply:
    order = done.request.order
    return {
        "MerchantRequestID": merchant_id(order),
        "CheckoutRequestID": order.request_id,
        "ResponseCode": "0",
        "ResponseDescription": "Success. Request accepted for processing",
        "CustomerMessage": "Success. Request accepted for processing",
    }, 200


def _query(face: Face) -> Reply:
    face.authorise("")
    body = face.body()
    _check_password(body)
    found = face.find(body.text("CheckoutRequestID"), "debit")
    if found is None:
        return fail("404")
    if found.status == PENDING and face.fault(found.order) != UNREACHABLE:
        return fail("500", "The transaction is being processed", PROCESSING)
    if found.status == PENDING:
        found = found._replace(status=FAILED, reason="UNREACHABLE")
    code, text = result(found)
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successfully",
        "MerchantRequestID": merchant_id(found.order),
        "CheckoutRequestID": found.order.request_id,
        "ResultCode": code,
        "ResultDesc": text,
    }, 200


def _asynchronous(face: Face, call: str, key: str, body: Body, content: dict[str, str]) -> Order:
    body.text("SecurityCredential")
    body.text("QueueTimeOutURL", URL)
    content |= {"callback": body.text("ResultURL", URL), "currency": "KES", "key": key}
    content["caller_id"] = body.optional("OriginatorConversationID") or f"{_new_id(face, key)}-{call}"
    return Order(face.name, call, f"{call}:{_new_id(face, f'{call}:{key}')}", content)


def _read_reversal(face: Face) -> Order:
    face.authorise("")
    body = face.body()
    body.text("Initiator")
    transaction = body.text("TransactionID")
    debit = face.of_transaction(transaction)
    own = debit.order.request_id if debit else transaction
    content = {"amount": body.amount("Amount", _WHOLE), "msisdn": debit.order.content["msisdn"] if debit else "+0"}
    return _asynchronous(face, "refund", transaction, body, content | {"debit_request_id": own, "debit_id": own})


def _read_payout(face: Face) -> Order:
    face.authorise("")
    body = face.body()
    body.text("InitiatorName")
    content = {"amount": body.amount("Amount", _WHOLE), "msisdn": body.phone("PartyB", CALLING_CODE)}
    return _asynchronous(face, "payout", content["msisdn"], body, content)


def _acknowledge(done: Submission) -> Reply:
    order = done.request.order
    return {
        "OriginatorConversationID": order.content["caller_id"],
        "ConversationID": conversation_id(order),
        "ResponseCode": "0",
        "ResponseDescription": "Accept the service request successfully.",
    }, 200


def _notice(found: Request) -> dict[str, object]:
    return stk_callback(found) if found.order.call == "debit" else result_callback(found)


DARAJA = Dialect(
    prefix="/daraja",
    manner=MANNER,
    invalid=lambda message: fail("400", f"Bad Request - {message}"),
    routes=_routes,
    trades=_trades,
    notice=lambda settings: Notice(_notice),
)
