"""Webhooks that come from Quittance: verified, and typed. Needs `pip install quittance-client[webhooks]`."""

from collections.abc import Mapping
from typing import Any, TypedDict

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from quittance_client.answers import read

__all__ = ["Received", "WebhookVerificationError", "verify"]


class Received(TypedDict):
    """type: such as `payment.succeeded`; data: with the id, the status and the version of the operation."""

    type: str
    timestamp: str
    data: dict[str, Any]


def verify(secret: str, headers: Mapping[str, str], body: bytes) -> Received:
    """The event of a request, if its signature is good and not older than five minutes.

    secret: of the endpoint, `whsec_…`.
    headers: all of the request; body: its bytes as they came.
    Raises WebhookVerificationError.
    """
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
        event: Received = read(body)
    except ValueError as error:  # the library raises it for a malformed signature
        raise WebhookVerificationError("Not well-formed") from error
    return event
