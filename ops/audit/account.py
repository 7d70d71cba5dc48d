"""The account: the effects we know of on one side, what the partners tell on the other. On disk, so of any size."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any

from core.operation import Operation
from ops.audit.effects import EFFECTS, Effect

SHOWN = 20
"""Discrepancies that are told one by one; all are counted."""


@dataclass
class Findings:
    """discrepancies: how many of each kind; examples: the first of them, in words; ledger: minor units by currency
    and account."""

    accepted: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    discrepancies: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    ledger: dict[str, dict[str, int]] = field(default_factory=dict)
    oldest_unfinished: datetime | None = None

    def wrong(self, kind: str, what: str) -> None:
        self.discrepancies[kind] += 1
        if len(self.examples) < SHOWN:
            self.examples.append(f"{kind}: {what}")


class Account:
    """enter() all operations first, then hold() the partners' record against them, then close the books with end()."""

    def __init__(self, kinds: Iterable[str]) -> None:
        """kinds: of effects that the record tells; of the others nothing is said."""
        self.findings = Findings()
        self._kinds = frozenset(kinds)
        self._books = sqlite3.connect("")  # an unnamed database: on disk as soon as it is large, gone when closed
        self._books.execute("PRAGMA synchronous=OFF")
        self._books.execute(
            "CREATE TABLE effects"
            " (reference TEXT PRIMARY KEY, amount TEXT, certain INT, told INT DEFAULT 0) WITHOUT ROWID"
        )

    def __enter__(self) -> "Account":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._books.close()

    def enter(self, operation: Operation) -> None:
        """Books what an operation says that it has done, or may have."""
        found = self.findings
        found.accepted += 1
        found.statuses[operation.status.value] += 1
        if not operation.terminal:
            oldest = found.oldest_unfinished
            found.oldest_unfinished = min(oldest or operation.created_at, operation.created_at)
        rows = []
        for kind, effect in EFFECTS[operation.kind](operation):
            found.effects[kind] += effect.certain
            if kind in self._kinds:
                rows.append((effect.reference, str(effect.amount), effect.certain))
        self._books.executemany("INSERT INTO effects (reference, amount, certain) VALUES (?, ?, ?)", rows)

    def hold(self, effect: Effect) -> bool:
        """Holds one of the partner's effects against the books; False when no operation in them explains it."""
        books = self._books.execute(
            "SELECT amount, certain, told FROM effects WHERE reference = ?", (effect.reference,)
        )
        row: tuple[str, int, int] | None = books.fetchone()
        if row is None:
            return False
        amount, certain, told = row
        self._books.execute("UPDATE effects SET told = told + 1 WHERE reference = ?", (effect.reference,))
        if told:
            self.findings.wrong("double", f"{effect.reference} happened {told + 1} times")
        if certain and Decimal(amount) != effect.amount:
            self.findings.wrong("amount differs", f"{effect.reference}: we say {amount}, they say {effect.amount}")
        return True

    def end(self) -> Findings:
        """Finds what we hold for done and the partners do not tell."""
        with closing(self._books.execute("SELECT reference FROM effects WHERE certain AND NOT told")) as missing:
            for row in missing:
                self.findings.wrong("missing", f"{row[0]} is done for us, and not in the partner's record")
        return self.findings

    def as_json(self) -> dict[str, Any]:
        found = self.findings
        return {
            "accepted": found.accepted,
            "statuses": dict(found.statuses),
            "effects": dict(found.effects),
            "ledger": found.ledger,
            "discrepancies": dict(found.discrepancies),
            "examples": found.examples,
            "oldest_unfinished": found.oldest_unfinished and found.oldest_unfinished.isoformat(),
        }
