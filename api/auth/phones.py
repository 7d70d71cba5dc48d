"""A person's own phone: they name it, and prove that it is theirs by a code from an SMS. `/v1/auth/phone`."""

from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from api.auth.access import signed_in
from api.auth.again import Again, show_again
from api.auth.callers import person
from api.auth.codes import asker, budget, codes, send
from api.auth.routes import PersonView, view_of
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.fields import Phone
from core.errors import InvalidField, Refused
from core.identity.codes import LIFETIME_S
from core.notices.languages import Say
from core.phone import mask

blueprint = Routes(
    "phones", __name__, url_prefix="/v1/auth/phone", description="Whose a phone is", bodyless=("phones.PhoneCode",)
)


class WrongCode(Refused):
    """The code is wrong, used, too old, or not the last one."""

    code = "wrong_code"


class PhoneRequest(Again):
    msisdn = Phone(required=True)


class CodeRequest(Schema):
    code = fields.String(required=True, validate=validate.Regexp("^[0-9]{6}$"), metadata={"example": "042917"})


class SentView(Schema):
    sent_to = fields.String(metadata={"description": "the masked phone", "example": "+225*******001"})
    expires_in = fields.Integer(metadata={"description": "seconds", "example": LIFETIME_S})


@blueprint.route("")
class OwnPhone(MethodView):
    @signed_in
    @blueprint.arguments(
        PhoneRequest(), example={"msisdn": "+2250707000001", "current_password": "correct horse battery"}
    )
    @blueprint.response(200, PersonView)
    @blueprint.doc(security=BEARER)
    def put(self, payload: dict[str, Any]) -> Response:
        """Add or change your phone. 409 when a PIN has proven your present one. The new one is not proven.

        The former phone gets an SMS, if it was proven. For a day after its proof, no code to the new one resets the
        password.
        """
        me, msisdn = person(), payload["msisdn"]
        if msisdn == me.msisdn:
            return jsonify(view_of(me))
        show_again(payload)
        changed = core().people.set_phone(me.id, msisdn)
        if me.phone_proven and me.msisdn is not None:
            send(me.msisdn, me, _changed)
        return jsonify(view_of(changed))


@blueprint.route("/code")
class PhoneCode(MethodView):
    @signed_in
    @blueprint.response(202, SentView)
    @blueprint.doc(security=BEARER)
    def post(self) -> tuple[Response, int]:
        """Have a code sent to your phone. 429 after three codes to a phone within an hour, or ten within a day."""
        me, msisdn, spent = person(), _own_phone(), budget("phone")
        if not spent.reaches(msisdn):
            raise InvalidField("msisdn", "No codes are sent to phones of this country.")

        def spend() -> bool:
            spent.spend(asker(), me.id, known=me.is_settled(core().clock.now()))
            return True

        code = codes("phone").new(msisdn, me.id, spend=spend)

        def text(say: Say) -> str:
            return say("Somebody added your phone to an account. If it was you, the code is {code}.").format(code=code)

        send(msisdn, me, text)
        return jsonify(sent_to=mask(msisdn), expires_in=LIFETIME_S), 202


@blueprint.route("/proof")
class PhoneProof(MethodView):
    @signed_in
    @blueprint.arguments(CodeRequest(), example={"code": "042917"})
    @blueprint.response(200, PersonView)
    @blueprint.doc(security=BEARER)
    def post(self, payload: dict[str, Any]) -> Response:
        """Prove that your phone is yours, by the code. From now on it receives what is sent to the phone."""
        msisdn = _own_phone()
        if not codes("phone").use(msisdn, person().id, payload["code"]):
            raise WrongCode
        return jsonify(view_of(core().people.prove_phone(person().id, msisdn)))


def _changed(say: Say) -> str:
    return say("The phone of your account was changed. If it was not you, change your password.")


def _own_phone() -> str:
    msisdn = person().msisdn
    if msisdn is None:
        raise InvalidField("msisdn", "Your account has no phone. Add one first.")
    return msisdn
