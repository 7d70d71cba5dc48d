"""Paying for services from a wallet: `/v1/payments/`."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from api.auth.access import signed_in
from api.auth.callers import person
from api.http.blueprint import Routes
from api.http.context import core
from api.http.examples import ID
from api.http.kind_routes import KindRoutes
from api.http.views import MoneyView, money
from core.errors import InvalidField, NotFound
from core.operation import Operation
from products.services.catalogue import Catalogue
from products.services.contract import SERVICE_PAYMENT, ServicePayment, may_pay, service_payment
from products.wallets.own_wallet import is_own, own_wallet

blueprint = Routes(
    "service_payments",
    __name__,
    url_prefix="/v1/payments",
    description="Services paid from a wallet",
    kinds=(SERVICE_PAYMENT.kind,),
)


class OwnPaymentNotFound(NotFound):
    """You have no payment with this id."""

    code = "payment_not_found"


class ServicePaymentRequest(Schema):
    service_id = fields.String(required=True)


class ServicePaymentView(MoneyView):
    class Meta:
        exclude = ("id",)

    payment_id = fields.UUID()
    service_id = fields.UUID()
    service = fields.String(
        metadata={"description": "its name when the payment was accepted", "example": "Parking permit"}
    )


def _members(_: Operation, payment: ServicePayment) -> dict[str, Any]:
    return {"service_id": payment.service, "service": payment.name, **money(payment.amount, payment.currency)}


payments = KindRoutes(blueprint, SERVICE_PAYMENT, ServicePaymentView, _members, missing=OwnPaymentNotFound)


@payments.on_post(signed_in, ServicePaymentRequest(), {"service_id": ID})
def post(payload: dict[str, Any]) -> Response:
    """Pay for a service, at its current price. Without a key, the same within ten seconds is the same payment."""
    me, wallet = person(), own_wallet()
    service = core().of(Catalogue).get(payload["service_id"])
    if service is None:
        raise InvalidField("service_id", "There is no service with this id.")
    return payments.accept(service_payment(me, service), check=lambda: may_pay(wallet, service))


@payments.on_list(signed_in)
def find(query: dict[str, Any]) -> Response:
    """List your payments, newest first."""
    return payments.page(query, {"subject": person().id})


@payments.on_get(signed_in)
def get(payment_id: str) -> Response:
    """Show how your payment stands."""
    return payments.status(payment_id, keep=is_own)
