"""Sending money from one's own wallet to somebody else's: `/v1/wallets/transfers`."""

from typing import Any

from flask import Response, current_app, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth import person, signed_in
from api.errors import Problem, invalid
from api.fields import Amount, Text
from api.operations import (
    ACCEPTED_HEADERS,
    STATUS_HEADERS,
    ListQuery,
    answer_accepted,
    answer_page,
    answer_status,
    base_view,
)
from api.orders import TRANSFER, find_recipient, may_send, nobody, transfer
from api.product import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Product
from api.wallet import amount_of, is_own, own_wallet
from api.wallets import MoneyView
from core.bootstrap import Core
from core.money import to_number
from core.operation import Operation

blueprint = Product("transfers", __name__, url_prefix="/v1/wallets/transfers", description="Money between wallets")


class TransferRequest(Schema):
    to = fields.String(required=True, validate=validate.Length(1, 64), metadata={"description": "username or phone"})
    amount = Amount(required=True)
    note = Text(load_default=None, allow_none=True, validate=validate.Length(0, 140))


class TransferView(MoneyView):
    to = fields.String(metadata={"description": "the recipient's username, or masked phone"})
    note = fields.String(allow_none=True)


class TransfersView(Schema):
    transfers = fields.List(fields.Nested(TransferView))
    next_cursor = fields.String(allow_none=True)


@blueprint.route("")
class Transfers(MethodView):
    @signed_in
    @blueprint.arguments(TransferRequest(), example={"to": "awa", "amount": 2500, "note": "lunch"})
    @blueprint.response(202, TransferView, headers=ACCEPTED_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    def post(self, asked: dict[str, Any]) -> Response:
        """Send money from one's own wallet to somebody else's."""
        core: Core = current_app.extensions["core"]
        me, wallet = person(), own_wallet()
        to = find_recipient(core, current_app.extensions["people"], asked["to"])
        if to is None:
            raise nobody()
        if to.id == me.id:
            raise invalid("to", "This is your own wallet.")
        amount = amount_of(asked["amount"], wallet["currency"])
        order = transfer(me, to, amount, wallet["currency"], asked["note"])
        return answer_accepted(order, _accepted, check=lambda: may_send(core, wallet, to, amount))

    @signed_in
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, TransfersView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """List the transfers that one has sent, newest first."""
        return answer_page(TRANSFER, query, {"subject": person().id}, "transfers", _view)


@blueprint.route("/<id>")
class Transfer(MethodView):
    @signed_in
    @blueprint.response(200, TransferView, headers=STATUS_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[PREFER, IF_NONE_MATCH])
    def get(self, id: str) -> Response:
        """Tell how a transfer stands that one has sent."""
        missing = Problem(404, "transfer_not_found", "You have sent no transfer with this id.")
        return answer_status(TRANSFER, id, _view, missing, keep=is_own)


def _accepted(operation: Operation) -> tuple[dict[str, Any], str]:
    view = _view(operation)
    return view, view["status_url"]


def _view(operation: Operation) -> dict[str, Any]:
    asked = operation.request
    return {
        **base_view(operation, url_for("transfers.Transfer", id=operation.id, _external=bool(request.host))),
        "to": asked["to_name"],
        "amount": to_number(asked["amount"], asked["currency"]),
        "currency": asked["currency"],
        "note": asked["note"],
    }
