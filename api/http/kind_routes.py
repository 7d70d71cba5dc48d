"""The routes that most kinds of operations have: ask for one, list them, and follow one."""

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from flask import Response
from marshmallow import Schema

from api.auth.access import ANYONE
from api.http.answers import (
    ACCEPTED_HEADERS,
    ENDED,
    STATUS_HEADERS,
    ListQuery,
    answer_accepted,
    answer_page,
    answer_status,
    follow_url,
)
from api.http.blueprint import BEARER, IDEMPOTENCY_KEY, IF_NONE_MATCH, PREFER, UNCHANGED, Routes
from api.http.paging import list_view
from api.http.views import OperationView, base_view
from core.accept import Command
from core.contract import Contract, Request
from core.errors import NotFound
from core.operation import Operation

R = TypeVar("R", bound=Request)
Function = Callable[..., Response]
Add = Callable[[Function], Function]


class PaymentNotFound(NotFound):
    """There is no payment with this id."""

    code = "payment_not_found"


class KindRoutes(Generic[R]):
    """Adds the routes of one kind to a blueprint, with their descriptions. What they do is in the decorated functions.

    The first argument of each decorator says who may call: `anyone`, `signed_in`, `for_role(...)` or `scoped(...)`.
    """

    def __init__(
        self,
        blueprint: Routes,
        contract: Contract[R],
        view: type[OperationView],
        members: Callable[[Operation, R], dict[str, Any]],
        *,
        rule: str = "",
        plural: str = "payments",
        id_name: str = "payment_id",
        missing: type[NotFound] = PaymentNotFound,
    ) -> None:
        """Adds nothing yet.

        view: the schema of an answer about one operation.
        members: those of the view that OperationView does not have, from the operation and its request.
        rule: the path below the blueprint's prefix.
        plural: the name of the list in a page.
        id_name: the id's name in the path, and in the answer if the view has a field of this name.
        missing: raised for an id that no operation of the kind has, or none that the caller may see.
        """
        self._blueprint, self._contract, self._view, self._members = blueprint, contract, view, members
        self._rule, self._plural, self._id_name, self._missing = rule, plural, id_name, missing
        self._id_member = id_name if id_name in view().fields else "id"

    def on_post(self, may_call: Add, schema: Schema, example: Mapping[str, Any] | None = None) -> Add:
        """POST asks for an operation: the function gets what the schema loads, and returns `accept(...)`."""

        def add(function: Function) -> Function:
            view = self._blueprint.doc(parameters=[IDEMPOTENCY_KEY, PREFER])(function)
            view = self._blueprint.alt_response(200, schema=self._view, description=ENDED)(view)
            said = "Durable, and settled exactly once"
            view = self._blueprint.response(202, self._view, description=said, headers=ACCEPTED_HEADERS)(view)
            self._add("post", "POST", "", may_call, self._blueprint.arguments(schema, example=example)(view))
            return function

        return add

    def on_list(self, may_call: Add, query: type[ListQuery] = ListQuery) -> Add:
        """GET lists: the function gets what the query loads, and returns `page(...)`."""

        def add(function: Function) -> Function:
            name = f"{self._view.__name__.removesuffix('View')}sView"
            view = self._blueprint.response(200, list_view(name, **{self._plural: self._view}))(function)
            self._add("list", "GET", "", may_call, self._blueprint.arguments(query(), location="query")(view))
            return function

        return add

    def on_get(self, may_call: Add) -> Add:
        """GET of an id follows an operation: the function gets the id, and returns `status(...)`."""

        def add(function: Function) -> Function:
            view = self._blueprint.doc(parameters=[PREFER, IF_NONE_MATCH])(function)
            view = self._blueprint.alt_response(304, description=UNCHANGED)(view)
            view = self._blueprint.response(200, self._view, headers=STATUS_HEADERS)(view)
            self._add("get", "GET", f"/<{self._id_name}>", may_call, view)
            return function

        return add

    def accept(self, command: Command, check: Callable[[], None] | None = None) -> Response:
        """See `answer_accepted`."""
        return answer_accepted(command, self.show, self.url, check=check)

    def page(self, query: Mapping[str, Any], where: Mapping[str, str | None]) -> Response:
        """See `page_of`."""
        return answer_page(self._contract.kind, query, where, self._plural, self.show)

    def status(self, id: str, keep: Callable[[Operation], bool] = lambda _: True) -> Response:
        """See `answer_status`."""
        return answer_status(self._contract.kind, id, self.show, self._missing, keep=keep)

    def show(self, operation: Operation) -> dict[str, Any]:
        """The answer about an operation, before it is JSON."""
        shown = base_view(operation, self.url(operation))
        own = self._members(operation, self._contract.read(operation))
        return {self._id_member: shown.pop("id"), **own, **shown}

    def url(self, operation: Operation) -> str:
        """Where an operation is followed."""
        return follow_url(f"{self._blueprint.name}.get_{self._contract.kind}", **{self._id_name: operation.id})

    def _add(self, verb: str, method: str, rule: str, may_call: Add, view: Function) -> None:
        guarded: Any = may_call(view)
        if not guarded.access.startswith(ANYONE):
            guarded = self._blueprint.doc(security=BEARER)(guarded)
        endpoint = f"{verb}_{self._contract.kind}"
        self._blueprint.add_url_rule(self._rule + rule, endpoint, guarded, methods=[method])
