"""Orange Money Cameroon: a push to the payer's phone, in two calls.

Where Orange's pages are silent: a token whose payment has not been asked for has the status INITIALIZED, and a token
that was not given out is a 404; a repeated `mp/pay` with the same token is answered with the state of the first, and
moves nothing; the notification is `{payToken, status, message}`. Refunds (cash-in) are not played.
"""

import base64
from collections.abc import Mapping

from flask import Blueprint, Response, request

from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.chance import Fate
from mock_api.dialects.body import URL, BadField
from mock_api.dialects.face import Dialect, Face, Refusal, basic_user, bearer, given
from mock_api.dialects.money import Times, digits, trades
from mock_api.forms import ID
from mock_api.ledger import FAILED, PENDING, SUCCESSFUL, Submission
from mock_api.reply import Manner, Reply
from mock_api.settings import Settings
from mock_api.trade import Trades, digest

EXPIRY_S = 600.0
CALLING_CODE = "237"
_BASE = "/omcoreapis/1.0.2"
_STATUSES = {PENDING: "PENDING", SUCCESSFUL: "SUCCESSFULL", FAILED: "FAILED"}
_ENDS = {"NOT_APPROVED": "CANCELLED", "EXPIRED": "EXPIRED", "CANCELLED": "CANCELLED"}
_MESSAGES = {
    "400": "The request cannot be used",
    "401": "Invalid Credentials",
    "404": "The payToken is not known",
    "409": "The payToken has been used",
    "429": "Too many requests",
    "500": "An internal error occurred",
    "503": "The service is unavailable",
    "504": "The service did not answer in time",
}


def _refuse(status: str, message: str = "") -> Reply:
    if status == "401":
        return {"fault": {"code": 900901, "message": _MESSAGES["401"], "description": "Access failure for API"}}, 401
    return {"message": message or _MESSAGES[status], "data": None}, int(status)


MANNER = Manner("orange_cm", _refuse, frozenset({"payToken", "txnid", "orderId"}))


def _number(order: Order) -> str:
    number = digits(order, 15)
    return f"MP{number[:6]}.{number[6:10]}.B{number[10:]}"


def _trades(settings: Settings) -> Trades:
    return trades("orange_cm", Times.of(settings, EXPIRY_S), _number)


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("orange_cm", __name__)

    @routes.post("/token")
    def token() -> Response:
        name, secret = basic_user()
        asked = request.form.get("grant_type") == "client_credentials"
        return face.grant(name, secret if asked else None, "", bearer)

    @routes.post(f"{_BASE}/mp/init")
    def init() -> Response:
        return face.ask("account", "init", lambda fate: _init(face))

    @routes.post(f"{_BASE}/mp/pay")
    def pay() -> Response:
        return face.write("debit", lambda: _read(face), _accept)

    @routes.get(f"{_BASE}/mp/paymentstatus/<pay_token>")
    def status(pay_token: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _authorise(face)
            found = face.find(pay_token, "debit")
            return _initialized(face, pay_token) if found is None else (_describe(found), 200)

        return face.ask("request", pay_token, answer)

    return routes


def _authorise(face: Face) -> None:
    face.authorise("")
    try:
        user, _, secret = base64.b64decode(request.headers.get("X-AUTH-TOKEN", ""), validate=True).partition(b":")
    except ValueError:
        user = secret = b""
    if not user or not secret or b"wrong" in (user, secret):
        raise Refusal(_refuse("401"))


def _init(face: Face) -> Reply:
    _authorise(face)
    number = face.desk.notes.serial("orange_cm")
    token = f"MP{digest(Order(face.name, 'init', str(number), {})).hex().upper()}"
    face.desk.notes.put(f"orange_cm-token:{token}", "1")
    return {"message": "Payment request successfully initiated", "data": {"payToken": token}}, 200


def _known(face: Face, pay_token: str) -> bool:
    return face.desk.notes.get(f"orange_cm-token:{pay_token}") is not None


def _initialized(face: Face, pay_token: str) -> Reply:
    """Answers about a token without a payment; also about one whose status lags behind the payment."""
    if not _known(face, pay_token):
        return _refuse("404")
    data = {"payToken": pay_token, "status": "INITIALIZED", "txnid": None, "subscriberMsisdn": None, "amount": None}
    return {"message": "Transaction retrieved successfully", "data": data}, 200


def _read(face: Face) -> Order:
    _authorise(face)
    body = face.body()
    pay_token = body.text("payToken")
    if not _known(face, pay_token):
        raise Refusal(_refuse("404"))
    body.text("pin")
    content = {"amount": body.amount("amount"), "currency": "XAF", "caller_id": body.text("orderId", ID)}
    if "." in content["amount"]:
        raise BadField("amount must be a whole number")
    content["msisdn"] = body.phone("subscriberMsisdn", CALLING_CODE)
    content["channel"] = body.text("channelUserMsisdn")
    content |= given(description=body.optional("description"), callback=body.optional("notifUrl", URL))
    return Order(face.name, "debit", pay_token, content)


def _status(found: Request) -> str:
    return _ENDS.get(str(found.reason), _STATUSES[found.status])


def _describe(found: Request, status: str = "") -> Mapping[str, object]:
    content = found.order.content
    done = found.status == SUCCESSFUL
    data = {
        "payToken": found.order.request_id,
        "orderId": content["caller_id"],
        "subscriberMsisdn": content["msisdn"].removeprefix(f"+{CALLING_CODE}"),
        "channelUserMsisdn": content["channel"],
        "amount": int(content["amount"]),
        "txnid": found.transaction_id or _number(found.order),
        "txnmode": "rest",
        "inittxnstatus": "200",
        "inittxnmessage": "Paiement e la clientele done. The user will be prompted for payment",
        "confirmtxnstatus": "200" if done else None,
        "confirmtxnmessage": "Success" if done else None,
        "notifUrl": content.get("callback", ""),
        "description": content.get("description", ""),
        "status": status or _status(found),
    }
    return {"message": "Transaction retrieved successfully", "data": data}


def _accept(done: Submission) -> Reply:
    return _describe(done.request, "PENDING" if done.fresh else ""), 200


def _notice(found: Request) -> dict[str, object]:
    status = _status(found)
    return {"payToken": found.order.request_id, "status": status, "message": f"Payment {status.lower()}"}


ORANGE_CM = Dialect(
    prefix="/orange-cm",
    manner=MANNER,
    invalid=lambda message: _refuse("400", message),
    routes=_routes,
    trades=_trades,
    notice=lambda settings: Notice(_notice),
)
