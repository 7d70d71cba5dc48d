"""Switching endpoints off, and saying so."""

from enum import Enum

import structlog
from prometheus_client import Counter

from products.webhooks.endpoints import Endpoint, Endpoints

OFF = Counter("quittance_webhook_endpoints_off_total", "Endpoints that this installation has switched off", ["why"])

log = structlog.get_logger()


class Why(Enum):
    """Why an endpoint is switched off: in its `why_off`."""

    GONE = "it answered 410 Gone"
    FAILING = "no delivery has succeeded for five days"
    OWNER = "its owner may not hear this any more"


def turn_off(endpoints: Endpoints, endpoint: Endpoint, why: Why) -> None:
    """Switches an endpoint off, and says so where operators look. Raises StoreUnavailable."""
    endpoints.switch_off(endpoint.id, why.value)
    OFF.labels(why.name.lower()).inc()
    log.error("webhook_endpoint_off", endpoint=endpoint.id, client=endpoint.owner, why=why.name.lower())
