"""Airtel Africa: payments, enquiries, refunds and disbursements.

Where Airtel's pages are silent: a transaction that is not found is a 200 with `success: false` and ...1025; a repeated
`transaction.id` gets the first answer again and moves nothing; a refund is final when it is answered, and shows in the
`message` of the payment's enquiry; an expired payment has the code ...1005; the hash of a callback is over the
`transaction` object as it is sent.
"""

import base64
import hashlib
import hmac
import json

from flask import Blueprint, Response, request

from mock_api.answers import AMBIGUOUS
from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.chance import Fate
from mock_api.desk import Manner, Reply
from mock_api.dialects.face import Dialect, Face, Refusal, given, without_empty
from mock_api.dialects.money import Times, digits, trades
from mock_api.forms import CURRENCY, ID
from mock_api.ledger import FAILED, PENDING, SUCCESSFUL, Submission
from mock_api.settings import Settings
from mock_api.trade import Trades

EXPIRY_S = 300.0
CALLING_CODES = {
    "CD": "243",
    "CG": "242",
    "GA": "241",
    "KE": "254",
    "MG": "261",
    "MW": "265",
    "NE": "227",
    "NG": "234",
    "RW": "250",
    "SC": "248",
    "TD": "235",
    "TZ": "255",
    "UG": "256",
    "ZM": "260",
}
"""Phones are without the country's calling code."""
AMBIGUOUS_CODE, SUCCESS, IN_PROCESS, NOT_FOUND, REFUSED, NO_PIN = "1000", "1001", "1006", "1025", "1008", "1005"
REASONS = {
    "INSUFFICIENT_FUNDS": "1007",
    "LIMIT_EXCEEDED": "1003",
    "NOT_APPROVED": REFUSED,
    "PAYER_NOT_FOUND": "1010",
    "EXPIRED": NO_PIN,
}
"""The last four digits of the response code of a failed payment; the others are refused."""
_FAMILIES = {"debit": "DP0080000", "refund": "DP0080000", "payout": "DP0090000"}


def _status(code: str, message: str, *, success: bool, call: str = "debit", http: str = "200") -> dict[str, object]:
    result = "ESB000010" if success else "ESB000008"
    response_code = f"{_FAMILIES[call]}{code}"
    return {"code": http, "message": message, "result_code": result, "response_code": response_code, "success": success}


def _refuse(status: str, message: str = "") -> Reply:
    if status == "401":
        return {"error": "invalid_token", "error_description": "The access token is invalid or expired"}, 401
    code = "1004" if status == "400" else AMBIGUOUS_CODE
    return {"status": _status(code, message or "The request failed", success=False, http=status)}, int(status)


MANNER = Manner("airtel", _refuse, frozenset({"id", "airtel_money_id", "reference_id"}))


def _money_id(order: Order) -> str:
    number = digits(order, 15)
    return f"{'MP' if order.call == 'debit' else 'CI'}{number[:6]}.{number[6:10]}.L{number[10:]}"


def _trades(settings: Settings) -> Trades:
    return trades("airtel", Times.of(settings, EXPIRY_S), _money_id, refunds_wait=False)


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("airtel", __name__)

    @routes.post("/auth/oauth2/token")
    def token() -> Response:
        body = request.get_json(silent=True, force=True)
        fields = body if isinstance(body, dict) and body.get("grant_type") == "client_credentials" else {}
        words = lambda text, life_s: ({"access_token": text, "expires_in": life_s, "token_type": "bearer"}, 200)  # noqa: E731
        return face.grant(fields.get("client_id"), fields.get("client_secret"), "", words)

    @routes.post("/merchant/v1/payments/", strict_slashes=False)
    def pay() -> Response:
        return face.write("debit", lambda: _read_payment(face), _sent)

    @routes.post("/standard/v2/disbursements/", strict_slashes=False)
    def disburse() -> Response:
        return face.write("payout", lambda: _read_payout(face), lambda done: _show(face, done.request))

    @routes.post("/standard/v1/payments/refund")
    def refund() -> Response:
        return face.write("refund", lambda: _read_refund(face), _refunded)

    @routes.get("/standard/v1/payments/<transaction_id>", defaults={"call": "debit"})
    @routes.get("/standard/v2/disbursements/<transaction_id>", defaults={"call": "payout"})
    def enquire(transaction_id: str, call: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _country(face)
            found = face.find(_key(call, transaction_id), call)
            if found is None:
                return {"status": _status(NOT_FOUND, "Transaction not found", success=False, call=call)}, 200
            return _show(face, found)

        return face.ask("request", transaction_id, answer)

    return routes


def _key(call: str, transaction_id: str) -> str:
    return transaction_id if call == "debit" else f"{call}:{transaction_id}"


def _country(face: Face) -> tuple[str, str]:
    """Returns the calling code and the currency of the headers. Raises Refusal."""
    face.authorise("")
    code = CALLING_CODES.get(request.headers.get("X-Country", ""))
    currency = request.headers.get("X-Currency", "")
    if code is None or not CURRENCY.fullmatch(currency):
        raise Refusal(_refuse("400", "X-Country and X-Currency are required"))
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
    body.text("pin")
    transaction = body.part("transaction")
    own = transaction.text("id", ID)
    content = {"amount": transaction.amount("amount"), "currency": currency, "caller_id": own}
    content["msisdn"] = body.part("payee").phone("msisdn", code)
    return Order(face.name, "payout", _key("payout", own), content | _registered(face))


def _read_refund(face: Face) -> Order:
    _country(face)
    money_id = face.body().part("transaction").text("airtel_money_id")
    debit = face.of_transaction(money_id)
    if debit is None or debit.order.call != "debit":
        raise Refusal(({"status": _status(NOT_FOUND, "Transaction not found", success=False)}, 200))
    content = {name: debit.order.content[name] for name in ("amount", "currency", "msisdn")}
    ids = {"debit_request_id": debit.order.request_id, "debit_id": debit.order.request_id, "caller_id": money_id}
    return Order(face.name, "refund", _key("refund", money_id), content | ids)


def _own_id(order: Order) -> str:
    return order.content.get("caller_id", order.request_id)


def _sent(done: Submission) -> Reply:
    """The prompt is sent: no more than that is a success."""
    transaction = {"id": _own_id(done.request.order), "status": "SUCCESS"}
    return {"data": {"transaction": transaction}, "status": _status(IN_PROCESS, "SUCCESS", success=True)}, 200


def _refunded(done: Submission) -> Reply:
    if done.request.status != SUCCESSFUL or not done.fresh:
        return {"status": _status(REFUSED, "The transaction has been refunded already", success=False)}, 200
    transaction = {"airtel_money_id": done.request.order.content["caller_id"], "status": "SUCCESS"}
    return {"data": {"transaction": transaction}, "status": _status(SUCCESS, "SUCCESS", success=True)}, 200


def _outcome(face: Face | None, found: Request) -> tuple[str, str, str]:
    """Returns the status, the last digits of the response code, and the message."""
    if found.status == PENDING:
        if face is not None and face.fault(found.order) == AMBIGUOUS:
            return "TA", AMBIGUOUS_CODE, "The transaction is ambiguous"
        return "TIP", IN_PROCESS, "In process"
    if found.status == FAILED:
        reason = str(found.reason)
        return "TE" if reason == "EXPIRED" else "TF", REASONS.get(reason, REFUSED), reason.replace("_", " ").lower()
    content = found.order.content
    message = f"Paid {content['currency']} {content['amount']}. Trans ID {found.transaction_id}."
    if face is not None and face.find(_key("refund", str(found.transaction_id)), "refund"):
        message += " Refunded."
    return "TS", SUCCESS, message


def _show(face: Face, found: Request) -> Reply:
    status, code, message = _outcome(face, found)
    ids = {"airtel_money_id": found.transaction_id, "id": _own_id(found.order)}
    if found.order.call == "payout":
        ids["reference_id"] = found.transaction_id
    transaction = without_empty({**ids, "message": message, "status": status})
    return {
        "data": {"transaction": transaction},
        "status": _status(code, "SUCCESS", success=True, call=found.order.call),
    }, 200


def _notice(secret: str, found: Request) -> dict[str, object]:
    status, _, message = _outcome(None, found)
    ids = {"id": _own_id(found.order), "airtel_money_id": found.transaction_id}
    transaction = without_empty({**ids, "message": message, "status_code": status})
    if not secret:
        return {"transaction": transaction}
    digest = hmac.digest(secret.encode(), json.dumps(transaction).encode(), hashlib.sha256)
    return {"transaction": transaction, "hash": base64.b64encode(digest).decode()}


AIRTEL = Dialect(
    prefix="/airtel",
    manner=MANNER,
    invalid=lambda message: _refuse("400", message),
    routes=_routes,
    trades=_trades,
    notice=lambda settings: Notice(lambda found: _notice(settings.airtel_callback_secret, found)),
)
