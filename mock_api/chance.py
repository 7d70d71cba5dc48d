"""Random faults: how long a call takes, and how it is answered."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from mock_api.answers import CALLBACK_ANSWERS, CARRIED_OUT, TIMEOUTS


@dataclass(frozen=True)
class Fate:
    """How one call is treated.

    answer: one of the answers of `POST /_faults`.
    latency_s: the time before anything happens.
    late_s: the time between the answer and a late effect.
    pending_s: how long the request is PENDING; None for the default.
    reason: why it fails, with the answer "failed".
    retry_after_s: the Retry-After of 429 and 503.
    done: whether the call is carried out; None to follow the answer.
    """

    answer: str
    latency_s: float
    late_s: float
    pending_s: float | None = None
    reason: str | None = None
    retry_after_s: float = 1.0
    done: bool | None = None

    @property
    def carried_out(self) -> bool:
        return self.answer in CARRIED_OUT if self.done is None else self.done


class Chance:
    """Draws the fate of each call from the seed, the call's name, its key, and the number of such calls before it.

    Arrival order plays no part, so that a run with many clients at once repeats itself. `fail_rates` is, by the name
    of a call, the share of its calls that fail in all: `timeout_rate` of these by a timeout, the others by a 500.
    """

    def __init__(
        self,
        seed: str,
        latency_max_s: float,
        timeout_rate: float,
        late_max_s: float,
        fail_rates: Mapping[str, float] = {},
        callback_fault_rate: float = 0.0,
    ) -> None:
        self._seed = seed
        self._latency_max_s = latency_max_s
        self._timeout_rate = timeout_rate
        self._late_max_s = late_max_s
        self._fail_rates = fail_rates
        self._callback_fault_rate = callback_fault_rate

    def draw(self, call: str, key: str, nth: int) -> Fate:
        """Returns the fate of a call.

        nth: the number of this call among those of the same name and key, from 1.
        """
        # Always five draws, in this order: changing one rate does not change the other draws.
        dice = random.Random(f"{self._seed}|{call}|{key}|{nth}")
        latency, coin, kind, late, failure = (dice.random() for _ in range(5))
        answer = TIMEOUTS[int(kind * len(TIMEOUTS))] if coin < self._timeout_rate else "ok"
        if call in self._fail_rates:
            failed = "500" if answer == "ok" else answer
            answer = failed if failure < self._fail_rates[call] else "ok"
        return Fate(answer, latency * self._latency_max_s, late * self._late_max_s)

    def draw_callback(self, key: str) -> tuple[str | None, float]:
        """Returns the fault of the callback about `key`, or None, and the delay of a late one, in seconds."""
        dice = random.Random(f"{self._seed}|callback|{key}")
        coin, kind, late = (dice.random() for _ in range(3))
        fault = CALLBACK_ANSWERS[int(kind * len(CALLBACK_ANSWERS))] if coin < self._callback_fault_rate else None
        return fault, late * self._late_max_s
