"""Bearer tokens of people: JSON Web Tokens (RFC 7519) that this installation signs and nobody else."""

import hashlib
from datetime import timedelta

import jwt

from core.clock import Clock
from core.passwords import made_once
from core.settings import SHORTEST_SECRET, BadSettings, Settings

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "quittance"
LIFETIME_S = 3600
CLAIMS = ["exp", "iat", "iss", "aud", "sub"]


class Tokens:
    """secrets: the first one signs; the others are still believed, so that a secret can be changed in peace."""

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
        """Whom the token is for; None for one that is expired, foreign, altered or no token at all."""
        try:
            secret = self._keys.get(str(jwt.get_unverified_header(token).get("kid")))
            if secret is None:
                return None
            # The clock is ours, not the library's.
            claims = jwt.decode(
                token,
                secret,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": CLAIMS, "verify_exp": False, "verify_iat": False},
            )
            expires = int(claims["exp"])
        except (jwt.InvalidTokenError, TypeError, ValueError):
            return None
        return str(claims["sub"]) if self._clock.now().timestamp() < expires else None


def signing_secrets(settings: Settings) -> list[str]:
    """SECRET_KEY: one, or several with spaces between. Raises BadSettings."""
    return _own(settings, "secret_key", "people's tokens are signed for several machines").split()


def pin_pepper(settings: Settings) -> str:
    """PIN_PEPPER, which can never be changed: every PIN would be wrong. Raises BadSettings."""
    return _own(settings, "pin_pepper", "PINs are kept for several machines")


def _own(settings: Settings, name: str, why: str) -> str:
    """A secret setting. The embedded set-up makes its own, once."""
    given: str = getattr(settings, name)
    if given:
        return given
    if not settings.embedded:
        raise BadSettings(f"{name.upper()}: has to be set where {why}")
    path = settings.var_dir / name
    try:
        settings.var_dir.mkdir(parents=True, exist_ok=True)
        secret = made_once(path)
    except OSError as error:
        raise BadSettings(f"VAR_DIR cannot be used: {error}") from None
    if len(secret) < SHORTEST_SECRET:  # such as a file that lost its content with the power
        raise BadSettings(f"{path} is too short: restore it, or delete it for another one")
    return secret


def _kid(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()[:8]
