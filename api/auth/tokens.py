"""Bearer tokens of people: JSON Web Tokens (RFC 7519), signed by this installation."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import jwt
from flask import current_app

from core.clock import Clock

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "quittance"
LIFETIME_S = 3600
CLAIMS = ["exp", "iat", "iss", "aud", "sub"]


@dataclass(frozen=True)
class TokenClaims:
    """person: an id; epoch: the person's at the time; id: the token's own; two_factors: whether both were given."""

    person: str
    epoch: int
    id: str
    expires_at: datetime
    two_factors: bool = False


class Tokens:
    """keys: the first one signs; all of them verify, so that a key can be rotated."""

    def __init__(self, keys: list[str], clock: Clock) -> None:
        self._keys = {_kid(key): key for key in keys}
        self._signing = _kid(keys[0])
        self._clock = clock

    def issue(self, person: str, epoch: int = 0, *, two_factors: bool = False) -> str:
        """A token for LIFETIME_S seconds.

        person: an id; epoch: of the person, see `core.identity.people`; two_factors: whether both were given.
        """
        now = self._clock.now()
        claims = {
            "sub": person,
            "jti": secrets.token_hex(8),
            "epoch": epoch,
            "two": two_factors,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + timedelta(seconds=LIFETIME_S),
        }
        return jwt.encode(claims, self._keys[self._signing], ALGORITHM, headers={"kid": self._signing})

    def read(self, token: str) -> TokenClaims | None:
        """What a token says; None for one that is expired, foreign, altered or malformed."""
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
                expires, epoch = int(claims["exp"]), int(claims.get("epoch", 0))
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, TypeError, ValueError):
                return None
            valid = header.get("kid") == kid and self._clock.now().timestamp() < expires
            at = datetime.fromtimestamp(expires, UTC)
            if not valid:
                return None
            return TokenClaims(str(claims["sub"]), epoch, str(claims.get("jti", "")), at, claims.get("two") is True)
        return None


def tokens() -> Tokens:
    """The app's tokens."""
    found: Tokens = current_app.extensions["tokens"]
    return found


def _kid(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
