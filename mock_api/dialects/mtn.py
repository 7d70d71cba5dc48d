"""MTN MoMo: Collections, Disbursements, and the sandbox's API users.

Where MTN's pages are silent: a callback URL may be http, so that a test can listen on its own machine; its host must be
the one that the API user has registered here, if there is one. Only parties with a phone (MSISDN) are known. Texts for
people may hold letters, digits, spaces and `.,-_`.
"""

import re
import uuid
from urllib.parse import urlsplit

from flask import Blueprint, Response, request

from mock_api.answers import REASON_OBJECT
from mock_api.books import Order
from mock_api.callbacks import Notice
from mock_api.chance import Fate
from mock_api.dialects.body import URL, BadField
from mock_api.dialects.face import Dialect, Face, Refusal, basic_user, given
from mock_api.dialects.money import Times, digits, trades
from mock_api.dialects.mtn_words import (
    CURRENCIES,
    HOLDERS,
    MANNER,
    by_debit,
    by_number,
    describe,
    fail,
    test_number,
)
from mock_api.forms import CURRENCY
from mock_api.ledger import Submission
from mock_api.reply import Reply
from mock_api.settings import Settings
from mock_api.trade import Trades

APPROVAL_S = 300.0
"""The payer has five minutes."""
OPERATIONS = (
    ("collection", "requesttopay", "debit"),
    ("disbursement", "refund", "refund"),
    ("disbursement", "transfer", "payout"),
    ("disbursement", "deposit", "payout"),
)
_NOTE = re.compile(r"[A-Za-z0-9 .,_-]{1,160}")


def _trades(settings: Settings) -> Trades:
    times = Times.of(settings, APPROVAL_S)
    own = by_number(times), by_debit(times), by_number(times, payout=True)
    return trades("mtn", times, lambda order: digits(order, 15), *own)


def _routes(face: Face) -> Blueprint:
    routes = Blueprint("mtn", __name__)
    for product in ("collection", "disbursement"):
        _mount_product(routes, face, product)
    for product, path, call in OPERATIONS:
        _mount_operation(routes, face, product, path, call)

    @routes.post("/v1_0/apiuser")
    def create_user() -> Response:
        return face.ask("account", "apiuser", lambda fate: _create_user(face))

    @routes.post("/v1_0/apiuser/<user>/apikey")
    def create_key(user: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _subscription()
            known = face.desk.notes.get(f"mtn-user:{user}") is not None
            return ({"apiKey": uuid.uuid5(uuid.NAMESPACE_OID, user).hex}, 201) if known else fail("404")

        return face.ask("account", user, answer)

    return routes


def _token(token: str, life_s: int) -> Reply:
    return {"access_token": token, "token_type": "access_token", "expires_in": life_s}, 200


def _mount_product(routes: Blueprint, face: Face, product: str) -> None:
    @routes.post(f"/{product}/token/", endpoint=f"{product}_token", strict_slashes=False)
    def token() -> Response:
        name, secret = basic_user()
        if "Ocp-Apim-Subscription-Key" not in request.headers:
            secret = None
        return face.grant(name, secret, product, _token)

    @routes.get(f"/{product}/v1_0/accountholder/<kind>/<phone>/<what>", endpoint=f"{product}_holder")
    def holder(kind: str, phone: str, what: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _authorise(face, product)
            return _holder(phone, what) if kind == "msisdn" else fail("404")

        return face.ask("account", phone, answer)

    @routes.get(f"/{product}/v1_0/account/balance", endpoint=f"{product}_balance")
    def balance() -> Response:
        def answer(fate: Fate) -> Reply:
            environment = _authorise(face, product)
            return {"availableBalance": "1000000", "currency": CURRENCIES[environment]}, 200

        return face.ask("account", "balance", answer)


def _mount_operation(routes: Blueprint, face: Face, product: str, path: str, call: str) -> None:
    def show(done: Submission) -> Reply:
        return (None, 202) if done.fresh else fail("409")

    @routes.post(f"/{product}/<any(v1_0,v2_0):version>/{path}", endpoint=f"{path}_create")
    def create(version: str) -> Response:
        return face.write(call, lambda: _read(face, product, call), show)

    @routes.get(f"/{product}/<any(v1_0,v2_0):version>/{path}/<reference>", endpoint=f"{path}_status")
    def status(version: str, reference: str) -> Response:
        def answer(fate: Fate) -> Reply:
            _authorise(face, product)
            found = face.find(reference.lower(), call)
            return (describe(found, reason_as_object=fate.answer == REASON_OBJECT), 200) if found else fail("404")

        return face.ask("request", reference.lower(), answer)


def _subscription() -> None:
    if request.headers.get("Ocp-Apim-Subscription-Key", "wrong") == "wrong":
        raise Refusal(fail("401"))


def _authorise(face: Face, product: str) -> str:
    """Returns the target environment of a call whose headers are right. Raises Refusal."""
    _subscription()
    face.authorise(product)
    environment = request.headers.get("X-Target-Environment", "")
    if not environment:
        raise Refusal(fail("400", message="X-Target-Environment is required"))
    if environment not in CURRENCIES:
        raise Refusal(fail("500", "NOT_ALLOWED_TARGET_ENVIRONMENT"))
    return environment


def _reference() -> str:
    text = request.headers.get("X-Reference-Id", "")
    try:
        if uuid.UUID(text).version == 4:
            return text.lower()
    except ValueError:
        pass
    raise Refusal(fail("400", message="X-Reference-Id must be a UUID version 4"))


def _callback(face: Face, product: str) -> str:
    url = request.headers.get("X-Callback-Url")
    if url is None:
        return ""
    registered = face.desk.notes.get(f"mtn-user:{face.authorise(product)}")
    if not URL.fullmatch(url) or (registered is not None and urlsplit(url).hostname != registered):
        raise Refusal(fail("500", "INVALID_CALLBACK_URL_HOST"))
    return url


def _read(face: Face, product: str, call: str) -> Order:
    environment = _authorise(face, product)
    reference, callback = _reference(), _callback(face, product)
    body = face.body()
    content = {"amount": body.amount("amount"), "currency": body.text("currency", CURRENCY)}
    if content["currency"] != CURRENCIES[environment]:
        raise Refusal(fail("500", "INVALID_CURRENCY"))
    if call == "refund":
        debit = body.text("referenceIdToRefund").lower()
        found = face.desk.ledger.look(face.name, debit)
        phone = found.order.content["msisdn"] if found else "+0"
        content |= {"debit_request_id": debit, "debit_id": debit, "msisdn": phone}
    else:
        party = body.part("payer" if call == "debit" else "payee")
        if party.text("partyIdType") != "MSISDN":
            raise BadField("partyIdType must be MSISDN")
        content["msisdn"] = party.phone("partyId")
        content |= {"test_number": "1"} if test_number(content["msisdn"]) else {}
    notes = {"payer_message": body.optional("payerMessage", _NOTE), "payee_note": body.optional("payeeNote", _NOTE)}
    return Order(
        face.name, call, reference, content | given(reference=body.optional("externalId"), callback=callback, **notes)
    )


def _create_user(face: Face) -> Reply:
    _subscription()
    user = _reference()
    host = face.body().text("providerCallbackHost")
    if face.desk.notes.get(f"mtn-user:{user}") is not None:
        return fail("409")
    face.desk.notes.put(f"mtn-user:{user}", host)
    return None, 201


def _holder(phone: str, what: str) -> Reply:
    number = test_number(f"+{phone}")
    if number == 50 or phone.endswith("08"):
        return fail("404")
    if number in HOLDERS:
        return fail("500", HOLDERS[number])
    if what == "active":
        return {"result": number != 51}, 200
    if what == "basicuserinfo":
        return {"given_name": "Awa", "family_name": f"Sandbox {phone[-2:]}"}, 200
    return fail("404")


MTN = Dialect(
    prefix="/mtn",
    manner=MANNER,
    invalid=lambda message: fail("400", message=message),
    routes=_routes,
    trades=_trades,
    notice=lambda settings: Notice(describe, method="PUT"),
)
