"""The body of `POST /amendes/payments/`, and the request that it loads."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any, NamedTuple

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from api.http.fields import Amount, Currency, OperatorName, Phone, Text, minor_units, read_amount
from core.targets import MAX_URL_CHARS
from products.fines.contract import FINE_ID, MAX_FINES, Fine, FinePayment, named_plate, names_of

CALLBACK_URL = {
    "format": "webhook-url",
    "description": "a URL that gets the events of this payment too, at the origin of one of your endpoints",
    "example": "https://shop.example/hooks/order-7",
}


class FineSchema(Schema):
    """A fine as the registry's lookup shows it. The fields that only describe it are accepted and ignored."""

    id = fields.String(required=True, validate=validate.Regexp(rf"^{FINE_ID}(?![\s\S])"))
    amount = Amount(required=True)
    currency = fields.Raw(load_only=True, allow_none=True)
    status = fields.Raw(load_only=True, allow_none=True)
    motif = fields.Raw(load_only=True, allow_none=True)
    date = fields.Raw(load_only=True, allow_none=True)
    immatriculation = fields.Raw(load_only=True, allow_none=True)


class Asked(NamedTuple):
    """operator: the mobile-money operator that the request names, if it does; callback_url: where its events go too.

    names: what the payment can be found by.
    """

    payment: FinePayment
    operator: str | None
    callback_url: str | None
    names: tuple[str, ...] = ()


class PaymentRequest(Schema):
    """Loads what is asked for: E.164, minor units, fines sorted by id."""

    msisdn = Phone(required=True)
    currency = Currency(required=True)
    amount = Amount(required=True)
    amendes = fields.List(fields.Nested(FineSchema), required=True, validate=validate.Length(1, MAX_FINES))
    operator = OperatorName()
    callback_url = Text(load_default=None, validate=validate.Length(1, MAX_URL_CHARS), metadata=CALLBACK_URL)

    @validates_schema(skip_on_field_errors=False, pass_original=True)
    def _adds_up(self, data: Mapping[str, Any], original: Mapping[str, Any], **_: Any) -> None:
        """Checks that need several fields. Reads the original body, because `data` lacks fields in error."""
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
            if "currency" in data and fine.get("currency") not in (None, data["currency"]):
                errors.setdefault("amendes", {}).setdefault(index, {})["currency"] = ["Not that of the payment."]
        if errors:
            raise ValidationError(errors)

    @post_load
    def _canonical(self, data: Mapping[str, Any], **_: Any) -> Asked:
        currency = data["currency"]
        fines = (Fine(fine["id"], minor_units(fine["amount"], currency)) for fine in data["amendes"])
        in_order = tuple(sorted(fines, key=lambda fine: fine.id))
        payment = FinePayment(data["msisdn"], currency, minor_units(data["amount"], currency), in_order)
        plates = (fine.get("immatriculation") for fine in data["amendes"])
        names = (*names_of(payment), *(named_plate(plate) for plate in plates if _is_plate(plate)))
        return Asked(payment, data["operator"], data["callback_url"], names)


def _is_plate(value: object) -> bool:
    return isinstance(value, str) and any(map(str.isalnum, value))


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
