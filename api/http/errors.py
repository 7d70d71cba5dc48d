"""Every error answer: RFC 9457 problem details with a stable code. One table: error -> status."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from flask import Flask, Response, current_app
from gunicorn.http.errors import NoMoreData, ParseException  # type: ignore[import-untyped]  # it has no types
from werkzeug.exceptions import ClientDisconnected, HTTPException, SecurityError

from api.http.correlation import request_id
from api.http.json import json_answer
from core import errors
from core.metrics import STORE_ERRORS

CLOSE = {"Connection": "close"}
"""The body was not read to its end, so the next bytes on the connection are no request."""


class HttpError(errors.QuittanceError):
    """An error of HTTP itself: the request is refused before any product sees it."""

    headers: Mapping[str, str] = {}


class BadRequest(HttpError):
    """The body has to be a JSON object."""

    code = "bad_request"


class BadIdempotencyKey(HttpError):
    """Idempotency-Key is 1 to 255 visible ASCII characters, bare or quoted."""

    code = "bad_idempotency_key"


class Unauthenticated(HttpError):
    """This request needs a bearer token."""

    code = "unauthorized"

    def __init__(self, message: str = "", challenge: str = "Bearer") -> None:
        """challenge: the value of WWW-Authenticate (RFC 9110, section 11.6.1)."""
        super().__init__(message)
        self.headers = {"WWW-Authenticate": challenge}


class Forbidden(HttpError):
    """You are not allowed to do this."""

    code = "forbidden"
    headers = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}  # RFC 6750, section 3.1


class RequestTooLarge(HttpError):
    """The body is too large."""

    code = "request_too_large"
    headers = CLOSE


class UnsupportedMediaType(HttpError):
    """The body is of the wrong media type."""

    code = "unsupported_media_type"
    headers = CLOSE


class BrokenBody(HttpError):
    """The body ends too early, or its chunks are malformed."""

    code = "bad_request"
    headers = CLOSE


class BodyTooSlow(HttpError):
    """The body did not arrive in time. Nothing was accepted; send the request again."""

    code = "request_timeout"
    headers = CLOSE


STATUS: Mapping[type[errors.QuittanceError], int] = {
    BadRequest: 400,
    BadIdempotencyKey: 400,
    BrokenBody: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    errors.NotFound: 404,
    BodyTooSlow: 408,
    errors.Clash: 409,
    RequestTooLarge: 413,
    UnsupportedMediaType: 415,
    errors.Refused: 422,
    errors.TooManyAttempts: 429,
    errors.Conflict: 503,
    errors.StoreUnavailable: 503,
}
"""By error, or the nearest of its base classes; any other is a bug of ours, 500."""

PROBLEM = "application/problem+json"
RETRY_AFTER_S = 5

CODES: Mapping[int, str] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    500: "internal_error",
}
"""The codes of errors that libraries raise, by status."""

log = structlog.get_logger()


def status_of(error: type[errors.QuittanceError]) -> int:
    """The HTTP status of an error of ours."""
    return next((STATUS[base] for base in error.__mro__ if base in STATUS), 500)


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """An application/problem+json answer. members: extension members that are not None."""
    body = details_of(status, code, detail)
    body.update({name: value for name, value in members.items() if value is not None})
    response = json_answer(current_app.json.dumps(body), status, PROBLEM)
    response.headers.update(headers or {})
    return response


def details_of(status: int, code: str, detail: str) -> dict[str, Any]:
    """The members that every problem has (RFC 9457, section 3.1)."""
    title = code.replace("_", " ").capitalize()
    return {"type": f"urn:quittance:error:{code}", "title": title, "status": status, "code": code, "detail": detail}


INVALID = "Some fields are not valid."


def register(app: Flask) -> None:
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(errors.QuittanceError, _from_ours)
    for broken in (ClientDisconnected, NoMoreData, ParseException):
        app.register_error_handler(broken, _from_broken_body)
    app.register_error_handler(Exception, _from_bug)


def from_http(error: HTTPException) -> Response:
    """Werkzeug's and webargs' errors. Field errors become a list of JSON pointers."""
    status = error.code or 500
    code = CODES.get(status, "bad_request" if status < 500 else "internal_error")
    messages = getattr(error, "data", {}).get("messages")  # by where they were found: in the JSON, or the query
    listed = [entry for found in messages.values() for entry in _flat(found)] if messages else None
    # What werkzeug says about an untrusted host quotes it.
    said = "This host is not served here." if isinstance(error, SecurityError) else error.description or ""
    detail = INVALID if listed else re.sub(r"\s+", " ", said)
    headers = {}
    if status == 405 and getattr(error, "valid_methods", None):
        headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return problem(status, code, detail, headers, errors=listed)


def _from_ours(error: errors.QuittanceError) -> Response:
    if isinstance(error, errors.StoreUnavailable):
        STORE_ERRORS.labels("api").inc()
    status = status_of(type(error))
    if status >= 500:
        log.error("request_failed", request=request_id(), error=str(error), exc_info=status == 500)
    headers = dict(getattr(error, "headers", {}))
    retry_after_s = getattr(error, "retry_after_s", RETRY_AFTER_S if status == 503 else None)
    if retry_after_s is not None:
        headers["Retry-After"] = str(retry_after_s)
    if isinstance(error, errors.InvalidField):
        listed = [{"pointer": f"/{error.field}", "detail": error.message}]
        return problem(status, error.code, INVALID, headers, errors=listed)
    return problem(status, error.code, error.message, headers)


def _from_broken_body(_: Exception) -> Response:
    """What the server or werkzeug raises while the body is read. Its text quotes the body, so nobody gets it."""
    return _from_ours(BrokenBody())


def _from_bug(error: Exception) -> Response:
    log.exception("request_failed", request=request_id())  # noqa: LOG004 - Flask calls this while it handles the error
    detail = "Internal error. Your request may or may not have been accepted; sending it again is safe."
    return problem(500, CODES[500], detail)


def _flat(messages: Any, path: str = "") -> Iterator[dict[str, str]]:
    """{"amendes": {0: {"id": ["..."]}}} as [{"pointer": "/amendes/0/id", "detail": "..."}]; pointers as in RFC 6901."""
    if isinstance(messages, Mapping):
        for name, inner in messages.items():
            if name == "_schema" and inner != ["Unknown field."]:  # marshmallow's name for the object as a whole
                yield from _flat(inner, path)
                continue
            yield from _flat(inner, f"{path}/{str(name).replace('~', '~0').replace('/', '~1')}")
    elif isinstance(messages, list):
        for message in messages:
            yield {"pointer": path, "detail": str(message)}
    else:
        yield {"pointer": path, "detail": str(messages)}
