"""Merchants, at whom people withdraw: `/v1/merchants/`."""

from typing import Any

from flask import Response, current_app, jsonify
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth import for_role
from api.errors import invalid
from api.fields import Text
from api.orders import find_recipient
from api.product import BEARER, Product
from api.services import NAME
from core.bootstrap import Core
from core.merchants import Merchants
from core.people import Role

blueprint = Product("merchants", __name__, url_prefix="/v1/merchants", description="Where people withdraw")


class MerchantRequest(Schema):
    name = Text(required=True, validate=NAME)
    owner = Text(required=True, validate=validate.Length(1, 64), metadata={"description": "username or phone"})


class MerchantView(Schema):
    code = fields.String(metadata={"description": "six digits, which people type to withdraw"})
    name = fields.String()
    owner = fields.String(metadata={"description": "the owner's username, or masked phone"})


@blueprint.route("")
class NewMerchant(MethodView):
    @for_role(Role.ADMIN)
    @blueprint.arguments(MerchantRequest(), example={"name": "Kiosk at the port", "owner": "awa"})
    @blueprint.response(201, MerchantView)
    @blueprint.doc(security=BEARER)
    def post(self, asked: dict[str, Any]) -> tuple[Response, int]:
        """Make somebody a merchant: what is withdrawn there is credited to the owner's wallet."""
        core: Core = current_app.extensions["core"]
        owner = find_recipient(core, current_app.extensions["people"], asked["owner"])
        if owner is None:
            raise invalid("owner", "Nobody has this username or phone.")
        merchant = Merchants(core.store, core.clock).create(asked["name"], owner.id)
        return jsonify(code=merchant.code, name=merchant.name, owner=owner.name), 201
