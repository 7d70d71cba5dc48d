"""Decisions about operations: `/v1/operations/<id>/decision`, and `/v1/decisions`."""

from dataclasses import replace
from typing import Any

from flask import Response
from marshmallow import Schema, fields, validate

from api.auth.access import for_role
from api.auth.callers import client
from api.evidence import OperationNotFound
from api.http.answers import ACCEPTED_HEADERS, ENDED, load
from api.http.blueprint import BEARER, IDEMPOTENCY_KEY, PREFER, Routes
from api.http.context import core
from api.http.examples import ID
from api.http.fields import Text
from api.http.kind_routes import KindRoutes
from api.http.views import OperationView
from core.accept import Command
from core.errors import Clash, Conflict, NotFound
from core.finding import Finder
from core.identity.people import Role
from core.ids import is_id
from core.operation import Operation, Status
from products.decisions.contract import DECISIONS, WAYS, DecisionRequest, DecisionsSettings, stuck_steps

REVIEWED = (Status.IN_DOUBT, Status.NEEDS_REVIEW)
SAME_WITHIN_S = 10
"""Without an idempotency key, the same decision within this time is a client that repeats it."""
MAX_TRIES = 5
REASON = validate.Length(1, 280)
EXAMPLE = {"decision": "confirm", "reason": "seen on the operator's statement"}

blueprint = Routes(
    "decisions",
    __name__,
    description="What people decide about operations that no machine can decide",
    bodyless=("decisions.approve_decision",),
    kinds=(DECISIONS.kind,),
)
BLUEPRINTS = (blueprint,)


class DecisionNotFound(NotFound):
    """There is no decision with this id."""

    code = "decision_not_found"


class NotInReview(Clash):
    """This operation waits for no person: it is neither in_doubt nor needs_review."""

    code = "not_in_review"


class DecisionNotWaiting(Clash):
    """This decision does not wait for a second person."""

    code = "decision_not_waiting"


class SamePersonDecides(Clash):
    """A decision has to be approved by somebody else than the one who has made it."""

    code = "second_decider_needed"


class DecisionForm(Schema):
    decision = fields.String(required=True, validate=validate.OneOf(WAYS))
    reason = Text(required=True, validate=REASON, metadata={"example": EXAMPLE["reason"]})


class DecisionRejectionForm(Schema):
    reason = Text(required=True, validate=REASON, metadata={"example": "it is not on the statement"})


class DecisionView(OperationView):
    about = fields.UUID(metadata={"description": "the operation"})
    decision = fields.String(metadata={"example": "confirm"})
    steps = fields.List(
        fields.String(metadata={"example": "debit"}), metadata={"description": "the stuck steps that it is about"}
    )
    explanation = fields.String(metadata={"description": "the reason that was given", "example": EXAMPLE["reason"]})
    requested_by = fields.String(metadata={"description": "the id of a person", "example": ID})
    decided_by = fields.String(allow_none=True, metadata={"description": "the second person"})
    rejection = fields.String(allow_none=True, metadata={"description": "why it was rejected", "example": None})


def _members(_: Operation, request: DecisionRequest) -> dict[str, Any]:
    return {
        "about": request.about,
        "decision": request.way,
        "steps": sorted(request.stuck),
        "explanation": request.reason,
        "requested_by": request.requested_by,
        "decided_by": request.decided_by,
        "rejection": request.rejection,
    }


decisions = KindRoutes(
    blueprint,
    DECISIONS,
    DecisionView,
    _members,
    rule="/v1/decisions",
    plural="decisions",
    id_name="decision_id",
    missing=DecisionNotFound,
)


@blueprint.route("/v1/operations/<id>/decision", methods=["POST"])
@for_role(Role.OPERATOR)
@blueprint.arguments(DecisionForm(), example=EXAMPLE)
@blueprint.response(202, DecisionView, description="It will be applied", headers=ACCEPTED_HEADERS)
@blueprint.alt_response(200, schema=DecisionView, description=ENDED)
@blueprint.doc(security=BEARER, parameters=[IDEMPOTENCY_KEY, PREFER])
def decide_operation(payload: dict[str, Any], id: str) -> Response:
    """Decide about an operation that is in doubt or needs a review, as `quittance review` does.

    Above the limit of its currency the decision stays `open` until a second person approves it.
    """
    about = next(_finder().load([id] if is_id(id) else []), None)
    if about is None:
        raise OperationNotFound(id=id)
    return decisions.accept(
        command_of(about, payload["decision"], payload["reason"]), check=lambda: require_reviewed(about)
    )


@decisions.on_list(for_role(Role.OPERATOR))
def find(query: dict[str, Any]) -> Response:
    """List decisions, newest first. With `status=open`, those that wait for a second person."""
    return decisions.page(query, {})


@decisions.on_get(for_role(Role.OPERATOR))
def get(decision_id: str) -> Response:
    """Show a decision, and whether it has been applied."""
    return decisions.status(decision_id)


@blueprint.route("/v1/decisions/<decision_id>/approve", methods=["POST"])
@for_role(Role.OPERATOR)
@blueprint.response(200, DecisionView)
@blueprint.doc(security=BEARER)
def approve_decision(decision_id: str) -> Response:
    """Approve a decision that somebody else has made."""
    close(decision_id, rejection=None)
    return decisions.status(decision_id)


@blueprint.route("/v1/decisions/<decision_id>/reject", methods=["POST"])
@for_role(Role.OPERATOR)
@blueprint.arguments(DecisionRejectionForm(), example={"reason": "it is not on the statement"})
@blueprint.response(200, DecisionView)
@blueprint.doc(security=BEARER)
def reject_decision(payload: dict[str, Any], decision_id: str) -> Response:
    """Reject a decision that waits. Nothing is changed."""
    close(decision_id, rejection=payload["reason"])
    return decisions.status(decision_id)


def command_of(about: Operation, way: str, reason: str) -> Command:
    """The caller's decision about an operation."""
    request = DecisionRequest(about.id, way, reason, stuck_steps(about), client())
    return Command(
        DECISIONS.kind,
        request.to_json(),
        client(),
        subject=about.id,
        repeatable=True,
        same_within_s=SAME_WITHIN_S,
        opens=_needs_approval(about),
    )


def _finder() -> Finder:
    return Finder(core().store, core().settings.installed.contracts)


def require_reviewed(about: Operation) -> None:
    if about.status not in REVIEWED:
        raise NotInReview


def _needs_approval(about: Operation) -> bool:
    """Whether a second person has to approve, because of the money that the operation moves."""
    moved = [effect for effect in _finder().contracts[about.kind].effects(about) if effect.minor]
    largest = max(moved, key=lambda effect: effect.minor, default=None)
    limits = core().settings.of(DecisionsSettings)
    return largest is not None and limits.needs_approval(largest.minor, largest.currency)


def close(id: str, rejection: str | None) -> None:
    """Closes a waiting decision. Raises DecisionNotFound, DecisionNotWaiting, SamePersonDecides."""
    for _ in range(MAX_TRIES):
        operation = load(DECISIONS.kind, id, DecisionNotFound)
        request = DECISIONS.read(operation)
        if operation.status is not Status.OPEN:
            raise DecisionNotWaiting
        if rejection is None and request.requested_by == client():
            raise SamePersonDecides
        closed = replace(request, decided_by=client(), rejected=rejection is not None, rejection=rejection)
        try:
            core().close_operation(operation, closed.to_json())
        except Conflict:
            continue
        return
    raise DecisionNotWaiting
