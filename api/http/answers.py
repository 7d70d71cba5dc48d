"""Answers that all products share: 202 for an accepted operation, the status of one, and a page of a list."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import Response, jsonify, request, url_for
from marshmallow import fields, validate

from api.http.context import core, this_request
from api.http.correlation import traceparent
from api.http.headers import idempotency_key, wait_s
from api.http.paging import PageQuery, read_page, stored
from api.http.waiting import waiting_room
from core.accept import Accepted, Command
from core.errors import NotFound, QuittanceError
from core.ids import is_id
from core.operation import Operation, Status
from core.store.port import OPERATIONS

RETRY_AFTER_S = 2

Render = Callable[[Any], Response]

ACCEPTED_HEADERS = {
    "Location": {"description": "where to follow it", "schema": {"type": "string", "format": "uri"}},
    "Retry-After": {"description": "seconds to wait before the next request", "schema": {"type": "integer"}},
    "Idempotency-Replayed": {
        "description": "true: this request was accepted before; the body is that operation",
        "schema": {"type": "string"},
    },
}
ENDED = "It has ended within the time of `Prefer: wait`"
"""What 200 says in the description of what is accepted, beside 202."""

STATUS_HEADERS = {"ETag": {"schema": {"type": "string"}}}


class ListQuery(PageQuery):
    status = fields.String(load_default=None, validate=validate.OneOf([status.value for status in Status]))


def follow_url(endpoint: str, **values: str) -> str:
    """The absolute URL of an endpoint. Without the host where the request's Host is no DNS name and was dropped.

    values: ids, which need no escape in a URL.
    """
    environ = request.environ
    url = _url(tuple([environ.get(name) for name in _ROOT]), endpoint, tuple(values))
    for name, value in values.items():
        url = url.replace(f"~{name}~", value)
    return url


_ROOT = ("wsgi.url_scheme", "HTTP_HOST", "SERVER_NAME", "SERVER_PORT", "SCRIPT_NAME")
"""What the beginning of a URL is made of (PEP 3333)."""


@lru_cache(1000)
def _url(root: tuple[str | None, ...], endpoint: str, names: tuple[str, ...]) -> str:
    """The URL of an endpoint for requests of one root, with `~name~` for each value. It takes a tenth of a POST."""
    return url_for(endpoint, _external=bool(request.host), **{name: f"~{name}~" for name in names})


def answer_accepted(
    command: Command,
    view: Callable[[Operation], Any],
    url: Callable[[Operation], str],
    render: Render = jsonify,
    check: Callable[[], None] | None = None,
) -> Response:
    """Accepts the command of this HTTP request, with the request's key and trace.

    Answers 202; with `Prefer: wait=N`, 200 if the operation ends within that time.

    view: the body to render.
    url: where the operation is followed.
    check: raises if the command must not be accepted; not called for a replay.
    """
    sent = this_request()
    command = replace(command, idempotency_key=idempotency_key(sent), trace=traceparent(sent))
    accepted = accept_checked(command, check)
    operation, seconds = accepted.operation, wait_s(sent)
    if seconds and not operation.terminal:
        operation = waiting_room().wait(lambda: _reload(operation.id), seconds, None)
    response = render(view(operation))
    response.status_code = 200 if seconds and operation.terminal else 202
    response.headers["Location"] = url(operation)
    if seconds:
        response.headers["Preference-Applied"] = f"wait={seconds}"
    if response.status_code == 202:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if accepted.replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def accept_checked(command: Command, check: Callable[[], None] | None) -> Accepted:
    """Accepts a command. check: raises if it must not be accepted; not called for a replay."""
    accepted = core().find_replay(command) if check else None
    if accepted is None:
        if check and (command.repeatable or not core().is_accepted(command)):
            _check_new(command, check)
        accepted = core().accept(command)
    return accepted


def _check_new(command: Command, check: Callable[[], None]) -> None:
    """Raises what the check raises, unless the same request was accepted meanwhile: that is what it may have found."""
    try:
        check()
    except QuittanceError:
        if not core().is_accepted(command):
            raise


def load(kind: str, id: str, missing: type[NotFound], keep: Callable[[Operation], bool] = lambda _: True) -> Operation:
    """The operation of this kind and id. Raises `missing` when there is none, or none to keep."""
    document = core().store.get(OPERATIONS, id) if is_id(id) else None
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
    missing: type[NotFound],
    render: Render = jsonify,
    keep: Callable[[Operation], bool] = lambda _: True,
) -> Response:
    """How an operation stands, with an ETag; with `Prefer: wait`, once there is news. Raises as `load` does."""

    def look() -> Operation:
        return load(kind, id, missing, keep)

    seconds, operation = wait_s(request), look()
    seen = request.if_none_match.contains_weak(_etag(operation))
    if seconds and not operation.terminal and (seen or not request.if_none_match):
        operation = waiting_room().wait(look, seconds, operation.version if seen else None)
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
    view: Callable[[Operation], dict[str, Any]],
    keep: Callable[[Operation], bool] | None = None,
) -> Response:
    """A page of operations under `name`, as `page_of` finds them."""
    page, next_cursor = page_of(kind, query, where, keep)
    return jsonify({name: [view(item) for item in page], "next_cursor": next_cursor})


def page_of(
    kind: str,
    query: Mapping[str, Any],
    where: Mapping[str, str | None],
    keep: Callable[[Operation], bool] | None = None,
) -> tuple[list[Operation], str | None]:
    """A page of operations, newest first, and the cursor of the next one if there is any.

    where: declared fields to equal, those that are not None.
    keep: see `read_page`.
    """
    wanted = {"kind": kind, "status": query["status"], **where}
    find = stored(OPERATIONS, {field: value for field, value in wanted.items() if value is not None})

    def operations(limit: int, after: str | None) -> list[Operation]:
        return [Operation.from_document(document) for document in find(limit, after)]

    return read_page(query, operations, lambda operation: operation.id, keep)


def _reload(id: str) -> Operation:
    document = core().store.get(OPERATIONS, id)
    assert document is not None  # accepted a moment ago, and never deleted
    return Operation.from_document(document)


def _etag(operation: Operation) -> str:
    return f"v{operation.version}"
