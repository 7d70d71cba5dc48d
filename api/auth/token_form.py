"""The form of `/v1/auth/token` and its answers, as OAuth has them (RFC 6749): for people, and for machines."""

from collections.abc import Callable
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from api.auth.tokens import LIFETIME_S, MACHINE_LIFETIME_S
from api.http.blueprint import FORM, Routes
from api.http.errors import PROBLEM, details_of
from api.http.examples import example_of

PASSWORD_GRANT, CLIENT_CREDENTIALS = "password", "client_credentials"
"""The values of grant_type."""
TOKEN = "eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl"
SCOPE = "payouts:create"


class TokenForm(Schema):
    """OAuth's other fields, such as scope, are ignored."""

    class Meta:
        unknown = EXCLUDE

    grant_type = fields.String(validate=validate.OneOf(["", PASSWORD_GRANT]))
    username = fields.String(required=True)
    password = fields.String(required=True)
    otp = fields.String(load_default="", metadata={"description": "a code of your second factor, if you have one"})


class TokenView(Schema):
    access_token = fields.String(metadata={"example": TOKEN})
    token_type = fields.String(metadata={"example": "bearer"})
    expires_in = fields.Integer(metadata={"description": "seconds", "example": LIFETIME_S})


class MachineTokenForm(Schema):
    grant_type = fields.String(required=True, validate=validate.OneOf([CLIENT_CREDENTIALS]))
    client_id = fields.String(metadata={"description": "the id of an API key, unless it comes by HTTP Basic"})
    client_secret = fields.String(metadata={"description": "the text of the key, unless it comes by HTTP Basic"})
    scope = fields.String(metadata={"description": "some of the key's scopes; without it, all", "example": SCOPE})


class MachineTokenView(TokenView):
    token_type = fields.String(metadata={"example": "Bearer"})
    expires_in = fields.Integer(metadata={"description": "seconds", "example": MACHINE_LIFETIME_S})
    scope = fields.String(metadata={"example": SCOPE})


class TokenProblem(Schema):
    """A machine's request for a token that is refused: RFC 6749, section 5.2, with the members of a problem."""

    error = fields.String(metadata={"example": "invalid_client"})
    error_description = fields.String()
    type = fields.String()
    title = fields.String()
    status = fields.Integer()
    code = fields.String()
    detail = fields.String()


EXAMPLE = {"grant_type": PASSWORD_GRANT, "username": "awa", "password": "correct horse battery"}


def describe(blueprint: Routes) -> Callable[[Any], Any]:
    """Adds the bodies and the answers to the description of the route."""

    def add(view: Any) -> Any:
        forms = {"anyOf": [TokenForm, MachineTokenForm]}
        content = {FORM: {"schema": forms, "example": EXAMPLE}}
        view = blueprint.doc(requestBody={"required": True, "content": content})(view)
        for status, code, error in (
            (400, "bad_request", "invalid_scope"),
            (401, "wrong_credentials", "invalid_client"),
        ):
            problem = details_of(status, code, "…")
            refused = {**details_of(status, error, "…"), "error": error, "error_description": "…"}
            view = blueprint.alt_response(status, schema=TokenProblem, content_type=PROBLEM, example=problem)(view)
            view = blueprint.alt_response(status, schema=TokenProblem, example=refused)(view)
        views = {"anyOf": [TokenView, MachineTokenView]}
        return blueprint.response(200, views, example=example_of(TokenView))(view)

    return add
