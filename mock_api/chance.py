"""What happens to a call on its way: how long it takes and how its answer comes back."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

TIMEOUTS = ("504-lost", "504-done", "504-late")
# The answers behind which the call is carried out, unless a scripted rule says otherwise.
CARRIED_OUT = {"ok", "pending", "failed", "504-done", "truncated", "wrong-id"}


@dataclass(frozen=True)
class Fate:
    """How one call is answered; the names of `answer` are those of `POST /_faults`.

    `latency_s` passes before anything happens, `late_s` between the answer and a late effect, `pending_s` (None:
    as long as ever) while a request is PENDING. `done` overrules whether the call is carried out.
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
    """Draws each call's fate from (seed, call, key, how many calls of that name and key came before).

    Arrival order plays no part, so that a run with many clients at once repeats itself. `fail_rates` is the share of
    500s by the name of the call, of all its calls: a 500 goes before a timeout.
    """

    def __init__(
        self,
        seed: str,
        latency_max_s: float,
        timeout_rate: float,
        late_max_s: float,
        fail_rates: Mapping[str, float] = {},
    ) -> None:
        self._seed = seed
        self._latency_max_s = latency_max_s
        self._timeout_rate = timeout_rate
        self._late_max_s = late_max_s
        self._fail_rates = fail_rates

    def draw(self, call: str, key: str, nth: int) -> Fate:
        """The fate of the `nth` call (from 1) named `call` about `key`."""
        # Always five draws in this order: changing one rate leaves the other figures as they were.
        dice = random.Random(f"{self._seed}|{call}|{key}|{nth}")
        latency, coin, kind, late, failure = (dice.random() for _ in range(5))
        answer = TIMEOUTS[int(kind * len(TIMEOUTS))] if coin < self._timeout_rate else "ok"
        if failure < self._fail_rates.get(call, 0):
            answer = "500"
        return Fate(answer, latency * self._latency_max_s, late * self._late_max_s)
