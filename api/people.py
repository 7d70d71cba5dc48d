"""People: how they register, and get the token that says who they are. `/v1/auth/`."""

from typing import Any

from flask import Response, current_app, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import Schema, ValidationError, fields, validate

from api.auth import anyone, person, signed_in
from api.errors import Problem
from api.fields import Phone, Text
from api.product import BEARER, Product
from api.tokens import LIFETIME_S, Tokens
from core.attempts import Attempts
from core.bootstrap import Core
from core.errors import NameTaken
from core.ledger import Ledger
from core.people import PASSWORD, USERNAME, People, Person, canonical_name

WRONG_PER_ACCOUNT, WRONG_PER_ADDRESS = 5, 50
"""In a row. Many people may share an address, behind an operator's gateway for one."""
REST_S = 15 * 60

blueprint = Product(
    "people", __name__, url_prefix="/v1/auth", description="People and their tokens", forms=("people.Token",)
)


class Username(fields.String):
    """A name that could be somebody's, loaded as it is written."""

    default_error_messages = {
        "invalid_name": f"Not {USERNAME[0]} to {USERNAME[1]} letters, digits and . _ - @, with a letter among them."
    }

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            canonical_name(text)
        except ValueError:
            raise self.make_error("invalid_name") from None
        return text


class RegisterRequest(Schema):
    username = Username(required=True)
    password = Text(required=True, validate=validate.Length(*PASSWORD), load_only=True)
    msisdn = Phone(load_default=None, allow_none=True)


class PersonView(Schema):
    id = fields.UUID()
    username = fields.String(allow_none=True)
    msisdn = fields.String(allow_none=True)
    role = fields.String()


class TokenView(Schema):
    access_token = fields.String()
    token_type = fields.String()
    expires_in = fields.Integer(metadata={"description": "seconds"})


class TokenForm(Schema):
    username = fields.String(required=True)
    password = fields.String(required=True)


@blueprint.route("")
class Registration(MethodView):
    @anyone
    @blueprint.arguments(RegisterRequest())
    @blueprint.response(201, PersonView)
    def post(self, asked: dict[str, Any]) -> Response:
        """Register, and have a wallet. 409 when the username or the phone is somebody's."""
        core: Core = current_app.extensions["core"]
        people: People = current_app.extensions["people"]
        try:
            registered = people.register(asked["username"], asked["password"], asked["msisdn"])
        except NameTaken as taken:
            raise Problem(409, taken.code, f"This {taken.field} is somebody else's.") from None
        # Should we die before: a wallet is also made when it is first asked for.
        Ledger(core.store, core.clock).open(registered.id, core.settings.wallet_currency)
        response = jsonify(_view(registered))
        response.status_code = 201
        response.headers["Location"] = url_for("people.CurrentUser", _external=bool(request.host))
        return response


@blueprint.route("/token")
class Token(MethodView):
    @anyone
    @blueprint.response(200, TokenView)
    @blueprint.doc(
        requestBody={"required": True, "content": {"application/x-www-form-urlencoded": {"schema": TokenForm}}}
    )
    def post(self) -> Response:
        """Get a bearer token, for an hour. 429 after too many wrong attempts for an account or from an address."""
        core: Core = current_app.extensions["core"]
        tokens: Tokens = current_app.extensions["tokens"]
        given = _form()
        by_address = Attempts(core.store, core.clock, "sign-in address", WRONG_PER_ADDRESS, REST_S)
        by_account = Attempts(core.store, core.clock, "sign-in account", WRONG_PER_ACCOUNT, REST_S)
        address, account = request.remote_addr or "", _account(given["username"])
        by_address.begin(address)
        by_account.begin(account)
        people: People = current_app.extensions["people"]
        found = people.authenticate(given["username"], given["password"])
        if found is None:
            raise Problem(
                401, "wrong_credentials", "The username or the password is wrong.", {"WWW-Authenticate": "Bearer"}
            )
        by_address.forgive(address)  # one's own name would else buy any number of guesses at others'
        by_account.succeeded(account)
        response = jsonify(access_token=tokens.issue(found.id), token_type="bearer", expires_in=LIFETIME_S)
        response.headers["Cache-Control"] = "no-store"  # RFC 6749, section 5.1
        return response


@blueprint.route("/read_current_user")
class CurrentUser(MethodView):
    @signed_in
    @blueprint.response(200, PersonView)
    @blueprint.doc(security=BEARER)
    def get(self) -> Response:
        """Tell who is signed in."""
        return jsonify(_view(person()))


def _form() -> dict[str, str]:
    """The fields of the form; OAuth's others (grant_type, scope) are understood and ignored. Raises Problem 422."""
    try:
        loaded: dict[str, str] = TokenForm(unknown="exclude").load(request.form.to_dict())
    except ValidationError as error:
        wrong = Problem(422, "validation_failed", "The form is not valid.")
        wrong.data = {"messages": {"form": error.messages}}
        raise wrong from None
    return loaded


def _account(username: str) -> str:
    """The name under which attempts count: an account is one, however it is spelled."""
    try:
        return canonical_name(username)
    except ValueError:
        return username


def _view(registered: Person) -> dict[str, Any]:
    return {
        "id": registered.id,
        "username": registered.username,
        "msisdn": registered.msisdn,
        "role": registered.role.value,
    }
