"""Protects one partner: a circuit breaker, and a cap on the calls in flight.

A call is admitted before its intent is saved. A call that is not admitted is deferred: nothing was sent, and waiting
for our own cap does not count towards the step's deadline.
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
"""The circuit opens after this many consecutive calls without a usable answer, spread over at least this time: a burst
of failures at one moment is no outage."""
OPEN_S = 5
MAX_OPEN_S = 60
"""How long the circuit stays open before one probe call is admitted. Doubles each time the probe fails, up to the
maximum."""
MAX_SPACING_S = 0.05
"""Deferred calls come back one by one, spaced by mean call time / concurrency, at most 50 ms apart. With a partner
down, a backlog of any size costs a worker twenty attempts a second."""
MIN_SPACING_S = 0.001
LATEST_WEIGHT = 0.1
"""Weight of the latest call in the moving average of call times."""

CALLS = Counter("quittance_partner_calls_total", "Partner calls that ended, by reply", ["partner", "reply"])
SECONDS = Histogram(
    "quittance_partner_call_seconds",
    "Time from the intent of a call to its reply",
    ["partner"],
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20, 60),
)
IN_FLIGHT = Gauge("quittance_partner_calls_in_flight", "Partner calls not answered yet", ["partner"])
OPEN = Gauge(
    "quittance_partner_circuit_open", "1 while the circuit is open: this worker does not call the partner", ["partner"]
)
DEFERRED = Counter(
    "quittance_partner_calls_deferred_total",
    "Partner calls deferred: circuit open (down) or too many in flight (full)",
    ["partner", "why"],
)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Deferral:
    """A call that was not admitted.

    wait_s: seconds until it should be tried again.
    down: True if the circuit is open; False if too many calls are in flight.
    """

    wait_s: float
    down: bool


class Breaker:
    """The circuit breaker of one partner. Thread-safe.

    name: the partner's name in metrics and reports.
    max_in_flight: calls in flight at once.
    changed: called with the name and the time until which the circuit is open, or None when it closes.
    """

    def __init__(
        self,
        name: str,
        clock: Clock,
        max_in_flight: int,
        changed: Callable[[str, datetime | None], None] = lambda *_: None,
    ) -> None:
        self.in_flight = 0
        self.open_until: datetime | None = None
        self.name = name
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._changed = changed
        self._lock = threading.Lock()
        self._failures = 0
        self._answered_at = self._failing_since = clock.now()
        self._open_s: float = OPEN_S
        self._probing = False
        self._next_slot = clock.now()
        self._mean_s = 0.0

    def try_acquire(self) -> Deferral | None:
        """Returns None if a call may be made now; release() must follow. Otherwise returns when to try again."""
        with self._lock:
            now = self._clock.now()
            if self.open_until is not None and (now < self.open_until or self._probing):
                return self._defer(now, max(self.open_until, now + timedelta(seconds=1)), down=True)
            if self.in_flight >= self._max_in_flight:
                return self._defer(now, now, down=False)
            self._probing = self.open_until is not None
            self.in_flight += 1
            IN_FLIGHT.labels(self.name).inc()
            return None

    def release(self, reply: Reply | None, began: datetime) -> None:
        """Reports the end of an admitted call.

        reply: None if the call was not made after all.
        began: when the call was admitted.
        """
        with self._lock:
            now = self._clock.now()
            before = self.open_until
            self.in_flight -= 1
            IN_FLIGHT.labels(self.name).dec()
            if reply is None:
                self._probing = False
            else:
                CALLS.labels(self.name, type(reply).__name__.lower()).inc()
                took_s = (now - began).total_seconds()
                self._mean_s += LATEST_WEIGHT * (took_s - self._mean_s)
                SECONDS.labels(self.name).observe(took_s)
                self._count(isinstance(reply, Unknown | Unavailable), now, began)
            after = self.open_until
        if before != after:
            if (before is None) != (after is None):
                OPEN.labels(self.name).inc(1 if after else -1)
            log.warning("circuit_changed", partner=self.name, open_until=after and after.isoformat())
            try:
                self._changed(self.name, after)
            except Exception:
                # The report is only information: a failure must not lose the replies of this round.
                log.exception("circuit_report_failed", partner=self.name)

    def _count(self, failed: bool, now: datetime, began: datetime) -> None:
        if not failed:
            self._failures, self._answered_at = 0, now
            if self.open_until is not None:
                self._next_slot = now  # New calls do not queue behind those deferred during the outage.
            self.open_until, self._open_s, self._probing = None, OPEN_S, False
            return
        self._failures += 1
        if self._failures == 1:
            # A long unanswered call proves failure for its whole duration, but not before the last usable answer.
            self._failing_since = max(began, self._answered_at)
        if self.open_until is None:
            if self._failures >= FAILURES and now - self._failing_since >= timedelta(seconds=FAILING_S):
                self.open_until = now + timedelta(seconds=self._open_s)
        elif self._probing and now >= self.open_until:
            self._open_s = min(2 * self._open_s, MAX_OPEN_S)
            self.open_until, self._probing = now + timedelta(seconds=self._open_s), False

    def _defer(self, now: datetime, until: datetime, down: bool) -> Deferral:
        DEFERRED.labels(self.name, "down" if down else "full").inc()
        every_s = min(MAX_SPACING_S, self._mean_s / self._max_in_flight)
        self._next_slot = max(self._next_slot, until) + timedelta(seconds=max(every_s, MIN_SPACING_S))
        return Deferral((self._next_slot - now).total_seconds(), down)
