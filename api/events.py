"""Events: stored, and then published whatever happens. `/api/event/<solution>/<model>/<action>`."""

import json
import re
from typing import Any

from flask import Response, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields

from api.auth import anyone, client, for_role
from api.errors import Problem
from api.operations import STATUS_HEADERS, ListQuery, answer_accepted, answer_status, load, page_of
from api.product import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, Product, header
from core.accept import Order
from core.clock import to_text
from core.operation import Operation, StepState
from core.people import Role

KIND = "event"
LARGEST_BODY = 256 * 1024
DEEPEST = 32
CLOUD_EVENTS = ("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time")
"""CloudEvents 1.0, HTTP protocol binding 3.1: what a binary-mode request tells in headers."""

_PART = re.compile(r"[a-z0-9_-]{1,64}")
_VALUE = re.compile(r"[\x20-\x7e]{1,1024}")

blueprint = Product(
    "events",
    __name__,
    url_prefix="/api/event",
    description="Events that are always published",
    largest_body=LARGEST_BODY,
    deepest=DEEPEST,
    bodyless=("events.Replay",),
)


class EventView(Schema):
    event_uid = fields.UUID()
    event_timestamp = fields.DateTime()
    event_data = fields.Dict()


class PublishedView(EventView):
    solution = fields.String()
    model = fields.String()
    action = fields.String()
    status = fields.String()
    published = fields.Boolean()
    published_at = fields.DateTime(allow_none=True)
    attempts = fields.Integer()


class EventsView(Schema):
    events = fields.List(fields.Nested(PublishedView))
    next_cursor = fields.String(allow_none=True)


@blueprint.route("/<solution>/<model>/<action>")
class Events(MethodView):
    @anyone
    @blueprint.response(202, EventView, description="Durable, and published at least once")
    @blueprint.doc(
        parameters=[
            IDEMPOTENCY_KEY,
            *(header(name, "forwarded to consumers", maxLength=1024) for name in CLOUD_EVENTS),
        ],
        requestBody={"content": {"application/json": {"schema": {"type": "object"}}}, "required": True},
    )
    def post(self, **parts: str) -> Response:
        """Publish an event: any JSON object. Consumers drop repeats by its `message_id`, the event's uid."""
        topic, headers, data = _topic(parts), _cloud_event(), _data()
        asked = {"topic": topic, "data": data, "headers": headers, "replay_of": None}
        return answer_accepted(_order(asked), _accepted, render)

    @anyone
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, EventsView)
    def get(self, query: dict[str, Any], **parts: str) -> Response:
        """List the events of a topic, newest first."""
        page, cursor = page_of(KIND, query, {"subject": "/".join(_topic(parts))}, keep=_is_first)
        listed = ", ".join(map(_published, page))
        return render(f'{{"events": [{listed}], "next_cursor": {json.dumps(cursor)}}}')


@blueprint.route("/<event_uid>")
class Event(MethodView):
    @anyone
    @blueprint.response(200, PublishedView, headers=STATUS_HEADERS)
    @blueprint.doc(parameters=[PREFER, IF_NONE_MATCH])
    def get(self, event_uid: str) -> Response:
        """Tell an event, and whether it was published, when, and after how many attempts."""
        return answer_status(KIND, event_uid, _published, MISSING, render)


@blueprint.route("/<event_uid>/replay")
class Replay(MethodView):
    @for_role(Role.OPERATOR)
    @blueprint.response(202, EventView)
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY])
    def post(self, event_uid: str) -> Response:
        """Publish an event once more, under the same `message_id`. `Location` tells how that goes."""
        event = load(KIND, event_uid, MISSING)
        asked = {**event.request, "replay_of": _uid(event)}
        return answer_accepted(_order(asked), _accepted, render)


MISSING = Problem(404, "event_not_found", "There is no event with this uid.")


def _order(asked: dict[str, Any]) -> Order:
    return Order(KIND, asked, client(), subject="/".join(asked["topic"]), repeatable=True)


def render(text: str) -> Response:
    """An answer of JSON text: what an event says is told as it was written, to the last digit."""
    return Response(text, mimetype="application/json")


def _topic(parts: dict[str, str]) -> list[str]:
    for name, part in parts.items():
        if not _PART.fullmatch(part):
            raise Problem(422, "validation_failed", f"{name} is 1 to 64 of a-z, 0-9, - and _.")
    return list(parts.values())


def _cloud_event() -> dict[str, str]:
    headers = {name: request.headers[name] for name in CLOUD_EVENTS if name in request.headers}
    for name, value in headers.items():
        if not _VALUE.fullmatch(value):
            raise Problem(400, "bad_request", f"{name} is 1 to 1024 visible ASCII characters.")
    return headers


def _data() -> str:
    """The body as it was written. That it is a JSON object was seen before; numbers that JSON does not have are not."""
    text = request.get_data().decode()
    if "NaN" in text or "Infinity" in text:
        try:
            json.loads(text, parse_constant=int, parse_int=str)
        except ValueError:
            raise Problem(400, "bad_request", "NaN and Infinity are not JSON.") from None
    return text


def _uid(operation: Operation) -> str:
    """Of the event that this operation publishes, or publishes again."""
    return str(operation.request["replay_of"] or operation.id)


def _is_first(operation: Operation) -> bool:
    return operation.request["replay_of"] is None


def _accepted(operation: Operation) -> tuple[str, str]:
    """What is answered to a POST, and where it is followed."""
    url = url_for("events.Event", event_uid=operation.id, _external=bool(request.host))
    return _with_data(operation, {}), url


def _published(operation: Operation) -> str:
    record = operation.step("publish")
    done = record.state is StepState.DONE
    solution, model, action = operation.request["topic"]
    return _with_data(
        operation,
        {
            "solution": solution,
            "model": model,
            "action": action,
            "status": operation.status.value,
            "published": done,
            "published_at": to_text(operation.updated_at) if done else None,
            "attempts": record.attempts,
        },
    )


def _with_data(operation: Operation, members: dict[str, Any]) -> str:
    known = {"event_uid": _uid(operation), "event_timestamp": to_text(operation.created_at), **members}
    return f'{json.dumps(known)[:-1]}, "event_data": {operation.request["data"]}}}'
