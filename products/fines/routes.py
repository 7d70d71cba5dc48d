"""Paying fines by mobile money: `/amendes/payments/`."""

from dataclasses import replace
from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.auth.access import anyone, anyone_or_key, for_operator_or
from api.auth.callers import caller_or_none, client, owner
from api.http.answers import ListQuery
from api.http.blueprint import Routes
from api.http.context import core
from api.http.fields import Phone
from api.http.kind_routes import KindRoutes
from api.http.money import Money, shown
from api.http.prompts import prompt_of, refuse_unasked
from api.http.views import MoneyView, money
from core.accept import Command
from core.given_back import given_minor
from core.operation import Operation
from core.phone import mask
from products.fines import lookup_routes
from products.fines.contract import (
    DEBIT_STEP,
    FINE_PAYMENT,
    SCOPE_ALL,
    SCOPE_PAY,
    SCOPE_READ,
    FinePayment,
    FineStatus,
    is_refunded,
    reason_of,
    status_of,
    unsettled_minor,
)
from products.fines.reserved import refuse_what_is_being_paid
from products.fines.schema import Asked, PaymentRequest
from products.webhooks.reporting import report_to

EXAMPLE = {
    "msisdn": "+2250707000001",
    "currency": "XOF",
    "amount": 25000,
    "amendes": [{"id": "AM-2026-000123", "amount": 15000}, {"id": "AM-2026-000124", "amount": 10000}],
}

blueprint = Routes(
    "fines",
    __name__,
    url_prefix="/amendes/payments",
    also={"/amendes/payments": "/v1/fines/payments"},
    description="Fines paid by mobile money",
    kinds=(FINE_PAYMENT.kind,),
)
BLUEPRINTS = (blueprint, lookup_routes.blueprint)


class FineView(Schema):
    id = fields.String(metadata={"example": "AM-2026-000123"})
    amount = Money()
    status = fields.String(validate=validate.OneOf([status.value for status in FineStatus]))
    reason = fields.String(allow_none=True)


class PaymentView(MoneyView):
    refunded = Money(metadata={"description": "how much of the amount was given back", "example": 0})
    msisdn = fields.String(metadata={"description": "masked", "example": "+225*******001"})
    amendes = fields.List(fields.Nested(FineView))


class PaymentsQuery(ListQuery):
    msisdn = Phone(load_default=None)


def _members(operation: Operation, payment: FinePayment) -> dict[str, Any]:
    refunded = given_minor(operation) + (unsettled_minor(operation) if is_refunded(operation) else 0)
    return {
        **money(payment.amount, payment.currency),
        "refunded": shown(refunded, payment.currency),
        "msisdn": mask(payment.msisdn),
        "amendes": [
            {
                "id": fine.id,
                "amount": shown(fine.amount, payment.currency),
                "status": status_of(operation, fine.id).value,
                "reason": reason_of(operation, fine.id),
            }
            for fine in payment.amendes
        ],
    }


payments = KindRoutes(blueprint, FINE_PAYMENT, PaymentView, _members)


@payments.on_post(anyone_or_key(SCOPE_PAY), PaymentRequest(), EXAMPLE)
def post(asked: Asked) -> Response:
    """Pay fines.

    The same request again answers the same payment (`Idempotency-Replayed: true`), until it failed or was refunded.
    """
    payment = asked.payment
    command = replace(command_of(payment, asked.operator, asked.names), report_to=report_to(asked.callback_url))
    return payments.accept(command, check=lambda: refuse_what_is_being_paid(core(), payment))


def command_of(payment: FinePayment, operator: str | None, names: tuple[str, ...]) -> Command:
    """What the caller asks for. operator: the one that they name. Raises InvalidField, PayerNotAsked."""
    operator = core().route(payment.msisdn, payment.currency, operator)
    refuse_unasked(operator)
    return Command(
        FINE_PAYMENT.kind,
        payment.to_json(),
        client(),
        subject=payment.msisdn,
        unique=_unique(payment, operator),
        operator=operator,
        names=names,
        prompt=prompt_of(payment.msisdn, operator, DEBIT_STEP),
    )


def _unique(payment: FinePayment, operator: str) -> dict[str, Any]:
    """What no two payments share. A machine's payments are its own, whoever else asks for the same.

    An operator that does not serve the phone by its number has payments of its own: who names one does not have the
    owner, by USSD or HTTP, get a payment that the phone is not asked about.
    """
    known, usual = caller_or_none(), core().settings.operators.by_number(payment.msisdn)
    asked = {} if operator == usual else {"operator": operator}
    return payment.to_json() | asked | ({"client": known.id} if known else {})


@payments.on_list(for_operator_or(SCOPE_READ), PaymentsQuery)
def find(query: dict[str, Any]) -> Response:
    """List payments, newest first: all of them for operators, its own for a machine."""
    return payments.page(query, {"subject": query["msisdn"], "client": owner(SCOPE_ALL)})


@payments.on_get(anyone)
def get(payment_id: str) -> Response:
    """Show a payment: its status and timeline.

    `Prefer: wait=N` holds the answer until the end or, with `If-None-Match`, until anything changes.
    """
    return payments.status(payment_id)
