"""The Flask application."""

import sys
from collections.abc import Mapping
from typing import Any

from flask import Flask, Response, current_app, request
from flask_smorest import Api
from flask_swagger_ui import get_swaggerui_blueprint
from marshmallow import Schema, fields
from werkzeug.exceptions import BadRequest, HTTPException

from api import (
    auth,
    consultations,
    errors,
    events,
    fines,
    health,
    merchants,
    people,
    service_payments,
    services,
    transfers,
    wallets,
)
from api.errors import Problem
from api.headers import idempotency_key
from api.json import MoneyJSON, deeper_than
from api.product import FORM, Product
from api.tokens import Tokens, pin_pepper, signing_secrets
from api.ussd import gateways, phone
from api.ussd.sessions import Sessions
from api.waiting import WaitingRoom
from core.bootstrap import Core, bootstrap
from core.errors import StoreUnavailable
from core.log import configure
from core.passwords import Passwords
from core.people import People
from core.pins import Pins
from core.settings import BadSettings, read_settings

PRODUCTS = (
    fines.blueprint,
    consultations.blueprint,
    events.blueprint,
    people.blueprint,
    wallets.blueprint,
    transfers.blueprint,
    services.blueprint,
    service_payments.blueprint,
    merchants.blueprint,
    gateways.blueprint,
)

WAITING_SEATS = 8
"""Per process: half of its threads, so that waiting for news never keeps a POST from being accepted."""

CLOSE = {"Connection": "close"}
"""The body was not read to its end, so what follows on the connection is no request."""

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class ProblemSchema(Schema):
    """RFC 9457 problem details."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String(metadata={"description": "stable, see docs/errors.md"})
    detail = fields.String()
    errors = fields.List(fields.Dict(fields.String(), fields.String()), metadata={"description": "pointer and detail"})


class ProblemApi(Api):
    """flask-smorest, with problem+json for errors."""

    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Response:
        return errors.from_http(error)


def create_app(core: Core | None = None, passwords: Passwords | None = None) -> Flask:
    """The app on the given core, or on one built from the environment. Build it after a fork.

    passwords: how they are hashed, unless as they should be.
    """
    try:
        if core is None:
            settings = read_settings()
            configure("api", settings.log_level)
            core = bootstrap(settings)
        secrets, pepper = signing_secrets(core.settings), pin_pepper(core.settings)
    except (BadSettings, StoreUnavailable) as error:
        sys.exit(f"api: {error}")
    app = Flask("api", static_folder=None)
    app.url_map.strict_slashes = False
    app.json = MoneyJSON(app)
    app.extensions["core"] = core
    app.extensions["tokens"] = Tokens(secrets, core.clock)
    passwords = passwords or Passwords()
    people = app.extensions["people"] = People(core.store, core.clock, passwords)
    app.extensions["ussd"] = Sessions(core, people, Pins(core.store, core.clock, pepper, passwords), pepper)
    app.extensions["waiting"] = WaitingRoom(WAITING_SEATS)
    app.config.update(
        API_TITLE="Quittance",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    health.measure(app)
    app.before_request(_refuse_other_content)
    app.after_request(_secure)
    api = ProblemApi(app, spec_kwargs={"info": {"description": DESCRIPTION}})
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    for product in PRODUCTS:
        api.register_blueprint(product)
    del api.spec.components.schemas["PaginationMetadata"]  # of the library's own paging, which no route uses
    for response in api.spec.components.responses.values():
        response["content"] = {"application/problem+json": response["content"]["application/json"]}
    app.register_blueprint(health.blueprint)
    app.register_blueprint(phone.blueprint)
    app.register_blueprint(get_swaggerui_blueprint("/docs", "/openapi.json", config={"validatorUrl": None}))
    errors.register(app)
    app.extensions["access"] = dict(auth.declared(app))
    return app


DESCRIPTION = "A payment is accepted in milliseconds and settled exactly once. Errors are application/problem+json."


def _refuse_other_content() -> None:
    """Bodies are JSON objects: 415 and 400 come before anything looks at the fields."""
    product = current_app.blueprints.get(request.blueprint or "")
    if request.method not in ("POST", "PUT", "PATCH") or not isinstance(product, Product):
        return
    largest = product.largest_body
    request.max_content_length = largest + 1  # a chunked body is cut there, not refused: one byte more tells
    if request.endpoint in product.bodyless and not request.get_data():
        return
    wanted = FORM if request.endpoint in product.forms else "application/json"
    if request.mimetype != wanted:
        raise Problem(415, "unsupported_media_type", f"The body has to be {wanted}.", CLOSE)
    if (request.content_length or 0) > largest or len(request.get_data(cache=True)) > largest:
        raise Problem(413, "request_too_large", f"The body is larger than {largest} bytes.", CLOSE)
    if wanted == FORM:
        return
    if product.deepest and deeper_than(request.get_data(), product.deepest):
        raise Problem(422, "validation_failed", f"The body is nested more than {product.deepest} levels deep.")
    try:
        body: Any = request.json
    except BadRequest:
        body = None
    if not isinstance(body, dict):
        raise Problem(400, "bad_request", "The body has to be a JSON object.")
    idempotency_key(request)  # a bad key is told before bad fields


def _secure(response: Response) -> Response:
    response.headers.extend(HEADERS)
    return response
