"""What every request body has to be, before any schema sees it."""

from typing import Any

from flask import Request, current_app
from werkzeug.exceptions import BadRequest as WerkzeugBadRequest

from api.http.blueprint import FORM, Routes
from api.http.context import this_request
from api.http.errors import BadRequest, BrokenBody, RequestTooLarge, UnsupportedMediaType
from api.http.headers import idempotency_key
from api.http.json import deeper_than
from core.errors import Refused


class TooDeep(Refused):
    """The body is nested too deeply."""

    code = "validation_failed"


def check_body() -> None:
    """Bodies are JSON objects, or forms where the route says so: 415, 413 and 400 come before any field is read."""
    sent = this_request()
    routes = current_app.blueprints.get(sent.blueprint or "")
    if sent.method not in ("POST", "PUT", "PATCH") or not isinstance(routes, Routes):
        return
    sent.max_content_length = routes.max_body_bytes + 1  # a chunked body is cut there: one byte more shows it
    if sent.endpoint in routes.bodyless and not sent.get_data():
        return
    wanted = FORM if sent.endpoint in routes.forms else "application/json"
    _check_size_and_type(sent, routes, wanted)
    if wanted == FORM:
        return
    if routes.max_nesting and deeper_than(sent.get_data(), routes.max_nesting):
        raise TooDeep(f"The body is nested more than {routes.max_nesting} levels deep.")
    try:
        body: Any = sent.json
    except WerkzeugBadRequest:
        body = None
    if not isinstance(body, dict):
        raise BadRequest
    idempotency_key(sent)  # a bad key is reported before bad fields


def _check_size_and_type(sent: Request, routes: Routes, wanted: str) -> None:
    largest = routes.max_body_bytes
    if sent.mimetype != wanted:
        raise UnsupportedMediaType(f"The body has to be {wanted}.")
    announced = sent.content_length or 0
    if announced > largest or len(sent.get_data(cache=True)) > largest:
        raise RequestTooLarge(f"The body is larger than {largest} bytes.")
    if len(sent.get_data()) < announced:  # the server takes the end of the connection for the end of the body
        raise BrokenBody
