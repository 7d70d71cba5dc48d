"""OAuth tokens of operators: cached until shortly before they expire, and fetched by one thread at a time."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from core.clock import Clock
from worker.partners.http import Answer
from worker.partners.port import Unavailable, Unknown

SPARE_S = 60
"""A token is renewed so long before it expires, or after half its life if that is later."""

Fetch = Callable[[], Answer | Unknown | Unavailable]
"""Asks for a token: its answer has `access_token`, and `expires_in` in seconds."""


class Tokens:
    """The token of one account. Thread-safe."""

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._token = ""
        self._until: datetime | None = None

    def get(self) -> str | Unavailable:
        """Returns the token, or why there is none: nothing was sent then."""
        with self._lock:
            if self._until is None or self._clock.now() >= self._until:
                return self._renew()
            return self._token

    def forget(self, token: str) -> None:
        """Drops a token that the operator refused, unless another thread has renewed it already."""
        with self._lock:
            if token == self._token:
                self._until = None

    def _renew(self) -> str | Unavailable:
        answer = self._fetch()
        if not isinstance(answer, Answer):
            return Unavailable(f"no token: {answer.why}", said=answer.said)
        token, lasts_s = answer.body.get("access_token"), _seconds(answer.body.get("expires_in"))
        if answer.status not in (200, 201) or not isinstance(token, str) or not token:
            return Unavailable(f"no token: HTTP {answer.status}", answer.retry_after_s, said={"http": answer.status})
        self._token = token
        self._until = self._clock.now() + timedelta(seconds=max(lasts_s - SPARE_S, lasts_s / 2))
        return token


def _seconds(value: object) -> float:
    """How long a token lasts, as a number or as text; one minute when the operator does not say."""
    try:
        return max(0.0, float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 60.0
