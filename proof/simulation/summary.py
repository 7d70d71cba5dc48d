"""The summary of a world."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Summary:
    """Counts of one world or of many.

    double, lost, unexplained: discrepancies; all of them must be 0.
    statuses: operations by status.
    faults: how often each fault has happened.
    why: a description of each discrepancy.
    timelines: the timelines of the operations concerned.
    """

    accepted: int = 0
    debited: int = 0
    settled: int = 0
    refunded: int = 0
    double: int = 0
    lost: int = 0
    unexplained: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    why: list[str] = field(default_factory=list)
    timelines: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.double or self.lost or self.unexplained)

    def report(self, name: str, why: str, timeline: str = "") -> None:
        """Counts a discrepancy.

        name: double, lost or unexplained.
        """
        setattr(self, name, getattr(self, name) + 1)
        self.why.append(f"{name}: {why}")
        self.timelines += [timeline] if timeline else []

    def add(self, other: "Summary") -> None:
        """Adds the counts of another summary."""
        for name in ("accepted", "debited", "settled", "refunded", "double", "lost", "unexplained"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.statuses.update(other.statuses)
        self.faults.update(other.faults)
        self.why += other.why
        self.timelines += other.timelines
