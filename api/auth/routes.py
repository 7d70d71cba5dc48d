"""People: how they register, and get the token that says who they are. `/v1/auth/`."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from flask import Response, g, jsonify, request, url_for
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth.access import anyone, anyone_known, signed_in
from api.auth.callers import person
from api.auth.machines import REFUSALS, InvalidTokenRequest, UnsupportedGrant, machine_token, refuse
from api.auth.token_form import CLIENT_CREDENTIALS, PASSWORD_GRANT, TokenForm, describe
from api.auth.tokens import LIFETIME_S, tokens
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.errors import Unauthenticated
from api.http.fields import Phone, Text
from api.limits import here, is_known_here
from core.errors import InvalidField, TooManyAttempts
from core.identity.credentials import PASSWORD
from core.identity.guessable import is_common_password
from core.identity.guesses import Guesses
from core.identity.people import USERNAME, Person, canonical_name
from core.identity.second_factor import SecondFactor
from core.identity.usernames import is_misleading
from core.ids import new_id


class WrongCredentials(Unauthenticated):
    """The username or the password is wrong."""

    code = "wrong_credentials"


class WrongFactor(Unauthenticated):
    """Signing in to this account needs a code of its second factor in `otp`. A code is good once."""

    code = "wrong_factor"


blueprint = Routes("people", __name__, url_prefix="/v1/auth", description="People, and tokens", forms=("people.Token",))
for refusal in REFUSALS:
    blueprint.register_error_handler(refusal, refuse)


class Username(fields.String):
    """A username that the rules allow, loaded as it was written."""

    default_error_messages = {
        "invalid_name": f"Not {USERNAME[0]} to {USERNAME[1]} letters, digits and . _ - @, with a letter among them."
    }

    def __init__(self, **settings: Any) -> None:
        least, most = USERNAME
        super().__init__(metadata={"format": "username", "minLength": least, "maxLength": most}, **settings)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            canonical_name(text)
        except ValueError:
            raise self.make_error("invalid_name") from None
        return text


class NewPassword(Text):
    """A password that somebody chooses. `refuse_weak` looks at it too."""

    def __init__(self) -> None:
        length, described = validate.Length(*PASSWORD), {"format": "password"}
        super().__init__(required=True, validate=length, load_only=True, metadata=described)


class RegisterRequest(Schema):
    username = Username(required=True)
    password = NewPassword()
    msisdn = Phone(load_default=None, allow_none=True)


class PersonView(Schema):
    id = fields.UUID()
    username = fields.String(allow_none=True, metadata={"example": "awa"})
    msisdn = fields.String(allow_none=True, metadata={"example": "+2250707000001"})
    phone_proven = fields.Boolean(metadata={"description": "whether the phone is known to be the person's own"})
    role = fields.String(metadata={"example": "user"})


def signing_in() -> str | None:
    """For whom a request for a token counts when its address has sent too many: a person who is known from there."""
    named = core().people.named(request.form.get("username", ""))
    return f"{named.id}\n{here()}" if named is not None and is_known_here(named) else None


@blueprint.route("")
class Registration(MethodView):
    @blueprint.arguments(RegisterRequest(), example={"username": "awa", "password": "correct horse battery"})
    @anyone  # after the arguments: what is not valid does not count
    @blueprint.response(201, PersonView)
    def post(self, payload: dict[str, Any]) -> Response:
        """Register, and get a wallet. 409 when the username is taken. The phone is not proven to be yours yet."""
        username, operators = payload["username"], core().settings.operators.operators
        if is_misleading(username, (operator.name for operator in operators)):
            raise InvalidField("username", "It could be taken for somebody else: choose another.")
        refuse_weak(payload["password"], username)
        registered = core().people.register(username, payload["password"], payload["msisdn"], address=here())
        core().wallet_of(registered.id)  # also made when it is first asked for, should we die before this line
        response = jsonify(view_of(registered))
        response.status_code = 201
        response.headers["Location"] = url_for("people.CurrentUser", _external=bool(request.host))
        return response


@blueprint.route("/token")
class Token(MethodView):
    @anyone_known(signing_in)
    @describe(blueprint)
    def post(self) -> Response:
        """Get a bearer token: a person for an hour, a machine for 15 minutes. 429 after too many wrong tries."""
        form, basic = request.form, request.authorization
        grant = form.get("grant_type")
        if grant == CLIENT_CREDENTIALS:
            return machine_token()
        if grant and grant != PASSWORD_GRANT:
            raise UnsupportedGrant
        if not grant and "username" not in form and ("client_id" in form or basic is not None):
            raise InvalidTokenRequest("The grant_type is missing.")
        given = Routes.ARGUMENTS_PARSER.parse(TokenForm(), location="form")
        token = sign_in(given["username"], given["password"], given["otp"])
        response = jsonify(access_token=token, token_type="bearer", expires_in=LIFETIME_S)
        response.headers["Cache-Control"] = "no-store"  # RFC 6749, section 5.1
        return response


@blueprint.route("/read_current_user")
class CurrentUser(MethodView):
    @signed_in
    @blueprint.response(200, PersonView)
    @blueprint.doc(security=BEARER)
    def get(self) -> Response:
        """Show who is signed in."""
        return jsonify(view_of(person()))


def sign_in(username: str, password: str, otp: str) -> str:
    """A token for the person with this password and, where they have a second factor, this code of it.

    Raises WrongCredentials, WrongFactor, TooManyAttempts.
    """
    named = core().people.named(username)
    with_code = bool(otp) and named is not None and named.has_factor
    with guarded(username, with_code) as full:
        found = core().credentials.authenticate(username, password)
        if full and named is not None and not _is_right_past_the_counts(named, found, otp):
            raise full
        if found is None:
            raise WrongCredentials
    if full is None and found.has_factor and not (otp and look_at_factor(found, otp)):
        raise WrongFactor  # the password was right: this uses up none of the guesses at it
    core().credentials.remember(found.id, here())
    return tokens().issue(found.id, found.epoch, two_factors=found.has_factor)


@contextmanager
def guarded(username: str, with_code: bool = False) -> Iterator[TooManyAttempts | None]:
    """Counts a wrong password, unless the block ends without an exception. Raises TooManyAttempts.

    with_code: see `Guesses.guess`.

    Notes whose account it is for the security log: what was typed as a username may be a password.
    """
    named = core().people.named(username)
    g.account = named.id if named else None
    known = named is not None and is_known_here(named)
    with guesses().guess(_account(username), here(), known, with_code) as full:
        try:
            yield full
        except (Unauthenticated, TooManyAttempts):
            if full is None:
                raise
            raise full from None


def _is_right_past_the_counts(named: Person, found: Person | None, code: str) -> bool:
    """Whether the password and the code are right, after the same work whatever is wrong: it tells nothing.

    named: whose username was given; found: the same person, if the password is right.
    """
    account, known = _account(named.username or named.id), is_known_here(named)
    closed = guesses().closed_to_codes(account, here(), known)
    if found is None or not found.has_factor or closed:
        look_at_factor(named, "", f"\n{new_id()}")
        return False
    return look_at_factor(found, code)


def look_at_factor(owner: Person, code: str, what: str = "") -> bool:
    """Whether it is a code of the second factor of who has shown the password or a token. Wrong ones count.

    what: other than "" for a look that counts for nobody.
    Raises TooManyAttempts.
    """
    account, known = f"{_account(owner.username or owner.id)}{what}", is_known_here(owner)
    with suppress(WrongFactor), guesses().code(account, here(), known):
        if not SecondFactor(core().store, core().clock).use(owner.id, code):
            raise WrongFactor
        return True
    return False


def guesses() -> Guesses:
    return Guesses(core().store, core().clock)


def welcome(owner: Person) -> None:
    """Remembers the caller's address as the owner's, who has shown there in another way who they are."""
    core().credentials.remember(owner.id, here())
    guesses().forget(_account(owner.username or owner.id), here())


def refuse_weak(password: str, username: str | None) -> None:
    """Raises InvalidField."""
    if is_common_password(password, username):
        raise InvalidField("password", "Too easy to guess: it is a common password, or your username.")


def _account(username: str) -> str:
    """The name under which attempts count: an account is one, however it is spelled."""
    try:
        return canonical_name(username)
    except ValueError:
        return username


def view_of(registered: Person) -> dict[str, Any]:
    return {
        "id": registered.id,
        "username": registered.username,
        "msisdn": registered.msisdn,
        "phone_proven": registered.phone_proven,
        "role": registered.role.value,
    }
