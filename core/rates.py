"""How often callers may ask: a rate for each sort of request, counted in windows of the clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from typing import Protocol

from marshmallow import ValidationError

from core.broker.throttle import ThrottledLog
from core.clock import Clock
from core.errors import StoreUnavailable, TooManyAttempts

OFF = "off"
UNITS_S: Mapping[str, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(rf"([1-9]\d{{0,8}})/({'|'.join(UNITS_S)})")


@dataclass(frozen=True)
class Rate:
    most: int
    within_s: int


Rates = Mapping[str, Rate]
"""By the sort of request. What is not in it is not limited."""

DEFAULT_RATES: Rates = {
    "registration": Rate(60, 60),
    "sign_in": Rate(60, 60),
    "codes": Rate(20, 60),
    "writes": Rate(600, 60),
    "events": Rate(1200, 60),
    "reads": Rate(1200, 60),
    "look_ups": Rate(30, 60),
    "guesses": Rate(60, 60),
    "keys": Rate(1200, 60),
    "recipients": Rate(30, 60),
}


class TooManyRequests(TooManyAttempts):
    """Too many requests. Wait, then send the request again."""

    code = "too_many_requests"

    def __init__(self, quota: "Quota") -> None:
        super().__init__(quota.reset_s)
        self.quota = quota


@dataclass(frozen=True)
class Quota:
    """What is left to one caller. left: requests; reset_s: seconds until the window ends."""

    name: str
    rate: Rate
    left: int
    reset_s: int


class Counters(Protocol):
    """Numbers that are forgotten at their time. Each verb raises StoreUnavailable."""

    def add(self, key: str, until: datetime) -> int:
        """Adds 1, and returns the sum. until: when the key may be forgotten; the first of its adds decides."""

    def read(self, key: str) -> int:
        """Returns the sum; 0 for a key that nobody has added to, or that is forgotten."""

    def close(self) -> None: ...


class MemoryCounters:
    """Counters of this process."""

    MOST_KEYS = 100_000
    """About 20 MB. Beyond it the oldest keys are forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sums: dict[str, tuple[int, datetime]] = {}
        self._adding = Lock()

    def add(self, key: str, until: datetime) -> int:
        with self._adding:
            total, ends = self._sums.get(key, (0, until))
            if ends <= self._clock.now():
                total, ends = 0, until
            self._sums[key] = total + 1, ends
            if len(self._sums) > self.MOST_KEYS:
                self._forget()
            return total + 1

    def read(self, key: str) -> int:
        total, until = self._sums.get(key, (0, None))
        return total if until is not None and until > self._clock.now() else 0

    def close(self) -> None: ...

    def _forget(self) -> None:
        now = self._clock.now()
        kept = {key: (total, until) for key, (total, until) in self._sums.items() if until > now}
        self._sums = dict(list(kept.items())[-self.MOST_KEYS // 2 :])


class Limiter:
    """Counts requests of callers. Where the counters are away, nobody is kept out."""

    def __init__(self, rates: Rates, counters: Counters, clock: Clock) -> None:
        self._rates, self._counters, self._clock = rates, counters, clock
        self._log = ThrottledLog()

    def count(self, name: str, who: str) -> Quota | None:
        """Counts one request of this sort. None if it is not limited. Raises TooManyRequests."""
        quota = self._quota(name, who, counts=True)
        if quota is not None and quota.left < 0:
            raise TooManyRequests(quota)
        return quota

    def check(self, name: str, who: str) -> None:
        """Counts nothing. Raises TooManyRequests if one more request would be one too many."""
        quota = self._quota(name, who, counts=False)
        if quota is not None and quota.left <= 0:
            raise TooManyRequests(quota)

    def _quota(self, name: str, who: str, counts: bool) -> Quota | None:
        rate = self._rates.get(name)
        if rate is None:
            return None
        now_s = self._clock.now().timestamp()
        window = int(now_s // rate.within_s)
        ends_s = (window + 1) * rate.within_s
        key = f"{name}\n{who}\n{window}"
        try:
            used = self._counters.add(key, datetime.fromtimestamp(ends_s, UTC)) if counts else self._counters.read(key)
        except StoreUnavailable as error:
            self._log.warning("rate_not_counted", error=str(error))
            return None
        return Quota(name, rate, rate.most - used, max(1, int(ends_s - now_s)))


def read_rates(text: str) -> Rates:
    """The default rates with those of the text, such as `writes=300/minute,reads=off`; none at all for `off`.

    Raises ValidationError.
    """
    rates = dict(DEFAULT_RATES)
    if text == OFF:
        return {}
    for entry in filter(None, (entry.strip() for entry in text.split(","))):
        name, _, written = entry.partition("=")
        if name not in DEFAULT_RATES:
            raise ValidationError(f"{name} is none of {', '.join(DEFAULT_RATES)}.")
        found = _RATE.fullmatch(written)
        if found is None and written != OFF:
            raise ValidationError(f"{entry}: must be such as {name}=600/minute or {name}=off.")
        rates.pop(name)
        if found:
            rates[name] = Rate(int(found[1]), UNITS_S[found[2]])
    return rates
