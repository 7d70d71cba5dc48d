"""Switching endpoints off, and saying so."""

from dataclasses import dataclass
from enum import Enum

import structlog
from prometheus_client import Counter

from core.notices.port import TellOperators, tell_nobody
from products.webhooks.endpoints import Endpoint, Endpoints

OFF = Counter("quittance_webhook_endpoints_off_total", "Endpoints that this installation has switched off", ["why"])

log = structlog.get_logger()


class Why(Enum):
    """Why an endpoint is switched off: in its `why_off`."""

    GONE = "it answered 410 Gone"
    FAILING = "no delivery has succeeded for five days"
    OWNER = "its owner may not hear this any more"


for each in Why:
    OFF.labels(each.name.lower())  # a 0 from the start: what is not there cannot be seen to rise


@dataclass(frozen=True)
class Switch:
    """Switches endpoints off, and says so where operators look."""

    endpoints: Endpoints
    tell_operators: TellOperators = tell_nobody

    def off(self, endpoint: Endpoint, why: Why) -> None:
        """Raises StoreUnavailable. Who dies in between does it again, and the operators get one notice."""
        self.tell_operators(
            "Quittance: a webhook endpoint is off",
            f"The endpoint {endpoint.id} of the client {endpoint.owner} was switched off: {why.value}.\n\n"
            "Its client gets no more events there. Once its receiver works, the client switches it on again:\n"
            f'PATCH /v1/webhooks/endpoints/{endpoint.id} {{"on": true}}. What failed before is sent again by\n'
            f"POST /v1/webhooks/endpoints/{endpoint.id}/recover.\n",
            f"webhook endpoint off {endpoint.id} {endpoint.version}",
        )
        self.endpoints.switch_off(endpoint.id, why.value)
        OFF.labels(why.name.lower()).inc()
        log.error("webhook_endpoint_off", endpoint=endpoint.id, client=endpoint.owner, why=why.name.lower())
