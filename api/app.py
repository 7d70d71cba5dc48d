"""The Flask application."""

import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from flask import Flask, Response, jsonify
from flask_smorest import Api
from marshmallow import Schema, fields
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException

from api import access_log, callbacks, description, docs, evidence, health, limits, operations, security, tracing
from api.auth import access as auth
from api.auth import credentials, factors, phones
from api.auth import routes as people
from api.auth.tokens import Tokens
from api.figures import Figures
from api.http import errors
from api.http.aliases import add_aliases
from api.http.body import check_body
from api.http.json import MoneyJSON
from api.http.paging import link
from api.http.provenance import check_provenance
from api.http.query import check_query
from api.http.waiting import WaitingRoom
from api.limits import Limits, address_keys
from api.products import check_paths, menus_of, routes_of
from api.ussd import gateways, phone
from api.ussd.sessions import Sessions, session_keys
from core.bootstrap import Core, bootstrap
from core.errors import StoreUnavailable
from core.identity.pins import Pins
from core.installed import BadProduct
from core.log import configure
from core.secrets import pin_pepper, signing_secrets
from core.settings import BadSettings, read_settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

WAITING_SEATS = 64
"""Per process. Each that waits for news looks ten times a second, so all of them take a tenth of a core."""

OURS = (
    people.blueprint,
    phones.blueprint,
    credentials.blueprint,
    factors.blueprint,
    operations.blueprint,
    evidence.blueprint,
    gateways.blueprint,
)
"""The blueprints of the API's own routes, which its description shows."""
PAGES = (health.blueprint, callbacks.blueprint, phone.blueprint, docs.blueprint, docs.page)
"""Those that the description leaves out."""

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""An answer of ours is no page, unless it says so: a browser that shows it loads and runs nothing."""

HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DEFAULT_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}
"""For every answer that has no such header of its own."""


class ProblemSchema(Schema):
    """RFC 9457 problem details."""

    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String(metadata={"description": "stable, see docs/reference/errors.md"})
    detail = fields.String()
    errors = fields.List(fields.Dict(fields.String(), fields.String()), metadata={"description": "pointer and detail"})


class ProblemApi(Api):
    """flask-smorest, with problem+json for errors."""

    ERROR_SCHEMA = ProblemSchema

    def handle_http_exception(self, error: HTTPException) -> Response:
        return errors.from_http(error)

    def _openapi_json(self) -> Response:
        """Written as every other answer."""
        return jsonify(self.spec.to_dict())


class Answer(Response):
    """A response whose Location is a URI already: werkzeug would parse it and write it again."""

    def get_wsgi_headers(self, environ: "WSGIEnvironment") -> Headers:
        location = self.headers.pop("Location", None)
        headers = super().get_wsgi_headers(environ)
        if location is not None:
            headers["Location"] = self.headers["Location"] = location
        return headers


class Server(Flask):
    """Flask, for views that are all plain functions: it would ask that of each of them, at each request."""

    response_class = Answer

    def make_default_options_response(self) -> Response:
        """204: there is no content, and so no type of it."""
        response: Response = super().make_default_options_response()
        response.status_code = 204
        del response.headers["Content-Type"]
        return response

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(core: Core | None = None) -> Flask:
    """The app on the given core, or on one built from the environment. Build it after a fork."""
    try:
        if core is None:
            settings = read_settings()
            configure("api", settings.log_level)
            core = bootstrap(settings)
        return _app(core)
    except (BadSettings, StoreUnavailable) as error:
        sys.exit(f"api: {error}")
    except BadProduct as error:
        sys.exit(f"api: PRODUCTS: {error}")


def _app(core: Core) -> Flask:
    secrets, pepper = signing_secrets(core.settings), pin_pepper(core.settings)
    menus, products = menus_of(core.settings.installed), routes_of(core.settings.installed, (*OURS, *PAGES))
    app = Server("api", static_folder=None)
    app.url_map.strict_slashes = False
    app.json = MoneyJSON(app)
    app.extensions["core"] = core
    app.extensions["tokens"] = Tokens(secrets, core.clock)
    app.extensions["pins"] = pins = Pins(core.store, core.clock, pepper, core.passwords)
    app.extensions["ussd"] = Sessions(core, pins, menus, session_keys(secrets, pepper))
    app.extensions["waiting"] = WaitingRoom(WAITING_SEATS)
    app.extensions["limits"] = Limits(core.settings.rate_limits, core.counters, core.clock, address_keys(secrets))
    app.config.update(
        API_TITLE="Quittance",
        API_VERSION="1",
        OPENAPI_VERSION="3.1.0",
        OPENAPI_URL_PREFIX="/",
        OPENAPI_JSON_PATH="openapi.json",
    )
    app.extensions["figures"] = Figures(core)
    health.measure(app)
    access_log.register(app)
    tracing.register(app, core.tracing)
    check_provenance(app, core.settings)
    app.before_request(check_query)
    app.before_request(check_body)
    app.after_request(link)
    app.after_request(_secure)
    limits.register(app)
    security.watch(app)
    described = {"info": {"description": DESCRIPTION}, "servers": docs.servers(core.settings.public_url)}
    api = ProblemApi(app, spec_kwargs=described)
    docs.describe_security(api.spec, core.settings.installed.scopes)
    for routes in (*(routes for _, routes in products.values()), *OURS):
        api.register_blueprint(routes)
    del api.spec.components.schemas["PaginationMetadata"]  # of the library's own paging, which no route uses
    for pages in PAGES:
        app.register_blueprint(pages)
    errors.register(app)
    add_aliases(app)
    description.complete(api.spec, app)
    check_paths(app, products)
    app.extensions["access"] = dict(auth.declared(app))
    return app


DESCRIPTION = "A payment is accepted in milliseconds and settled exactly once. Errors are application/problem+json."


def _secure(response: Response) -> Response:
    response.headers.extend(HEADERS)
    for name, value in DEFAULT_HEADERS.items():
        response.headers.setdefault(name, value)
    return response
