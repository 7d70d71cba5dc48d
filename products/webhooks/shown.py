"""What endpoints and deliveries look like in answers."""

from typing import Any

from marshmallow import Schema, fields, validate

from api.http.answers import follow_url
from api.http.examples import ID
from core.clock import to_rfc3339
from core.operation import Operation, Status
from core.steps import Call
from products.webhooks.contract import DELIVER_STEP, WEBHOOK
from products.webhooks.endpoints import EVERYBODY, Endpoint, State

EXAMPLE_URL = "https://shop.example/hooks"
EXAMPLE_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""That of the standard's test vector."""
PENDING, DELIVERED, FAILED = "pending", "delivered", "failed"
STATES = {Status.SUCCEEDED: DELIVERED, Status.FAILED: FAILED}
"""What a delivery is called by its status; PENDING by all others."""


class EndpointView(Schema):
    id = fields.UUID()
    url = fields.URL(metadata={"example": EXAMPLE_URL})
    types = fields.List(fields.String(metadata={"example": "payment.*"}))
    description = fields.String(metadata={"example": "the shop's orders"})
    everybody = fields.Boolean(metadata={"description": "whether it gets the events of all clients"})
    owner = fields.String(metadata={"description": "the client that made it", "example": ID})
    state = fields.String(
        validate=validate.OneOf([state.value for state in State]),
        metadata={"description": "`failing`: no delivery has succeeded since `failing_since`"},
    )
    failing_since = fields.DateTime(allow_none=True)
    why_off = fields.String(allow_none=True, metadata={"example": None})
    created_at = fields.DateTime()


class NewEndpointView(EndpointView):
    secret = fields.String(metadata={"description": "shown only here", "example": EXAMPLE_SECRET})


class DeliveryReason(Schema):
    code = fields.String(metadata={"description": "stable, see docs/reference/errors.md", "example": "endpoint_off"})


class DeliveryView(Schema):
    id = fields.UUID()
    endpoint = fields.UUID()
    url = fields.URL(allow_none=True, metadata={"description": "where it goes instead of the endpoint's URL"})
    message = fields.String(
        metadata={"description": "the `webhook-id`", "example": "msg_6f3ccd9d3c2f6c7d3f8f5f9e2b7a1c04"}
    )
    type = fields.String(metadata={"example": "payment.succeeded"})
    operation = fields.UUID(allow_none=True, metadata={"description": "the operation that it is about"})
    state = fields.String(validate=validate.OneOf([PENDING, DELIVERED, FAILED]))
    reason = fields.Nested(DeliveryReason, allow_none=True)
    attempts_made = fields.Integer()
    next_attempt_at = fields.DateTime(allow_none=True)
    resends = fields.UUID(allow_none=True, metadata={"description": "the delivery whose message it sends again"})
    created_at = fields.DateTime()
    updated_at = fields.DateTime()


class AttemptView(Schema):
    at = fields.DateTime()
    ms = fields.Integer(metadata={"description": "milliseconds", "example": 120})
    status = fields.Integer(allow_none=True, metadata={"description": "HTTP status; null: no answer", "example": 503})
    answer = fields.String(
        allow_none=True, metadata={"description": "the first 1,024 bytes of the answer", "example": "try later"}
    )
    failure = fields.String(allow_none=True, metadata={"description": "why there was no answer", "example": None})


class DeliveryWithAttempts(DeliveryView):
    attempts = fields.List(
        fields.Nested(AttemptView), metadata={"description": "the first four and the last eight of them"}
    )
    body = fields.String(
        metadata={
            "description": "as it is sent and signed",
            "example": f'{{"type":"payment.succeeded","data":{{"id":"{ID}"}}}}',
        }
    )


def endpoint_view(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.id,
        "url": endpoint.url,
        "types": list(endpoint.types),
        "description": endpoint.description,
        "everybody": endpoint.hears == EVERYBODY,
        "owner": endpoint.owner,
        "state": endpoint.state.value,
        "failing_since": to_rfc3339(endpoint.failing_since) if endpoint.failing_since else None,
        "why_off": endpoint.why_off,
        "created_at": endpoint.created_at,
    }


def new_endpoint_view(endpoint: Endpoint) -> dict[str, Any]:
    """With the newest secret, which is shown only when it is made."""
    return {**endpoint_view(endpoint), "secret": endpoint.secrets[0]}


def delivery_view(operation: Operation) -> dict[str, Any]:
    request, step = WEBHOOK.read(operation), operation.step(DELIVER_STEP)
    waits = not operation.terminal and step.next_at is not None
    return {
        "id": operation.id,
        "endpoint": request.endpoint,
        "url": request.url,
        "message": request.message,
        "type": request.type,
        "operation": request.about,
        "state": STATES.get(operation.status, PENDING),
        "reason": {"code": operation.error["code"]} if operation.error else None,
        "attempts_made": step.attempts,
        "next_attempt_at": to_rfc3339(step.next_at) if waits and step.next_at else None,
        "resends": request.again,
        "created_at": to_rfc3339(operation.created_at),
        "updated_at": to_rfc3339(operation.updated_at),
    }


def delivery_with_attempts(operation: Operation, is_owner: bool) -> dict[str, Any]:
    """is_owner: whether the caller owns the endpoint; nobody else sees what it answered."""
    attempts = [_attempt(call) | ({} if is_owner else {"answer": None}) for call in operation.step(DELIVER_STEP).calls]
    return {**delivery_view(operation), "attempts": attempts, "body": WEBHOOK.read(operation).body}


def delivery_url(operation: Operation) -> str:
    """Where a delivery is followed."""
    return follow_url("webhook_deliveries.Delivery", id=operation.id)


def _attempt(call: Call) -> dict[str, Any]:
    said = call.said
    return {
        "at": to_rfc3339(call.at),
        "ms": call.took_ms,
        "status": said.get("http"),
        "answer": said.get("body"),
        "failure": said.get("failure"),
    }
