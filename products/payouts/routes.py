"""Payouts to phones: `/v1/payouts/`."""

from dataclasses import replace
from typing import Any

from flask import Response
from marshmallow import Schema, fields, post_load, validate

from api.auth.access import for_role, scoped
from api.auth.callers import client, owner, seen_by_caller
from api.http.answers import load
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.examples import ID
from api.http.fields import Amount, Currency, OperatorName, Phone, Text, minor_units
from api.http.kind_routes import KindRoutes, PaymentNotFound
from api.http.views import MoneyView, money
from core.accept import Command
from core.errors import Clash, Conflict
from core.identity.people import Role
from core.operation import Operation, Status
from core.phone import mask
from products.payouts.contract import PAYOUTS, SCOPE, SCOPE_ALL, PayoutRequest, PayoutSettings

SAME_WITHIN_S = 10
"""Without an idempotency key, the same request within this time is a client that repeats it, not a second payout."""
MAX_TRIES = 5
EXAMPLE = {"msisdn": "+2250707000001", "amount": 5000, "currency": "XOF", "text": "Refund of ticket 17"}

blueprint = Routes(
    "payouts",
    __name__,
    url_prefix="/v1/payouts",
    description="Money paid to phones",
    bodyless=("payouts.approve_payout",),
    kinds=(PAYOUTS.kind,),
)
BLUEPRINTS = (blueprint,)


class PayoutNotFound(PaymentNotFound):
    """There is no payout with this id."""

    code = "payout_not_found"


class NotWaiting(Clash):
    """This payout does not wait for an approval."""

    code = "payout_not_waiting"


class SamePerson(Clash):
    """A payout has to be approved by somebody else than the one who asked for it."""

    code = "second_person_needed"


class PayoutForm(Schema):
    msisdn = Phone(required=True)
    amount = Amount(required=True)
    currency = Currency(required=True)
    text = Text(load_default="", validate=validate.Length(0, 140))
    operator = OperatorName()

    @post_load
    def _canonical(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**data, "amount": minor_units(data["amount"], data["currency"])}


class RejectionForm(Schema):
    reason = Text(required=True, validate=validate.Length(1, 280), metadata={"example": "unknown payee"})


class PayoutView(MoneyView):
    msisdn = fields.String(metadata={"description": "masked", "example": "+225*******001"})
    text = fields.String(metadata={"example": "Refund of ticket 17"})
    operator = fields.String(metadata={"example": "mtn-ci"})
    requested_by = fields.String(metadata={"description": "the id of a person or of a key", "example": ID})
    decided_by = fields.String(allow_none=True, metadata={"description": "who approved or rejected it"})
    rejection = fields.String(allow_none=True, metadata={"description": "why it was rejected", "example": None})


def _members(operation: Operation, payout: PayoutRequest) -> dict[str, Any]:
    return {
        "msisdn": mask(payout.msisdn),
        **money(payout.amount, payout.currency),
        "text": payout.text,
        "operator": operation.operator,
        "requested_by": payout.requested_by,
        "decided_by": payout.decided_by,
        "rejection": payout.reason,
    }


payouts = KindRoutes(
    blueprint, PAYOUTS, PayoutView, _members, plural="payouts", id_name="payout_id", missing=PayoutNotFound
)


@payouts.on_post(scoped(SCOPE), PayoutForm(), EXAMPLE)
def post(payload: dict[str, Any]) -> Response:
    """Pay money to a phone. Above the limit of its currency it stays `open` until a second person approves it."""
    operator = core().route(payload["msisdn"], payload["currency"], payload.pop("operator"))
    request = PayoutRequest(**payload, requested_by=client())
    command = Command(
        PAYOUTS.kind,
        request.to_json(),
        client(),
        subject=request.msisdn,
        repeatable=True,
        same_within_s=SAME_WITHIN_S,
        opens=core().settings.of(PayoutSettings).needs_approval(request.amount, request.currency),
        operator=operator,
    )
    return payouts.accept(command)


@payouts.on_list(scoped(SCOPE))
def find(query: dict[str, Any]) -> Response:
    """List payouts, newest first: yours, unless your key sees all. With `status=open`, those that wait for approval."""
    return payouts.page(query, {"client": owner(SCOPE_ALL)})


@payouts.on_get(scoped(SCOPE))
def get(payout_id: str) -> Response:
    """Show a payout: its status and timeline."""
    return payouts.status(payout_id, keep=seen_by_caller(SCOPE_ALL))


@blueprint.route("/<payout_id>/approve", methods=["POST"])
@for_role(Role.OPERATOR)
@blueprint.response(200, PayoutView)
@blueprint.doc(security=BEARER)
def approve_payout(payout_id: str) -> Response:
    """Approve a payout that somebody else has asked for."""
    return _decide(payout_id, rejection=None)


@blueprint.route("/<payout_id>/reject", methods=["POST"])
@for_role(Role.OPERATOR)
@blueprint.arguments(RejectionForm(), example={"reason": "unknown payee"})
@blueprint.response(200, PayoutView)
@blueprint.doc(security=BEARER)
def reject_payout(payload: dict[str, Any], payout_id: str) -> Response:
    """Reject a payout that waits. No money moves."""
    return _decide(payout_id, rejection=payload["reason"])


def _decide(id: str, rejection: str | None) -> Response:
    """Closes a waiting payout with the caller's decision. Raises PayoutNotFound, NotWaiting, SamePerson."""
    for _ in range(MAX_TRIES):
        operation = load(PAYOUTS.kind, id, PayoutNotFound)
        request = PAYOUTS.read(operation)
        if operation.status is not Status.OPEN:
            raise NotWaiting
        if rejection is None and request.requested_by == client():
            raise SamePerson
        decided = replace(request, decided_by=client(), rejected=rejection is not None, reason=rejection)
        try:
            core().close_operation(operation, decided.to_json())
        except Conflict:
            continue
        return payouts.status(id)
    raise NotWaiting
