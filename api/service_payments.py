"""Paying for services from one's wallet: `/v1/payments/`."""

from typing import Any

from flask import Response, current_app, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields

from api.auth import person, signed_in
from api.errors import Problem, invalid
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
from api.orders import SERVICE_PAYMENT, may_pay, service_payment
from api.product import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Product
from api.wallet import is_own, own_wallet
from core.bootstrap import Core
from core.catalogue import Catalogue
from core.money import to_number
from core.operation import Operation

blueprint = Product("service_payments", __name__, url_prefix="/v1/payments", description="Services paid from a wallet")


class ServicePaymentRequest(Schema):
    service_id = fields.String(required=True)


class ServicePaymentView(OperationView):
    class Meta:
        exclude = ("id",)

    payment_id = fields.UUID()
    service_id = fields.UUID()
    service = fields.String(metadata={"description": "its name when the payment was accepted"})
    amount = fields.Float()
    currency = fields.String()


class ServicePaymentsView(Schema):
    payments = fields.List(fields.Nested(ServicePaymentView))
    next_cursor = fields.String(allow_none=True)


@blueprint.route("")
class ServicePayments(MethodView):
    @signed_in
    @blueprint.arguments(ServicePaymentRequest())
    @blueprint.response(202, ServicePaymentView, headers=ACCEPTED_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    def post(self, asked: dict[str, Any]) -> Response:
        """Pay for a service, at its price of now. Without a key, the same within ten seconds is the same payment."""
        core: Core = current_app.extensions["core"]
        me, wallet = person(), own_wallet()
        service = Catalogue(core.store, core.clock).get(asked["service_id"])
        if service is None:
            raise invalid("service_id", "There is no service with this id.")
        return answer_accepted(service_payment(me, service), _accepted, check=lambda: may_pay(wallet, service))

    @signed_in
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, ServicePaymentsView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """List one's own payments, newest first."""
        return answer_page(SERVICE_PAYMENT, query, {"subject": person().id}, "payments", _view)


@blueprint.route("/<payment_id>")
class ServicePayment(MethodView):
    @signed_in
    @blueprint.response(200, ServicePaymentView, headers=STATUS_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[PREFER, IF_NONE_MATCH])
    def get(self, payment_id: str) -> Response:
        """Tell how one's own payment stands."""
        missing = Problem(404, "payment_not_found", "You have no payment with this id.")
        return answer_status(SERVICE_PAYMENT, payment_id, _view, missing, keep=is_own)


def _accepted(operation: Operation) -> tuple[dict[str, Any], str]:
    view = _view(operation)
    return view, view["status_url"]


def _view(operation: Operation) -> dict[str, Any]:
    asked = operation.request
    url = url_for("service_payments.ServicePayment", payment_id=operation.id, _external=bool(request.host))
    view = base_view(operation, url)
    return {
        "payment_id": view.pop("id"),
        "service_id": asked["service"],
        "service": asked["name"],
        "amount": to_number(asked["amount"], asked["currency"]),
        "currency": asked["currency"],
        **view,
    }
