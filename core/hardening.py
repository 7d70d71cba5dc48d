"""What an installation refuses to start with, unless a setting allows it by name.

On one machine that only itself can reach, everything here is fine for a trial. Elsewhere it gives money away.
"""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import unquote, urlsplit

from core.environment import MIN_SECRET_CHARS, Env

SHARED_SECRETS = (
    "admin_token",
    "ussd_key",
    "ussd_africastalking_key",
    "ussd_hubtel_key",
    "ussd_infobip_key",
    "ussd_nalo_key",
)
"""The settings of secrets that a caller sends as they are."""

PUBLISHED = frozenset(
    {
        "not-a-secret",
        "trying-only-known-to-everybody-0123456789",
        "trying-only-known-to-everybody-pepper-0123",
    }
)
"""The secrets for trials that earlier releases came with: everybody can read them."""


def refusals(settings: Mapping[str, Any], env: Env) -> Iterator[str]:
    """Why these settings must not be used where others reach us, each as `NAME: what is wrong, and what allows it`.

    settings: by field. env: what they were read from.
    """
    if not settings["allow_published_secrets"]:
        for name in _published(settings):
            yield f"{name.upper()}: everybody knows this secret; make your own, or set ALLOW_PUBLISHED_SECRETS=1"
    if not settings["allow_short_secrets"]:
        for name in SHARED_SECRETS:
            if 0 < len(settings[name]) < MIN_SECRET_CHARS:
                yield (
                    f"{name.upper()}: must have at least {MIN_SECRET_CHARS} characters, so that nobody guesses it,"
                    " or set ALLOW_SHORT_SECRETS=1"
                )
    if not settings["allow_http_partners"]:
        for name, url in env.urls.items():
            reached = url.startswith("http://") and not is_loopback(urlsplit(url).hostname or "")
            if reached and name not in env.sandboxed:
                yield f"{name}: must begin with https://, or set ALLOW_HTTP_PARTNERS=1"
    if env.sandboxed and not settings["allow_sandbox"]:
        yield (
            f"{', '.join(env.sandboxed)}: no partner is named, and the sandbox would play it: it takes payments that"
            " nobody pays. Name your partners, or set ALLOW_SANDBOX=1 for a trial"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a host."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _published(settings: Mapping[str, Any]) -> Iterator[str]:
    for name in ("secret_key", "pin_pepper", *SHARED_SECRETS):
        if not PUBLISHED.isdisjoint(settings[name].split()):
            yield name
    for name in ("broker_url", "store_url"):
        if unquote(urlsplit(settings[name]).password or "") in PUBLISHED:
            yield name
