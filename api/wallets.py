"""Wallets: what is in one's own, topping it up from mobile money, and sending money to others. `/v1/wallets/`."""

from typing import Any

from flask import Response, current_app, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth import person, signed_in
from api.errors import Problem, invalid
from api.fields import Amount
from api.operations import (
    ACCEPTED_HEADERS,
    STATUS_HEADERS,
    ListQuery,
    OperationView,
    answer_accepted,
    answer_page,
    answer_status,
    base_view,
)
from api.paging import PageQuery, cursor_after
from api.product import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Product
from api.wallet import SAME_WITHIN_S, afford, amount_of, held_minor, own_wallet
from core.bootstrap import Core
from core.ledger import Ledger
from core.money import to_number
from core.operation import Operation
from core.people import People, Person
from core.store.port import JOURNAL, Document

TOP_UP, TRANSFER = "wallet_top_up", "wallet_transfer"

blueprint = Product("wallets", __name__, url_prefix="/v1/wallets", description="Wallets, top-ups and transfers")


class WalletView(Schema):
    id = fields.UUID()
    balance = fields.Float(metadata={"description": "what may be spent"})
    held = fields.Float(metadata={"description": "what is set aside for payments under way"})
    currency = fields.String()


class EntryView(Schema):
    id = fields.String()
    amount = fields.Float(metadata={"description": "below zero: it went out"})
    currency = fields.String()
    what = fields.String(metadata={"description": "the kind of the operation"})
    operation = fields.UUID()
    at = fields.DateTime()


class EntriesView(Schema):
    entries = fields.List(fields.Nested(EntryView))
    next_cursor = fields.String(allow_none=True)


class TopUpRequest(Schema):
    amount = Amount(required=True)


class TransferRequest(Schema):
    to = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "username or phone"})
    amount = Amount(required=True)
    note = fields.String(load_default=None, allow_none=True, validate=validate.Length(0, 140))


class MoneyView(OperationView):
    amount = fields.Float()
    currency = fields.String()


class TransferView(MoneyView):
    to = fields.String(metadata={"description": "the recipient's username"})
    note = fields.String(allow_none=True)


class TransfersView(Schema):
    transfers = fields.List(fields.Nested(TransferView))
    next_cursor = fields.String(allow_none=True)


@blueprint.route("/me")
class Wallet(MethodView):
    @signed_in
    @blueprint.response(200, WalletView)
    @blueprint.doc(security=BEARER)
    def get(self) -> Response:
        """Tell what is in one's own wallet."""
        wallet = own_wallet()
        currency = wallet["currency"]
        balance, held = to_number(wallet["balance"], currency), to_number(held_minor(wallet), currency)
        return jsonify(id=wallet["id"], balance=balance, held=held, currency=currency)


@blueprint.route("/me/entries")
class Entries(MethodView):
    @signed_in
    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, EntriesView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """The statement: what came in and went out, newest first."""
        core: Core = current_app.extensions["core"]
        after = (query["cursor"], query["cursor"]) if query["cursor"] else None
        limit = query["limit"]
        found = core.store.find(JOURNAL, {"account": person().id}, order="-id", limit=limit + 1, after=after)
        page = found[:limit]
        told = ("id", "currency", "what", "operation", "at")
        entries = [
            {**{name: entry[name] for name in told}, "amount": to_number(entry["amount"], entry["currency"])}
            for entry in page
        ]
        return jsonify(entries=entries, next_cursor=cursor_after(page[-1]["id"]) if len(found) > limit else None)


@blueprint.route("/top-up")
class TopUps(MethodView):
    @signed_in
    @blueprint.arguments(TopUpRequest(), example={"amount": 10000})
    @blueprint.response(202, MoneyView, headers=ACCEPTED_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    def post(self, asked: dict[str, Any]) -> Response:
        """Have the operator debit one's own phone; the wallet is credited once that has happened."""
        me, wallet = person(), own_wallet()
        if me.msisdn is None:
            raise Problem(422, "no_phone", "There is no phone to debit: this account was registered without one.")
        request = {
            "wallet": me.id,
            "msisdn": me.msisdn,
            "amount": amount_of(asked["amount"], wallet["currency"]),
            "currency": wallet["currency"],
        }
        return answer_accepted(TOP_UP, request, me.id, _accepted, repeatable=True, same_within_s=SAME_WITHIN_S)


@blueprint.route("/top-up/<id>")
class TopUp(MethodView):
    @signed_in
    @blueprint.response(200, MoneyView, headers=STATUS_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[PREFER, IF_NONE_MATCH])
    def get(self, id: str) -> Response:
        """Tell how one's own top-up stands."""
        missing = Problem(404, "top_up_not_found", "You have no top-up with this id.")
        return answer_status(TOP_UP, id, _view, missing, keep=_is_own)


@blueprint.route("/transfers")
class Transfers(MethodView):
    @signed_in
    @blueprint.arguments(TransferRequest(), example={"to": "awa", "amount": 2500, "note": "lunch"})
    @blueprint.response(202, TransferView, headers=ACCEPTED_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    def post(self, asked: dict[str, Any]) -> Response:
        """Send money from one's own wallet to somebody else's."""
        core: Core = current_app.extensions["core"]
        people: People = current_app.extensions["people"]
        me, wallet = person(), own_wallet()
        to = people.find(asked["to"], core.settings.phone_region)
        if to is None:
            raise _nobody()
        if to.id == me.id:
            raise invalid("to", "This is your own wallet.")
        amount = amount_of(asked["amount"], wallet["currency"])
        request = {
            "from": me.id,
            "to": to.id,
            "to_name": to.username,
            "amount": amount,
            "currency": wallet["currency"],
            "note": asked["note"],
        }
        return answer_accepted(
            TRANSFER,
            request,
            me.id,
            _accepted_transfer,
            check=lambda: _may_be_sent(wallet, to, amount),
            counterpart=to.id,
            repeatable=True,
            same_within_s=SAME_WITHIN_S,
        )

    @signed_in
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, TransfersView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """List the transfers that one has sent, newest first."""
        return answer_page(TRANSFER, query, {"subject": person().id}, "transfers", _transfer_view)


@blueprint.route("/transfers/<id>")
class Transfer(MethodView):
    @signed_in
    @blueprint.response(200, TransferView, headers=STATUS_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[PREFER, IF_NONE_MATCH])
    def get(self, id: str) -> Response:
        """Tell how a transfer stands that one has sent."""
        missing = Problem(404, "transfer_not_found", "You have sent no transfer with this id.")
        return answer_status(TRANSFER, id, _transfer_view, missing, keep=_is_own)


def _nobody() -> Problem:
    return invalid("to", "Nobody has this username or phone.")


def _may_be_sent(wallet: Document, to: Person, amount: int) -> None:
    core: Core = current_app.extensions["core"]
    if to.suspended:
        raise _nobody()
    theirs = Ledger(core.store, core.clock).open(to.id, core.settings.wallet_currency)
    if theirs["currency"] != wallet["currency"]:
        raise invalid("to", f"Their wallet is in {theirs['currency']}, yours in {wallet['currency']}.")
    afford(wallet, amount)


def _is_own(operation: Operation) -> bool:
    return operation.subject == person().id


def _accepted(operation: Operation) -> tuple[dict[str, Any], str]:
    view = _view(operation)
    return view, view["status_url"]


def _accepted_transfer(operation: Operation) -> tuple[dict[str, Any], str]:
    view = _transfer_view(operation)
    return view, view["status_url"]


def _view(operation: Operation) -> dict[str, Any]:
    asked = operation.request
    endpoint = "wallets.TopUp" if operation.kind == TOP_UP else "wallets.Transfer"
    return {
        **base_view(operation, url_for(endpoint, id=operation.id, _external=bool(request.host))),
        "amount": to_number(asked["amount"], asked["currency"]),
        "currency": asked["currency"],
    }


def _transfer_view(operation: Operation) -> dict[str, Any]:
    asked = operation.request
    return {**_view(operation), "to": asked["to_name"], "note": asked["note"]}
