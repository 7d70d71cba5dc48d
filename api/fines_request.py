"""What may be asked of `/amendes/payments/`: the schema, and the canonical request it loads."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.fields import Amount, Currency, Phone, minor_units, read_amount

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

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _adds_up(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        """What fields cannot tell alone. Reads the original: of what was loaded, fields in error are missing."""
        listed = original.get("amendes")
        fines = [fine if isinstance(fine, dict) else {} for fine in listed] if isinstance(listed, list) else []
        amounts = [read_amount(fine.get("amount")) for fine in fines]
        errors: dict[str, Any] = {}
        if "currency" in data:
            errors = _finer_than_currency(data["currency"], read_amount(original.get("amount")), amounts)
        known = [amount for amount in amounts if amount is not None]
        with localcontext(prec=60):
            if "amount" in data and known and len(known) == len(amounts) and sum(known) != data["amount"]:
                errors.setdefault("amount", ["Not the sum of the fines."])
        seen: set[str] = set()
        for index, fine in enumerate(fines):
            if isinstance(id := fine.get("id"), str):
                if id in seen:
                    errors.setdefault("amendes", {}).setdefault(index, {})["id"] = ["Listed twice."]
                seen.add(id)
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


def _finer_than_currency(currency: str, total: Decimal | None, amounts: list[Decimal | None]) -> dict[str, Any]:
    errors: dict[str, Any] = {}
    for index, amount in enumerate([total, *amounts], start=-1):
        try:
            if amount is not None:
                minor_units(amount, currency)
        except ValidationError as error:
            if index < 0:
                errors["amount"] = error.messages
            else:
                errors.setdefault("amendes", {})[index] = {"amount": error.messages}
    return errors
