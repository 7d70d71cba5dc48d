"""Nalo: JSON in capitals; `MSGTYPE` is true for the dial, and in answers while the session goes on."""

from typing import Any

from flask import Response, jsonify, request
from flask.views import MethodView
from marshmallow import EXCLUDE, Schema, fields

from api.auth.access import gateway
from api.http.fields import Flag, Text
from api.ussd.gateways.common import GATEWAY, SESSION, InternationalCaller, ask, blueprint

EXAMPLE = {"USERID": "QUITTANCE", "MSISDN": "2250707000001", "USERDATA": "*384#", "MSGTYPE": True, "SESSIONID": "7"}


class NaloRequest(Schema):
    class Meta:
        unknown = EXCLUDE

    user = Text(required=True, data_key="USERID")
    msisdn = InternationalCaller(required=True, data_key="MSISDN")
    typed = Text(required=True, data_key="USERDATA", metadata={"description": "the last input, or what was dialled"})
    dials = Flag(required=True, data_key="MSGTYPE")
    session = Text(required=True, validate=SESSION, data_key="SESSIONID")


class NaloView(Schema):
    user = fields.String(data_key="USERID", metadata={"example": EXAMPLE["USERID"]})
    msisdn = fields.String(data_key="MSISDN", metadata={"example": EXAMPLE["MSISDN"]})
    message = fields.String(data_key="MSG", metadata={"example": "1 Transfert\n2 Retrait"})
    goes_on = fields.Boolean(data_key="MSGTYPE", metadata={"example": True})


@blueprint.route("/nalo")
class Nalo(MethodView):
    @gateway("ussd_nalo_key")
    @blueprint.arguments(NaloRequest(), example=EXAMPLE)
    @blueprint.response(200, NaloView)
    @blueprint.doc(security=GATEWAY)
    def post(self, payload: dict[str, Any]) -> Response:
        """The same for Nalo."""
        typed, number = ("", 0) if payload["dials"] else (payload["typed"], None)
        answer = ask("nalo", payload["session"], payload["msisdn"], typed, number)
        as_sent = request.json["MSISDN"]
        return jsonify(USERID=payload["user"], MSISDN=as_sent, MSG=answer.message, MSGTYPE=not answer.over)
