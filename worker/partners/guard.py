"""One partner's guard: a circuit breaker, and a cap on the calls in flight.

A call is let in before anything is saved about it. What is not let in is put off: nothing was sent, and what waits at
our own door does not use up the patience that is meant for the partner.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter, Gauge, Histogram

from core.clock import Clock
from worker.partners.port import Reply, Unavailable, Unknown

FAILURES = 10
FAILING_S = 5
"""The circuit opens after so many calls without a usable answer, with none in between and over at least so long: a
burst of refusals at one moment is no outage."""
OPEN_S = 5
LONGEST_OPEN_S = 60
"""How long it stays open before one call is let through to look; doubled each time that call fails as well."""
AGAIN_EVERY_S = 0.05
"""What was put off comes back one by one, as fast as calls end, but at least so fast: a backlog of any size at a dead
partner costs a worker twenty looks a second."""
LEAST_WAIT_S = 0.001
LATEST_WEIGHT = 0.1
"""Of the latest call in the mean time of a call."""

CALLS = Counter("quittance_partner_calls_total", "Calls of partners answered", ["partner", "reply"])
SECONDS = Histogram(
    "quittance_partner_call_seconds",
    "Time from the intent of a call to its reply",
    ["partner"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 60),
)
IN_FLIGHT = Gauge("quittance_partner_calls_in_flight", "Calls of partners not answered yet", ["partner"])
OPEN = Gauge("quittance_partner_circuit_open", "1 while this worker does not call the partner", ["partner"])
PUT_OFF = Counter("quittance_partner_calls_put_off_total", "Calls not let in for now", ["partner", "why"])

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PutOff:
    """A call that was not let in. down: because the partner is; else because enough of our calls are on their way."""

    wait_s: float
    down: bool


class Guard:
    """Thread-safe. most: calls in flight at once; changed: told until when the circuit is open, None when it closes."""

    def __init__(
        self, name: str, clock: Clock, most: int, changed: Callable[[str, datetime | None], None] = lambda *_: None
    ) -> None:
        self.in_flight = 0
        self.open_until: datetime | None = None
        self._name = name
        self._clock = clock
        self._most = most
        self._changed = changed
        self._lock = threading.Lock()
        self._failures = 0
        self._heard_at = self._failing_since = clock.now()
        self._open_s: float = OPEN_S
        self._looking = False
        self._slot = clock.now()
        self._mean_s = 0.0

    def enter(self) -> PutOff | None:
        """None when a call may be made now: then leave() must follow."""
        with self._lock:
            now = self._clock.now()
            if self.open_until is not None and (now < self.open_until or self._looking):
                return self._put_off(now, max(self.open_until, now + timedelta(seconds=1)), down=True)
            if self.in_flight >= self._most:
                return self._put_off(now, now, down=False)
            self._looking = self.open_until is not None
            self.in_flight += 1
            IN_FLIGHT.labels(self._name).set(self.in_flight)
            return None

    def leave(self, reply: Reply | None, began: datetime) -> None:
        """What a call that was let in came to; None when it was not made after all. began: when it was let in."""
        with self._lock:
            now = self._clock.now()
            before = self.open_until
            self.in_flight -= 1
            IN_FLIGHT.labels(self._name).set(self.in_flight)
            if reply is None:
                self._looking = False
            else:
                CALLS.labels(self._name, type(reply).__name__.lower()).inc()
                took_s = (now - began).total_seconds()
                self._mean_s += LATEST_WEIGHT * (took_s - self._mean_s)
                SECONDS.labels(self._name).observe(took_s)
                self._learn(isinstance(reply, Unknown | Unavailable), now, began)
            after = self.open_until
        if before != after:
            OPEN.labels(self._name).set(after is not None)
            log.warning("circuit changed", partner=self._name, open_until=after and after.isoformat())
            try:
                self._changed(self._name, after)
            except Exception:
                # Only news, and the replies of this round are not to be lost by it.
                log.exception("circuit not told", partner=self._name)

    def _learn(self, failed: bool, now: datetime, began: datetime) -> None:
        if not failed:
            self._failures, self._heard_at = 0, now
            if self.open_until is not None:
                self._slot = now  # What comes now does not wait behind what was put off while it was down.
            self.open_until, self._open_s, self._looking = None, OPEN_S, False
            return
        self._failures += 1
        if self._failures == 1:
            # A call that was not answered for long tells of all that time, but for what was heard in between.
            self._failing_since = max(began, self._heard_at)
        if self.open_until is None:
            if self._failures >= FAILURES and now - self._failing_since >= timedelta(seconds=FAILING_S):
                self.open_until = now + timedelta(seconds=self._open_s)
        elif self._looking and now >= self.open_until:
            self._open_s = min(2 * self._open_s, LONGEST_OPEN_S)
            self.open_until, self._looking = now + timedelta(seconds=self._open_s), False

    def _put_off(self, now: datetime, until: datetime, down: bool) -> PutOff:
        PUT_OFF.labels(self._name, "down" if down else "full").inc()
        every_s = min(AGAIN_EVERY_S, self._mean_s / self._most)
        self._slot = max(self._slot, until) + timedelta(seconds=max(every_s, LEAST_WAIT_S))
        return PutOff((self._slot - now).total_seconds(), down)
