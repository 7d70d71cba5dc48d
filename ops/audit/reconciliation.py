"""The reconciliation: our effects compared with the partners' records. It is on disk, so any size fits."""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from core.contract import Contract, Effect, Record
from core.money import format_minor
from core.operation import Operation
from core.settings import Settings
from ops.audit.names import Names, own_references, possible_names
from ops.audit.records import RecordedEffect

MAX_EXAMPLES = 20
"""Discrepancies that are shown one by one; all are counted."""

ON_FIRST_LOOK = "INSERT INTO effects (reference, recorded, amount, certain) VALUES (?, ?, ?, ?)"
ON_SECOND_LOOK = (
    "INSERT INTO effects (reference, recorded, amount, certain) VALUES (?, ?, ?, ? AND 0)"
    " ON CONFLICT (reference) DO UPDATE SET recorded = excluded.recorded"
)
"""What is new is not certain: the record may be older than it."""


@dataclass
class Findings:
    """What the audit has found.

    discrepancies: how many of each sort.
    examples: the first of them, in words.
    not_installed: how many operations there are of each kind that no installed product knows.
    not_configured: how many operations there are of each operator that OPERATORS does not name any more.
    ledger: minor units by currency and account.
    """

    accepted: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    discrepancies: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)
    not_installed: Counter[str] = field(default_factory=Counter)
    not_configured: Counter[str] = field(default_factory=Counter)
    ledger: dict[str, dict[str, int]] = field(default_factory=dict)
    oldest_unfinished: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether all operations could be judged."""
        return not (self.not_installed or self.not_configured)

    def wrong(self, kind: str, what: str) -> None:
        self.discrepancies[kind] += 1
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(f"{kind}: {what}")


def recorded_kinds(contracts: Iterable[Contract[Any]], settings: Settings, statement: bool) -> frozenset[str]:
    """The kinds of effects that a record shows: a statement those of the operator, the sandbox all."""
    shown = {Record.STATEMENT} if statement else {Record.STATEMENT, Record.PARTNER}
    kinds = (kind for contract in contracts for kind in contract.effect_kinds)
    return frozenset(kind.name for kind in kinds if kind.record in shown and kind.recorded_when(settings))


TABLES = """
CREATE TABLE effects (reference TEXT PRIMARY KEY, recorded TEXT, amount TEXT, certain INT, matches INT DEFAULT 0)
  WITHOUT ROWID;
CREATE INDEX by_recorded ON effects (recorded);
CREATE TABLE requests (fingerprint TEXT PRIMARY KEY, operation TEXT) WITHOUT ROWID;
CREATE TABLE unfinished (operation TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE unjudged (recorded TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE unexplained (recorded TEXT, reference TEXT, amount TEXT);
"""
"""unfinished: operations that may change while we read. unjudged: ids of effects of operators that are not configured.
unexplained: effects of the record that no operation has explained so far."""


class Reconciliation:
    """The books: enter() all operations first, then match() the partners' record with them.

    Work goes on meanwhile: what the record shows and no operation explains is explained by a second look at those that
    were unfinished or came later. Then end() closes the books.
    """

    def __init__(
        self, contracts: Mapping[str, Contract[Any]], kinds: Iterable[str], names: Names = own_references
    ) -> None:
        """contracts: by kind of operation; kinds: those of the effects that the record shows; names: see there."""
        self._names = names
        self._contracts = contracts
        self.findings = Findings()
        self._kinds = frozenset(kinds)
        self._books = sqlite3.connect("")  # an unnamed database: on disk as soon as it is large, gone when closed
        self._books.executescript("PRAGMA synchronous=OFF;" + TABLES)

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
            self._books.execute("INSERT INTO unfinished VALUES (?)", (operation.id,))
        contract = self._contracts.get(operation.kind)
        if contract is None:
            found.not_installed[operation.kind] += 1
            return same
        effects = list(contract.effects(operation))
        for effect in effects:
            found.effects[effect.kind.name] += effect.certain
        if not self._book(operation, effects, ON_FIRST_LOOK):
            found.not_configured[operation.operator or ""] += 1
        return same

    def look_again(self, operation: Operation) -> None:
        """Books what an operation may have done since it was entered, or that came after that."""
        contract = self._contracts.get(operation.kind)
        if contract is not None:
            self._book(operation, list(contract.effects(operation)), ON_SECOND_LOOK)

    def _book(self, operation: Operation, effects: list[Effect], statement: str) -> bool:
        """Writes effects into the books. Returns False when some of them cannot be judged."""
        names = self._names(operation, effects)
        recorded = [effect for effect in effects if effect.kind.name in self._kinds]
        for effect in recorded:
            if effect.reference in names:
                amount = format_minor(effect.minor, effect.currency) if effect.currency else "0"
                row = (effect.reference, names[effect.reference], amount, effect.certain)
                self._books.execute(statement, row)
            else:
                ids = ((id,) for id in possible_names(operation, effect))
                self._books.executemany("INSERT OR IGNORE INTO unjudged VALUES (?)", ids)
        return all(effect.reference in names for effect in recorded)

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
        ids = (effect.recorded_as, effect.reference)
        books = self._books.execute(
            "SELECT reference, amount, certain, matches FROM effects WHERE recorded = ? OR reference = ?", ids
        )
        row: tuple[str, str, int, int] | None = books.fetchone()
        if row is None:
            found = self._books.execute("SELECT 1 FROM unjudged WHERE recorded IN (?, ?)", ids).fetchone()
            return found is not None
        reference, amount, certain, matches = row
        self._books.execute("UPDATE effects SET matches = matches + 1 WHERE reference = ?", (reference,))
        if matches:
            self.findings.wrong("double", f"{reference} happened {matches + 1} times")
        if certain and Decimal(amount) != effect.amount:
            self.findings.wrong("amount differs", f"{reference}: our amount is {amount}, theirs {effect.amount}")
        return True

    def set_aside(self, effect: RecordedEffect) -> None:
        """Keeps an effect that nothing explains, for the second look."""
        row = (effect.recorded_as, effect.reference, str(effect.amount))
        self._books.execute("INSERT INTO unexplained VALUES (?, ?, ?)", row)

    def unexplained(self) -> Iterator[RecordedEffect]:
        """Yields the effects that were set aside, in their order."""
        with closing(self._books.execute("SELECT * FROM unexplained ORDER BY rowid")) as rows:
            for recorded, reference, amount in rows:
                yield RecordedEffect(recorded, reference, Decimal(amount))

    def unfinished(self) -> Iterator[str]:
        """Yields the ids of operations that had not ended when they were entered."""
        with closing(self._books.execute("SELECT operation FROM unfinished")) as rows:
            for (id,) in rows:
                yield id

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
            "not_configured": dict(found.not_configured),
            "oldest_unfinished": found.oldest_unfinished and found.oldest_unfinished.isoformat(),
        }
