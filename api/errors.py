"""Every error answer: RFC 9457 problem details with a stable code. One table: exception -> status."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from flask import Flask, Response, current_app
from werkzeug.exceptions import HTTPException

from core import errors

STATUS: Mapping[type[errors.QuittanceError], int] = {
    errors.IdempotencyKeyReused: 422,
    errors.StoreUnavailable: 503,
    errors.TooManyAttempts: 429,
}

RETRY_AFTER_S = 5

CODES: Mapping[int, str] = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "request_too_large",
    415: "unsupported_media_type",
    422: "validation_failed",
    500: "internal_error",
}

log = structlog.get_logger()


class Problem(HTTPException):
    """An error answer with a code of its own."""

    def __init__(self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.code = status
        self.problem_code = code
        self.headers = headers or {}
        self.data: Mapping[str, Any] = {}


def invalid(field: str, why: str) -> Problem:
    """The problem of a body's field that its schema could not see."""
    error = Problem(422, CODES[422], why)
    error.data = {"messages": {"json": {field: [why]}}}
    return error


def problem(status: int, code: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any) -> Response:
    """An application/problem+json answer. members: extension members that are not None."""
    title = code.replace("_", " ").capitalize()
    body = {"type": f"urn:quittance:error:{code}", "title": title, "status": status, "code": code, "detail": detail}
    body.update({name: value for name, value in members.items() if value is not None})
    response = Response(current_app.json.dumps(body), status, mimetype="application/problem+json")
    response.headers.update(headers or {})
    return response


def register(app: Flask) -> None:
    app.register_error_handler(HTTPException, from_http)
    app.register_error_handler(errors.QuittanceError, _from_core)
    app.register_error_handler(Exception, _from_bug)


def from_http(error: HTTPException) -> Response:
    """Werkzeug's and webargs' errors. Field errors become a list of JSON pointers."""
    status = error.code or 500
    code = getattr(error, "problem_code", CODES.get(status, "bad_request" if status < 500 else "internal_error"))
    messages = getattr(error, "data", {}).get("messages")  # by where they were found: in the JSON, or the query
    listed = [entry for found in messages.values() for entry in _flat(found)] if messages else None
    detail = "Some fields are not valid." if listed else re.sub(r"\s+", " ", error.description or "")
    headers = dict(getattr(error, "headers", None) or {})
    if status == 405 and getattr(error, "valid_methods", None):
        headers["Allow"] = ", ".join(sorted(error.valid_methods))  # type: ignore[attr-defined]
    return problem(status, code, detail, headers, errors=listed)


def _from_core(error: errors.QuittanceError) -> Response:
    status = STATUS.get(type(error), 500)
    if status >= 500:
        log.error("request failed", error=str(error), exc_info=status == 500)
    retry_after_s = getattr(error, "retry_after_s", RETRY_AFTER_S if status == 503 else None)
    headers = None if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return problem(status, error.code, error.message, headers)


def _from_bug(error: Exception) -> Response:
    log.exception("request failed")
    return problem(500, CODES[500], "Something went wrong here; nothing can be said of your request.")


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
