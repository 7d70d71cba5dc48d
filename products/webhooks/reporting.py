"""`callback_url`: where a client wants the events of one operation, besides its endpoints."""

from typing import Any

from api.auth.callers import caller_or_none, client, is_open
from api.http.context import core
from core.errors import InvalidField
from core.targets import Rules, TargetRefused, target_of
from products.webhooks.contract import WebhookSettings, rules
from products.webhooks.endpoints import Endpoints, State

FIELD = "callback_url"


def report_to(url: str | None) -> dict[str, Any] | None:
    """What an operation keeps of its `callback_url`: the endpoint whose secret signs, and the URL.

    Raises InvalidField unless the client has an endpoint of the same origin: a URL is called only where its client has
    shown that it may be.
    """
    if url is None:
        return None
    if WebhookSettings not in core().settings.sections:
        raise InvalidField(FIELD, "This installation has no webhooks.")
    if caller_or_none() is None and not is_open(core().settings.admin_token):
        raise InvalidField(FIELD, "Only a machine with a key may name one.")
    allowed = rules(core().settings)
    try:
        origin = target_of(url, allowed).origin
    except TargetRefused as error:
        raise InvalidField(FIELD, f"The URL {error}") from None
    for endpoint in core().of(Endpoints).of(client()):
        if endpoint.state is not State.OFF and _is_at(endpoint.url, origin, allowed):
            return {"endpoint": endpoint.id, "url": url}
    raise InvalidField(FIELD, "Not the scheme, host and port of one of your webhook endpoints that are on.")


def _is_at(url: str, origin: str, allowed: Rules) -> bool:
    try:
        return target_of(url, allowed).origin == origin
    except TargetRefused:  # the settings have changed since it was registered
        return False
