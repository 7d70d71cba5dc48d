"""What partners said about an operation, for operators: `/v1/operations/<id>`."""

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import Schema, fields

from api.auth.access import for_role
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.examples import ID
from core.errors import NotFound
from core.identity.people import Role
from core.ids import is_id
from core.operation import Operation, Status
from core.steps import StepRecord, StepState, text_of
from core.store.port import OPERATIONS

blueprint = Routes(
    "evidence", __name__, url_prefix="/v1/operations", description="Every call of a partner, as evidence"
)


class OperationNotFound(NotFound):
    """There is no operation with this id."""

    code = "operation_not_found"


class CallEvidence(Schema):
    at = fields.DateTime(metadata={"description": "when the call began"})
    took_ms = fields.Integer(metadata={"example": 740})
    verb = fields.String(metadata={"description": "submit or enquire", "example": "submit"})
    reply = fields.String(metadata={"description": "what we understood", "example": "unknown"})
    said = fields.Dict(metadata={"description": "the partner's own words, phones masked", "example": {"http": 504}})


class StepEvidence(Schema):
    name = fields.String(metadata={"example": "debit"})
    reference = fields.String(metadata={"example": "0197…:debit"})
    state = fields.Enum(StepState, by_value=True, metadata={"example": "submitted"})
    attempts = fields.Integer()
    enquiries = fields.Integer()
    submitted_at = fields.DateTime(allow_none=True)
    next_at = fields.DateTime(allow_none=True, metadata={"description": "when the next call is due"})
    result = fields.Dict(metadata={"description": "what the partner gave, such as its own id"})
    last_error = fields.String(allow_none=True, metadata={"example": "no usable answer (HTTP 504)"})
    calls = fields.List(fields.Nested(CallEvidence), metadata={"description": "the first and the last of them"})


class EvidenceView(Schema):
    id = fields.String(metadata={"example": ID})
    kind = fields.String(metadata={"example": "fine_payment"})
    status = fields.Enum(Status, by_value=True, metadata={"example": "in_doubt"})
    operator = fields.String(
        allow_none=True, metadata={"description": "the mobile-money operator", "example": "mtn-ci"}
    )
    steps = fields.List(fields.Nested(StepEvidence))


@blueprint.route("/<id>")
class Evidence(MethodView):
    @for_role(Role.OPERATOR)
    @blueprint.response(200, EvidenceView)
    @blueprint.doc(security=BEARER)
    def get(self, id: str) -> Response:
        """Show each step of an operation, the calls of its partner, and what the partner said."""
        document = core().store.get(OPERATIONS, id) if is_id(id) else None
        if document is None:
            raise OperationNotFound(id=id)
        operation = Operation.from_document(document)
        return jsonify(
            id=operation.id,
            kind=operation.kind,
            status=operation.status.value,
            operator=operation.operator,
            steps=[_step(name, record) for name, record in operation.steps.items()],
        )


def _step(name: str, record: StepRecord) -> dict[str, object]:
    return {
        "name": name,
        "reference": record.reference,
        "state": record.state.value,
        "attempts": record.attempts,
        "enquiries": record.enquiries,
        "submitted_at": text_of(record.submitted_at),
        "next_at": text_of(record.next_at),
        "result": record.result,
        "last_error": record.last_error,
        "calls": [call.to_document() for call in record.calls],
    }
