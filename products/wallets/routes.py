"""The signed-in person's wallet, and topping it up from mobile money. `/v1/wallets/`."""

from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import Schema, fields

from api.auth.access import signed_in
from api.auth.callers import person
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.examples import ID
from api.http.fields import Amount, OperatorName
from api.http.kind_routes import KindRoutes
from api.http.money import Money, shown
from api.http.paging import PageQuery, list_view, read_page, stored
from api.http.prompts import prompt_of
from api.http.views import MoneyView, money
from core.errors import NotFound
from core.operation import Operation
from core.store.port import JOURNAL, OPERATIONS, Document
from products.wallets import transfers
from products.wallets.contract import DEBIT_STEP, TOP_UP, TopUp, held_minor, limited, top_up
from products.wallets.own_wallet import amount_of, is_own, own_wallet

blueprint = Routes(
    "wallets", __name__, url_prefix="/v1/wallets", description="Wallets and top-ups", kinds=(TOP_UP.kind,)
)


class TopUpNotFound(NotFound):
    """You have no top-up with this id."""

    code = "top_up_not_found"


class WalletView(Schema):
    id = fields.UUID()
    balance = Money(metadata={"description": "what may be spent"})
    held = Money(metadata={"description": "what is set aside for payments under way", "example": 0})
    currency = fields.String(metadata={"example": "XOF"})


class EntryView(Schema):
    id = fields.String(metadata={"example": f"{ID}:out"})
    amount = Money(metadata={"description": "below zero: it went out", "example": -2500})
    currency = fields.String(metadata={"example": "XOF"})
    what = fields.String(metadata={"description": "the kind of the operation", "example": "wallet_transfer"})
    operation = fields.UUID()
    at = fields.DateTime()
    other = fields.String(
        allow_none=True, metadata={"description": "the person at the other end, if it is one", "example": "awa"}
    )
    note = fields.String(allow_none=True)


EntriesView = list_view("EntriesView", entries=EntryView)


class TopUpRequest(Schema):
    amount = Amount(required=True)
    operator = OperatorName()


@blueprint.route("/me")
class Wallet(MethodView):
    @signed_in
    @blueprint.response(200, WalletView)
    @blueprint.doc(security=BEARER)
    def get(self) -> Response:
        """Show what is in your wallet."""
        wallet = own_wallet()
        currency = wallet["currency"]
        balance, held = shown(wallet["balance"], currency), shown(held_minor(wallet), currency)
        return jsonify(id=wallet["id"], balance=balance, held=held, currency=currency)


@blueprint.route("/me/entries")
class Entries(MethodView):
    @signed_in
    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, EntriesView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """The statement: what came in and went out, newest first."""
        page, next_cursor = read_page(query, stored(JOURNAL, {"account": person().id}), lambda entry: str(entry["id"]))
        return jsonify(entries=[_entry(entry) for entry in page], next_cursor=next_cursor)


def _members(_: Operation, asked: TopUp) -> dict[str, Any]:
    return money(asked.amount, asked.currency)


top_ups = KindRoutes(blueprint, TOP_UP, MoneyView, _members, rule="/top-up", id_name="id", missing=TopUpNotFound)


@top_ups.on_post(signed_in, TopUpRequest(), {"amount": 10000})
def post(payload: dict[str, Any]) -> Response:
    """Top up your wallet: the operator debits your phone, and then the wallet is credited."""
    me, wallet = person(), own_wallet()
    currency = wallet["currency"]
    command = top_up(core(), me, amount_of(payload["amount"], currency), currency, payload["operator"])
    return top_ups.accept(limited(core(), me, command, prompt_of(me.msisdn or "", command.operator or "", DEBIT_STEP)))


@top_ups.on_get(signed_in)
def get(id: str) -> Response:
    """Show your top-up: its status and timeline."""
    return top_ups.status(id, keep=is_own)


def _entry(entry: Document) -> dict[str, Any]:
    """A journal entry with the other person's name and the note of the transfer."""
    other, operation = core().people.get(entry["other"]), core().store.get(OPERATIONS, entry["operation"])
    return {
        **{name: entry[name] for name in ("id", "currency", "what", "operation", "at")},
        "amount": shown(entry["amount"], entry["currency"]),
        "other": other and other.name,
        "note": operation and operation["request"].get("note"),
    }


BLUEPRINTS = (blueprint, transfers.blueprint)
