"""Refunds: asked for at the payment, `/v1/operations/<id>/refunds`, and followed at `/v1/refunds/`."""

from collections.abc import Mapping
from typing import Any

from flask import Response
from marshmallow import Schema, ValidationError, fields, validate

from api.auth.access import scoped
from api.auth.callers import client, owner, seen_by_caller
from api.http.answers import ListQuery
from api.http.blueprint import Routes
from api.http.context import core
from api.http.examples import ID
from api.http.fields import Amount, Text, minor_units
from api.http.kind_routes import KindRoutes, PaymentNotFound
from api.http.views import MoneyView, money
from core.accept import Command
from core.contract import Refunding
from core.dialects import DIALECTS, Way
from core.errors import Clash, InvalidField
from core.given_back import MAX_PARTS, NotAvailable
from core.ids import is_id
from core.notices.languages import DEFAULT, say_amount, translator
from core.notices.outcome import receiver
from core.operation import Operation
from core.phone import mask
from core.store.port import OPERATIONS
from products.refunds.contract import (
    REFUND_KIND,
    REFUNDABLE,
    SCOPE,
    SCOPE_ALL,
    RefundRequest,
    given_items,
    refuse,
    wanted,
    words,
)
from products.wallets.contract import notified

SAME_WITHIN_S = 10
"""Without an idempotency key, the same request within this time is a client that repeats it, not a second refund."""
MAX_ITEMS = 50
EXAMPLE = {"amount": 10000, "reason": "the vehicle was sold before the date of the fine"}

blueprint = Routes(
    "refunds", __name__, url_prefix="/v1", description="Payments that are given back", kinds=(REFUND_KIND.kind,)
)
BLUEPRINTS = (blueprint,)


class RefundNotFound(PaymentNotFound):
    """There is no refund with this id."""

    code = "refund_not_found"


class NotRefundable(Clash):
    """This payment cannot be given back: it has not succeeded, or nothing of it can be given back."""

    code = "not_refundable"


class ExceedsPayment(Clash):
    """This is more than is left of what was paid. Other refunds of the payment count too."""

    code = "refund_exceeds_payment"


class AlreadyRefunded(Clash):
    """One of these items is given back already, or about to be."""

    code = "already_refunded"


class TooManyRefunds(Clash):
    """Too many refunds of this payment have been asked for."""

    code = "too_many_refunds"

    def __init__(self) -> None:
        super().__init__(f"{MAX_PARTS} refunds of this payment have been asked for. There can be no more.")


ERRORS = {error.code: error for error in (ExceedsPayment, AlreadyRefunded, TooManyRefunds)}


class RefundForm(Schema):
    amount = Amount(load_default=None)
    reason = Text(required=True, validate=validate.Length(1, 280))
    items = fields.List(
        Text(validate=validate.Length(1, 64)),
        load_default=[],
        validate=validate.Length(0, MAX_ITEMS),
        metadata={"description": "parts of the payment that are given back as a whole, such as ids of fines"},
    )


class RefundsQuery(ListQuery):
    payment = fields.String(load_default=None, validate=validate.Length(1, 64), metadata={"example": ID})


class RefundView(MoneyView):
    payment = fields.String(metadata={"description": "the id of the payment that is given back", "example": ID})
    items = fields.List(fields.String(metadata={"example": "AM-2026-000123"}))
    refund_reason = fields.String(metadata={"example": EXAMPLE["reason"]})
    msisdn = fields.String(
        allow_none=True,
        metadata={
            "description": "the phone that gets the money, masked; null for a wallet",
            "example": "+225*******001",
        },
    )
    way = fields.String(
        allow_none=True,
        metadata={"description": "how the phone gets it: refund, payout or by_hand; null for a wallet"},
    )
    requested_by = fields.String(metadata={"description": "the id of a person or of a key", "example": ID})


def _members(operation: Operation, refund: RefundRequest) -> dict[str, Any]:
    return {
        **money(refund.amount, refund.currency),
        "payment": refund.payment,
        "items": given_items(operation),
        "refund_reason": refund.reason,
        "msisdn": refund.msisdn and mask(refund.msisdn),
        "way": refund.way,
        "requested_by": refund.requested_by,
    }


NAMES: dict[str, Any] = {"plural": "refunds", "id_name": "refund_id", "missing": RefundNotFound}
refunds = KindRoutes(blueprint, REFUND_KIND, RefundView, _members, rule="/refunds", **NAMES)
of_payment = KindRoutes(blueprint, REFUND_KIND, RefundView, _members, rule="/operations/<payment_id>/refunds", **NAMES)


@of_payment.on_post(scoped(SCOPE), RefundForm(), EXAMPLE)
def post(form: dict[str, Any], payment_id: str) -> Response:
    """Give back a payment that has succeeded, in whole or in part: to the phone that paid it, or to the wallet."""
    payment, refunding = _refundable(payment_id)
    asked = core().settings.installed.contracts[payment.kind].read(payment)
    currency, paid = refunding.currency(asked), refunding.paid(payment)
    minor, items = _read(form, payment, paid, currency)
    source, target = refunding.legs(asked) if refunding.legs else (None, None)
    request = RefundRequest(
        payment.id,
        payment.kind,
        minor,
        currency,
        items,
        form["reason"],
        client(),
        msisdn=refunding.phone(asked),
        way=_way(payment.operator, minor == asked.amount) if refunding.debit else None,
        source=source,
        target=target,
        payment_items=sorted(filter(None, paid)),
    )
    command = Command(
        REFUND_KIND.kind,
        request.to_json(),
        client(),
        subject=payment.subject,
        counterparty=payment.id,
        payload={"payment": payment.id, "amount": minor if form["amount"] else None, "items": sorted(form["items"])},
        repeatable=True,
        same_within_s=SAME_WITHIN_S,
        operator=payment.operator,
        receivers=_receivers(payment, request),
    )
    return refunds.accept(command, check=lambda: _refuse(payment, paid, request))


@refunds.on_list(scoped(SCOPE), RefundsQuery)
def find(query: dict[str, Any]) -> Response:
    """List refunds, newest first: yours, unless your key sees all. With `payment`, those of one payment."""
    return refunds.page(query, {"counterparty": query["payment"], "client": owner(SCOPE_ALL)})


@refunds.on_get(scoped(SCOPE))
def get(refund_id: str) -> Response:
    """Show a refund: its status and timeline."""
    return refunds.status(refund_id, keep=seen_by_caller(SCOPE_ALL))


def _refundable(id: str) -> tuple[Operation, Refunding[Any]]:
    """Returns the caller's payment, and how it is given back. Raises PaymentNotFound, NotRefundable."""
    document = core().store.get(OPERATIONS, id) if is_id(id) else None
    payment = Operation.from_document(document) if document else None
    if payment is None or not seen_by_caller(SCOPE_ALL)(payment):
        raise PaymentNotFound
    contract = core().settings.installed.contracts.get(payment.kind)
    if contract is None or contract.refunding is None or payment.status not in REFUNDABLE:
        raise NotRefundable
    return payment, contract.refunding


def _read(form: Mapping[str, Any], payment: Operation, paid: Mapping[str, int], currency: str) -> tuple[int, list[str]]:
    """Returns the amount in minor units and the items. Raises InvalidField."""
    if unknown := next((item for item in form["items"] if item not in paid or not item), None):
        raise InvalidField("items", f"The payment has not paid {unknown}.")
    if len(set(form["items"])) < len(form["items"]):
        raise InvalidField("items", "One is listed twice.")
    try:
        minor = None if form["amount"] is None else minor_units(form["amount"], currency)
    except ValidationError as error:
        raise InvalidField("amount", str(error.messages[0])) from None
    asked, items = wanted(payment, paid, minor, form["items"])
    if minor not in (None, asked):
        raise InvalidField("amount", "Not the sum of the items.")
    return asked, items


def _way(operator: str | None, whole: bool) -> Way:
    """Returns how an operator gives money back to a phone. One that is not configured any more: a person does."""
    table = core().settings.operators
    try:
        found = table.named(operator or table.default)
    except InvalidField:
        return Way.BY_HAND
    return DIALECTS[found.dialect].way_back(found.options, whole)


def _receivers(payment: Operation, request: RefundRequest) -> list[dict[str, Any]]:
    """Who gets a message once the money is back: the phone, or the owner of the wallet."""
    if request.msisdn is None:
        owner = core().people.get(request.target or "")
        return notified(owner, words, request.amount, request.currency) if owner else []
    language = str((payment.notification or {}).get("language", DEFAULT))
    amount = say_amount(request.amount, request.currency, language)
    return [receiver(request.msisdn, language, words(translator(language)).format(amount=amount))]


def _refuse(payment: Operation, paid: Mapping[str, int], request: RefundRequest) -> None:
    """Raises ExceedsPayment, AlreadyRefunded, ItemsLeftOut, RefundUnderWay or TooManyRefunds."""
    try:
        refuse(payment, paid, request)
    except NotAvailable as error:
        raise ERRORS[error.code] from None
