"""Who is calling."""

import hmac
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import current_app, request

from api.errors import Problem

ANONYMOUS = "anonymous"

P = ParamSpec("P")
R = TypeVar("R")


def operator_only(view: Callable[P, R]) -> Callable[P, R]:
    """For the operator's eyes: needs `Authorization: Bearer ADMIN_TOKEN`. Without an ADMIN_TOKEN nobody is let in."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        expected = current_app.extensions["core"].settings.admin_token
        authorization = request.authorization
        given = (authorization.token or "") if authorization and authorization.type == "bearer" else ""
        if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
            raise Problem(401, "unauthorized", "This needs the operator's token.", {"WWW-Authenticate": "Bearer"})
        return view(*args, **kwargs)

    return guarded


def scoped(scope: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """For machine clients that have this scope. Open on the embedded default; elsewhere for the operator's token."""

    def declare(view: Callable[P, R]) -> Callable[P, R]:
        for_operator = operator_only(view)

        @wraps(view)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            embedded = current_app.extensions["core"].settings.embedded
            return view(*args, **kwargs) if embedded else for_operator(*args, **kwargs)

        guarded.scope = scope  # type: ignore[attr-defined]
        return guarded

    return declare


def client() -> str:
    """Whose idempotency keys these are. The unnamed share one set, so that a key holds from any address."""
    return ANONYMOUS
