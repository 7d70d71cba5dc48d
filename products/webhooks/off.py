"""Switching endpoints off, and saying so."""

from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import structlog
from prometheus_client import Counter

from core.clock import Clock
from core.errors import IdempotencyKeyReused, TooManyAttempts
from core.identity.windows import Window, count_all
from core.notices.port import TellOperators, tell_nobody
from core.store.port import Store
from products.webhooks.endpoints import Endpoint, Endpoints, State

NOTICES_OF_CLIENT, DAY_S = 3, 86_400
"""A client that switches its endpoint on again and again has no operator's mailbox filled."""
NOTICES_OF_ALL, HOUR_S = 20, 3_600

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

    store: Store
    clock: Clock
    tell_operators: TellOperators = tell_nobody

    @cached_property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.store, self.clock)

    def off(self, endpoint: Endpoint, why: Why) -> None:
        """Raises StoreUnavailable. Who dies in between does it again, and the operators get one notice.

        Where its client has switched it off or deleted it meanwhile, there is nothing to say.
        """
        now = self.endpoints.get(endpoint.id)
        if now is None or now.state is State.OFF:
            return
        counts = (
            (Window(self.store, self.clock, "webhook_notices", NOTICES_OF_CLIENT, DAY_S), endpoint.owner),
            (Window(self.store, self.clock, "webhook_notices_of_all", NOTICES_OF_ALL, HOUR_S), ""),
        )
        # No payment waits for a notice: one of before, to other operators, is as good. Each attempt counts: whether the
        # endpoint was still on is known only afterwards.
        with suppress(IdempotencyKeyReused, TooManyAttempts):
            count_all(counts)
            self._tell(endpoint, why)
        if not self.endpoints.switch_off_once(endpoint.id, why.value):
            return
        OFF.labels(why.name.lower()).inc()
        log.error("webhook_endpoint_off", endpoint=endpoint.id, client=endpoint.owner, why=why.name.lower())

    def _tell(self, endpoint: Endpoint, why: Why) -> None:
        self.tell_operators(
            "Quittance: a webhook endpoint is off",
            f"The endpoint {endpoint.id} of the client {endpoint.owner} was switched off: {why.value}.\n\n"
            "Its client gets no more events there. Once its receiver works, the client switches it on again:\n"
            f'PATCH /v1/webhooks/endpoints/{endpoint.id} {{"on": true}}. What failed before is sent again by\n'
            f"POST /v1/webhooks/endpoints/{endpoint.id}/recover.\n\n"
            f"You get {NOTICES_OF_CLIENT} e-mails a day of this kind about one client. The log has each of them.\n",
            f"webhook endpoint off {endpoint.id} {endpoint.version} {why.name}",
        )
