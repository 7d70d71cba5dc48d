"""Paying templates by mobile money: `/template/payments/`."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields, post_load, validate

from api.auth.access import anyone, for_role
from api.auth.callers import client
from api.http.blueprint import Routes
from api.http.context import core
from api.http.fields import Amount, Currency, Phone, Text, minor_units
from api.http.kind_routes import KindRoutes
from api.http.prompts import refuse_unasked
from api.http.views import MoneyView, money
from core.accept import Command
from core.identity.people import Role
from core.operation import Operation
from core.phone import mask
from products.template.contract import TEMPLATE_PAYMENT, TemplatePayment

EXAMPLE = {"msisdn": "+2250707000001", "item": "A-1", "amount": 500, "currency": "XOF"}


class TemplatePaymentRequest(Schema):
    msisdn = Phone(required=True)
    item = Text(required=True, validate=validate.Length(1, 64))
    amount = Amount(required=True)
    currency = Currency(required=True)

    @post_load
    def _canonical(self, data: dict[str, Any], **_: Any) -> TemplatePayment:
        return TemplatePayment(**{**data, "amount": minor_units(data["amount"], data["currency"])})


class TemplatePaymentView(MoneyView):
    msisdn = fields.String(metadata={"description": "masked", "example": "+225*******001"})
    item = fields.String(metadata={"example": "A-1"})


def _members(_: Operation, payment: TemplatePayment) -> dict[str, Any]:
    """What an answer says about a template, besides what it says about every operation."""
    return {"msisdn": mask(payment.msisdn), "item": payment.item, **money(payment.amount, payment.currency)}


blueprint = Routes(
    "template",
    __name__,
    url_prefix="/template/payments",
    description="Templates paid by mobile money",
    kinds=(TEMPLATE_PAYMENT.kind,),
)
BLUEPRINTS = (blueprint,)
payments = KindRoutes(blueprint, TEMPLATE_PAYMENT, TemplatePaymentView, _members)


@payments.on_post(anyone, TemplatePaymentRequest(), EXAMPLE)
def post(payment: TemplatePayment) -> Response:
    """Pay a template. The same request again is the same payment, until it failed."""
    operator = core().route(payment.msisdn, payment.currency)
    refuse_unasked(operator)
    command = Command(TEMPLATE_PAYMENT.kind, payment.to_json(), client(), subject=payment.msisdn, operator=operator)
    return payments.accept(command)


@payments.on_list(for_role(Role.OPERATOR))
def find(query: dict[str, Any]) -> Response:
    """List payments, newest first."""
    return payments.page(query, {})


@payments.on_get(anyone)
def get(payment_id: str) -> Response:
    """Show a payment: its status and timeline."""
    return payments.status(payment_id)
