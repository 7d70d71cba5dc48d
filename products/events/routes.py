"""Events: stored, and then published whatever happens. `/api/event/<solution>/<model>/<action>`."""

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Response, current_app, g, request
from flask.views import MethodView
from marshmallow import Schema, fields

from api.auth.access import for_role, scoped
from api.auth.callers import caller_or_none, client, owner, seen_by_caller
from api.http.answers import ENDED, STATUS_HEADERS, ListQuery, answer_accepted, answer_status, follow_url, load, page_of
from api.http.blueprint import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, UNCHANGED, Routes, header
from api.http.context import core
from api.http.errors import BadRequest
from api.http.json import json_answer
from api.http.paging import cursor_after, list_view
from core.accept import Command
from core.broker.port import MAX_ROUTING_KEY_BYTES, routing_key
from core.clock import to_rfc3339
from core.errors import NotFound, Refused
from core.identity.people import Role
from core.operation import Operation
from products.events.contract import (
    EVENT,
    PUBLISH_STEP,
    SCOPE_ALL,
    SCOPE_PUBLISH,
    SCOPE_READ,
    EventRequest,
    EventsSettings,
    is_published,
)
from products.events.contract import event_uid as uid_of
from products.events.topics import Topics, may_use, require_topic

MAX_BODY_BYTES = 256 * 1024
MAX_PAGE_BYTES, BATCH = 1024 * 1024, 10
"""A page of events ends after so much, whatever its limit: a reader who is slow keeps it in memory. Events are read in
batches, for the same reason."""
MAX_NESTING = 32
CLOUD_EVENTS = ("ce-specversion", "ce-id", "ce-source", "ce-type", "ce-time")
"""CloudEvents 1.0, HTTP protocol binding 3.1: the headers of a binary-mode request."""

MAX_PART_CHARS = 64
_VALUE = re.compile(r"[\x20-\x7e]{1,1024}")
_VALUE_PATTERN = "^[!-~]([ -~]{0,1022}[!-~])?$"
"""As the description says it: HTTP takes the spaces around a value away."""

blueprint = Routes(
    "events",
    __name__,
    url_prefix="/api/event",
    also={"/api/event": "/v1/events"},
    description="Events that are always published",
    max_body_bytes=MAX_BODY_BYTES,
    max_nesting=MAX_NESTING,
    limit="events",
    bodyless=("events.Replay",),
    kinds=(EVENT.kind,),
)
BLUEPRINTS = (blueprint,)


class EventNotFound(NotFound):
    """There is no event with this uid."""

    code = "event_not_found"


class InvalidTopic(Refused):
    """A part of the topic has characters that it may not have, or the topic is too long."""

    code = "validation_failed"


class EventView(Schema):
    event_uid = fields.UUID()
    event_timestamp = fields.DateTime()
    event_data = fields.Dict(metadata={"example": {"order": 7}})


class PublishedView(EventView):
    solution = fields.String(metadata={"example": "shop"})
    model = fields.String(metadata={"example": "order"})
    action = fields.String(metadata={"example": "created"})
    status = fields.String(metadata={"example": "accepted"})
    published = fields.Boolean()
    published_at = fields.DateTime(allow_none=True)
    attempts = fields.Integer()


EventsView = list_view("EventsView", events=PublishedView)
TOPIC = [
    {
        "in": "path",
        "name": name,
        "required": True,
        "description": "letters, digits and . - _ of any language",
        "schema": {"type": "string", "format": "topic", "minLength": 1, "maxLength": MAX_PART_CHARS},
    }
    for name in ("solution", "model", "action")
]


@blueprint.route("/<solution>/<model>/<action>", parameters=TOPIC)
class Events(MethodView):
    @scoped(SCOPE_PUBLISH)
    @blueprint.response(202, EventView, description="Durable, and published at least once")
    @blueprint.alt_response(200, schema=EventView, description=ENDED)
    @blueprint.doc(
        security=BEARER,
        parameters=[
            IDEMPOTENCY_KEY,
            PREFER,
            *(header(name, "forwarded to consumers", pattern=_VALUE_PATTERN) for name in CLOUD_EVENTS),
        ],
        requestBody={
            "content": {"application/json": {"schema": {"type": "object"}, "example": {"order": 7}}},
            "required": True,
        },
    )
    def post(self, **parts: str) -> Response:
        """Publish an event: any JSON object. Consumers drop repeats by its `message_id`, the event's uid."""
        topic = _topic(parts)
        require_topic(topic)
        command = _command(EventRequest(topic, _data(), _cloud_event()))
        return answer_accepted(command, _accepted, _url, json_answer, check=lambda: _count_if_new(topic))

    @scoped(SCOPE_READ)
    @blueprint.arguments(ListQuery(), location="query")
    @blueprint.response(200, EventsView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any], **parts: str) -> Response:
        """List the events of a topic, newest first: your own, unless your key is good for all."""
        topic = _topic(parts)
        require_topic(topic)
        listed, cursor = _page(query, {"subject": "/".join(topic), "client": owner(SCOPE_ALL)})
        return json_answer(f'{{"events":[{",".join(listed)}],"next_cursor":{json.dumps(cursor)}}}')


@blueprint.route("/<event_uid>")
class Event(MethodView):
    @scoped(SCOPE_READ)
    @blueprint.response(200, PublishedView, headers=STATUS_HEADERS)
    @blueprint.alt_response(304, description=UNCHANGED)
    @blueprint.doc(security=BEARER, parameters=[PREFER, IF_NONE_MATCH])
    def get(self, event_uid: str) -> Response:
        """Show an event, and whether it was published, when, and after how many attempts."""
        is_seen = seen_by_caller(SCOPE_ALL)

        def keep(operation: Operation) -> bool:
            return is_seen(operation) and may_use(EVENT.read(operation).topic)

        return answer_status(EVENT.kind, event_uid, _published, EventNotFound, json_answer, keep)


@blueprint.route("/<event_uid>/replay")
class Replay(MethodView):
    @for_role(Role.OPERATOR)
    @blueprint.response(202, EventView)
    @blueprint.alt_response(200, schema=EventView, description=ENDED)
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY, PREFER])
    def post(self, event_uid: str) -> Response:
        """Publish an event once more, under the same `message_id`. Follow it at `Location`."""
        event = load(EVENT.kind, event_uid, EventNotFound)
        repeated = replace(EVENT.read(event), replay_of=uid_of(event))
        return answer_accepted(_command(repeated), _accepted, _url, json_answer)


def _command(event: EventRequest) -> Command:
    return Command(EVENT.kind, event.to_json(), client(), subject="/".join(event.topic), repeatable=True)


def _count_if_new(topic: tuple[str, ...]) -> None:
    """Raises TooManyTopics. Machines only: a topic may cost the broker a queue."""
    known = caller_or_none()
    if known is not None and known.role is None:
        most = core().settings.of(EventsSettings).new_topics_per_hour
        core().of(Topics).count_new(topic, known.id, most)


def _topic(parts: dict[str, str]) -> tuple[str, ...]:
    """The parts in Unicode's composed form: what looks the same is the same topic. Raises InvalidTopic."""
    topic = tuple(unicodedata.normalize("NFC", part) for part in parts.values())
    for name, part in zip(parts, topic, strict=True):
        if len(part) > MAX_PART_CHARS or not all(map(_may_be_in_a_part, part)):
            raise InvalidTopic(f"{name} is 1 to {MAX_PART_CHARS} letters, digits and . - _ of any language.")
    if len(routing_key(topic)) > MAX_ROUTING_KEY_BYTES:
        raise InvalidTopic(f"The topic is longer than {MAX_ROUTING_KEY_BYTES} bytes once it is escaped.")
    return topic


def _may_be_in_a_part(character: str) -> bool:
    """Whether it is a letter, a mark on one, a number, or one of `.-_`."""
    return character in ".-_" or unicodedata.category(character)[0] in "LMN"


def _cloud_event() -> dict[str, str]:
    headers = {name: request.headers[name] for name in CLOUD_EVENTS if name in request.headers}
    for name, value in headers.items():
        if not _VALUE.fullmatch(value):
            raise BadRequest(f"{name} is 1 to 1024 visible ASCII characters.")
    return headers


def _data() -> str:
    """The body as it was written. That it is a JSON object was seen before; numbers that JSON does not have are not."""
    text = request.get_data().decode()
    if "NaN" in text or "Infinity" in text:
        try:
            json.loads(text, parse_constant=int, parse_int=str)
        except ValueError:
            raise BadRequest("NaN and Infinity are not JSON.") from None
    return text


def _is_first(operation: Operation) -> bool:
    return EVENT.read(operation).replay_of is None


def _url(operation: Operation) -> str:
    return follow_url("events.Event", event_uid=operation.id)


def _accepted(operation: Operation) -> str:
    """The answer to a POST."""
    return _with_data(operation, {})


def _published(operation: Operation) -> str:
    done = is_published(operation)
    solution, model, action = EVENT.read(operation).topic
    return _with_data(
        operation,
        {
            "solution": solution,
            "model": model,
            "action": action,
            "status": operation.status.value,
            "published": done,
            "published_at": to_rfc3339(operation.updated_at) if done else None,
            "attempts": operation.step(PUBLISH_STEP).attempts,
        },
    )


def _with_data(operation: Operation, members: dict[str, Any]) -> str:
    """JSON text: the data of an event is sent back as it was written, to the last digit."""
    head = {"event_uid": uid_of(operation), "event_timestamp": to_rfc3339(operation.created_at), **members}
    return f'{current_app.json.dumps(head)[:-1]},"event_data":{EVENT.read(operation).data}}}'


def _page(query: Mapping[str, Any], where: Mapping[str, str | None]) -> tuple[list[str], str | None]:
    """Returns the events of a page as JSON, and the cursor of the next one if there is any."""
    listed: list[str] = []
    size, after = 0, query["cursor"]
    while True:
        limit = min(BATCH, query["limit"] - len(listed))
        page, cursor = page_of(EVENT.kind, {**query, "cursor": after, "limit": limit}, where, keep=_is_first)
        for event in page:
            text = _published(event)
            size += len(text.encode())
            if listed and size > MAX_PAGE_BYTES:
                g.next_cursor = cursor_after(after)
                return listed, cursor_after(after)
            listed.append(text)
            after = event.id
        if cursor is None or len(listed) == query["limit"]:
            return listed, cursor
