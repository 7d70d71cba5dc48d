"""The second factor of people who may do much. `/v1/auth/factor`."""

from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth.access import signed_in
from api.auth.again import Again, show_again
from api.auth.callers import person
from api.auth.phones import WrongCode
from api.auth.routes import guesses, look_at_factor
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.fields import Text
from api.limits import here
from core.identity.second_factor import SecondFactor, uri

blueprint = Routes(
    "factors",
    __name__,
    url_prefix="/v1/auth/factor",
    description="The second factor",
)


class FactorRequest(Schema):
    code = Text(required=True, validate=validate.Length(6, 32), metadata={"example": "042917"})


class FactorStart(Again):
    """A thief of a token must not add a second factor: it would keep the owner out."""


class FactorView(Schema):
    secret = fields.String(metadata={"description": "base32, for the device", "example": "JBSWY3DPEHPK3PXP"})
    uri = fields.String(
        metadata={
            "description": "the same, as a device scans it",
            "example": "otpauth://totp/Quittance:awa?secret=JBSWY3DPEHPK3PXP&issuer=Quittance",
        }
    )


class RecoveryView(Schema):
    recovery_codes = fields.List(fields.String(), metadata={"example": ["3f9a1c07d2be4410a7c95e62f08d"]})


@blueprint.route("")
class Factor(MethodView):
    @signed_in
    @blueprint.arguments(FactorStart(), example={"current_password": "correct horse battery"})
    @blueprint.response(201, FactorView)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, Any]) -> tuple[Response, int]:
        """Get a secret for your device. It counts when you have confirmed it. 409 when you have a second factor."""
        show_again(payload)
        secret = factors().begin(person().id)
        return jsonify(secret=secret, uri=uri(secret, person().name)), 201

    @signed_in
    @blueprint.arguments(FactorRequest(), example={"code": "042917"})
    @blueprint.response(204)
    @blueprint.doc(security=BEARER)
    def delete(self, payload: dict[str, Any]) -> None:
        """Remove your second factor, by a code of it."""
        _use(payload["code"])
        factors().remove(person().id)


@blueprint.route("/confirm")
class FactorConfirmation(MethodView):
    @signed_in
    @blueprint.arguments(FactorRequest(), example={"code": "042917"})
    @blueprint.response(200, RecoveryView)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, Any]) -> Response:
        """Confirm the secret by a code of your device. From now on signing in needs one, or a recovery code."""
        # Its owner has just seen the secret: who types a code wrong guesses at no password, nor at a confirmed factor.
        with guesses().code(f"{person().id}\nconfirm", here(), known=False):
            made = factors().confirm(person().id, payload["code"])
            if made is None:
                raise WrongCode
        return jsonify(recovery_codes=made)


def factors() -> SecondFactor:
    return SecondFactor(core().store, core().clock)


def _use(code: str) -> None:
    """Raises WrongCode, and TooManyAttempts."""
    if not look_at_factor(person(), code):
        raise WrongCode
