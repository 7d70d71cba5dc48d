"""Bearer tokens of people: JSON Web Tokens (RFC 7519), signed by this installation."""

import hashlib
from datetime import timedelta

import jwt
from flask import current_app

from core.clock import Clock

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "quittance"
LIFETIME_S = 3600
CLAIMS = ["exp", "iat", "iss", "aud", "sub"]


class Tokens:
    """secrets: the first one signs; all of them verify, so that a secret can be rotated."""

    def __init__(self, secrets: list[str], clock: Clock) -> None:
        self._keys = {_kid(secret): secret for secret in secrets}
        self._signing = _kid(secrets[0])
        self._clock = clock

    def issue(self, person: str) -> str:
        """A token for LIFETIME_S seconds. person: an id."""
        now = self._clock.now()
        claims = {
            "sub": person,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + timedelta(seconds=LIFETIME_S),
        }
        return jwt.encode(claims, self._keys[self._signing], ALGORITHM, headers={"kid": self._signing})

    def read(self, token: str) -> str | None:
        """The id of the token's person; None for a token that is expired, foreign, altered or malformed."""
        # The first key is nearly always the right one. Reading the header first would parse every token twice.
        for kid, secret in self._keys.items():
            try:
                # The clock is ours, not the library's.
                read = jwt.decode_complete(
                    token,
                    secret,
                    algorithms=[ALGORITHM],
                    audience=AUDIENCE,
                    issuer=ISSUER,
                    options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
                )
                header, claims = read["header"], read["payload"]
                expires = int(claims["exp"])
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, TypeError, ValueError):
                return None
            valid = header.get("kid") == kid and self._clock.now().timestamp() < expires
            return str(claims["sub"]) if valid else None
        return None


def tokens() -> Tokens:
    """The app's tokens."""
    found: Tokens = current_app.extensions["tokens"]
    return found


def _kid(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
