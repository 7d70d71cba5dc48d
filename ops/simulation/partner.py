"""A partner of the simulated world, behind the real HTTP status rules: only the wire is played."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.clock import Clock
from ops.simulation.chance import Chance
from worker.partners.http import Answer, PartnerHttp
from worker.partners.port import Unavailable, Unknown

Effect = Callable[[str, Mapping[str, Any]], str | None]
"""Carries a request out, by path and body; the reason why it is FAILED, or None."""

LookUp = Callable[[str, Mapping[str, Any] | None], Answer]
"""Tells what is asked for, by path and body, and has no effect."""

LATEST_S = 18
LAG_S = 12
"""How long after it was sent a request may still land, and how long after that its status may not be known yet:
together within the settle window, as a partner has to promise."""
PENDING_S = 300
LONGEST_AWAY_S = 400
"""Longer than a payer is kept waiting."""

Reply = Answer | Unknown | Unavailable


@dataclass
class Known:
    """A request that has landed, from when its status can be asked, and whether it is told to be pending until then."""

    reason: str | None
    told_at: datetime
    pending: bool


@dataclass
class SimulatedPartner(PartnerHttp):
    """effect and look_up: what it does and tells; point: called when an answer is on its way.

    Without an effect it only tells: look_up answers what is sent with a body, too.

    idempotent: whether the same reference again is answered as the first one, or carried out again.
    """

    clock: Clock
    chance: Chance
    effect: Effect | None
    look_up: LookUp
    point: Callable[[], None]
    reasons: frozenset[str]
    idempotent: bool = True
    known: dict[str, Known] = field(default_factory=dict)
    coming: list[tuple[datetime, str, str, Mapping[str, Any]]] = field(default_factory=list)
    away_until: datetime | None = None

    def __post_init__(self) -> None:
        self._reasons = self.reasons
        self._nothing: Reply = Unavailable("no connection")

    def exchange(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        self.land()
        if self._away():
            reply: Reply = self._nothing
        elif path.startswith("/requests/"):
            reply = self._status(path.removeprefix("/requests/"))
        elif body is None or self.effect is None:
            reply = Unknown("HTTP 504") if self.chance.strikes("504 before") else self.look_up(path, body)
        else:
            reply = self._asked(path, body)
        self.point()
        return reply

    def land(self) -> None:
        """Carries out what was to land by now."""
        now = self.clock.now()
        due = sorted((item for item in self.coming if item[0] <= now), key=lambda item: item[0])
        self.coming = [item for item in self.coming if item[0] > now]
        for at, reference, path, body in due:
            self._carry_out(reference, path, body, at)

    def _away(self) -> bool:
        """Whether it cannot be reached: connections are refused, or nothing comes back."""
        now = self.clock.now()
        if self.away_until is None and self.chance.strikes("partner away"):
            self.away_until = now + timedelta(seconds=self.chance.between(10, LONGEST_AWAY_S))
            refuses = self.chance.random.random() < 0.5
            self._nothing = Unavailable("no connection") if refuses else Unknown("no answer in time")
        if self.away_until is not None and self.away_until <= now:
            self.away_until = None
        return self.away_until is not None

    def _asked(self, path: str, body: Mapping[str, Any]) -> Reply:
        reference, strikes = body["request_id"], self.chance.strikes
        for fault, status in (("429", 429), ("503", 503)):
            if strikes(fault):
                return Answer(status, {}, self.chance.between(0, 10))
        if strikes("504 before"):
            return Unknown("HTTP 504")
        if strikes("504 long after"):
            self._later(LATEST_S, reference, path, body)
            return Unknown("HTTP 504")
        if reference not in self.known and strikes("pending"):
            self._later(PENDING_S, reference, path, body)
            return self._told(202, reference, "PENDING")
        known = self._carry_out(reference, path, body, self.clock.now())
        for fault in ("504 after", "reset"):
            if strikes(fault):
                return Unknown(fault)
        if strikes("html") or strikes("truncated"):
            return Answer(200, {}, 0)
        if strikes("wrong id"):
            return self._told(200, "somebody-else", "SUCCESSFUL")
        return self._ended(reference, known)

    def _status(self, reference: str) -> Reply:
        if self.chance.strikes("status fails"):
            return Answer(503, {}, 0) if self.chance.random.random() < 0.5 else Unknown("HTTP 504")
        known = self.known.get(reference)
        if known is not None and known.told_at <= self.clock.now():
            return self._ended(reference, known)
        coming = any(item[1] == reference and item[3].get("pending") for item in self.coming)
        if coming or (known is not None and known.pending):
            return self._told(200, reference, "PENDING")
        return Answer(404, {}, 0)

    def _carry_out(self, reference: str, path: str, body: Mapping[str, Any], at: datetime) -> Known:
        if reference in self.known and self.idempotent:
            return self.known[reference]
        assert self.effect is not None
        lag_s = self.chance.between(0, LAG_S) if self.chance.strikes("status lags") else 0
        known = Known(self.effect(path, body), at + timedelta(seconds=lag_s), body.get("pending", False))
        self.known[reference] = known
        return known

    def _later(self, most_s: float, reference: str, path: str, body: Mapping[str, Any]) -> None:
        at = self.clock.now() + timedelta(seconds=self.chance.between(0, most_s))
        self.coming.append((at, reference, path, {**body, "pending": most_s == PENDING_S}))

    def _ended(self, reference: str, known: Known) -> Answer:
        if known.reason is None:
            return self._told(200, reference, "SUCCESSFUL")
        return Answer(200, {"request_id": reference, "status": "FAILED", "reason": known.reason}, 0)

    def _told(self, status: int, reference: str, word: str) -> Answer:
        return Answer(status, {"request_id": reference, "status": word}, 0)
