"""Answers to what is no HTTP request: the server refuses it before the app sees anything."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from gunicorn.http import errors as gunicorn  # type: ignore[import-untyped]  # it has no types

from api.http.errors import CODES, PROBLEM, details_of

REFUSALS: Mapping[type[BaseException], tuple[int, str, str]] = {
    gunicorn.LimitRequestLine: (414, "uri_too_long", "The URL is too long."),
    gunicorn.ExpectationFailed: (417, "expectation_failed", "The only expectation that is met is 100-continue."),
    gunicorn.LimitRequestHeaders: (431, "headers_too_large", "There are too many headers, or they are too long."),
    gunicorn.UnsupportedTransferCoding: (501, "not_implemented", "The only transfer coding that is known is chunked."),
}
"""Status, code and detail, by what the server could not read; any other is NOT_HTTP."""
NOT_HTTP = 400, "bad_request", "This is not a valid HTTP request."
OURS = 500, CODES[500], "Internal error. Your request may or may not have been accepted; sending it again is safe."


def refused(error: BaseException) -> bool:
    """Whether the client sent what cannot be read. Everything else is a bug of ours."""
    of_an_answer = (gunicorn.InvalidResponseHeader, gunicorn.InvalidResponseHeaderName)
    return isinstance(error, gunicorn.ParseException) and not isinstance(error, of_an_answer)


def answer_to(error: BaseException) -> bytes:
    """The whole answer, with its head. It quotes nothing of what was sent."""
    status, code, detail = REFUSALS.get(type(error), NOT_HTTP) if refused(error) else OURS
    body = json.dumps(details_of(status, code, detail)) + "\n"
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        "Connection: close",
        f"Content-Type: {PROBLEM}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
    )
    return "\r\n".join((*head, "", body)).encode()
