"""A partner of a simulated world. It uses the real HTTP status rules; only the network is simulated."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.clock import Clock
from proof.simulation.chance import Chance
from worker.partners.http import Answer, PartnerHttp
from worker.partners.port import Unavailable, Unknown

Effect = Callable[[str, Mapping[str, Any]], str | None]
"""Carries out a request, given by path and body. Returns the reason why it FAILED, or None."""

LookUp = Callable[[str, Mapping[str, Any] | None], Answer]
"""Answers a request without an effect, given by path and body."""

MAX_LATE_S = 18
MAX_LAG_S = 12
"""How long after sending a request may still be carried out, and how long after that its status may be unknown.
Together they are within the settle window, as a partner has to promise."""
PENDING_S = 300
"""The longest time that a request stays pending."""
MAX_AWAY_S = 400
"""Longer than the deadline of steps before money moves."""

Reply = Answer | Unknown | Unavailable


@dataclass
class Landed:
    """A request that was carried out.

    reason: why it failed, or None.
    visible_at: when its status can be read.
    pending: whether its status is PENDING until then; otherwise it is not found.
    """

    reason: str | None
    visible_at: datetime
    pending: bool


@dataclass
class SimulatedPartner(PartnerHttp):
    """One partner of a world.

    effect: carries out requests. None for a partner without effects: look_up then answers requests with a body too.
    look_up: answers reads.
    point: called before each answer, as a place where the worker may die or be paused.
    reasons: its reasons for FAILED.
    idempotent: whether a repeated reference gets the first answer again; otherwise the request is carried out again.
    landed: the requests that were carried out, by reference.
    scheduled: the requests that will be carried out later: time, reference, path and body.
    """

    clock: Clock
    chance: Chance
    effect: Effect | None
    look_up: LookUp
    point: Callable[[], None]
    reasons: frozenset[str]
    idempotent: bool = True
    landed: dict[str, Landed] = field(default_factory=dict)
    scheduled: list[tuple[datetime, str, str, Mapping[str, Any]]] = field(default_factory=list)
    away_until: datetime | None = None

    def __post_init__(self) -> None:
        self._reasons = self.reasons
        self._outage_reply: Reply = Unavailable("no connection")

    def exchange(self, method: str, path: str, body: Mapping[str, Any] | None = None, **_: object) -> Reply:
        self.land()
        if self._away():
            reply: Reply = self._outage_reply
        elif path.startswith("/requests/"):
            reply = self._status(path.removeprefix("/requests/"))
        elif body is None or self.effect is None:
            reply = Unknown("HTTP 504") if self.chance.strikes("504 before") else self.look_up(path, body)
        else:
            reply = self._receive(path, body)
        self.point()
        return reply

    def land(self) -> None:
        """Carries out the scheduled requests that are due."""
        now = self.clock.now()
        due = sorted((item for item in self.scheduled if item[0] <= now), key=lambda item: item[0])
        self.scheduled = [item for item in self.scheduled if item[0] > now]
        for at, reference, path, body in due:
            self._carry_out(reference, path, body, at)

    def _away(self) -> bool:
        """Returns whether it cannot be reached: it refuses connections, or does not answer."""
        now = self.clock.now()
        if self.away_until is None and self.chance.strikes("partner away"):
            self.away_until = now + timedelta(seconds=self.chance.between(10, MAX_AWAY_S))
            refuses = self.chance.random.random() < 0.5
            self._outage_reply = Unavailable("no connection") if refuses else Unknown("no answer in time")
        if self.away_until is not None and self.away_until <= now:
            self.away_until = None
        return self.away_until is not None

    def _receive(self, path: str, body: Mapping[str, Any]) -> Reply:
        reference, strikes = body["request_id"], self.chance.strikes
        for fault, status in (("429", 429), ("503", 503)):
            if strikes(fault):
                return Answer(status, {}, self.chance.between(0, 10))
        if strikes("504 before"):
            return Unknown("HTTP 504")
        if strikes("504 long after"):
            self._schedule(MAX_LATE_S, reference, path, body)
            return Unknown("HTTP 504")
        if reference not in self.landed and strikes("pending"):
            self._schedule(PENDING_S, reference, path, body)
            return self._answer(202, reference, "PENDING")
        request = self._carry_out(reference, path, body, self.clock.now())
        for fault in ("504 after", "reset"):
            if strikes(fault):
                return Unknown(fault)
        if strikes("html") or strikes("truncated"):
            return Answer(200, {}, 0)
        if strikes("wrong id"):
            return self._answer(200, "another-request", "SUCCESSFUL")
        return self._outcome(reference, request)

    def _status(self, reference: str) -> Reply:
        if self.chance.strikes("status fails"):
            return Answer(503, {}, 0) if self.chance.random.random() < 0.5 else Unknown("HTTP 504")
        request = self.landed.get(reference)
        if request is not None and request.visible_at <= self.clock.now():
            return self._outcome(reference, request)
        is_scheduled = any(item[1] == reference and item[3].get("pending") for item in self.scheduled)
        if is_scheduled or (request is not None and request.pending):
            return self._answer(200, reference, "PENDING")
        return Answer(404, {}, 0)

    def _carry_out(self, reference: str, path: str, body: Mapping[str, Any], at: datetime) -> Landed:
        if reference in self.landed and self.idempotent:
            return self.landed[reference]
        assert self.effect is not None
        lag_s = self.chance.between(0, MAX_LAG_S) if self.chance.strikes("status lags") else 0
        request = Landed(self.effect(path, body), at + timedelta(seconds=lag_s), body.get("pending", False))
        self.landed[reference] = request
        return request

    def _schedule(self, most_s: float, reference: str, path: str, body: Mapping[str, Any]) -> None:
        at = self.clock.now() + timedelta(seconds=self.chance.between(0, most_s))
        self.scheduled.append((at, reference, path, {**body, "pending": most_s == PENDING_S}))

    def _outcome(self, reference: str, request: Landed) -> Answer:
        if request.reason is None:
            return self._answer(200, reference, "SUCCESSFUL")
        return Answer(200, {"request_id": reference, "status": "FAILED", "reason": request.reason}, 0)

    def _answer(self, status: int, reference: str, state: str) -> Answer:
        return Answer(status, {"request_id": reference, "status": state}, 0)
