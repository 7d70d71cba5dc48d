"""Paying fines by mobile money: `/amendes/payments/`."""

from typing import Any

from flask import Response, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth import anyone, client, for_role
from api.errors import Problem
from api.fields import Phone
from api.fines_request import PaymentRequest
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
from core.accept import Order
from core.money import to_number
from core.operation import Operation, Status, StepState
from core.people import Role
from core.phone import mask

KIND = "fine_payment"
EXAMPLE = {
    "msisdn": "+2250707000001",
    "currency": "XOF",
    "amount": 25000,
    "amendes": [{"id": "AM-2026-000123", "amount": 15000}, {"id": "AM-2026-000124", "amount": 10000}],
}

blueprint = Product("fines", __name__, url_prefix="/amendes/payments", description="Fines paid by mobile money")


class FineView(Schema):
    id = fields.String()
    amount = fields.Float()
    status = fields.String(validate=validate.OneOf(["pending", "paid", "refused", "refunded", "unpaid"]))
    reason = fields.String(allow_none=True)


class PaymentView(OperationView):
    amount = fields.Float()
    currency = fields.String()
    refunded = fields.Float(metadata={"description": "how much of the amount was given back"})
    msisdn = fields.String(metadata={"description": "masked"})
    amendes = fields.List(fields.Nested(FineView))


class PaymentsView(Schema):
    payments = fields.List(fields.Nested(PaymentView))
    next_cursor = fields.String(allow_none=True)


class PaymentsQuery(ListQuery):
    msisdn = Phone(load_default=None)


@blueprint.route("")
class Payments(MethodView):
    @anyone
    @blueprint.arguments(PaymentRequest(), example=EXAMPLE)
    @blueprint.response(202, PaymentView, description="Durable, and settled exactly once", headers=ACCEPTED_HEADERS)
    @blueprint.doc(parameters=[IDEMPOTENCY_KEY])
    def post(self, canonical: dict[str, Any]) -> Response:
        """Pay fines.

        The same again answers the same payment (`Idempotency-Replayed: true`), until it failed or was refunded.
        """
        return answer_accepted(Order(KIND, canonical, client(), subject=canonical["msisdn"]), _accepted)

    @for_role(Role.OPERATOR)
    @blueprint.arguments(PaymentsQuery(), location="query")
    @blueprint.response(200, PaymentsView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """List payments, newest first."""
        return answer_page(KIND, query, {"subject": query["msisdn"]}, "payments", _view)


@blueprint.route("/<payment_id>")
class Payment(MethodView):
    @anyone
    @blueprint.response(200, PaymentView, headers=STATUS_HEADERS)
    @blueprint.doc(parameters=[PREFER, IF_NONE_MATCH])
    def get(self, payment_id: str) -> Response:
        """Tell how a payment stands.

        `Prefer: wait=N` holds the answer until the end or, with `If-None-Match`, until there is news.
        """
        missing = Problem(404, "payment_not_found", "There is no payment with this id.")
        return answer_status(KIND, payment_id, _view, missing)


def _accepted(operation: Operation) -> tuple[dict[str, Any], str]:
    view = _view(operation)
    return view, view["status_url"]


def _view(operation: Operation) -> dict[str, Any]:
    asked, currency = operation.request, operation.request["currency"]
    refunded = 0
    if operation.step("refund").state is StepState.DONE:
        settled = (fine["amount"] for fine in asked["amendes"] if _settlement(operation, fine) is StepState.DONE)
        refunded = asked["amount"] - sum(settled)
    # Of a host that is no DNS name, such as one with an underscore, nothing is known here: then without it.
    url = url_for("fines.Payment", payment_id=operation.id, _external=bool(request.host))
    return {
        **base_view(operation, url),
        "amount": to_number(asked["amount"], currency),
        "currency": currency,
        "refunded": to_number(refunded, currency),
        "msisdn": mask(asked["msisdn"]),
        "amendes": [_fine_view(operation, fine, currency) for fine in asked["amendes"]],
    }


def _settlement(operation: Operation, fine: dict[str, Any]) -> StepState:
    return operation.step(f"settle:{fine['id']}").state


def _fine_view(operation: Operation, fine: dict[str, Any], currency: str) -> dict[str, Any]:
    match _settlement(operation, fine):
        case StepState.DONE:
            status = "paid"
        case StepState.DECLINED:
            status = "refunded" if operation.step("refund").state is StepState.DONE else "refused"
        case _:
            status = "unpaid" if operation.status is Status.FAILED else "pending"
    declined = (operation.step(f"{step}:{fine['id']}") for step in ("check", "settle"))
    reason = next((record.last_error for record in declined if record.state is StepState.DECLINED), None)
    return {"id": fine["id"], "amount": to_number(fine["amount"], currency), "status": status, "reason": reason}
