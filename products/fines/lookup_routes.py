"""Look-ups of fines: `/v1/fines/lookups/`."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.auth.access import scoped
from api.auth.callers import client, seen_by_caller
from api.http.blueprint import Routes
from api.http.fields import Phone
from api.http.kind_routes import KindRoutes
from api.http.money import Money, shown
from api.http.views import OperationView
from core.accept import Command
from core.errors import NotFound
from core.operation import Operation
from core.phone import mask
from products.fines.contract import FINE_ID, MAX_PLATE_CHARS, SCOPE_ALL, SCOPE_READ
from products.fines.lookup import FINE_LOOKUP, FineLookup, ListedFine, listed, plate_of

SAME_WITHIN_S = 10
"""The same question within this time is a client that repeats it."""
WAYS = ("msisdn", "plate", "id")

blueprint = Routes(
    "fine_lookups",
    __name__,
    url_prefix="/v1/fines/lookups",
    description="Which fines are owed, as the registry says",
    kinds=(FINE_LOOKUP.kind,),
)


class FineLookupNotFound(NotFound):
    """There is no look-up of fines with this id, or it is somebody else's."""

    code = "fine_lookup_not_found"


class FineLookupForm(Schema):
    """Exactly one of the three."""

    msisdn = Phone()
    plate = fields.String(
        validate=validate.Regexp(rf"^[A-Za-z0-9][A-Za-z0-9 .-]{{0,{MAX_PLATE_CHARS - 1}}}(?![\s\S])"),
        metadata={"description": "a vehicle's, in any spelling", "example": "AB-123-CD"},
    )
    id = fields.String(
        validate=validate.Regexp(rf"^{FINE_ID}(?![\s\S])"),
        metadata={"description": "the number of a fine", "example": "AM-2026-000123"},
    )

    @validates_schema(pass_original=True)
    def _one(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        if len(data) != 1:
            raise ValidationError(f"Name one of {', '.join(WAYS)}, and only one.", WAYS[0])


class ListedFineView(Schema):
    id = fields.String(metadata={"example": "AM-2026-000123"})
    amount = Money(metadata={"example": 15000})
    currency = fields.String(metadata={"example": "XOF"})
    status = fields.String(validate=validate.OneOf(["due", "paid", "cancelled"]))
    reason = fields.String(metadata={"description": "why; empty where the registry does not say it"})
    issued = fields.String(metadata={"description": "the day, as the registry writes it", "example": "2026-04-12"})
    plate = fields.String(metadata={"example": "AB-123-CD"})


class FineLookupView(OperationView):
    msisdn = fields.String(allow_none=True, metadata={"description": "masked", "example": "+225*******001"})
    plate = fields.String(allow_none=True)
    fine = fields.String(allow_none=True, metadata={"description": "the number that was asked for"})
    amendes = fields.List(
        fields.Nested(ListedFineView),
        allow_none=True,
        metadata={"description": "those the registry names; null while it has not answered"},
    )


def _members(operation: Operation, lookup: FineLookup) -> dict[str, Any]:
    found = listed(operation)
    return {
        "msisdn": lookup.msisdn and mask(lookup.msisdn),
        "plate": lookup.plate,
        "fine": lookup.id,
        "amendes": None if found is None else [_shown(fine) for fine in found],
    }


def _shown(fine: ListedFine) -> dict[str, Any]:
    return {**vars(fine), "amount": shown(fine.amount, fine.currency)}


lookups = KindRoutes(
    blueprint, FINE_LOOKUP, FineLookupView, _members, plural="lookups", id_name="id", missing=FineLookupNotFound
)


@lookups.on_post(scoped(SCOPE_READ), FineLookupForm(), {"plate": "AB-123-CD"})
def post(payload: dict[str, Any]) -> Response:
    """Ask the registry which fines are owed for a phone or a plate, or about one fine.

    With `Prefer: wait=5` the answer comes at once, as a rule.
    """
    asked = payload | ({"plate": plate_of(payload["plate"])} if "plate" in payload else {})
    command = Command(
        FINE_LOOKUP.kind,
        FineLookup(**asked).to_json(),
        client(),
        subject=client(),
        repeatable=True,
        same_within_s=SAME_WITHIN_S,
    )
    return lookups.accept(command)


@lookups.on_get(scoped(SCOPE_READ))
def get(id: str) -> Response:
    """Show what the registry said to a look-up of yours."""
    return lookups.status(id, keep=seen_by_caller(SCOPE_ALL))
