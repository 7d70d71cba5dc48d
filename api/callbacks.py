"""Callbacks of mobile-money operators: `/callbacks/<operator>/<token>`, and `/callbacks/<operator>` for signed ones.

The answer is 2xx for whatever is sent: most operators send it once, and none of them can mend it.
"""

from flask import Blueprint, Response, jsonify, request

from api.auth.access import anyone
from api.http.context import core
from core.callback_signatures import SIGNED
from core.callbacks import MAX_BODY_BYTES

blueprint = Blueprint("callbacks", __name__)


@blueprint.route("/callbacks/<operator>/<token>", methods=["POST", "PUT"])
@anyone
def receive(operator: str, token: str) -> Response:
    """Keep a callback as evidence, and have the operator asked now. Its token names the operation and the step."""
    core().callbacks.receive(operator, token, request.stream.read(MAX_BODY_BYTES))
    return _taken()


@blueprint.route("/callbacks/<operator>", methods=["POST", "PUT"])
@anyone
def receive_signed(operator: str) -> Response:
    """Keep a callback of an operator that knows one URL for all, and signs what it sends there."""
    body = request.stream.read(MAX_BODY_BYTES)
    for known in core().settings.operators.operators:
        if known.name == operator and known.dialect in SIGNED:
            header, read = SIGNED[known.dialect]
            reference = read(known.options, request.headers.get(header, ""), body, core().clock.now())
            if reference is not None:
                core().callbacks.keep(operator, reference, body)
    return _taken()


def _taken() -> Response:
    if request.method == "PUT":
        return Response(status=204)  # what the GSMA's API 1.2 asks for
    return jsonify(ResultCode=0, ResultDesc="Accepted")  # what M-Pesa asks for; others read the status alone
