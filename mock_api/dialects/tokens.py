"""Access tokens: they say what they are good for and until when, and are signed, so that no token is stored."""

import base64
import hashlib
import json
from collections.abc import Mapping

ALWAYS = "sandbox"
"""A token that every dialect accepts at any time, for trying by hand."""
WRONG = "wrong"
"""The user, secret, key or token that is never accepted."""


def issue(claims: Mapping[str, str], expires: float) -> str:
    """Returns a token.

    claims: what it is good for.
    expires: in seconds since 1970.
    """
    body = base64.urlsafe_b64encode(json.dumps([dict(claims), expires]).encode()).decode().rstrip("=")
    return f"{body}.{_signature(body)}"


def claims(token: str, now: float) -> dict[str, str] | None:
    """Returns the claims of a token, or None if it is expired or not ours."""
    body, _, signature = token.partition(".")
    if signature != _signature(body):
        return None
    try:
        content, expires = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except ValueError:
        return None
    return {str(name): str(value) for name, value in content.items()} if now < expires else None


def _signature(body: str) -> str:
    return hashlib.blake2b(body.encode(), digest_size=8, key=b"a sandbox needs no secret").hexdigest()
