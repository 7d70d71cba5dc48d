"""Operations of every kind, by what people ask for: `/v1/operations`."""

from typing import Any

from flask import Response, jsonify, request
from flask.views import MethodView
from marshmallow import fields, validate

from api.auth.access import for_operator_or
from api.auth.callers import owner
from api.http.answers import ListQuery
from api.http.blueprint import BEARER, Routes
from api.http.context import core
from api.http.examples import ID, ON_DEMAND
from api.http.fields import Moment, Phone, Text, read_moment
from api.http.money import Money
from api.http.paging import list_view, read_page
from api.http.views import MoneyView, TimelineEntry, base_view, money
from core.errors import InvalidField
from core.finding import Finder
from core.installed import SCOPE_ALL, SCOPE_READ
from core.listing import LOOKS, Listing, Question
from core.operation import Operation, Status, short_reference

blueprint = Routes(
    "operations",
    __name__,
    url_prefix="/v1/operations",
    description="Operations of every kind, by what you have of them",
)

ALONE = ("ref", "reference", "fine", "plate", "msisdn")
"""Filters that an index answers. Only one of them can be asked for at once."""


class OperationsQuery(ListQuery):
    kind = fields.String(load_default=None, metadata={"example": "fine_payment"})
    since = Moment(load_default=None, data_key="from", may_be_to_come=True)
    until = Moment(load_default=None, data_key="to", may_be_to_come=True)
    ref = fields.String(
        load_default=None,
        validate=validate.Regexp(r"^[0-9a-fA-F]{8}(?![\s\S])"),
        metadata={"description": "the reference that payers get", "example": "e717c316"},
    )
    reference = Text(
        load_default=None,
        validate=validate.Regexp(r"^[ -~]{1,255}(?![\s\S])"),
        metadata={"description": "an Idempotency-Key, a partner's id, or our reference at a partner"},
    )
    fine = fields.String(load_default=None, validate=validate.Regexp(r"^[ -~]{1,64}(?![\s\S])"))
    plate = Text(load_default=None, validate=validate.Length(1, 64))
    msisdn = Phone(load_default=None)
    partner = fields.String(
        load_default=None,
        validate=validate.Regexp(r"^[ -~]{1,64}(?![\s\S])"),
        metadata={"description": "the mobile-money operator", "example": "mtn-ci"},
    )
    expand = fields.String(
        load_default=None, validate=validate.OneOf(["timeline"]), metadata={"description": "adds the timeline"}
    )


class OperationItem(MoneyView):
    kind = fields.String(metadata={"example": "fine_payment"})
    short = fields.String(metadata={"description": "the reference that payers get", "example": ID[-8:]})
    operator = fields.String(allow_none=True, metadata={"example": "mtn-ci"})
    amount = Money(allow_none=True)
    currency = fields.String(allow_none=True, metadata={"example": "XOF"})
    status_url = fields.URL(allow_none=True)
    timeline = fields.List(
        fields.Nested(TimelineEntry), metadata={"description": "only with `expand=timeline`", ON_DEMAND: True}
    )


OperationsView = list_view("OperationsView", operations=OperationItem)


@blueprint.route("")
class Operations(MethodView):
    @for_operator_or(SCOPE_READ)
    @blueprint.arguments(OperationsQuery(), location="query")
    @blueprint.response(200, OperationsView)
    @blueprint.doc(security=BEARER)
    def get(self, query: dict[str, Any]) -> Response:
        """List operations of all kinds, newest first: all for operators, its own for a machine.

        At most one of `ref`, `reference`, `fine`, `plate` and `msisdn`. Without `kind`, messages and deliveries are
        left out. A page may be short, and still have a `next_cursor`.
        """
        finder = Finder(core().store, core().settings.installed.contracts)
        listing = Listing(finder, _question(finder, query))
        page, cursor = read_page(query, listing.find, lambda operation: operation.id, listing.keep, LOOKS)
        expanded = query["expand"] == "timeline"
        return jsonify(operations=[_view(finder, operation, expanded) for operation in page], next_cursor=cursor)


def _question(finder: Finder, query: dict[str, Any]) -> Question:
    """Raises InvalidField for an unknown kind, and for two filters of which one can be asked for at once."""
    if query["kind"] is not None and query["kind"] not in finder.contracts:
        raise InvalidField("kind", "Not a kind of operations here.")
    given = [name for name in ALONE if query[name] is not None]
    if len(given) > 1:
        raise InvalidField(given[1], f"Only one of {', '.join(given)} can be asked for at once.")
    sort = next((sort for sort in ("fine", "plate") if query[sort] is not None), None)
    return Question(
        kinds=(query["kind"],) if query["kind"] else (),
        status=Status(query["status"]) if query["status"] else None,
        since=read_moment(query["since"]) if query["since"] else None,
        until=read_moment(query["until"]) if query["until"] else None,
        short=query["ref"],
        names=finder.names_typed(query[sort], sort) if sort else (),
        reference=query["reference"],
        party=query["msisdn"],
        client=owner(SCOPE_ALL),
        operator=query["partner"],
    )


def _view(finder: Finder, operation: Operation, expanded: bool) -> dict[str, Any]:
    contract = finder.contracts[operation.kind]
    events = contract.status_events
    moved = events.money(contract.read(operation)) if events else None
    root = request.host_url.rstrip("/") if request.host else ""
    url = root + events.path.format(id=operation.id) if events else None
    view = base_view(operation, url or "")
    if not expanded:
        del view["timeline"]
    return {
        **view,
        **(money(*moved) if moved else {"amount": None, "currency": None}),
        "kind": operation.kind,
        "short": short_reference(operation.id),
        "operator": operation.operator,
        "status_url": url,
    }
