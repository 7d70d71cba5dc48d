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
from api.product import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Product
from api.wallet import SAME_WITHIN_S, afford, own_wallet
from core.bootstrap import Core
from core.catalogue import OFFERED, Catalogue, Service
from core.money import to_number
from core.operation import Operation
from core.store.port import Document

KIND = "service_payment"

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
        wanted = {"wallet": me.id, "service": service.id}
        canonical = {
            **wanted,
            "username": me.username,
            "name": service.name,
            "amount": service.price,
            "currency": service.currency,
        }
        return answer_accepted(
            KIND,
            canonical,
            me.id,
            _accepted,
            check=lambda: _may_be_paid(service, wallet),
            asked=wanted,
            repeatable=True,
            same_within_s=SAME_WITHIN_S,
        )

    @signed_in
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, ServicePaymentsView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """List one's own payments, newest first."""
        return answer_page(KIND, query, {"subject": person().id}, "payments", _view)


@blueprint.route("/<payment_id>")
class ServicePayment(MethodView):
    @signed_in
    @blueprint.response(200, ServicePaymentView, headers=STATUS_HEADERS)
    @blueprint.doc(security=BEARER, parameters=[PREFER, IF_NONE_MATCH])
    def get(self, payment_id: str) -> Response:
        """Tell how one's own payment stands."""
        missing = Problem(404, "payment_not_found", "You have no payment with this id.")
        return answer_status(KIND, payment_id, _view, missing, keep=lambda found: found.subject == person().id)


def _may_be_paid(service: Service, wallet: Document) -> None:
    if service.state != OFFERED:
        raise Problem(422, "service_retired", "This service is no longer offered.")
    if service.currency != wallet["currency"]:
        raise Problem(422, "other_currency", f"This service is paid in {service.currency}, not from your wallet.")
    afford(wallet, service.price)


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
