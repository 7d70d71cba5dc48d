"""MVola of Madagascar: the GSMA's merchant payment with other paths, headers and names, and without look-ups by own id.

Where MVola's pages are silent: a payer who is not found (phones that end in 08) is a business failure, 402; the status
of a request that is not known is a 404; the correlation id must be a UUID. There are no refunds and no payouts.
"""

import uuid

from flask import Blueprint, Response, request

from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.chance import Fate
from mock_api.dialects import gsma_words
from mock_api.dialects.body import URL, BadField, e164
from mock_api.dialects.face import Dialect, Face, Refusal, basic_user, given
from mock_api.dialects.gsma_words import IDS, STATUSES, client_id, mirror
from mock_api.dialects.money import Times, digits, trades
from mock_api.ledger import Submission
from mock_api.reply import Manner, Reply
from mock_api.settings import Settings
from mock_api.times import iso
from mock_api.trade import Trades

EXPIRY_S = 600.0
CALLING_CODE = "261"
SCOPE = "EXT_INT_MVOLA_SCOPE"
_PATH = "/mvola/mm/transactions/type/merchantpay/1.0.0/"
_REQUIRED = ("Version", "UserLanguage", "UserAccountIdentifier", "partnerName")


def _fail(status: str, code: str = "", text: str = "") -> Reply:
    if status == "401":
        description = "Invalid Credentials. Make sure you have provided the correct security credentials"
        return {"fault": {"code": 900901, "message": "Invalid Credentials", "description": description}}, 401
    failed = status == "402"
    found = gsma_words.error("businessRule", code, text) if failed else gsma_words.fail(status, code, text)[0]
    return {name[0].upper() + name[1:]: value for name, value in (found or {}).items()}, int(status)


MANNER = Manner("mvola", _fail, IDS)


def _trades(settings: Settings) -> Trades:
    return trades("mvola", Times.of(settings, EXPIRY_S), lambda order: digits(order, 15))


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("mvola", __name__)

    @routes.post("/token")
    def token() -> Response:
        name, secret = basic_user()
        asked = request.form.get("grant_type") == "client_credentials" and request.form.get("scope") == SCOPE
        return face.grant(name, secret if asked else None, "", _token)

    @routes.post(_PATH, strict_slashes=False)
    def create() -> Response:
        return face.write("debit", lambda: _read(face), _accept)

    @routes.get(f"{_PATH}status/<server_id>")
    def status(server_id: str) -> Response:
        own = client_id(server_id)
        return face.ask("request", own, lambda fate: _show_state(face, own), (server_id,))

    @routes.get(f"{_PATH}<transaction_id>")
    def details(transaction_id: str) -> Response:
        def answer(fate: Fate) -> Reply:
            face.authorise("")
            found = face.of_transaction(transaction_id)
            return _fail("404") if found is None else (_details(found), 200)

        return face.ask("request", transaction_id, answer)

    return routes


def _token(token: str, life_s: int) -> Reply:
    return {"access_token": token, "scope": SCOPE, "token_type": "Bearer", "expires_in": life_s}, 200


def _read(face: Face) -> Order:
    face.authorise("")
    for name in _REQUIRED:
        if not request.headers.get(name):
            raise Refusal(_fail("400", "mandatoryValueNotSupplied", f"{name} is required"))
    try:
        correlation_id = str(uuid.UUID(request.headers.get("X-CorrelationID", "")))
    except ValueError:
        raise BadField("X-CorrelationID must be a UUID") from None
    callback = request.headers.get("X-Callback-URL", "")
    if callback and not URL.fullmatch(callback):
        raise BadField("X-Callback-URL must be a URL")
    body = face.body()
    if body.text("currency") != "Ar":
        raise Refusal(_fail("400", "currencyNotSupported", "currency must be Ar"))
    phone = e164(body.item("debitParty", "msisdn"), "debitParty", CALLING_CODE)
    if phone.endswith("08"):
        raise Refusal(_fail("402", "identifierError", "There is no account with this msisdn"))
    content = {"amount": body.amount("amount"), "currency": "MGA", "msisdn": phone}
    content["payee"] = body.item("creditParty", "msisdn")
    texts = {
        "reference": body.text("requestingOrganisationTransactionReference"),
        "description": body.text("descriptionText"),
    }
    content |= given(callback=callback, created=iso(face.desk.ledger.now()), **texts)
    return Order(face.name, "debit", correlation_id, content)


def _accept(done: Submission) -> Reply:
    return (_state(done.request, "pending"), 202) if done.fresh else _fail("409", text="clé idempotente dupliquée")


def _state(found: Request, status: str) -> dict[str, object]:
    state: dict[str, object] = {
        "status": status,
        "serverCorrelationId": mirror(found.order.request_id),
        "notificationMethod": "callback" if "callback" in found.order.content else "polling",
    }
    return state | ({} if status == "pending" else {"objectReference": found.transaction_id or ""})


def _show_state(face: Face, correlation_id: str) -> Reply:
    face.authorise("")
    found = face.desk.ledger.find([face.name], correlation_id)
    return _fail("404") if found is None else (_state(found, STATUSES[found.status]), 200)


def _local(phone: str) -> str:
    return "0" + phone.removeprefix(f"+{CALLING_CODE}")


def _parties(found: Request) -> dict[str, object]:
    content = found.order.content
    payer, payee = ({"key": "msisdn", "value": value} for value in (_local(content["msisdn"]), content["payee"]))
    return {"debitParty": [payer], "creditParty": [payee]}


def _details(found: Request) -> dict[str, object]:
    content = found.order.content
    return {
        "amount": content["amount"],
        "currency": "Ar",
        "transactionReference": found.transaction_id or "",
        "transactionStatus": STATUSES[found.status],
        "requestingOrganisationTransactionReference": content["reference"],
        "createDate": content["created"],
        **_parties(found),
        "fees": [{"feeAmount": "0"}],
    }


def _notice(found: Request) -> dict[str, object]:
    return {
        "transactionStatus": STATUSES[found.status],
        "serverCorrelationId": mirror(found.order.request_id),
        "transactionReference": found.transaction_id or "",
        "requestDate": found.order.content["created"],
        "amount": found.order.content["amount"],
        "currency": "Ar",
        **_parties(found),
        "fees": [{"feeAmount": "0"}],
    }


MVOLA = Dialect(
    prefix="/mvola",
    manner=MANNER,
    invalid=lambda message: _fail("400", text=message),
    routes=_routes,
    trades=_trades,
    notice=lambda settings: Notice(_notice, method="PUT"),
)
