"""What may be asked of `/amendes/payments/`: the schema, and the canonical request it loads."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.fields import Amount, Currency, Phone, minor_units

MOST_FINES = 50


class FineSchema(Schema):
    """A fine as the registry's lookup tells it. What describes it is understood and ignored."""

    id = fields.String(required=True, validate=validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}(?![\s\S])"))
    amount = Amount(required=True)
    status = fields.Raw(load_only=True, allow_none=True)
    motif = fields.Raw(load_only=True, allow_none=True)
    date = fields.Raw(load_only=True, allow_none=True)
    immatriculation = fields.Raw(load_only=True, allow_none=True)


class PaymentRequest(Schema):
    """Loaded as the canonical request: E.164, minor units, fines sorted by id."""

    msisdn = Phone(required=True)
    currency = Currency(required=True)
    amount = Amount(required=True)
    amendes = fields.List(fields.Nested(FineSchema), required=True, validate=validate.Length(1, MOST_FINES))

    @validates_schema(skip_on_field_errors=False)
    def _sum(self, data: Mapping[str, Any], **_: Any) -> None:
        fines = data.get("amendes") or []
        errors: dict[str, Any] = {}
        ids = [fine["id"] for fine in fines if "id" in fine]
        if len(set(ids)) < len(ids):
            errors["amendes"] = ["A fine is listed twice."]
        elif "currency" in data:
            errors = _finer_than_currency(data)
        amounts = [fine["amount"] for fine in fines if "amount" in fine]
        if "amount" in data and fines and len(amounts) == len(fines) and sum(amounts) != data["amount"]:
            errors.setdefault("amount", ["Not the sum of the fines."])
        if errors:
            raise ValidationError(errors)

    @post_load
    def _canonical(self, data: Mapping[str, Any], **_: Any) -> dict[str, Any]:
        currency = data["currency"]
        fines = [{"id": fine["id"], "amount": minor_units(fine["amount"], currency)} for fine in data["amendes"]]
        return {
            "msisdn": data["msisdn"],
            "currency": currency,
            "amount": minor_units(data["amount"], currency),
            "amendes": sorted(fines, key=lambda fine: str(fine["id"])),
        }


def _finer_than_currency(data: Mapping[str, Any]) -> dict[str, Any]:
    errors: dict[str, Any] = {}
    for index, item in [(None, data), *enumerate(data.get("amendes") or [])]:
        try:
            if "amount" in item:
                minor_units(item["amount"], data["currency"])
        except ValidationError as error:
            if index is None:
                errors["amount"] = error.messages
            else:
                errors.setdefault("amendes", {})[index] = {"amount": error.messages}
    return errors
