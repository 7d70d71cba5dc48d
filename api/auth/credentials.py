"""What people sign in with: they change it, and end it. `/v1/auth/`."""

from contextlib import suppress
from typing import Any

from flask import Response, jsonify, request
from flask.views import MethodView
from marshmallow import Schema, ValidationError, fields

from api.auth.access import anyone_known, signed_in
from api.auth.callers import caller, person
from api.auth.codes import asker, budget, codes, is_known, send
from api.auth.phones import CodeRequest, WrongCode
from api.auth.pins import look_at_pin, pins
from api.auth.routes import NewPassword, WrongCredentials, guarded, refuse_weak, welcome
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.fields import Flag, Phone, Text
from api.limits import here
from core.clock import to_rfc3339
from core.errors import InvalidField, TooManyAttempts
from core.identity.codes import LIFETIME_S
from core.identity.guessable import is_weak_pin
from core.identity.people import Person, Role
from core.identity.pins import is_pin
from core.notices.languages import Say

blueprint = Routes("credentials", __name__, url_prefix="/v1/auth", description="Passwords, PINs and tokens")


class PasswordRequest(Schema):
    current_password = Text(required=True, load_only=True)
    password = NewPassword()


class ResetCodeRequest(Schema):
    msisdn = Phone(required=True)


class CodeSentView(Schema):
    expires_in = fields.Integer(metadata={"description": "seconds", "example": LIFETIME_S})


class ResetRequest(CodeRequest):
    msisdn = Phone(required=True)
    password = NewPassword()


class PinRequest(Schema):
    current_pin = Text(required=True, load_only=True)
    pin = fields.String(required=True, load_only=True, metadata={"pattern": "^[0-9]{4,6}$"})


class LogoutRequest(Schema):
    everywhere = Flag(load_default=False, metadata={"description": "end all your tokens, not only this one"})


def _resetting() -> str | None:
    """For whom a request counts when its address has sent too many: the owner of the phone, if known from there."""
    given = request.get_json(silent=True)
    with suppress(ValidationError):
        named = Phone().deserialize(given.get("msisdn") if isinstance(given, dict) else None)
        owner = _owner(named) if named else None
        return f"{owner.id}\n{here()}" if owner is not None and is_known(owner) else None
    return None


@blueprint.route("/password")
class Password(MethodView):
    @signed_in
    @blueprint.arguments(
        PasswordRequest(), example={"current_password": "correct horse battery", "password": "staple the battery"}
    )
    @blueprint.response(204)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, str]) -> None:
        """Change your password. All your tokens end: sign in again."""
        me = person()
        refuse_weak(payload["password"], me.username)
        with guarded(me.username or me.id):
            if not core().credentials.has_password(me.id, payload["current_password"]):
                raise WrongCredentials
        core().credentials.set_password(me.id, payload["password"])


@blueprint.route("/password/code")
class ResetCode(MethodView):
    @anyone_known(_resetting)
    @blueprint.arguments(ResetCodeRequest(), example={"msisdn": "+2250707000001"})
    @blueprint.response(202, CodeSentView)
    def post(self, payload: dict[str, str]) -> tuple[Response, int]:
        """Have a code sent to your proven phone, to choose a new password. Answers alike for an unknown phone."""
        msisdn = payload["msisdn"]
        owner, spent = _owner(msisdn), budget("password")
        gets = owner if spent.reaches(msisdn) else None

        def spend() -> bool:
            with suppress(TooManyAttempts):  # the answer tells nobody whether there is an owner
                if gets is not None:
                    spent.spend(asker(), known=is_known(gets))
                return True
            return False

        code = codes("password").new(msisdn, "", asker(), is_known(owner), spend)

        def text(say: Say) -> str:
            told = say("The code for a new password is {code}. If you did not ask for it, do nothing.")
            return told.format(code=code)

        if code and gets is not None:
            send(msisdn, gets, text)
        return jsonify(expires_in=LIFETIME_S), 202


@blueprint.route("/password/reset")
class Reset(MethodView):
    @anyone_known(_resetting)
    @blueprint.arguments(
        ResetRequest(), example={"msisdn": "+2250707000001", "code": "042917", "password": "staple the battery"}
    )
    @blueprint.response(204)
    def post(self, payload: dict[str, str]) -> None:
        """Choose a new password, by the code. All your tokens end. A code is good once, even for a password refused."""
        refuse_weak(payload["password"], None)
        owner = _owner(payload["msisdn"])
        right = codes("password").use(payload["msisdn"], "", payload["code"], asker(), is_known(owner))
        if not right or owner is None:
            raise WrongCode
        refuse_weak(payload["password"], owner.username)  # not before the code: it would tell the username
        core().credentials.set_password(owner.id, payload["password"])
        welcome(owner)


@blueprint.route("/pin")
class Pin(MethodView):
    @signed_in
    @blueprint.arguments(PinRequest(), example={"current_pin": "2589", "pin": "8352"})
    @blueprint.response(204)
    @blueprint.doc(security=BEARER)
    def put(self, payload: dict[str, str]) -> None:
        """Change the PIN that you chose on your phone. 429 after three wrong ones: it is then locked here only."""
        me, pin = person(), payload["pin"]
        if not is_pin(pin):
            raise InvalidField("pin", "4 to 6 digits.")
        if is_weak_pin(pin, me.msisdn or ""):
            raise InvalidField("pin", "Too easy to guess.")
        if not me.has_pin:
            raise InvalidField("pin", "You choose your first PIN on your phone: dial.")
        look_at_pin(me, payload["current_pin"])
        core().credentials.set_pin(me.id, pins().hash(pin))


@blueprint.route("/logout")
class Logout(MethodView):
    @signed_in
    @blueprint.arguments(LogoutRequest(), example={"everywhere": True})
    @blueprint.response(204)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, Any]) -> None:
        """End this token, or all of yours."""
        me, used = person(), caller().token
        if payload["everywhere"] or used is None:
            core().credentials.end_all_tokens(me.id)
        else:
            core().credentials.end_token(me.id, used.id, used.expires_at)


def _owner(msisdn: str) -> Person | None:
    """The person who may choose a new password by a code to this phone.

    Whoever holds the phone gets the account, but no rights with it: those need a second factor, or a person's help. Nor
    does it open an account that has had another phone until a moment ago: see SETTLED_AFTER of `core.identity.people`.
    """
    owner = core().people.of_phone(msisdn)
    if owner is None or owner.username is None or owner.suspended:
        return None
    if owner.role is not Role.USER and not owner.has_factor:
        return None
    return owner if owner.resets_at <= to_rfc3339(core().clock.now()) else None
