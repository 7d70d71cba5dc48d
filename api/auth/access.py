"""Decorators that declare who may call a route. The app does not start if a route declares nothing."""

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, g

from api.auth.callers import Caller, identify, identify_gateway, is_machine, is_open, ranks
from api.http.context import core
from api.http.errors import Forbidden
from api.limits import here, limits
from core.identity.people import Role

ANYONE = "anyone"
LIBRARY_ROUTES = frozenset({"api-docs.openapi_json", "swagger_ui.show"})
"""Routes of libraries, which cannot declare anything: the description of the API, for anyone."""

OPEN = ", open on one machine without ADMIN_TOKEN"
"""The end of a route's declared access: see `is_open` of `api.auth.callers`."""

P = ParamSpec("P")
R = TypeVar("R")


class SecondFactorNeeded(Forbidden):
    """Your role needs a second factor."""

    code = "second_factor_needed"


def anyone(view: Callable[P, R]) -> Callable[P, R]:
    """Anyone may call."""

    @wraps(view)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        limits().count(here())
        return view(*args, **kwargs)

    return _declared(counted, ANYONE)


def anyone_known(otherwise: Callable[[], str | None]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Anyone may call. A caller who is known has a place of their own when there are too many calls from the address.

    otherwise: says for whom such a call counts; None for an unknown caller.
    """

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def counted(*args: P.args, **kwargs: P.kwargs) -> R:
            limits().count(here(), otherwise)
            return view(*args, **kwargs)

        return _declared(counted, ANYONE)

    return declare


def anyone_or_key(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Anyone may call. What a machine asks for, with a key or a token that has this scope, is its own."""

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def known(*args: P.args, **kwargs: P.kwargs) -> R:
            if is_machine():
                found = identify()
                if scope in found.scopes:
                    g.caller = found
            limits().count(g.caller.id if "caller" in g else here())
            return view(*args, **kwargs)

        return _declared(known, f"{ANYONE}, known by scope {scope}")

    return declare


def signed_in(view: Callable[P, R]) -> Callable[P, R]:
    """People may call, with their bearer token. `person()` then returns the caller."""
    return _guarded(view, "signed in", lambda caller: caller.person is not None)


def for_role(role: Role, may_be_open: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """People of this role or a higher one may call, and the ADMIN_TOKEN if it is set.

    may_be_open: anyone may call while the installation is open.
    """
    return lambda view: _guarded(view, f"role {role}", lambda caller: ranks(caller, role), may_be_open)


def scoped(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Machine clients whose key has this scope may call, and operators; anyone while the installation is open."""

    return lambda view: _scoped(
        _guarded(view, f"scope {scope}", lambda caller: _has(caller, scope), may_be_open=True), scope
    )


def for_operator_or(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Operators may call, and machine clients whose key has this scope; never anyone."""
    return lambda view: _scoped(
        _guarded(view, f"role operator or scope {scope}", lambda caller: _has(caller, scope)), scope
    )


def gateway(setting: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A gateway with the key in this setting may call. On one machine without such a key, anyone may."""

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            identify_gateway(getattr(core().settings, setting))
            return view(*args, **kwargs)

        return _declared(guarded, f"gateway {setting}")

    return declare


def declared(app: Flask) -> Iterator[tuple[str, str]]:
    """Every route, as `METHOD rule`, and who may call it. Raises LookupError for one that does not declare it."""
    for rule in app.url_map.iter_rules():
        if rule.alias:
            continue  # it leads to the same view
        view: Any = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            handler = getattr(view.view_class, method.lower()) if hasattr(view, "view_class") else view
            access = ANYONE if rule.endpoint in LIBRARY_ROUTES else getattr(handler, "access", None)
            if access is None:
                raise LookupError(f"{method} {rule.rule} does not declare who may call it")
            yield f"{method} {rule.rule}", access


def _declared(view: Callable[P, R], access: str) -> Callable[P, R]:
    view.access = access  # type: ignore[attr-defined]
    return view


def _scoped(view: Callable[P, R], scope: str) -> Callable[P, R]:
    """The view, with the scope that the API's description names."""
    view.scope = scope  # type: ignore[attr-defined]
    return view


def _guarded(
    view: Callable[P, R], access: str, may: Callable[[Caller], bool], may_be_open: bool = False
) -> Callable[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not (may_be_open and is_open(core().settings.admin_token)):
            g.caller = identify()
            limits().count(g.caller.id)
            if not may(g.caller):
                raise _refusal(g.caller, access)
        else:
            limits().count(here())
        return view(*args, **kwargs)

    return _declared(guarded, access + OPEN * may_be_open)


def _refusal(caller: Caller, access: str) -> Forbidden:
    if caller.person is not None and caller.role is not caller.person.role:
        return SecondFactorNeeded("Your role needs a second factor: add one at /v1/auth/factor, and sign in with it.")
    return Forbidden(f"You are not allowed to do this. Required: {access}.")


def _has(caller: Caller, scope: str) -> bool:
    return scope in caller.scopes or ranks(caller, Role.OPERATOR)
