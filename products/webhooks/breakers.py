"""Protects the worker from receivers: a breaker for each endpoint, and places for the calls of each client."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from core.clock import Clock
from worker.partners.breaker import Breaker, Deferral
from worker.partners.port import Reply

CALLS_AT_ONCE = 8
"""To one endpoint, and to all endpoints of one client, from one worker."""
FULL_S = 1.0
"""How long a delivery waits when there is no place."""
DOWN_S = 60.0
"""How long at least a delivery waits whose endpoint is down: each look at one is a save."""
DOWN_SPACING_S = 0.5
"""Between two of these to one endpoint, so that a backlog of any size costs two saves a second."""
MOST_BREAKERS = 10_000
PARTNER = "webhooks"
"""The name of all receivers in metrics: each has a breaker of its own, but no series."""


class Places:
    """How many calls may be in flight at once.

    of_client: of one client; of_all: of all clients, fewer than the threads of the worker.
    """

    def __init__(self, of_client: int, of_all: int) -> None:
        self._of_client, self._of_all = of_client, of_all
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, client: str) -> bool:
        """Takes a place for a client, if there is one."""
        with self._lock:
            if self._taken[client] >= self._of_client or self._taken.total() >= self._of_all:
                return False
            self._taken[client] += 1
            return True

    def give_back(self, client: str) -> None:
        with self._lock:
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]


class EndpointBreaker(Breaker):
    """The breaker of one endpoint, whose calls also need a place.

    So slow endpoints of one client hold neither all threads of a worker, nor the places of other clients.
    """

    def __init__(self, clock: Clock, client: str, places: Places) -> None:
        super().__init__(PARTNER, clock, CALLS_AT_ONCE)
        self._client, self._places = client, places

    def try_acquire(self) -> Deferral | None:
        if not self._places.take(self._client):
            return Deferral(FULL_S, down=False)
        deferral = super().try_acquire()
        if deferral is not None:
            self._places.give_back(self._client)
        return deferral

    def release(self, reply: Reply | None, began: datetime) -> None:
        self._places.give_back(self._client)
        super().release(reply, began)

    def _defer(self, now: datetime, until: datetime, down: bool) -> Deferral:
        if not down:
            return super()._defer(now, until, down)
        deferral = super()._defer(now, max(until, now + timedelta(seconds=DOWN_S)), down)
        self._next_slot += timedelta(seconds=DOWN_SPACING_S)
        return deferral


class Breakers:
    """The breaker of each endpoint. make: returns a new one for an endpoint of this client."""

    def __init__(self, make: Callable[[str], Breaker]) -> None:
        self._make = make
        self._by_endpoint: dict[str, Breaker] = {}

    def of(self, endpoint: str, client: str) -> Breaker:
        found = self._by_endpoint.get(endpoint)
        if found is None:
            found = self._by_endpoint.setdefault(endpoint, self._make(client))
            if len(self._by_endpoint) > MOST_BREAKERS:
                self._by_endpoint.pop(next(iter(self._by_endpoint)), None)
        return found
