"""What the answers about operations have in common: their schemas, and the members of them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from api.auth.callers import is_operator
from api.http.money import Money, shown
from core.clock import to_rfc3339
from core.operation import Operation, Status, redirect_of

PUBLIC = ("code", "step", "claimed", "retry_at")
"""The public members of an operation's error. The rest is evidence in the partners' own words."""
FOR_OPERATORS = ("by",)
"""The members for operators only: with another payment's id, anybody could read that payment."""


class TimelineEntry(Schema):
    at = fields.DateTime()
    event = fields.String(metadata={"example": "accepted"})
    step = fields.String(allow_none=True)
    text = fields.String(metadata={"example": "the request is stored and will be processed"})


class Reason(Schema):
    code = fields.String(metadata={"description": "stable, see docs/reference/errors.md"})
    step = fields.String()
    claimed = fields.String(metadata={"description": "what another operation holds"})
    retry_at = fields.DateTime(metadata={"description": "when it is free at the latest, unless it is used until then"})
    by = fields.String(metadata={"description": "the id of that operation; only for operators"})


class NextAction(Schema):
    type = fields.String(metadata={"example": "redirect"})
    url = fields.URL(metadata={"description": "where the payer confirms", "example": "https://pay.wave.com/c/cos-1"})


class OperationView(Schema):
    id = fields.UUID()
    status = fields.Enum(Status, by_value=True, metadata={"example": "accepted"})
    reason = fields.Nested(Reason, allow_none=True)
    timeline = fields.List(fields.Nested(TimelineEntry))
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    status_url = fields.URL()
    next_action = fields.Nested(NextAction, allow_none=True, metadata={"description": "what the payer has to do now"})


class MoneyView(OperationView):
    amount = Money()
    currency = fields.String(metadata={"example": "XOF"})


def base_view(operation: Operation, url: str) -> dict[str, Any]:
    """The members of OperationView. url: where it is followed."""
    redirect = redirect_of(operation)
    return {
        "id": operation.id,
        "status": operation.status.value,
        "next_action": redirect and {"type": "redirect", "url": redirect},
        "reason": operation.error and _reason(operation.error),
        "timeline": [
            {"at": to_rfc3339(entry.at), "event": entry.event, "step": entry.step, "text": entry.text}
            for entry in operation.history
        ],
        "created_at": to_rfc3339(operation.created_at),
        "updated_at": to_rfc3339(operation.updated_at),
        "status_url": url,
    }


def _reason(error: Mapping[str, Any]) -> dict[str, Any]:
    hidden = FOR_OPERATORS if any(name in error for name in FOR_OPERATORS) and is_operator() else ()
    return {name: error[name] for name in (*PUBLIC, *hidden) if name in error}


def money(minor: int, currency: str) -> dict[str, Any]:
    """The members that MoneyView adds."""
    return {"amount": shown(minor, currency), "currency": currency}
