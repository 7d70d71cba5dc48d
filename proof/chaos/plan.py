"""The schedule of faults: each of them once by plan, then faults drawn by chance."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Fault = TypeVar("Fault")

MIN_SPACING_S = 4.0
"""The minimum time between two planned faults: about the time of a kill and a restart."""
PLANNED_SHARE = 0.5
"""The share of a run that the planned faults are spread over. The rest has faults drawn by chance."""
PAUSES_S = (0.2, 2.0)
"""The minimum and maximum pause before a fault drawn by chance."""


@dataclass(frozen=True)
class Plan(Generic[Fault]):
    """The planned part of a run.

    turns: pairs of a time in seconds after the start and a fault. The fault starts then, or when the fault before it
        has ended.
    lasts_s: the duration of the run, in seconds.
    """

    turns: tuple[tuple[float, Fault], ...]
    lasts_s: float


def plan(seed: str, faults: Sequence[Fault], duration_s: float) -> Plan[Fault]:
    """Plans every fault once, evenly spaced, in an order given by the seed.

    duration_s: of the run, in seconds; extended if it is too short for every fault.
    """
    spacing_s = max(MIN_SPACING_S, duration_s * PLANNED_SHARE / len(faults))
    order = random.Random(seed).sample(faults, len(faults))
    turns = tuple((number * spacing_s, fault) for number, fault in enumerate(order))
    return Plan(turns, max(duration_s, MIN_SPACING_S * len(faults)))


def draw(seed: str, faults: Sequence[Fault]) -> Iterator[tuple[float, Fault]]:
    """Yields the faults after the plan, without end, as pairs: a pause in seconds, and a fault."""
    chance = random.Random(f"{seed} by chance")
    while True:
        yield chance.uniform(*PAUSES_S), chance.choice(faults)
