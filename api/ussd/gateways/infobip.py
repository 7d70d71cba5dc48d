"""Infobip: JSON, and a path for each of the calls that start, continue and end a session.

The path names the session. Source of the fields: hexdocs.pm/ex_ussd.
"""

from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import EXCLUDE, Schema, fields

from api.auth.access import gateway
from api.http.fields import Text
from api.ussd.gateways.common import GATEWAY, MAX_SESSION_CHARS, InternationalCaller, ask, blueprint, end
from api.ussd.sessions import Answer
from core.errors import InvalidField

PATH = "/infobip/session/<session>"
SESSION_ID = {
    "in": "path",
    "name": "session",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": MAX_SESSION_CHARS},
}
EXAMPLE = {"msIsdn": "2250707000001", "text": "1"}


class InfobipRequest(Schema):
    class Meta:
        unknown = EXCLUDE

    msisdn = InternationalCaller(required=True, data_key="msIsdn")
    text = Text(required=True, metadata={"description": "the last input, or what was dialled"})


class InfobipEnd(Schema):
    """Without the phone, the session ends after a while of silence."""

    class Meta:
        unknown = EXCLUDE

    msisdn = InternationalCaller(load_default=None, data_key="msIsdn")


class InfobipView(Schema):
    close = fields.Boolean(data_key="shouldClose")
    menu = fields.String(data_key="ussdMenu", metadata={"example": "1 Transfert\n2 Retrait"})
    code = fields.Integer(data_key="responseExitCode", metadata={"example": 200})
    message = fields.String(data_key="responseMessage", metadata={"example": ""})


@blueprint.route(f"{PATH}/start", parameters=[SESSION_ID])
class InfobipStart(MethodView):
    @gateway("ussd_infobip_key")
    @blueprint.arguments(InfobipRequest(), example={**EXAMPLE, "text": "*384#"})
    @blueprint.response(200, InfobipView)
    @blueprint.doc(security=GATEWAY)
    def post(self, payload: dict[str, Any], session: str) -> Response:
        """The same for Infobip: dial."""
        return _shown(ask("infobip", _checked(session), payload["msisdn"], "", 0))


@blueprint.route(f"{PATH}/response", parameters=[SESSION_ID])
class InfobipResponse(MethodView):
    @gateway("ussd_infobip_key")
    @blueprint.arguments(InfobipRequest(), example=EXAMPLE)
    @blueprint.response(200, InfobipView)
    @blueprint.doc(security=GATEWAY)
    def post(self, payload: dict[str, Any], session: str) -> Response:
        """The same for Infobip: take the caller's input and return the next screen."""
        return _shown(ask("infobip", _checked(session), payload["msisdn"], payload["text"], None))

    put = post


@blueprint.route(f"{PATH}/end", parameters=[SESSION_ID])
class InfobipEnded(MethodView):
    @gateway("ussd_infobip_key")
    @blueprint.arguments(InfobipEnd(), example={"msIsdn": EXAMPLE["msIsdn"]})
    @blueprint.response(200, InfobipView)
    @blueprint.doc(security=GATEWAY)
    def post(self, payload: dict[str, Any], session: str) -> Response:
        """The same for Infobip: the session is over."""
        msisdn = payload["msisdn"]
        return _shown(end("infobip", _checked(session), msisdn) if msisdn else Answer("", over=True))

    put = post


def _checked(session: str) -> str:
    if len(session) > MAX_SESSION_CHARS:
        raise InvalidField("session", f"Longer than {MAX_SESSION_CHARS} characters.")
    return session


def _shown(answer: Answer) -> Response:
    return jsonify(shouldClose=answer.over, ussdMenu=answer.message, responseExitCode=200, responseMessage="")
