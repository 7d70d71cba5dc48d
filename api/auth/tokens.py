"""Bearer tokens of people and of machines: JSON Web Tokens (RFC 7519), signed by this installation."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
from flask import current_app

from core.clock import Clock

ALGORITHM = "HS256"
ISSUER = "quittance"
PEOPLE, MACHINES = "quittance", "quittance machines"
"""The audiences. A token has exactly one: it is a person's or a machine's, and never both."""
MACHINE_TYPE = "at+jwt"
"""`typ` in the header of a machine's token (RFC 9068, section 2.1). A person's has `JWT`."""
LIFETIME_S = 3600
"""The lifetime of a person's token."""
MACHINE_LIFETIME_S = 900
CLAIMS = ["exp", "iat", "iss", "aud", "sub"]


@dataclass(frozen=True)
class TokenClaims:
    """person: an id; epoch: the person's at the time; id: the token's own; two_factors: whether both were given."""

    person: str
    epoch: int
    id: str
    expires_at: datetime
    two_factors: bool = False


@dataclass(frozen=True)
class MachineClaims:
    """key: an id; digest: the key's, by which the store has it; scopes: those that the token was asked for."""

    key: str
    digest: str
    scopes: frozenset[str]


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
        return self._signed({"sub": person, "epoch": epoch, "two": two_factors, "aud": PEOPLE}, LIFETIME_S, "JWT")

    def issue_to_machine(self, client: str, claims: MachineClaims, lifetime_s: int = MACHINE_LIFETIME_S) -> str:
        """A token for a machine (RFC 9068). client: the owner of what is asked with it; lifetime_s: seconds."""
        said = {"sub": client, "client_id": claims.key, "key": claims.digest, "scope": " ".join(sorted(claims.scopes))}
        return self._signed({**said, "aud": MACHINES}, lifetime_s, MACHINE_TYPE)

    def read(self, token: str) -> TokenClaims | MachineClaims | None:
        """What a token says; None for one that is expired, foreign, altered or malformed."""
        # The first key is nearly always the right one. Reading the header first would parse every token twice.
        for kid, secret in self._keys.items():
            try:
                # The clock is ours, not the library's.
                read = jwt.decode_complete(
                    token,
                    secret,
                    algorithms=[ALGORITHM],
                    audience=[PEOPLE, MACHINES],
                    issuer=ISSUER,
                    options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
                )
                header, claims = read["header"], read["payload"]
                expires = int(claims["exp"])
                known = _known(header.get("typ"), claims, datetime.fromtimestamp(expires, UTC))
            except jwt.InvalidSignatureError:
                continue
            except (jwt.InvalidTokenError, KeyError, OverflowError, TypeError, ValueError):
                return None
            return known if header.get("kid") == kid and self._clock.now().timestamp() < expires else None
        return None

    def _signed(self, claims: Mapping[str, Any], lifetime_s: int, type: str) -> str:
        now = self._clock.now()
        common = {"iss": ISSUER, "jti": secrets.token_hex(8), "iat": now, "exp": now + timedelta(seconds=lifetime_s)}
        headers = {"kid": self._signing, "typ": type}
        return jwt.encode({**claims, **common}, self._keys[self._signing], ALGORITHM, headers=headers)


def tokens() -> Tokens:
    """The app's tokens."""
    found: Tokens = current_app.extensions["tokens"]
    return found


def is_machines(token: str) -> bool:
    """Whether a token says that it is a machine's, valid or not. Nothing of it is checked."""
    try:
        return jwt.get_unverified_header(token).get("typ") == MACHINE_TYPE
    except jwt.InvalidTokenError:
        return False


def _known(type: Any, claims: Mapping[str, Any], expires_at: datetime) -> TokenClaims | MachineClaims | None:
    """The claims of either kind; None for a mixture. Raises KeyError, TypeError and ValueError for malformed ones."""
    if type == MACHINE_TYPE and claims["aud"] == MACHINES:
        return MachineClaims(str(claims["client_id"]), str(claims["key"]), frozenset(str(claims["scope"]).split()))
    if type == "JWT" and claims["aud"] == PEOPLE:
        epoch, two_factors = int(claims.get("epoch", 0)), claims.get("two") is True
        return TokenClaims(str(claims["sub"]), epoch, str(claims.get("jti", "")), expires_at, two_factors)
    return None


def _kid(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
