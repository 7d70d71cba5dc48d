"""Checks of payers: `/v1/payers/`."""

from typing import Any

from flask import Response
from marshmallow import Schema, fields

from api.auth.access import scoped
from api.auth.callers import client, seen_by_caller
from api.http.blueprint import Routes
from api.http.context import core
from api.http.fields import OperatorName, Phone
from api.http.kind_routes import KindRoutes
from api.http.views import OperationView
from core.accept import Command
from core.errors import NotFound
from core.operation import Operation
from core.phone import mask
from products.payers.contract import PAYER_CHECK, SCOPE, SCOPE_ALL, PayerCheck, holder_of

SAME_WITHIN_S = 10
"""The same question within this time is a client that repeats it."""

blueprint = Routes(
    "payers",
    __name__,
    url_prefix="/v1/payers",
    description="Whether a phone can pay, and whose it is",
    kinds=(PAYER_CHECK.kind,),
)
BLUEPRINTS = (blueprint,)


class PayerCheckNotFound(NotFound):
    """There is no check of a payer with this id, or it is somebody else's."""

    code = "payer_check_not_found"


class PayerForm(Schema):
    msisdn = Phone(required=True)
    operator = OperatorName()


class PayerView(OperationView):
    msisdn = fields.String(metadata={"description": "masked", "example": "+225*******001"})
    operator = fields.String(metadata={"example": "mtn-ci"})
    active = fields.Boolean(
        allow_none=True, metadata={"description": "whether the account can pay; null: not known", "example": True}
    )
    name = fields.String(
        allow_none=True, metadata={"description": "its owner, where the operator reports it", "example": "Awa Koné"}
    )


def _members(operation: Operation, check: PayerCheck) -> dict[str, Any]:
    active, name = holder_of(operation)
    return {"msisdn": mask(check.msisdn), "operator": operation.operator, "active": active, "name": name}


checks = KindRoutes(
    blueprint, PAYER_CHECK, PayerView, _members, plural="payers", id_name="id", missing=PayerCheckNotFound
)


@checks.on_post(scoped(SCOPE), PayerForm(), {"msisdn": "+2250507000001"})
def post(payload: dict[str, Any]) -> Response:
    """Ask whose phone this is. With `Prefer: wait=5` the answer comes at once, as a rule."""
    operator = core().serving(payload["msisdn"], payload["operator"])
    request = PayerCheck(payload["msisdn"])
    command = Command(
        PAYER_CHECK.kind,
        request.to_json(),
        client(),
        subject=client(),
        repeatable=True,
        same_within_s=SAME_WITHIN_S,
        operator=operator,
    )
    return checks.accept(command)


@checks.on_get(scoped(SCOPE))
def get(id: str) -> Response:
    """Show what the operator said about a phone that you have asked about."""
    return checks.status(id, keep=seen_by_caller(SCOPE_ALL))
