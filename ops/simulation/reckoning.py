"""What a world comes to: the account that has to add up."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Reckoning:
    """Counts of a world, or of many. The last three have to be nothing; `why` says of each what is wrong."""

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

    def tell(self, name: str, why: str, timeline: str = "") -> None:
        """Counts one more that is wrong, under double, lost or unexplained."""
        setattr(self, name, getattr(self, name) + 1)
        self.why.append(f"{name}: {why}")
        self.timelines += [timeline] if timeline else []

    def add(self, other: "Reckoning") -> None:
        for name in ("accepted", "debited", "settled", "refunded", "double", "lost", "unexplained"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.statuses.update(other.statuses)
        self.faults.update(other.faults)
        self.why += other.why
        self.timelines += other.timelines
