"""The desk's review: what waits for a person, and what they decide."""

from flask import Response, flash, redirect, request, url_for
from werkzeug.wrappers import Response as Answer

from api.auth.access import for_role
from api.auth.callers import client
from api.evidence import OperationNotFound
from api.http.context import core
from core.errors import QuittanceError
from core.finding import Finder
from core.identity.people import Role
from core.operation import Operation, Status
from core.store.port import OPERATIONS
from products.decisions.contract import DECISIONS, WAYS
from products.decisions.routes import REVIEWED, close, command_of, require_reviewed
from web.desk import shown
from web.desk.entry import Desk
from web.desk.screens import Panel
from web.languages import say, text
from web.pages import page

MOST = 200
MAX_REASON_CHARS = 280
WORDS = {
    "confirm": text("It happened: go on"),
    "decline": text("It did not happen: stop, and undo what was done"),
    "retry": text("It did not happen: send it again"),
    "refund": text("Stop, and give the money back"),
}

review = Desk("review", __name__)
BLUEPRINTS = (review,)


@review.show("/desk/review")
@for_role(Role.OPERATOR, may_be_open=True)
def queue() -> Response:
    """What waits for a person, the oldest first, and decisions that wait for a second one."""
    contracts, finder = core().settings.installed.contracts, _finder()
    found = [each for kind in contracts for status in REVIEWED for each in _some(kind, status)]
    found.sort(key=lambda each: (each.status is not Status.NEEDS_REVIEW, each.created_at))
    rows = [(shown.row(each, contracts[each.kind]), shown.waits_for(each)) for each in found]
    waiting = [(each, DECISIONS.read(each)) for each in _some(DECISIONS.kind, Status.OPEN)]
    about = {each.id: each for each in finder.load(request.about for _, request in waiting)}
    return page("review.html", rows=rows, waiting=waiting, about=about, mine=client(), words=WORDS)


@review.take("/desk/operations/<id>/decision")
@for_role(Role.OPERATOR)
def decide(id: str) -> Answer:
    """Decide about an operation, with a reason."""
    about = next(_finder().load([id]), None)
    if about is None:
        raise OperationNotFound(id=id)
    way, reason = request.form.get("decision", ""), request.form.get("reason", "").strip()
    if way not in WAYS or not 0 < len(reason) <= MAX_REASON_CHARS:
        return _back(
            id, say("Choose a decision, and give a reason of at most {most} characters.", most=MAX_REASON_CHARS)
        )
    try:
        require_reviewed(about)
        accepted = core().accept(command_of(about, way, reason)).operation
    except QuittanceError as error:
        return _back(id, error.message)
    if accepted.status is Status.OPEN:
        return _back(id, say("Kept. The amount needs a second person, who approves it at the review."))
    return _back(id, say("Decided. A worker applies it within seconds."))


@review.take("/desk/decisions/<id>/<answer>")
@for_role(Role.OPERATOR)
def second(id: str, answer: str) -> Answer:
    """Approve or reject what somebody else has decided."""
    reason = request.form.get("reason", "").strip()[:MAX_REASON_CHARS]
    try:
        close(id, None if answer == "approve" else reason or say("rejected at the desk"))
    except QuittanceError as error:
        flash(error.message)
    else:
        flash(say("Noted."))
    return redirect(url_for("review.queue"), 303)


def decision_panel(operation: Operation) -> Panel | None:
    """The form beside an operation that waits for a person."""
    if operation.status not in REVIEWED:
        return None
    return Panel("decision_panel.html", {"id": operation.id, "words": WORDS, "most": MAX_REASON_CHARS})


PANELS = (decision_panel,)


def _some(kind: str, status: Status) -> list[Operation]:
    found = core().store.find(OPERATIONS, {"kind": kind, "status": status.value}, limit=MOST)
    return [Operation.from_document(document) for document in found]


def _finder() -> Finder:
    return Finder(core().store, core().settings.installed.contracts)


def _back(id: str, said: str) -> Answer:
    flash(said)
    return redirect(url_for("desk.operation", id=id), 303)
