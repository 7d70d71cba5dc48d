"""Who is calling, and who may. Every route declares it; what declares nothing is not served."""

import hmac
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, current_app, g, request

from api.errors import Problem
from api.tokens import Tokens
from core.api_keys import PREFIX, ApiKeys
from core.bootstrap import Core
from core.people import People, Person, Role

ANONYMOUS = "anonymous"
ADMIN_TOKEN = "admin-token"
LIBRARY_ROUTES = frozenset({"api-docs.openapi_json", "swagger_ui.show"})
"""Routes that libraries made, which cannot declare anything: the description of the API, for anyone."""

RANK = {Role.USER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Caller:
    """id: whose idempotency keys these are; person and role: None for a machine; scopes: what a machine may do."""

    id: str
    person: Person | None = None
    role: Role | None = None
    scopes: frozenset[str] = frozenset()


def anyone(view: Callable[P, R]) -> Callable[P, R]:
    """For everybody."""
    return _declared(view, "anyone")


def signed_in(view: Callable[P, R]) -> Callable[P, R]:
    """For people: needs the bearer token of one, who is `person()` then."""
    return _guarded(view, "signed in", lambda caller: caller.person is not None)


def for_role(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For people of this role and those above it, and for the ADMIN_TOKEN, where there is one."""
    return lambda view: _guarded(view, f"role {role}", lambda caller: _ranks(caller, role))


def scoped(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For machine clients whose key has this scope, and for operators. Open on the embedded default."""

    def may(caller: Caller) -> bool:
        return scope in caller.scopes or _ranks(caller, Role.OPERATOR)

    return lambda view: _guarded(view, f"scope {scope}", may, open_when_embedded=True)


def gateway(setting: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For a gateway that knows the secret of this setting. Open on the embedded default, when none is set."""

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            settings = current_app.extensions["core"].settings
            secret = getattr(settings, setting)
            given = request.headers.get("X-Gateway-Key", "")
            right = bool(secret) and hmac.compare_digest(given.encode(), secret.encode())
            if not right and (secret or not settings.embedded):
                wanted = {"WWW-Authenticate": "X-Gateway-Key"}
                raise Problem(401, "unauthorized", "This needs the gateway's X-Gateway-Key.", wanted)
            return view(*args, **kwargs)

        return _declared(guarded, f"gateway {setting}")

    return declare


def person() -> Person:
    """Who is signed in."""
    caller: Caller = g.caller
    assert caller.person is not None
    return caller.person


def client() -> str:
    """Whose idempotency keys these are. The unnamed share one set, so that a key holds from any address."""
    caller: Caller | None = g.get("caller")
    return caller.id if caller else ANONYMOUS


def declared(app: Flask) -> Iterator[tuple[str, str]]:
    """Every route, as `METHOD rule`, and who may call it. Raises LookupError for one that does not declare it."""
    for rule in app.url_map.iter_rules():
        view: Any = app.view_functions[rule.endpoint]
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            handler = getattr(view.view_class, method.lower()) if hasattr(view, "view_class") else view
            access = "anyone" if rule.endpoint in LIBRARY_ROUTES else getattr(handler, "access", None)
            if access is None:
                raise LookupError(f"{method} {rule.rule} does not declare who may call it")
            yield f"{method} {rule.rule}", access


def _declared(view: Callable[P, R], access: str) -> Callable[P, R]:
    view.access = access  # type: ignore[attr-defined]
    return view


def _guarded(
    view: Callable[P, R], access: str, may: Callable[[Caller], bool], open_when_embedded: bool = False
) -> Callable[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        core: Core = current_app.extensions["core"]
        if not (open_when_embedded and core.settings.embedded):
            g.caller = _identify(core)
            if not may(g.caller):
                insufficient = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}  # RFC 6750, section 3.1
                raise Problem(403, "forbidden", f"This is for others. Who may: {access}.", insufficient)
        return view(*args, **kwargs)

    return _declared(guarded, access)


def _ranks(caller: Caller, role: Role) -> bool:
    return caller.role is not None and RANK[caller.role] >= RANK[role]


def _identify(core: Core) -> Caller:
    """Raises Problem 401 for a caller whom we cannot tell (RFC 6750, section 3.1)."""
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer":
        raise Problem(401, "unauthorized", "This needs a bearer token.", {"WWW-Authenticate": "Bearer"})
    token = authorization.token or ""
    caller = _caller(core, token)
    if caller is None:
        raise Problem(
            401,
            "unauthorized",
            "This token is not valid, or no longer.",
            {"WWW-Authenticate": 'Bearer error="invalid_token"'},
        )
    return caller


def _caller(core: Core, token: str) -> Caller | None:
    if core.settings.admin_token and hmac.compare_digest(token.encode(), core.settings.admin_token.encode()):
        return Caller(ADMIN_TOKEN, role=Role.ADMIN)
    if token.startswith(PREFIX):
        key = ApiKeys(core.store, core.clock).look_up(token)
        return Caller(key.id, scopes=key.scopes) if key else None
    tokens: Tokens = current_app.extensions["tokens"]
    people: People = current_app.extensions["people"]
    id = tokens.read(token)
    found = people.get(id) if id else None
    return None if found is None or found.suspended else Caller(found.id, found, found.role)
