"""What all products answer alike: 202 for what is accepted, how an operation stands, and pages of them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from flask import Response, current_app, jsonify, request
from marshmallow import Schema, fields, validate

from api.errors import Problem
from api.headers import idempotency_key, traceparent, wait_s
from api.paging import PageQuery, cursor_after
from core.accept import Order, accept, known
from core.bootstrap import Core
from core.clock import to_text
from core.ids import is_id
from core.operation import Operation, Status
from core.store.port import OPERATIONS

RETRY_AFTER_S = 2

View = Callable[[Operation], dict[str, Any]]
Render = Callable[[Any], Response]

ACCEPTED_HEADERS = {
    "Location": {"description": "where to follow it", "schema": {"type": "string", "format": "uri"}},
    "Retry-After": {"description": "seconds until asking makes sense", "schema": {"type": "integer"}},
    "Idempotency-Replayed": {"description": "true: accepted before, this is it", "schema": {"type": "string"}},
}
TOLD = ("code", "step", "claimed", "by")
"""Of why an operation failed; the rest is evidence, which partners word as they like."""

STATUS_HEADERS = {"ETag": {"schema": {"type": "string"}}}


class TimelineEntry(Schema):
    at = fields.DateTime()
    event = fields.String()
    step = fields.String(allow_none=True)
    text = fields.String()


class Reason(Schema):
    code = fields.String(metadata={"description": "stable, see docs/errors.md"})
    step = fields.String()
    claimed = fields.String(metadata={"description": "what another operation holds"})
    by = fields.String(metadata={"description": "the id of that operation"})


class OperationView(Schema):
    id = fields.UUID()
    status = fields.Enum(Status, by_value=True)
    reason = fields.Nested(Reason, allow_none=True)
    timeline = fields.List(fields.Nested(TimelineEntry))
    created_at = fields.DateTime()
    updated_at = fields.DateTime()
    status_url = fields.URL()


class ListQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([status.value for status in Status]))


def base_view(operation: Operation, url: str) -> dict[str, Any]:
    """The members of OperationView. url: where it is followed."""
    return {
        "id": operation.id,
        "status": operation.status.value,
        "reason": operation.error and {name: operation.error[name] for name in TOLD if name in operation.error},
        "timeline": [
            {"at": to_text(entry.at), "event": entry.event, "step": entry.step, "text": entry.text}
            for entry in operation.history
        ],
        "created_at": to_text(operation.created_at),
        "updated_at": to_text(operation.updated_at),
        "status_url": url,
    }


def answer_accepted(
    order: Order,
    view: Callable[[Operation], tuple[Any, str]],
    render: Render = jsonify,
    check: Callable[[], None] | None = None,
) -> Response:
    """Accepts the order of this HTTP request, with the request's key and trace, and answers 202.

    view: the body to render, and where the operation is followed; check: raises for what is not to be accepted, unless
    it was before.
    """
    core: Core = current_app.extensions["core"]
    order = replace(order, idempotency_key=idempotency_key(request), trace=traceparent(request))
    accepted = known(core.store, core.clock, order) if check else None
    if accepted is None:
        if check:
            check()
        accepted = accept(core.store, core.broker, core.clock, order)
    body, url = view(accepted.operation)
    response = render(body)
    response.status_code = 202
    response.headers["Location"] = url
    response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if accepted.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def load(kind: str, id: str, missing: Problem, keep: Callable[[Operation], bool] = lambda _: True) -> Operation:
    """The operation of this kind and id. Raises `missing` when there is none, or none to keep."""
    core: Core = current_app.extensions["core"]
    document = core.store.get(OPERATIONS, id) if is_id(id) else None
    if document is None or document["kind"] != kind:
        raise missing
    operation = Operation.from_document(document)
    if not keep(operation):
        raise missing
    return operation


def answer_status(
    kind: str,
    id: str,
    view: Callable[[Operation], Any],
    missing: Problem,
    render: Render = jsonify,
    keep: Callable[[Operation], bool] = lambda _: True,
) -> Response:
    """How an operation stands, with an ETag; with `Prefer: wait`, once there is news. Raises as `load` does."""

    def look() -> Operation:
        return load(kind, id, missing, keep)

    seconds, operation = wait_s(request), look()
    known = request.if_none_match.contains_weak(_etag(operation))
    if seconds and not operation.terminal and (known or not request.if_none_match):
        operation = current_app.extensions["waiting"].wait(look, seconds, operation.version if known else None)
    response = render(view(operation))
    response.set_etag(_etag(operation))
    response.headers["Cache-Control"] = "no-cache"
    if seconds:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    if not operation.terminal:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    response.make_conditional(request)
    return response


def answer_page(
    kind: str,
    query: Mapping[str, Any],
    where: Mapping[str, str | None],
    name: str,
    view: View,
    keep: Callable[[Operation], bool] = lambda _: True,
) -> Response:
    """A page of operations under `name`, as `page_of` finds them."""
    page, next_cursor = page_of(kind, query, where, keep)
    return jsonify({name: [view(item) for item in page], "next_cursor": next_cursor})


def page_of(
    kind: str,
    query: Mapping[str, Any],
    where: Mapping[str, str | None],
    keep: Callable[[Operation], bool] = lambda _: True,
) -> tuple[list[Operation], str | None]:
    """A page of operations, newest first, and the cursor of the next one if there is any.

    where: declared fields to equal, those that are not None. keep: which of those that are found belong to the list;
    nearly all of them should.
    """
    core: Core = current_app.extensions["core"]
    asked = {"kind": kind, "status": query["status"], **where}
    conditions = {field: value for field, value in asked.items() if value is not None}
    cursor, limit = query["cursor"], query["limit"]
    found: list[Operation] = []
    more = True
    while more and len(found) <= limit:
        after = (cursor, cursor) if cursor else None
        documents = core.store.find(OPERATIONS, conditions, order="-id", limit=limit + 1, after=after)
        found += filter(keep, map(Operation.from_document, documents))
        more = len(documents) > limit
        cursor = documents[-1]["id"] if documents else None
    page = found[:limit]
    return page, cursor_after(page[-1].id) if len(found) > limit else None


def _etag(operation: Operation) -> str:
    return f"v{operation.version}"
