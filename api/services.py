"""The catalogue of services: `/v1/services/`."""

from typing import Any

from flask import Response, current_app, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.auth import anyone, for_role
from api.errors import Problem
from api.fields import Amount, Currency, Text
from api.paging import PageQuery, cursor_after
from api.product import BEARER, Product
from api.wallet import amount_of
from core.bootstrap import Core
from core.catalogue import OFFERED, RETIRED, Catalogue, Service
from core.money import to_number
from core.people import Role

blueprint = Product("services", __name__, url_prefix="/v1/services", description="Services that may be paid for")

NAME = (validate.Length(1, 100), validate.Regexp(r"^\S.*(?![\s\S])", error="Not a name."))


class ServiceRequest(Schema):
    name = Text(required=True, validate=NAME)
    price = Amount(required=True)
    currency = Currency(load_default=None)


class ServiceChange(Schema):
    name = Text(validate=NAME)
    price = Amount()
    retired = fields.Boolean(truthy={True}, falsy={False})

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Says nothing that is to be changed.")


class ServiceView(Schema):
    id = fields.UUID()
    name = fields.String()
    price = fields.Float()
    currency = fields.String()
    retired = fields.Boolean()


class ServicesView(Schema):
    services = fields.List(fields.Nested(ServiceView))
    next_cursor = fields.String(allow_none=True)


@blueprint.route("/list")
class Services(MethodView):
    @anyone
    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, ServicesView)
    def get(self, query: dict[str, Any]) -> Response:
        """List what may be paid for, newest first."""
        limit = query["limit"]
        found = _catalogue().offered(limit + 1, query["cursor"])
        page = found[:limit]
        next_cursor = cursor_after(page[-1].id) if len(found) > limit else None
        return jsonify(services=[_view(service) for service in page], next_cursor=next_cursor)


@blueprint.route("/create")
class NewService(MethodView):
    @for_role(Role.ADMIN)
    @blueprint.arguments(ServiceRequest(), example={"name": "Parking permit", "price": 5000})
    @blueprint.response(201, ServiceView)
    @blueprint.doc(security=BEARER)
    def post(self, asked: dict[str, Any]) -> Response:
        """Offer a service. Without a currency it is that of wallets."""
        core: Core = current_app.extensions["core"]
        currency = asked["currency"] or core.settings.wallet_currency
        service = _catalogue().create(asked["name"], amount_of(asked["price"], currency, "price"), currency)
        response = jsonify(_view(service))
        response.status_code = 201
        response.headers["Location"] = url_for("services.OneService", id=service.id, _external=bool(request.host))
        return response


@blueprint.route("/<id>")
class OneService(MethodView):
    @anyone
    @blueprint.response(200, ServiceView)
    def get(self, id: str) -> Response:
        """Tell a service, also one that was retired."""
        return jsonify(_view(_found(_catalogue().get(id))))

    @for_role(Role.ADMIN)
    @blueprint.arguments(ServiceChange(), example={"price": 6000})
    @blueprint.response(200, ServiceView)
    @blueprint.doc(security=BEARER)
    def patch(self, asked: dict[str, Any], id: str) -> Response:
        """Rename, reprice or retire a service. A payment keeps the price that it was accepted with."""
        service = _found(_catalogue().get(id))
        changes = {name: asked[name] for name in ("name",) if name in asked}
        if "price" in asked:
            changes["price"] = amount_of(asked["price"], service.currency, "price")
        if "retired" in asked:
            changes["state"] = RETIRED if asked["retired"] else OFFERED
        return jsonify(_view(_found(_catalogue().change(id, **changes))))


def _catalogue() -> Catalogue:
    core: Core = current_app.extensions["core"]
    return Catalogue(core.store, core.clock)


def _found(service: Service | None) -> Service:
    if service is None:
        raise Problem(404, "service_not_found", "There is no service with this id.")
    return service


def _view(service: Service) -> dict[str, Any]:
    return {
        "id": service.id,
        "name": service.name,
        "price": to_number(service.price, service.currency),
        "currency": service.currency,
        "retired": service.state == RETIRED,
    }
