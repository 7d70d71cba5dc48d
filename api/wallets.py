"""Wallets: what is in one's own, and topping it up from mobile money. `/v1/wallets/`."""

from typing import Any

from flask import Response, current_app, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields

from api.auth import person, signed_in
from api.errors import Problem
from api.fields import Amount
from api.operations import (
    ACCEPTED_HEADERS,
    STATUS_HEADERS,
    OperationView,
    answer_accepted,
    answer_status,
    base_view,
)
from api.orders import TOP_UP, held_minor, top_up
from api.paging import PageQuery, cursor_after
from api.product import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Product
from api.wallet import amount_of, is_own, own_wallet
from core.bootstrap import Core
from core.money import to_number
from core.operation import Operation
from core.people import People
from core.store.port import JOURNAL, OPERATIONS, Document

blueprint = Product("wallets", __name__, url_prefix="/v1/wallets", description="Wallets and top-ups")


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
    other = fields.String(allow_none=True, metadata={"description": "the person at the other end, if it is one"})
    note = fields.String(allow_none=True)


class EntriesView(Schema):
    entries = fields.List(fields.Nested(EntryView))
    next_cursor = fields.String(allow_none=True)


class TopUpRequest(Schema):
    amount = Amount(required=True)


class MoneyView(OperationView):
    amount = fields.Float()
    currency = fields.String()


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
        next_cursor = cursor_after(page[-1]["id"]) if len(found) > limit else None
        return jsonify(entries=[_entry(core, entry) for entry in page], next_cursor=next_cursor)


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
        currency = wallet["currency"]
        return answer_accepted(top_up(me, amount_of(asked["amount"], currency), currency), _accepted)


@blueprint.route("/top-up/<id>")
class TopUp(MethodView):
    @signed_in
    @blueprint.response(200, MoneyView, headers=STATUS_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[PREFER, IF_NONE_MATCH])
    def get(self, id: str) -> Response:
        """Tell how one's own top-up stands."""
        missing = Problem(404, "top_up_not_found", "You have no top-up with this id.")
        return answer_status(TOP_UP, id, _view, missing, keep=is_own)


def _entry(core: Core, entry: Document) -> dict[str, Any]:
    """An entry with whom it was from or to, and what he wrote to it."""
    people: People = current_app.extensions["people"]
    other, operation = people.get(entry["other"]), core.store.get(OPERATIONS, entry["operation"])
    return {
        **{name: entry[name] for name in ("id", "currency", "what", "operation", "at")},
        "amount": to_number(entry["amount"], entry["currency"]),
        "other": other and other.name,
        "note": operation and operation["request"].get("note"),
    }


def _accepted(operation: Operation) -> tuple[dict[str, Any], str]:
    view = _view(operation)
    return view, view["status_url"]


def _view(operation: Operation) -> dict[str, Any]:
    asked = operation.request
    return {
        **base_view(operation, url_for("wallets.TopUp", id=operation.id, _external=bool(request.host))),
        "amount": to_number(asked["amount"], asked["currency"]),
        "currency": asked["currency"],
    }
