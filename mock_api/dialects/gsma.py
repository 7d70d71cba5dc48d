"""The GSMA Mobile Money API 1.2: merchant payments, disbursements, reversals and look-ups.

Where the specification is silent: accepted requests are asynchronous (202) unless a fault says otherwise (201); a payer
who is not found (phones that end in 08) is refused at once; a repeated correlation id is a 400 with duplicateRequest; a
poll beyond the `pollLimit` is a 400 with rateLimitError; while a request has no transaction, `/responses` links to its
request state.
"""

import hashlib
import re
import uuid
from datetime import datetime

from flask import Blueprint, Response, request

from mock_api.answers import POLL_LIMIT
from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.chance import Fate
from mock_api.dialects.body import TEXT, URL, BadField, Body, e164
from mock_api.dialects.face import Dialect, Face, Refusal, given
from mock_api.dialects.gsma_words import (
    MANNER,
    STATUSES,
    client_id,
    fail,
    mirror,
    notice,
    notice_headers,
    transaction,
    why,
)
from mock_api.dialects.money import Times, digits, trades
from mock_api.forms import CURRENCY
from mock_api.ledger import FAILED, SUCCESSFUL, Submission
from mock_api.reply import Reply
from mock_api.settings import Settings
from mock_api.times import iso
from mock_api.trade import Trades

EXPIRY_S = 600.0
POLL_LIMITS = {POLL_LIMIT: 1}
USUAL_POLL_LIMIT = 100
_AMOUNT = re.compile(r"([0]|([1-9][0-9]{0,17}))([.][0-9]{0,3}[0-9])?")
_TYPES = {"merchantpay": ("debit", "debitParty"), "disbursement": ("payout", "creditParty")}


def _trades(settings: Settings) -> Trades:
    return trades("gsma", Times.of(settings, EXPIRY_S), lambda order: f"REF{digits(order, 15)}")


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("gsma", __name__)
    _mount_reads(routes, face)

    @routes.post("/transactions/type/<kind>")
    def create(kind: str) -> Response:
        call = _TYPES.get(kind, ("debit", ""))[0]
        return face.write(call, lambda: _read(face, kind), lambda done: _accept(face, done))

    @routes.post("/transactions/<reference>/reversals")
    def reverse(reference: str) -> Response:
        return face.write("refund", lambda: _read_reversal(face, reference), lambda done: _accept(face, done))

    @routes.get("/requeststates/<server_id>")
    def state(server_id: str) -> Response:
        own = client_id(server_id)
        return face.ask("request", own, lambda fate: _poll(face, own), (server_id,))

    return routes


def _mount_reads(routes: Blueprint, face: Face) -> None:
    @routes.get("/responses/<correlation_id>")
    def response(correlation_id: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _authorise()
            found = face.desk.ledger.find([face.name], correlation_id.lower())
            if found is None:
                return fail("404")
            done = found.status == SUCCESSFUL
            server = f"/requeststates/{mirror(correlation_id)}"
            return {"link": f"/transactions/{found.transaction_id}" if done else server}, 200

        return face.ask("request", correlation_id.lower(), answer)

    @routes.get("/transactions/<reference>")
    def show(reference: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _authorise()
            found = face.of_transaction(reference)
            return fail("404") if found is None else (transaction(found), 200)

        return face.ask("request", reference, answer)

    @routes.get("/accounts/msisdn/<phone>/<any(status,accountname):what>")
    def account(phone: str, what: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _authorise()
            if e164(phone, "msisdn").endswith("08"):
                return fail("404")
            name = {"firstName": "Awa", "lastName": f"Sandbox {phone[-2:]}", "fullName": f"Awa Sandbox {phone[-2:]}"}
            return ({"accountStatus": "available"} if what == "status" else {"name": name}), 200

        return face.ask("account", phone, answer)

    @routes.get("/heartbeat")
    def heartbeat() -> Response:
        return face.ask("account", "heartbeat", lambda fate: ({"serviceStatus": "available"}, 200))


def _authorise() -> None:
    if request.headers.get("X-API-Key", "") in ("", "wrong"):
        raise Refusal(fail("401"))


def _headers() -> tuple[str, str]:
    """Returns the correlation id and the callback's URL of a creation. Raises Refusal."""
    _authorise()
    text = request.headers.get("X-CorrelationID", "")
    try:
        correlation_id = str(uuid.UUID(text))
    except ValueError:
        code = "formatError" if text else "mandatoryValueNotSupplied"
        raise Refusal(fail("400", code, "X-CorrelationID must be a UUID")) from None
    given_hash = request.headers.get("X-Content-Hash")
    if given_hash is not None and given_hash.lower() != hashlib.sha256(request.get_data()).hexdigest():
        raise Refusal(fail("400", text="X-Content-Hash is not the SHA-256 of the body"))
    try:
        datetime.fromisoformat(request.headers.get("X-Date", "2000-01-01T00:00:00Z"))
    except ValueError:
        raise Refusal(fail("400", text="X-Date must be a date and time")) from None
    callback = request.headers.get("X-Callback-URL", "")
    if callback and not URL.fullmatch(callback):
        raise Refusal(fail("400", text="X-Callback-URL must be a URL"))
    return correlation_id, callback


def _common(face: Face, body: Body, callback: str) -> dict[str, str]:
    texts = {
        "reference": body.optional("requestingOrganisationTransactionReference", TEXT),
        "description": body.optional("descriptionText", TEXT),
    }
    return given(callback=callback, created=iso(face.desk.ledger.now()), **texts)


def _read(face: Face, kind: str) -> Order:
    correlation_id, callback = _headers()
    if kind not in _TYPES:
        raise Refusal(fail("400", "transactionTypeError", f"{kind} is not a type of this sandbox"))
    call, party = _TYPES[kind]
    body = face.body()
    content = _common(face, body, callback)
    content |= {"amount": body.amount("amount", _AMOUNT), "currency": body.text("currency", CURRENCY)}
    content["msisdn"] = e164(body.item(party, "msisdn"), party)
    if content["msisdn"].endswith("08"):
        raise Refusal(fail("404", text="There is no account with this msisdn"))
    return Order(face.name, call, correlation_id, content)


def _read_reversal(face: Face, reference: str) -> Order:
    correlation_id, callback = _headers()
    body = face.body()
    if body.text("type") != "reversal":
        raise BadField("type must be reversal")
    debit = face.of_transaction(reference)
    if debit is None:
        raise Refusal(fail("404"))
    content = _common(face, body, callback) | {"debit_transaction": reference}
    taken = debit.order.content
    content["amount"] = body.amount("amount", _AMOUNT) if body.optional("amount") else taken["amount"]
    content |= {"currency": taken["currency"], "msisdn": taken["msisdn"]}
    content |= {"debit_request_id": debit.order.request_id, "debit_id": debit.order.request_id}
    return Order(face.name, "refund", correlation_id, content)


def _accept(face: Face, done: Submission) -> Reply:
    if not done.fresh:
        return fail("400", "duplicateRequest", "Duplicate")
    if done.request.transaction_id is not None:
        return transaction(done.request), 201
    if done.request.status == FAILED:
        return why(done.request), 400
    return _state(face, done.request, "pending"), 202


def _state(face: Face, request_: Request, status: str) -> dict[str, object]:
    content = request_.order.content
    created = datetime.fromisoformat(content["created"]).timestamp()
    state: dict[str, object] = {
        "serverCorrelationId": mirror(request_.order.request_id),
        "status": status,
        "notificationMethod": "callback" if "callback" in content else "polling",
        "objectReference": request_.transaction_id or "",
        "expiryTime": iso(created + EXPIRY_S),
        "pollLimit": _poll_limit(face, request_.order),
    }
    if status == "pending":
        state["pendingReason"] = "The payer has not answered yet"
    return state | ({"error": why(request_)} if status == STATUSES[FAILED] else {})


def _poll_limit(face: Face, order: Order) -> int:
    return POLL_LIMITS.get(face.fault(order) or "", USUAL_POLL_LIMIT)


def _poll(face: Face, correlation_id: str) -> Reply:
    _authorise()
    found = face.desk.ledger.find([face.name], correlation_id)
    if found is None:
        return fail("404")
    if face.desk.notes.serial(f"poll:{face.name}:{correlation_id}") > _poll_limit(face, found.order):
        return fail("400", "rateLimitError", "The poll limit is reached")
    return _state(face, found, STATUSES[found.status]), 200


GSMA = Dialect(
    prefix="/gsma",
    manner=MANNER,
    invalid=lambda message: fail("400", text=message),
    routes=_routes,
    trades=_trades,
    notice=lambda settings: Notice(notice, notice_headers, method="PUT"),
)
