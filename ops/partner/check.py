"""The check of one operator: all probes in their order, and what follows from them."""

from dataclasses import dataclass

from ops.partner import moves, probes
from ops.partner.life import Life
from ops.partner.moves import NO_DEBIT, Moved
from ops.partner.promise import Standing, Window, standing, window, window_row
from ops.partner.subject import Row, Subject, Verdict
from worker.partners.port import Confirmed, Pending

MAX_DEBITS = 5
"""A debit, its repeat, another one and its repeat, and another amount: if the partner is not idempotent."""
REPEATS = ("repeat, when final", "repeat, at once", "another amount, same reference", "refund")


@dataclass(frozen=True)
class Report:
    """What a check has found.

    standing: None if too little was seen. window: None if nothing was sent.
    """

    rows: tuple[Row, ...]
    standing: Standing | None = None
    window: Window | None = None

    @property
    def is_unsafe(self) -> bool:
        return any(row.verdict is Verdict.UNSAFE for row in self.rows)


def check(subject: Subject) -> Report:
    """Runs all probes. Money moves only if the operator is reached and takes the credentials."""
    reached = subject.reach()
    if reached.failed:
        return Report((probes.connectivity(reached, None),))
    opening = probes.open_with(subject)
    clock = probes.clock(subject)  # of the first call
    still = (
        probes.connectivity(reached, opening),
        probes.credentials(subject, opening),
        clock,
        probes.unknown_reference(subject, opening),
    )
    if still[0].verdict is Verdict.UNSAFE or probes.is_refused(opening.reply):
        return Report(still)
    moved = moves.debit(subject)
    life = moved.lives[0] if moved.lives else None
    moved += _more(subject, life)
    found = standing(subject.dialect.debits, life, moved.repeats) if life and _was_taken(life) else None
    needed = window(subject, moved.lives) if life and _was_taken(life) else None
    last = [_callback(subject)]
    if needed is not None:
        last.append(window_row(subject, needed, found))
    return Report((*still, *moved.rows, *last), found, needed)


def _more(subject: Subject, life: Life | None) -> Moved:
    if life is None or not isinstance(life.final, Confirmed):
        return Moved(tuple(Row(name, NO_DEBIT, Verdict.UNKNOWN) for name in REPEATS))
    moved = moves.again_when_final(subject, life)
    moved += moves.again_while_pending(subject)
    moved += moves.another_amount(subject, life)
    return moved + moves.refund(subject, life)


def _was_taken(life: Life) -> bool:
    """Whether the partner may have the demand: only then its answers say something."""
    return life.asked or isinstance(life.answer, Confirmed | Pending)


def _callback(subject: Subject) -> Row:
    host = subject.operator.callback_host
    if host:
        return Row("callback", f"expected at {host}; this command cannot see it", Verdict.UNKNOWN)
    by_callback = subject.dialect.debits.read is not None
    seen = "CALLBACK_HOST is not set"
    if by_callback:
        return Row("callback", f"{seen}, and only a callback reports the outcome after a lost answer", Verdict.CAREFUL)
    return Row("callback", f"{seen}: Quittance asks", Verdict.OK)
