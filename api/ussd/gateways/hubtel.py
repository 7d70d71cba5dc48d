"""Hubtel: JSON whose `Sequence` numbers the messages of a session. Source: developers.hubtel.com, Programmable USSD."""

from typing import Any

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import EXCLUDE, Schema, fields, validate

from api.auth.access import gateway
from api.http.fields import Text, Whole
from api.ussd.gateways.common import GATEWAY, SESSION, InternationalCaller, ask, blueprint, end

DIALS = "Initiation"
OVER = ("Timeout", "Release")
FIRST_SEQUENCE = 1
"""That of the dial."""


class HubtelRequest(Schema):
    """`ClientState` is not read: it comes back from outside. The place in the menus is in our store."""

    class Meta:
        unknown = EXCLUDE

    kind = fields.String(required=True, data_key="Type", validate=validate.OneOf([DIALS, "Response", *OVER]))
    msisdn = InternationalCaller(required=True, data_key="Mobile")
    session = Text(required=True, validate=SESSION, data_key="SessionId")
    message = Text(required=True, data_key="Message")
    sequence = Whole(
        required=True,
        data_key="Sequence",
        validate=validate.Range(FIRST_SEQUENCE, 10_000),
        metadata={"description": "which message of the session this is, 1 for the dial: a repetition is known by it"},
    )


class HubtelView(Schema):
    session = fields.String(data_key="SessionId", metadata={"example": "7"})
    kind = fields.String(data_key="Type", validate=validate.OneOf(["response", "release"]))
    message = fields.String(data_key="Message", metadata={"example": "1 Transfert\n2 Retrait"})
    label = fields.String(data_key="Label", metadata={"example": "", "description": "empty"})
    state = fields.String(data_key="ClientState", metadata={"example": "", "description": "empty"})
    data = fields.String(data_key="DataType", validate=validate.OneOf(["input", "display"]))
    field = fields.String(data_key="FieldType", validate=validate.OneOf(["text"]))


@blueprint.route("/hubtel")
class Hubtel(MethodView):
    @gateway("ussd_hubtel_key")
    @blueprint.arguments(
        HubtelRequest(),
        example={"Type": DIALS, "Mobile": "2250707000001", "SessionId": "7", "Message": "*713#", "Sequence": 1},
    )
    @blueprint.response(200, HubtelView)
    @blueprint.doc(security=GATEWAY)
    def post(self, payload: dict[str, Any]) -> Response:
        """The same for Hubtel. `Initiation` dials; `Timeout` and `Release` end the session."""
        session, msisdn = payload["session"], payload["msisdn"]
        if payload["kind"] in OVER:
            answer = end("hubtel", session, msisdn)
        else:
            dials = payload["kind"] == DIALS
            typed, number = ("", 0) if dials else (payload["message"], payload["sequence"] - FIRST_SEQUENCE)
            answer = ask("hubtel", session, msisdn, typed, number)
        return jsonify(
            SessionId=session,
            Type="release" if answer.over else "response",
            Message=answer.message,
            Label="",
            ClientState="",
            DataType="display" if answer.over else "input",
            FieldType="text",
        )
