"""Authentication and authorisation. Every route declares who may call it; the app does not start otherwise."""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, g, request

from api.auth.tokens import TokenClaims, tokens
from api.http.context import core
from api.http.errors import Forbidden, Unauthenticated
from api.limits import here, limits
from core.identity.api_keys import PREFIX
from core.identity.people import Person, Role
from core.operation import Operation

ANONYMOUS = "anonymous"
ANYONE = "anyone"
ADMIN_TOKEN = "admin-token"
ACTING_FOR = "X-Acting-For"
"""The header with the name of the person who uses the ADMIN_TOKEN. The security log shows it."""
LIBRARY_ROUTES = frozenset({"api-docs.openapi_json", "swagger_ui.show"})
"""Routes of libraries, which cannot declare anything: the description of the API, for anyone."""

OPEN = ", open on one machine without ADMIN_TOKEN"
"""The end of a route's declared access: see `_is_open`."""

NEEDS_KEY = "This request needs the gateway's X-Gateway-Key."

RANK = {Role.USER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}

P = ParamSpec("P")
R = TypeVar("R")


class SecondFactorNeeded(Forbidden):
    """Your role needs a second factor."""

    code = "second_factor_needed"


@dataclass(frozen=True)
class Caller:
    """The authenticated caller.

    id: the owner of idempotency keys.
    person, role: None for a machine.
    scopes, topics: what a machine may do, and patterns of the topics that it may use.
    token: what the person's token says.
    """

    id: str
    person: Person | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()
    topics: tuple[str, ...] = ()
    token: TokenClaims | None = None


def anyone(view: Callable[P, R]) -> Callable[P, R]:
    """Anyone may call."""

    @wraps(view)
    def counted(*args: P.args, **kwargs: P.kwargs) -> R:
        limits().count(here())
        return view(*args, **kwargs)

    return _declared(counted, ANYONE)


def anyone_or_key(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Anyone may call. What a machine asks for, with a key that has this scope, is its own."""

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def known(*args: P.args, **kwargs: P.kwargs) -> R:
            authorization = request.authorization
            if authorization is not None and (authorization.token or "").startswith(PREFIX):
                found = _identify()
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
    return lambda view: _guarded(view, f"role {role}", lambda caller: _ranks(caller, role), may_be_open)


def scoped(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Machine clients whose key has this scope may call, and operators; anyone while the installation is open."""

    return lambda view: _guarded(view, f"scope {scope}", lambda caller: _has(caller, scope), may_be_open=True)


def for_operator_or(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Operators may call, and machine clients whose key has this scope; never anyone."""
    return lambda view: _guarded(view, f"role operator or scope {scope}", lambda caller: _has(caller, scope))


def gateway(setting: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A gateway that knows the secret of this setting may call; anyone while it is not set on one machine."""

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            secret = getattr(core().settings, setting)
            given = request.headers.get("X-Gateway-Key", "")
            if not _is_open(secret):
                with limits().guess(given):
                    if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
                        raise Unauthenticated(NEEDS_KEY, challenge="X-Gateway-Key")
            return view(*args, **kwargs)

        return _declared(guarded, f"gateway {setting}")

    return declare


def person() -> Person:
    """The signed-in person."""
    found = caller().person
    assert found is not None
    return found


def caller() -> Caller:
    """The caller of a route that not everybody may call."""
    found: Caller = g.caller
    return found


def caller_or_none() -> Caller | None:
    """Who calls; None for anyone, where anyone may call, or while the installation is open."""
    found: Caller | None = g.get("caller")
    return found


def client() -> str:
    """The owner of idempotency keys. Anonymous clients share one set, so that a key holds from any address."""
    known = caller_or_none()
    return known.id if known else ANONYMOUS


def owner(everything: str) -> str | None:
    """The client whose operations the caller may see; None: those of all clients.

    everything: the scope of keys that see what other clients have made. Operators see all, and so does everybody while
        the installation is open.
    """
    known = caller_or_none()
    if known is None:
        return None if _is_open(core().settings.admin_token) else ANONYMOUS
    return None if everything in known.scopes or _ranks(known, Role.OPERATOR) else known.id


def seen_by_caller(everything: str) -> Callable[[Operation], bool]:
    """Whether the caller may see an operation. everything: see `owner`."""
    whose = owner(everything)
    return lambda operation: whose is None or operation.client == whose


def is_operator() -> bool:
    """Whether the caller is an operator, or ranks higher; on a route for anyone, by the token if they send one."""
    known = caller_or_none()
    if known is None and request.authorization is not None and request.authorization.type == "bearer":
        known = _caller(request.authorization.token or "")
    return known is not None and _ranks(known, Role.OPERATOR)


def declared(app: Flask) -> Iterator[tuple[str, str]]:
    """Every route, as `METHOD rule`, and who may call it. Raises LookupError for one that does not declare it."""
    for rule in app.url_map.iter_rules():
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


def _guarded(
    view: Callable[P, R], access: str, may: Callable[[Caller], bool], may_be_open: bool = False
) -> Callable[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if not (may_be_open and _is_open(core().settings.admin_token)):
            g.caller = _identify()
            limits().count(g.caller.id)
            if not may(g.caller):
                raise _refusal(g.caller, access)
        else:
            limits().count(here())
        return view(*args, **kwargs)

    return _declared(guarded, access + OPEN * may_be_open)


def _is_open(secret: str) -> bool:
    """The one rule: while the installation may be open, a route is so until the secret that guards it is set."""
    return core().settings.open and not secret


def _refusal(caller: Caller, access: str) -> Forbidden:
    if caller.person is not None and caller.role is not caller.person.role:
        return SecondFactorNeeded("Your role needs a second factor: add one at /v1/auth/factor, and sign in with it.")
    return Forbidden(f"You are not allowed to do this. Required: {access}.")


def _has(caller: Caller, scope: str) -> bool:
    return scope in caller.scopes or _ranks(caller, Role.OPERATOR)


def _ranks(caller: Caller, role: Role) -> bool:
    return caller.role is not None and RANK[caller.role] >= RANK[role]


def _identify() -> Caller:
    """Raises Unauthenticated for an unknown caller (RFC 6750, section 3.1), and TooManyRequests for one who guesses."""
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer":
        raise Unauthenticated
    token = authorization.token or ""
    with limits().guess(token):
        known = _caller(token)
        if known is None:
            raise Unauthenticated(
                "This token is not valid, or has expired, or is not good from this address.",
                challenge='Bearer error="invalid_token"',
            )
    return known


def _caller(token: str) -> Caller | None:
    admin_token = core().settings.admin_token
    if admin_token and hmac.compare_digest(token.encode(), admin_token.encode()):
        return Caller(ADMIN_TOKEN, role=Role.ADMIN)
    if token.startswith(PREFIX):
        key = core().api_keys.look_up(token, request.remote_addr or "")
        return Caller(key.client, scopes=key.scopes, topics=key.grant.topics) if key else None
    claims = tokens().read(token)
    found = core().people.get(claims.person) if claims else None
    if claims is None or found is None or found.suspended:
        return None
    if claims.epoch != found.epoch or claims.id in found.ended_tokens:
        return None
    trusted = claims.two_factors or not core().settings.require_second_factor
    return Caller(found.id, found, found.role if trusted else Role.USER, token=claims)
