"""Warnings about what may happen thousands of times a second."""

import time
from collections.abc import Callable
from typing import Any

import structlog

log = structlog.get_logger(__name__)


class ThrottledLog:
    """Logs each event at most once in `every_s` seconds, and says how many like it were left out in between."""

    def __init__(self, every_s: float = 10.0, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._every_s = every_s
        self._clock_s = clock_s
        self._last_s: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def warning(self, event: str, **about: Any) -> None:
        now_s = self._clock_s()
        if now_s - self._last_s.get(event, float("-inf")) < self._every_s:
            self._left_out[event] = self._left_out.get(event, 0) + 1
            return
        self._last_s[event] = now_s
        log.warning(event, left_out=self._left_out.pop(event, 0), **about)
