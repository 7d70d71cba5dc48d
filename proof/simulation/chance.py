"""The faults of a world: how often each happens, and how often each has happened."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field


class Crash(BaseException):
    """The simulated death of a process. A BaseException, so that no error handler runs."""


FAULTS: Mapping[str, float] = {
    "504 before": 0.04,
    "504 after": 0.04,
    "504 long after": 0.04,
    "pending": 0.04,
    "html": 0.02,
    "truncated": 0.02,
    "wrong id": 0.02,
    "reset": 0.02,
    "429": 0.02,
    "503": 0.03,
    "status fails": 0.08,
    "status lags": 0.08,
    "declined": 0.05,
    "screening fails": 0.3,
    "ring lost": 0.05,
    "ring doubled": 0.05,
    "ring delayed": 0.1,
    "callback early": 0.1,
    "callback twice": 0.1,
    "callback late": 0.1,
    "callback never": 0.1,
    "callback forged": 0.1,
    "callback mangled": 0.05,
    "worker dies": 0.01,
    "worker pauses": 0.01,
    "save refused": 0.01,
    "turn never comes": 0.03,
    "request twice": 0.1,
    "publish lost": 0.1,
    "confirm lost": 0.1,
    "endpoint away": 0.01,
    "endpoint gone": 0.01,
    "endpoint is slow": 0.05,
    "endpoint lies": 0.05,
    "partner away": 0.001,
    "broker away": 0.002,
    "store away": 0.0002,
}
"""The probability of each fault, each time that it could happen."""


@dataclass
class Chance:
    """One stream of random numbers for a whole world.

    faults: whether faults happen. Without them, only `declined` and the timing vary.
    manner: of the world's mobile-money operator, see `proof.simulation.operators`; None leaves it to chance.
    happened: how often each fault has happened.
    """

    seed: str
    faults: bool
    manner: str | None = None
    happened: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def strikes(self, fault: str) -> bool:
        """Draws whether this fault happens now."""
        strikes = self.random.random() < FAULTS[fault] and (self.faults or fault == "declined")
        if strikes:
            self.happened[fault] += 1
        return strikes

    def between(self, least: float, most: float) -> float:
        return self.random.uniform(least, most)
