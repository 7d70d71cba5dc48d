"""The catalogue of services: `/v1/services/`."""

from typing import Any
from uuid import UUID

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from api.auth.access import anyone, for_role
from api.http.answers import follow_url
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.fields import Amount, Currency, Flag, Text
from api.http.money import Money, shown
from api.http.paging import PageQuery, list_view, read_page
from core.errors import NotFound
from core.identity.people import Role
from products.services import payments
from products.services.catalogue import OFFERED, RETIRED, Catalogue, Service
from products.wallets.own_wallet import amount_of

blueprint = Routes("services", __name__, url_prefix="/v1/services", description="Services that may be paid for")


class ServiceNotFound(NotFound):
    """There is no service with this id."""

    code = "service_not_found"


NAME = (validate.Length(1, 100), validate.Regexp(r"^\S.*(?![\s\S])", error="Not a name."))


class ServiceRequest(Schema):
    name = Text(required=True, validate=NAME)
    price = Amount(required=True)
    currency = Currency(load_default=None)


class ServiceChange(Schema):
    name = Text(validate=NAME)
    price = Amount()
    retired = Flag()

    @validates_schema
    def _changes_something(self, data: dict[str, Any], **_: Any) -> None:
        if not data:
            raise ValidationError("Name at least one field to change.")


class ServiceView(Schema):
    id = fields.UUID()
    name = fields.String(metadata={"example": "Parking permit"})
    price = Money()
    currency = fields.String(metadata={"example": "XOF"})
    retired = fields.Boolean()


ServicesView = list_view("ServicesView", services=ServiceView)


@blueprint.route("/list")
class Services(MethodView):
    @anyone
    @blueprint.arguments(PageQuery(), location="query")
    @blueprint.response(200, ServicesView)
    def get(self, query: dict[str, Any]) -> Response:
        """List what may be paid for, newest first."""
        page, next_cursor = read_page(query, _catalogue().offered, lambda service: service.id)
        return jsonify(services=[_view(service) for service in page], next_cursor=next_cursor)


@blueprint.route("/create")
class NewService(MethodView):
    @for_role(Role.ADMIN, may_be_open=True)
    @blueprint.arguments(ServiceRequest(), example={"name": "Parking permit", "price": 5000})
    @blueprint.response(201, ServiceView)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, Any]) -> Response:
        """Offer a service. Without a currency, the price is in the currency of wallets."""
        currency = payload["currency"] or core().settings.wallet_currency
        service = _catalogue().create(payload["name"], amount_of(payload["price"], currency, "price"), currency)
        response = jsonify(_view(service))
        response.status_code = 201
        response.headers["Location"] = follow_url("services.OneService", id=service.id)
        return response


@blueprint.route("/<uuid:id>")
class OneService(MethodView):
    @anyone
    @blueprint.response(200, ServiceView)
    def get(self, id: UUID) -> Response:
        """Show a service, also one that was retired."""
        return jsonify(_view(_found(_catalogue().get(str(id)))))

    @for_role(Role.ADMIN)
    @blueprint.arguments(ServiceChange(), example={"price": 6000})
    @blueprint.response(200, ServiceView)
    @blueprint.doc(security=BEARER)
    def patch(self, payload: dict[str, Any], id: UUID) -> Response:
        """Rename, reprice or retire a service. A payment keeps the price that it was accepted with."""
        service = _found(_catalogue().get(str(id)))
        changes = {name: payload[name] for name in ("name",) if name in payload}
        if "price" in payload:
            changes["price"] = amount_of(payload["price"], service.currency, "price")
        if "retired" in payload:
            changes["state"] = RETIRED if payload["retired"] else OFFERED
        return jsonify(_view(_found(_catalogue().change(str(id), **changes))))


def _catalogue() -> Catalogue:
    return core().of(Catalogue)


def _found(service: Service | None) -> Service:
    if service is None:
        raise ServiceNotFound
    return service


def _view(service: Service) -> dict[str, Any]:
    return {
        "id": service.id,
        "name": service.name,
        "price": shown(service.price, service.currency),
        "currency": service.currency,
        "retired": service.state == RETIRED,
    }


BLUEPRINTS = (blueprint, payments.blueprint)
