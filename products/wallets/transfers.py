"""Sending money from the caller's wallet to another: `/v1/wallets/transfers`."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.auth.access import signed_in
from api.auth.callers import person
from api.http.blueprint import Routes
from api.http.context import core
from api.http.fields import Amount, Text
from api.http.kind_routes import KindRoutes
from api.http.views import MoneyView, money
from api.limits import limits
from core.errors import InvalidField, NotFound
from core.operation import Operation
from products.wallets.contract import TRANSFER, Transfer, may_send, transfer, unknown_person
from products.wallets.own_wallet import amount_of, is_own, own_wallet

blueprint = Routes(
    "transfers",
    __name__,
    url_prefix="/v1/wallets/transfers",
    description="Money between wallets",
    kinds=(TRANSFER.kind,),
)


class TransferNotFound(NotFound):
    """You have sent no transfer with this id."""

    code = "transfer_not_found"


class TransferRequest(Schema):
    to = Text(required=True, validate=validate.Length(1, 64), metadata={"description": "username or phone"})
    amount = Amount(required=True)
    note = Text(load_default=None, allow_none=True, validate=validate.Length(0, 140))


class TransferView(MoneyView):
    to = fields.String(metadata={"description": "the recipient's username, or masked phone", "example": "awa"})
    note = fields.String(allow_none=True, metadata={"example": "lunch"})


def _members(_: Operation, sent: Transfer) -> dict[str, Any]:
    return {"to": sent.to_name, **money(sent.amount, sent.currency), "note": sent.note}


transfers = KindRoutes(
    blueprint, TRANSFER, TransferView, _members, plural="transfers", id_name="id", missing=TransferNotFound
)


@transfers.on_post(signed_in, TransferRequest(), {"to": "awa", "amount": 2500, "note": "lunch"})
def post(payload: dict[str, Any]) -> Response:
    """Send money from your wallet to somebody else's."""
    me, wallet = person(), own_wallet()
    region = core().settings.phone_region
    to = limits().recipient(me.id, lambda: core().people.find(payload["to"], region))
    if to is None:
        raise unknown_person()
    if to.id == me.id:
        raise InvalidField("to", "This is your own wallet.")
    amount = amount_of(payload["amount"], wallet["currency"])
    command = transfer(me, to, amount, wallet["currency"], payload["note"])
    return transfers.accept(command, check=lambda: may_send(core(), wallet, to, amount))


@transfers.on_list(signed_in)
def find(query: dict[str, Any]) -> Response:
    """List the transfers that you have sent, newest first."""
    return transfers.page(query, {"subject": person().id})


@transfers.on_get(signed_in)
def get(id: str) -> Response:
    """Show how a transfer that you have sent stands."""
    return transfers.status(id, keep=is_own)
