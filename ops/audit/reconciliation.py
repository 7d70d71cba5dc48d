"""The reconciliation: our effects compared with the partners' records. It is on disk, so any size fits."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from core.contract import Contract, Record
from core.money import format_minor
from core.operation import Operation
from core.settings import Settings
from ops.audit.names import Names, own_references
from ops.audit.records import RecordedEffect

MAX_EXAMPLES = 20
"""Discrepancies that are shown one by one; all are counted."""


@dataclass
class Findings:
    """What the audit has found.

    discrepancies: how many of each sort.
    examples: the first of them, in words.
    not_installed: how many operations there are of each kind that no installed product knows.
    ledger: minor units by currency and account.
    """

    accepted: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    discrepancies: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    not_installed: Counter[str] = field(default_factory=Counter)
    ledger: dict[str, dict[str, int]] = field(default_factory=dict)
    oldest_unfinished: datetime | None = None

    def wrong(self, kind: str, what: str) -> None:
        self.discrepancies[kind] += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(f"{kind}: {what}")


def recorded_kinds(contracts: Iterable[Contract[Any]], settings: Settings, statement: bool) -> frozenset[str]:
    """The kinds of effects that a record shows: a statement those of the operator, the sandbox all."""
    shown = {Record.STATEMENT} if statement else {Record.STATEMENT, Record.PARTNER}
    kinds = (kind for contract in contracts for kind in contract.effect_kinds)
    return frozenset(kind.name for kind in kinds if kind.record in shown and kind.recorded_when(settings))


class Reconciliation:
    """enter() all operations first, then match() the partners' record with them, then close the books with end()."""

    def __init__(
        self, contracts: Mapping[str, Contract[Any]], kinds: Iterable[str], names: Names = own_references
    ) -> None:
        """contracts: by kind of operation; kinds: those of the effects that the record shows; names: see there."""
        self._names = names
        self._contracts = contracts
        self.findings = Findings()
        self._kinds = frozenset(kinds)
        self._books = sqlite3.connect("")  # an unnamed database: on disk as soon as it is large, gone when closed
        self._books.execute("PRAGMA synchronous=OFF")
        self._books.execute(
            "CREATE TABLE effects (reference TEXT PRIMARY KEY, recorded TEXT, amount TEXT, certain INT,"
            " matches INT DEFAULT 0) WITHOUT ROWID"
        )
        self._books.execute("CREATE INDEX by_recorded ON effects (recorded)")
        self._books.execute("CREATE TABLE requests (fingerprint TEXT PRIMARY KEY, operation TEXT) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._books.close()

    def enter(self, operation: Operation) -> str | None:
        """Books what an operation says that it has done, or may have. Returns another one of the same request."""
        found, same = self.findings, self._same(operation)
        found.accepted += 1
        found.statuses[operation.status.value] += 1
        if not operation.terminal:
            oldest = found.oldest_unfinished
            found.oldest_unfinished = min(oldest or operation.created_at, operation.created_at)
        contract = self._contracts.get(operation.kind)
        if contract is None:
            found.not_installed[operation.kind] += 1
            return same
        rows, effects = [], list(contract.effects(operation))
        names = self._names(operation, effects)
        for effect in effects:
            found.effects[effect.kind.name] += effect.certain
            if effect.kind.name in self._kinds:
                amount = format_minor(effect.minor, effect.currency) if effect.currency else "0"
                rows.append((effect.reference, names[effect.reference], amount, effect.certain))
        self._books.executemany("INSERT INTO effects (reference, recorded, amount, certain) VALUES (?, ?, ?, ?)", rows)
        return same

    def _same(self, operation: Operation) -> str | None:
        if operation.fingerprint is None:
            return None
        row = (operation.fingerprint, operation.id)
        if self._books.execute("INSERT OR IGNORE INTO requests VALUES (?, ?)", row).rowcount:
            return None
        same = self._books.execute("SELECT operation FROM requests WHERE fingerprint = ?", row[:1]).fetchone()
        return str(same[0])

    def match(self, effect: RecordedEffect) -> bool:
        """Matches one of the partner's effects with the books; False when no operation in them explains it."""
        books = self._books.execute(
            "SELECT reference, amount, certain, matches FROM effects WHERE recorded = ? OR reference = ?",
            (effect.recorded_as, effect.reference),
        )
        row: tuple[str, str, int, int] | None = books.fetchone()
        if row is None:
            return False
        reference, amount, certain, matches = row
        self._books.execute("UPDATE effects SET matches = matches + 1 WHERE reference = ?", (reference,))
        if matches:
            self.findings.wrong("double", f"{reference} happened {matches + 1} times")
        if certain and Decimal(amount) != effect.amount:
            self.findings.wrong("amount differs", f"{reference}: our amount is {amount}, theirs {effect.amount}")
        return True

    def end(self) -> Findings:
        """Finds what we recorded as done and the partners did not."""
        with closing(self._books.execute("SELECT reference FROM effects WHERE certain AND NOT matches")) as missing:
            for row in missing:
                self.findings.wrong("missing", f"{row[0]}: we recorded it as done, but the partner did not")
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
            "not_installed": dict(found.not_installed),
            "oldest_unfinished": found.oldest_unfinished and found.oldest_unfinished.isoformat(),
        }
