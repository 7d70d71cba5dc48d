"""Identifies the caller: a person, a machine, a gateway, or an unknown caller."""

import hmac
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from flask import g, request

from api.auth.tokens import MachineClaims, TokenClaims, is_machines, tokens
from api.http.context import core
from api.http.errors import Unauthenticated
from api.limits import GUESSES, KEYS, limits
from core.environment import MIN_SECRET_CHARS
from core.identity.api_keys import PREFIX, ApiKey, looks_like_key
from core.identity.people import Person, Role
from core.operation import Operation
from core.settings import ADMIN_TOKEN, ANONYMOUS

ACTING_FOR = "X-Acting-For"
"""The header with the name of the person who uses the ADMIN_TOKEN. The security log shows it."""
NEEDS_KEY = "This request needs the gateway's X-Gateway-Key."

RANK = {Role.USER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


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


ADMIN = Caller(ADMIN_TOKEN, role=Role.ADMIN)


def identify() -> Caller:
    """Raises Unauthenticated for an unknown caller (RFC 6750, section 3.1), and TooManyRequests for one who guesses."""
    authorization = request.authorization
    if authorization is None or authorization.type != "bearer":
        raise Unauthenticated
    return _known_by(authorization.token or "")


def _known_by(token: str) -> Caller:
    """The caller with this bearer token. Raises Unauthenticated and TooManyRequests."""
    admin_token = core().settings.admin_token
    is_admin = bool(admin_token) and hmac.compare_digest(token.encode(), admin_token.encode())
    if is_admin and len(admin_token) >= MIN_SECRET_CHARS:
        return ADMIN  # nobody guesses it: so nobody's guesses keep out who has it
    claims = None if is_admin or token.startswith(PREFIX) else tokens().read(token)
    with limits().guess(token, KEYS if looks_like_key(token) else GUESSES, signed=claims is not None):
        known = ADMIN if is_admin else _looked_up(token, claims)
        if known is None:
            raise Unauthenticated(
                "This token is not valid, or has expired, or is not good from this address.",
                challenge='Bearer error="invalid_token"',
            )
    return known


def _looked_up(token: str, claims: TokenClaims | MachineClaims | None) -> Caller | None:
    """The caller with this key, or with a token that says this; None for an unknown one."""
    address = request.remote_addr or ""
    if token.startswith(PREFIX):
        key = core().api_keys.look_up(token, address)
        return _machine(key, key.scopes) if key else None
    if isinstance(claims, MachineClaims):
        key = core().api_keys.valid(claims.digest, address)
        return _machine(key, key.scopes & claims.scopes) if key and key.id == claims.key else None
    found = core().people.get(claims.person) if claims else None
    if claims is None or found is None or found.suspended:
        return None
    if claims.epoch != found.epoch or claims.id in found.ended_tokens:
        return None
    trusted = claims.two_factors or not core().settings.require_second_factor
    return Caller(found.id, found, found.role if trusted else Role.USER, token=claims)


def is_machine() -> bool:
    """Whether the request shows a machine's key or token, valid or not."""
    authorization = request.authorization
    token = (authorization.token or "") if authorization is not None else ""
    return token.startswith(PREFIX) or is_machines(token)


def identify_gateway(secret: str) -> None:
    """Checks the gateway's key. Without a secret, anyone passes while the installation is open.

    Raises Unauthenticated for a wrong key, and TooManyRequests for one who guesses.
    """
    if is_open(secret):
        return
    given = request.headers.get("X-Gateway-Key", "")
    with limits().guess(given):
        if not secret or not hmac.compare_digest(given.encode(), secret.encode()):
            raise Unauthenticated(NEEDS_KEY, challenge="X-Gateway-Key")


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
    """The caller, if the route identified one. A route for anyone does not, nor does an open installation."""
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
        return None if is_open(core().settings.admin_token) else ANONYMOUS
    return None if everything in known.scopes or ranks(known, Role.OPERATOR) else known.id


def seen_by_caller(everything: str) -> Callable[[Operation], bool]:
    """Whether the caller may see an operation. everything: see `owner`."""
    whose = owner(everything)
    return lambda operation: whose is None or operation.client == whose


def is_operator() -> bool:
    """Whether the caller is an operator, or ranks higher; on a route for anyone, by the token if they send one.

    A wrong token is a guess there as everywhere. Raises TooManyRequests.
    """
    known = caller_or_none() or known_by_token()
    return known is not None and ranks(known, Role.OPERATOR)


def known_by_token() -> Caller | None:
    """The caller with the token of a request to a route for anyone; None for a wrong token. Raises TooManyRequests."""
    with suppress(Unauthenticated):
        return identify()
    return None


def is_open(secret: str) -> bool:
    """The one rule: while the installation may be open, a route is so until the secret that guards it is set."""
    return core().settings.open and not secret


def ranks(caller: Caller, role: Role) -> bool:
    """Whether the caller has this role or a higher one."""
    return caller.role is not None and RANK[caller.role] >= RANK[role]


def _machine(key: ApiKey, scopes: frozenset[str]) -> Caller:
    return Caller(key.client, scopes=scopes, topics=key.grant.topics)
