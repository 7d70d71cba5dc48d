"""The secrets of an installation: from the settings, or made once by the embedded set-up."""

import hmac
from collections.abc import Sequence

from core.environment import MIN_SECRET_CHARS
from core.identity.passwords import get_or_create_secret
from core.private_files import make_private_folder, tighten
from core.settings import BadSettings, Settings


def signing_secrets(settings: Settings) -> list[str]:
    """SECRET_KEY: one, or several with spaces between. Raises BadSettings."""
    return _own(settings, "secret_key", "tokens of people and of callbacks are signed for several machines").split()


def pin_pepper(settings: Settings) -> str:
    """PIN_PEPPER. It can never be changed: every PIN would become wrong. Raises BadSettings."""
    return _own(settings, "pin_pepper", "PINs are kept for several machines")


def derived_keys(secrets: Sequence[str], purpose: str) -> tuple[str, ...]:
    """A key for one purpose from each secret. It tells nothing about the secret, or about keys of other purposes."""
    return tuple(hmac.new(secret.encode(), purpose.encode(), "sha256").hexdigest() for secret in secrets)


def _own(settings: Settings, name: str, why: str) -> str:
    """A secret setting. The embedded set-up makes its own, once."""
    given: str = getattr(settings, name)
    if given:
        return given
    if not settings.embedded:
        raise BadSettings(f"{name.upper()}: has to be set where {why}")
    path = settings.var_dir / name
    try:
        make_private_folder(settings.var_dir)
        secret = get_or_create_secret(path)
        tighten(path)
    except OSError as error:
        raise BadSettings(f"VAR_DIR cannot be used: {error}") from None
    if len(secret) < MIN_SECRET_CHARS:  # such as a file that lost its content with the power
        raise BadSettings(f"{path} is too short: restore it, or delete it for another one")
    return secret
