"""Merchants, where people withdraw: `/v1/merchants/`."""

from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth.access import for_role
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.fields import Text
from core.identity.people import Role
from products.merchants.register import MAX_NAME_CHARS, Merchants
from products.wallets.contract import unknown_person

blueprint = Routes("merchants", __name__, url_prefix="/v1/merchants", description="Where people withdraw")
BLUEPRINTS = (blueprint,)


class MerchantRequest(Schema):
    name = Text(required=True, validate=validate.Length(1, MAX_NAME_CHARS))
    owner = Text(required=True, validate=validate.Length(1, 64), metadata={"description": "username or phone"})


class MerchantView(Schema):
    code = fields.String(metadata={"description": "six digits, which people type to withdraw", "example": "895790"})
    name = fields.String(metadata={"example": "Kiosk at the port"})
    owner = fields.String(metadata={"description": "the owner's username, or masked phone", "example": "awa"})


@blueprint.route("")
class NewMerchant(MethodView):
    @for_role(Role.ADMIN)
    @blueprint.arguments(MerchantRequest(), example={"name": "Kiosk at the port", "owner": "awa"})
    @blueprint.response(201, MerchantView)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, Any]) -> tuple[Response, int]:
        """Make somebody a merchant: withdrawals there are credited to the owner's wallet."""
        owner = core().people.find(payload["owner"], core().settings.phone_region)
        if owner is None:
            raise unknown_person("owner")
        merchant = core().of(Merchants).create(payload["name"], owner.id)
        return jsonify(code=merchant.code, name=merchant.name, owner=owner.name), 201
