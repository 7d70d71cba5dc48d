"""Protects the worker from receivers: a breaker for each endpoint, and places for the calls of each client."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Self

from core.clock import Clock
from worker.partners.breaker import MAX_SPACING_S, MIN_SPACING_S, Breaker, Deferral
from worker.partners.port import Reply

CALLS_AT_ONCE = 8
"""To one endpoint, and to all endpoints of one client, from one worker, at most."""
FULL_S = 0.2
"""How long at least a delivery waits when there is no place."""
DOWN_S = 60.0
"""How long at least a delivery waits whose endpoint is down: each look at one is a save."""
DOWN_SPACING_S = 0.5
"""Between two of these to one endpoint, so that a backlog of any size costs two saves a second."""
MOST_BREAKERS = 10_000
PARTNER = "webhooks"
"""The name of all receivers in metrics: each has a breaker of its own, but no series."""


class Places:
    """How many calls may be in flight at once, and when those without a place ask again.

    of_client: of one client; of_all: of all clients, fewer than the threads of the worker.

    Deliveries of one client that find no place ask again one by one: as often as its calls begin and end, or every
    MAX_SPACING_S where that is slower. So a backlog of any size costs twenty saves a second and a few for each call.
    """

    def __init__(self, of_client: int, of_all: int) -> None:
        self._of_client, self._of_all = of_client, of_all
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._next_slot: dict[str, datetime] = {}
        self._moved_at: dict[str, datetime] = {}
        """When each client last took a place, or gave one back after a call."""

    @classmethod
    def of_worker(cls, threads: int) -> Self:
        """A quarter of the threads of a worker, and of these a quarter for each client.

        While more than half of them are taken, a client gets no more than two.
        """
        of_all = max(CALLS_AT_ONCE, threads // 4)
        return cls(min(CALLS_AT_ONCE, of_all // 4), of_all)

    def take(self, client: str, now: datetime) -> float | None:
        """Takes a place for a client. Returns None, or the seconds after which to ask again if there is none."""
        with self._lock:
            if self._has_place(client):
                self._taken[client] += 1
                self._moved_at[client] = now
                return None
            for times in (self._next_slot, self._moved_at):
                if len(times) > MOST_BREAKERS:
                    times.clear()
            moved_at = self._moved_at.get(client)
            since_s = (now - moved_at).total_seconds() if moved_at else MAX_SPACING_S
            every = timedelta(seconds=min(MAX_SPACING_S, max(MIN_SPACING_S, since_s)))
            earliest = now + timedelta(seconds=FULL_S)
            self._next_slot[client] = max(self._next_slot.get(client, earliest), earliest) + every
            return (self._next_slot[client] - now).total_seconds()

    def give_back(self, client: str, called_until: datetime | None = None) -> None:
        """called_until: None if no call was made."""
        with self._lock:
            if called_until is not None:
                self._moved_at[client] = called_until
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]

    def _has_place(self, client: str) -> bool:
        mine, free = self._taken[client], self._of_all - self._taken.total()
        return free > 0 and mine < self._of_client and (mine < 2 or 2 * free >= self._of_all)


class EndpointBreaker(Breaker):
    """The breaker of one endpoint, whose calls also need a place.

    So slow endpoints of one client hold neither all threads of a worker, nor the places of other clients.
    """

    def __init__(self, clock: Clock, client: str, places: Places) -> None:
        super().__init__(PARTNER, clock, CALLS_AT_ONCE)
        self._client, self._places = client, places

    def try_acquire(self) -> Deferral | None:
        wait_s = self._places.take(self._client, self._clock.now())
        if wait_s is not None:
            return Deferral(wait_s, down=False)
        deferral = super().try_acquire()
        if deferral is not None:
            self._places.give_back(self._client)
        return deferral

    def release(self, reply: Reply | None, began: datetime) -> None:
        self._places.give_back(self._client, self._clock.now() if reply else None)
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
