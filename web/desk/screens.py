"""The screens of every desk: now, operations, one operation."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from flask import Response, request

from api.auth.access import for_role
from api.http.context import core
from core.backlog import read_backlog
from core.buckets import live_workers
from core.errors import NotFound
from core.finding import Finder
from core.identity.people import Role
from core.listing import LOOKS, Listing, Question
from core.operation import Operation, Status
from web.desk import shown
from web.desk.entry import Desk
from web.pages import page

PAGE = 50
MAX_TYPED_CHARS = 64

desk = Desk("desk", __name__)


class Panel(NamedTuple):
    """What a product shows beside an operation: a template, and what it gets as `panel`.

    `PANELS` of a product's pages has functions that return one for an operation, or None.
    """

    template: str
    values: Mapping[str, Any]


class OperationNotFound(NotFound):
    """There is no operation with this id."""

    code = "operation_not_found"


@desk.show("/desk")
@for_role(Role.OPERATOR, may_be_open=True)
def now() -> Response:
    """What has not ended, how old it is, workers and partners."""
    found = read_backlog(core().store, core().settings.installed.contracts, core().clock.now())
    return page(
        "now.html",
        waiting=[each for each in found.waiting if each.number],
        due=sum(each.due for each in found.due),
        overdue=sum(each.overdue for each in found.due),
        partners=sorted(core().partner_health.all().items()),
        workers=live_workers(core().store, core().clock.now()),
        notices=[text for notice in core().settings.installed.members("pages", "NOTICES") if (text := notice())],
    )


@desk.show("/desk/operations")
@for_role(Role.OPERATOR, may_be_open=True)
def operations() -> Response:
    """Operations, newest first: those that a text may mean, or all with filters."""
    typed = request.args.get("q", "").strip()[:MAX_TYPED_CHARS]
    finder, contracts = _finder(), core().settings.installed.contracts
    kind = request.args.get("kind", "") if request.args.get("kind", "") in contracts else ""
    status = request.args.get("status", "") if request.args.get("status", "") in set(Status) else ""
    after = None
    if typed:
        found = finder.find(typed, core().settings.phone_region, PAGE)
    else:
        question = Question(kinds=(kind,) if kind else (), status=Status(status) if status else None)
        found, after = _page(Listing(finder, question), request.args.get("after"))
    rows = [shown.row(each, contracts[each.kind]) for each in found]
    asked = {"q": typed, "kind": kind, "status": status}
    kinds, statuses = sorted(contracts), [each.value for each in Status]
    return page("operations.html", rows=rows, after=after, kinds=kinds, statuses=statuses, asked=asked)


@desk.show("/desk/operations/<id>")
@for_role(Role.OPERATOR, may_be_open=True)
def operation(id: str) -> Response:
    """One operation: what it waits for, what happened, what its partners said."""
    found = next(_finder().load([id]), None)
    if found is None:
        raise OperationNotFound
    contract = core().settings.installed.contracts[found.kind]
    panels = (panel(found) for panel in core().settings.installed.members("pages", "PANELS"))
    return page(
        "operation.html",
        row=shown.row(found, contract),
        waits_for=shown.waits_for(found),
        error=found.error,
        timeline=list(shown.timeline(found)),
        calls=list(shown.calls(found)),
        effects=list(shown.effects(found, contract)),
        request_text=shown.request_of(found),
        live=not found.terminal,
        panels=[panel for panel in panels if panel],
    )


def _finder() -> Finder:
    return Finder(core().store, core().settings.installed.contracts)


def _page(listing: Listing, after: str | None) -> tuple[list[Operation], str | None]:
    """One page, and the id after which the next begins; None for the last page."""
    found: list[Operation] = []
    for _ in range(LOOKS):
        looked = listing.find(PAGE, after)
        found += filter(listing.keep, looked)
        after = looked[-1].id if len(looked) == PAGE else None
        if after is None or len(found) >= PAGE:
            break
    return found, after
