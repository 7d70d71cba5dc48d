"""Wave: checkout sessions and payouts.

Where Wave's pages are silent: the payer is `restrict_payer_mobile`, or a phone that pays; a payment that fails ends its
session, as if it had expired; an expired session is told as `payment_failed`; an Idempotency-Key replays the object in
its present state; a repeated refund is answered like the first; a session that is not paid cannot be refunded: 409.
"""

import re

from flask import Blueprint, Response, request

from mock_api.books import Order, Request
from mock_api.callbacks import Notice
from mock_api.chance import Fate
from mock_api.dialects.body import URL
from mock_api.dialects.face import Dialect, Face, Refusal, given
from mock_api.dialects.money import Times, trades
from mock_api.dialects.payer_page import PayerPage
from mock_api.dialects.wave_words import MANNER, envelope, fail, payout, session, signature, transaction_id
from mock_api.forms import CURRENCY, ID
from mock_api.ledger import PENDING, SUCCESSFUL, Submission
from mock_api.reply import Reply
from mock_api.settings import Settings
from mock_api.trade import Trades, Verdict, digest

EXPIRY_S = 1_800.0
USUAL_PAYER = "+221700000011"
_WHOLE_ONLY = ("XOF", "UGX")
"""Currencies without decimals."""
_WHOLE, _DECIMAL = re.compile(r"[1-9][0-9]{0,11}"), re.compile(r"[0-9]{1,12}(\.[0-9]{1,2})?")
_SESSION = {"amount", "currency", "success_url", "error_url", "client_reference", "restrict_payer_mobile"}
_PAYOUT = {"currency", "receive_amount", "mobile", "name", "client_reference", "national_id", "payment_reason"}
_OPTIONAL = {"aggregated_merchant_id"}


def _times(settings: Settings) -> Times:
    return Times.of(settings, EXPIRY_S, waits_for_page=not settings.auto_approve)


def _trades(settings: Settings) -> Trades:
    return trades("wave", _times(settings), transaction_id, refunds_wait=False)


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("wave", __name__)
    _mount_reads(routes, face)

    @routes.post("/v1/checkout/sessions")
    def create() -> Response:
        return face.write("debit", lambda: _read(face), lambda done: _shown(face, done.request))

    @routes.post("/v1/checkout/sessions/<session_id>/refund")
    def refund(session_id: str) -> Response:
        return face.write("refund", lambda: _read_refund(face, session_id), _refunded)

    @routes.post("/v1/checkout/sessions/<session_id>/expire")
    def expire(session_id: str) -> Response:
        return face.ask("expire", session_id, lambda fate: _expire(face, session_id))

    @routes.post("/v1/payout")
    def pay_out() -> Response:
        return face.write("payout", lambda: _read_payout(face), lambda done: _shown(face, done.request))

    PayerPage(face, "/c", lambda token: face.find(token, "debit"), _times(face.settings)).mount(routes)
    return routes


def _mount_reads(routes: Blueprint, face: Face) -> None:
    @routes.get("/v1/checkout/sessions/search", defaults={"call": "debit"})
    @routes.get("/v1/payouts/search", defaults={"call": "payout"})
    def search(call: str) -> Response:
        reference = request.args.get("client_reference", "")
        transaction = request.args.get("transaction_id", "")

        def answer(fate: Fate) -> Reply:
            _authorise()
            ids = face.desk.notes.listed(f"wave-ids:{call}:{reference}")
            listed = [face.find(each, call) for each in ids]
            listed += [face.of_transaction(transaction)] if transaction else []
            return {"result": [_shown(face, each)[0] for each in listed if each is not None]}, 200

        return face.ask("request", reference or transaction, answer)

    @routes.get("/v1/checkout/sessions/<object_id>", defaults={"call": "debit"})
    @routes.get("/v1/payout/<object_id>", defaults={"call": "payout"})
    def show(object_id: str, call: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _authorise()
            found = face.find(object_id, call)
            return fail("404") if found is None else _shown(face, found)

        return face.ask("request", object_id, answer)


def _authorise() -> None:
    key = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if key in ("", "wrong"):
        raise Refusal(fail("401"))


def _new_id(face: Face, call: str, reference: str, key: str) -> str:
    """Returns the id of an object: that of its Idempotency-Key if there is one. Notes it for searches."""
    number = "" if key else str(face.desk.notes.serial(f"wave:{call}:{reference}"))
    seed = f"{call}:{key}" if key else f"{call}:{reference}:{number}"
    prefix = "cos" if call == "debit" else "pt"
    own = f"{prefix}-{digest(Order(face.name, 'id', seed, {})).hex()}"
    if reference:
        face.desk.notes.add(f"wave-ids:{call}:{reference}", own)
    return own


def _read(face: Face) -> Order:
    _authorise()
    body = face.body()
    body.only(_SESSION | _OPTIONAL)
    currency = body.text("currency", CURRENCY)
    content = {"amount": body.amount("amount", _WHOLE if currency in _WHOLE_ONLY else _DECIMAL), "currency": currency}
    content |= {"success_url": body.text("success_url", URL), "error_url": body.text("error_url", URL)}
    restricted = body.phone("restrict_payer_mobile") if body.optional("restrict_payer_mobile") else ""
    reference = body.optional("client_reference", ID)
    content |= {"msisdn": restricted or USUAL_PAYER, "created_s": str(face.desk.ledger.now())}
    content |= {"base": request.host_url.rstrip("/") + request.path.partition("/v1/")[0]}
    url = face.callback_url(face.settings.wave_webhook_url)
    content |= given(callback=url, caller_id=reference, restricted=restricted)
    return Order(
        face.name, "debit", _new_id(face, "debit", reference, request.headers.get("Idempotency-Key", "")), content
    )


def _read_payout(face: Face) -> Order:
    _authorise()
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        raise Refusal(fail("400", "Idempotency-Key is required"))
    body = face.body()
    body.only(_PAYOUT | _OPTIONAL)
    currency = body.text("currency", CURRENCY)
    amount = body.amount("receive_amount", _WHOLE if currency in _WHOLE_ONLY else _DECIMAL)
    reference = body.optional("client_reference", ID)
    content = {"amount": amount, "currency": currency, "msisdn": body.phone("mobile"), "caller_id": reference or key}
    content |= given(name=body.optional("name"), reference=reference) | {"created_s": str(face.desk.ledger.now())}
    return Order(face.name, "payout", _new_id(face, "payout", reference, key), content)


def _read_refund(face: Face, session_id: str) -> Order:
    _authorise()
    debit = face.find(session_id, "debit")
    if debit is None:
        raise Refusal(fail("404"))
    if debit.status != SUCCESSFUL:
        raise Refusal(fail("409", "The session is not paid", "checkout-refund-failed"))
    content = {name: debit.order.content[name] for name in ("amount", "currency", "msisdn")}
    own = debit.order.content.get("caller_id", session_id)
    content |= {"debit_request_id": own, "debit_id": session_id, "caller_id": session_id}
    return Order(face.name, "refund", f"refund:{session_id}", content)


def _refunded(done: Submission) -> Reply:
    return (None, 200) if done.request.status == SUCCESSFUL else fail("409", code="checkout-refund-failed")


def _shown(face: Face, found: Request) -> Reply:
    if found.order.call == "payout":
        return payout(found), 200
    refund = face.find(f"refund:{found.order.request_id}", "refund")
    refunded = refund.at if refund and refund.status == SUCCESSFUL else None
    return session(found, _launch_url(found), _times(face.settings).expiry_s, refunded), 200


def _launch_url(found: Request) -> str:
    return f"{found.order.content['base']}/c/{found.order.request_id}"


def _expire(face: Face, session_id: str) -> Reply:
    _authorise()
    found = face.find(session_id, "debit")
    if found is None:
        return fail("404")
    if found.status == PENDING:
        found = face.desk.ledger.conclude(found.order, Verdict("EXPIRED")) or found
    return (None, 200) if found.status != SUCCESSFUL else fail("409", "The session is paid")


def _notice(settings: Settings) -> Notice:
    expiry_s = _times(settings).expiry_s
    return Notice(
        lambda found: envelope(found, _launch_url(found), expiry_s),
        lambda found, body, now: signature(settings.wave_webhook_secret, body, now),
    )


WAVE = Dialect(
    prefix="/wave",
    manner=MANNER,
    invalid=lambda message: fail("400", message),
    routes=_routes,
    trades=_trades,
    notice=_notice,
)
