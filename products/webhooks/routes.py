"""Endpoints of webhooks: the URLs that clients name. `/v1/webhooks/endpoints`."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from math import ceil
from typing import Any

from flask import Response, g, jsonify
from flask.views import MethodView
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.auth.access import scoped
from api.auth.callers import client, is_operator, owner
from api.http.answers import ACCEPTED_HEADERS, ENDED, answer_accepted, follow_url
from api.http.blueprint import BEARER, IDEMPOTENCY_KEY, PREFER, Routes
from api.http.context import core
from api.http.errors import Forbidden
from api.http.fields import Flag, Moment, Text, read_moment
from api.http.paging import Cursor, PageQuery, cursor_after, list_view, read_page
from core.clock import to_rfc3339
from core.errors import Clash, InvalidField, NotFound, TooManyAttempts
from core.ids import is_id
from core.look_ups import LookUps, NotNow
from core.targets import MAX_URL_CHARS, TargetRefused, target_of
from products.webhooks import deliveries
from products.webhooks.contract import delivery, rules
from products.webhooks.deliveries import recover
from products.webhooks.endpoints import EVERYBODY, Endpoint, Endpoints, matches
from products.webhooks.messages import event_types, trial_message
from products.webhooks.rights import SCOPE, SCOPE_ALL
from products.webhooks.shown import (
    EXAMPLE_URL,
    DeliveryView,
    EndpointView,
    NewEndpointView,
    delivery_url,
    delivery_view,
    endpoint_view,
    new_endpoint_view,
)

MAX_ENDPOINTS = 20
"""Of one client."""
LOOK_UP_S = 3.0
LOOK_UPS = 4
"""Names that one process of the API looks up at once."""
BY_OWNER = "its owner switched it off"

blueprint = Routes(
    "webhooks",
    __name__,
    url_prefix="/v1/webhooks/endpoints",
    description="URLs that get the events of operations",
    bodyless=("webhooks.Secret", "webhooks.Trial"),
)
BLUEPRINTS = (blueprint, deliveries.blueprint)


class EndpointNotFound(NotFound):
    """There is no webhook endpoint with this id, or it is somebody else's."""

    code = "endpoint_not_found"


class TooManyEndpoints(Clash):
    """You have 20 webhook endpoints already. Delete one first."""

    code = "too_many_endpoints"


class NamesBusy(TooManyAttempts):
    """Too many names are looked up at this moment, or the name servers of yours are slow. Wait, then try again."""

    code = "names_busy"


def _url(**settings: Any) -> Text:
    described = {"format": "webhook-url", "minLength": 1, "maxLength": MAX_URL_CHARS, "example": EXAMPLE_URL}
    return Text(metadata=described, **settings)


def _types(**settings: Any) -> fields.List[str]:
    pattern = Text(metadata={"format": "event-type", "minLength": 1, "maxLength": 100, "example": "payment.*"})
    return fields.List(pattern, validate=validate.Length(1, 50), **settings)


def _description(**settings: Any) -> Text:
    return Text(validate=validate.Length(0, 200), metadata={"example": "the shop's orders"}, **settings)


class EndpointForm(Schema):
    url = _url(required=True)
    types = _types(load_default=["*"])
    description = _description(load_default="")
    everybody = Flag(load_default=False, metadata={"description": "get the events of all clients"})


class EndpointChange(Schema):
    url = _url()
    types = _types()
    description = _description()
    on = Flag(metadata={"description": "false: it gets nothing until it is on again"})

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Name at least one field to change.")


class RecoverForm(Schema):
    since = Moment(required=True)
    dry_run = Flag(load_default=False, metadata={"description": "count only"})
    cursor = Cursor(load_default=None)


class RecoveredView(Schema):
    failed = fields.Integer(
        metadata={"description": "messages that no delivery has brought, of at most 1,000 deliveries"}
    )
    resent = fields.Integer(metadata={"description": "how many of them are sent again"})
    more = fields.Boolean(
        metadata={"description": "whether there may be more: ask again, with `next_cursor` as `cursor`"}
    )
    next_cursor = fields.String(allow_none=True)


EndpointsView = list_view("EndpointsView", endpoints=EndpointView)


@blueprint.route("")
class AllEndpoints(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(EndpointForm(), example={"url": EXAMPLE_URL, "types": ["payment.*"]})
    @blueprint.response(201, NewEndpointView)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, Any]) -> Response:
        """Name a URL that gets your events. The answer shows the secret that signs them, this once."""
        g.act = "webhook endpoint made"
        if payload["everybody"] and owner(SCOPE_ALL) is not None:
            raise Forbidden(f"You do not get the events of others. Required: role operator or scope {SCOPE_ALL}.")
        _check(payload)
        if len(_endpoints().page(client(), MAX_ENDPOINTS, None)) == MAX_ENDPOINTS:
            raise TooManyEndpoints
        hears = EVERYBODY if payload["everybody"] else None
        made = _endpoints().create(client(), payload["url"], payload["types"], payload["description"], hears)
        if len(_endpoints().page(client(), MAX_ENDPOINTS + 1, None)) > MAX_ENDPOINTS:  # others were made meanwhile
            _endpoints().delete(made.id)
            raise TooManyEndpoints
        response = jsonify(new_endpoint_view(made))
        response.status_code = 201
        response.headers["Location"] = follow_url("webhooks.OneEndpoint", id=made.id)
        return response

    @scoped(SCOPE)
    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, EndpointsView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """List your endpoints, newest first."""
        whose = owner(SCOPE_ALL)

        def find(limit: int, after: str | None) -> list[Endpoint]:
            return _endpoints().page(whose, limit, after)

        page, next_cursor = read_page(query, find, lambda endpoint: endpoint.id)
        return jsonify(endpoints=list(map(endpoint_view, page)), next_cursor=next_cursor)


@blueprint.route("/<id>")
class OneEndpoint(MethodView):
    @scoped(SCOPE)
    @blueprint.response(200, EndpointView)
    @blueprint.doc(security=BEARER)
    def get(self, id: str) -> Response:
        """Show an endpoint, and whether it is on."""
        return jsonify(endpoint_view(_own(id)))

    @scoped(SCOPE)
    @blueprint.arguments(EndpointChange(), example={"types": ["payment.succeeded", "payment.failed"]})
    @blueprint.response(200, EndpointView)
    @blueprint.doc(security=BEARER)
    def patch(self, payload: dict[str, Any], id: str) -> Response:
        """Change an endpoint, or switch it on or off. What happens while it is off is not kept for it."""
        g.act = "webhook endpoint changed"
        _mine(id)
        _check(payload)
        endpoints, on = _endpoints(), payload.pop("on", None)
        if payload:
            _found(endpoints.change(id, payload))
        if on is not None:
            _found(endpoints.switch_on(id) if on else endpoints.switch_off(id, BY_OWNER))
        return jsonify(endpoint_view(_own(id)))

    @scoped(SCOPE)
    @blueprint.response(204)
    @blueprint.doc(security=BEARER)
    def delete(self, id: str) -> None:
        """Delete an endpoint of yours; operators delete any. What it has not got yet, it never gets."""
        g.act = "webhook endpoint deleted"
        endpoint = _own(id) if is_operator() else _mine(id)
        _endpoints().delete(endpoint.id)


@blueprint.route("/<id>/secret")
class Secret(MethodView):
    @scoped(SCOPE)
    @blueprint.response(200, NewEndpointView)
    @blueprint.doc(security=BEARER)
    def post(self, id: str) -> Response:
        """Make a new secret. For 24 hours the old one signs too."""
        g.act = "webhook secret rotated"
        return jsonify(new_endpoint_view(_found(_endpoints().rotate(_mine(id).id))))


@blueprint.route("/<id>/test")
class Trial(MethodView):
    @scoped(SCOPE)
    @blueprint.response(202, DeliveryView, headers=ACCEPTED_HEADERS)
    @blueprint.alt_response(200, schema=DeliveryView, description=ENDED)
    @blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY, PREFER])
    def post(self, id: str) -> Response:
        """Send an event of the type `webhook.test` to the endpoint."""
        endpoint = _endpoints().require_on(_mine(id).id)
        command = delivery(endpoint, trial_message(endpoint.id, to_rfc3339(core().clock.now())), None)
        command = replace(command, repeatable=True, payload={"trial": endpoint.id})
        return answer_accepted(command, delivery_view, delivery_url)


@blueprint.route("/<id>/recover")
class Recovery(MethodView):
    @scoped(SCOPE)
    @blueprint.arguments(RecoverForm(), example={"since": "2026-01-01T12:00:00Z", "dry_run": True})
    @blueprint.response(200, RecoveredView)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, Any], id: str) -> Response:
        """Send again what the endpoint missed since a time, or count it; in parts, the newest first."""
        endpoint, dry_run = _mine(id), payload["dry_run"]
        if not dry_run:
            _endpoints().require_on(endpoint.id)
        since = read_moment(payload["since"])
        failed, resent, last = recover(core(), endpoint.id, since, dry_run, payload["cursor"])
        return jsonify(failed=failed, resent=resent, more=last is not None, next_cursor=last and cursor_after(last))


def _endpoints() -> Endpoints:
    return core().of(Endpoints)


def _found(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise EndpointNotFound
    return endpoint


def _own(id: str) -> Endpoint:
    """The endpoint of this id, if the caller may see it. Raises EndpointNotFound."""
    found, whose = _found(_endpoints().get(id) if is_id(id) else None), owner(SCOPE_ALL)
    if whose is not None and found.owner != whose:
        raise EndpointNotFound
    return found


def _mine(id: str) -> Endpoint:
    """The endpoint of this id, if the caller may use and change it: only its owner, and with the rights that made it.

    Who sees the operations of all clients sees their endpoints too, but gets neither their secrets nor their events.
    Raises EndpointNotFound.
    """
    found = _own(id)
    if found.owner != client() or (found.hears == EVERYBODY and owner(SCOPE_ALL) is not None):
        raise EndpointNotFound
    return found


def _check(payload: dict[str, Any]) -> None:
    """Raises InvalidField for types that there are not, and for a URL that may not be called."""
    known = [each.name for each in event_types(core().settings.installed.contracts.values())]
    for number, pattern in enumerate(payload.get("types", ())):
        if not any(matches(pattern, name) for name in known):
            raise InvalidField(f"types/{number}", "No event has this type: see docs/reference/webhooks.md.")
    if "url" in payload:
        _check_url(payload["url"], lambda why: InvalidField("url", why))


def _check_url(url: str, wrong: Callable[[str], InvalidField]) -> None:
    """The worker looks a name up again before each attempt. Raises what `wrong` makes, and NamesBusy."""
    allowed = rules(core().settings)
    try:
        look_ups().addresses(target_of(url, allowed), allowed, client(), LOOK_UP_S)
    except TargetRefused as error:
        raise wrong(f"The URL {error}") from None
    except NotNow as busy:
        raise NamesBusy(ceil(busy.wait_s)) from None
    except OSError:
        raise wrong("The URL has a name without an address. Is it right, and in the DNS already?") from None


@cache
def look_ups() -> LookUps:
    """The look-ups of this process, made after its fork."""
    return LookUps(of_all=LOOK_UPS, of_owner=1, patience_s=0)
