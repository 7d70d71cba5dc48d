"""What is promised with a partner, as docs/explanation/guarantees.md says it, and the settle window that it needs."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from ops.partner.life import Life
from ops.partner.repeats import SAFE, Repeat
from ops.partner.subject import Row, Subject, Verdict
from worker.partners.operators.port import Service

LEAST_WINDOW_S = 30
MARGIN = 2
STEP_S = 10
"""A window is rounded up to it."""


class Standing(StrEnum):
    """What can be found out at a partner after a lost answer."""

    IDEMPOTENT = "idempotent by our reference"
    BY_OURS = "askable by our reference"
    BY_THEIRS = "askable only by its own id"
    NOT_AT_ALL = "not askable at all"
    UNRELIABLE = "its status cannot be relied on"


LOST: Mapping[Standing, str] = {
    Standing.IDEMPOTENT: "Quittance asks, and sends it again under the same reference after the settle window.",
    Standing.BY_OURS: "Quittance asks. It sends it again only after the settle window, if the status denies it.",
    Standing.BY_THEIRS: "Its own id is lost too. A callback or a person decides. It is never sent again.",
    Standing.NOT_AT_ALL: "A callback or a person decides. It is never sent again.",
    Standing.UNRELIABLE: "Quittance asks, and believes a status that denies what was done. This can debit twice.",
}
"""What happens after a lost answer."""
ONCE = "A payer is debited at most once for an operation"
NEVER_FAILS = "An operation never fails while its outcome at a partner is unknown"
QUOTES: Mapping[Standing, tuple[str, ...]] = {
    Standing.IDEMPOTENT: (ONCE, "the partner repeats its answer for the same reference"),
    Standing.BY_OURS: (
        ONCE,
        (
            "the partner applies the request, or reports it as pending, within `SETTLE_WINDOW_S` after it was sent,"
            " and its status endpoint reports it from then on"
        ),
    ),
    Standing.BY_THEIRS: (NEVER_FAILS,),
    Standing.NOT_AT_ALL: (NEVER_FAILS,),
    Standing.UNRELIABLE: (
        "A partner that is not idempotent and has no reliable status endpoint.",
        "the request is sent again after the settle window and is executed twice",
    ),
}
"""Sentences of docs/explanation/guarantees.md."""


@dataclass(frozen=True, slots=True)
class Window:
    """A settle window, in seconds, and why it is so long."""

    seconds: int
    why: str


def standing(service: Service, life: Life, repeats: Sequence[Repeat]) -> Standing | None:
    """Returns the standing of a partner's debits; None if too little was seen.

    life: of the debit that was watched.
    repeats: how each repeat of a reference ended, that of an ended debit first.
    """
    if service.ask is None:
        return Standing.NOT_AT_ALL
    if service.asked_by_theirs:
        return Standing.BY_THEIRS
    # Without a record a repeat of what is pending may stay unclear: Quittance makes none.
    if repeats and repeats[0] in SAFE and Repeat.AGAIN not in repeats:
        return Standing.IDEMPOTENT
    if life.is_unseen or life.denied:
        return Standing.UNRELIABLE
    return Standing.BY_OURS if life.known_s is not None else None


def window(subject: Subject, lives: Sequence[Life]) -> Window:
    """Returns the settle window to configure, as what was sent shows it. lives: at least one."""
    answer_s = max(life.answer_s for life in lives)
    lag_s = max((life.known_s or 0) for life in lives)
    unseen = any(life.is_unseen for life in lives)
    longest_s = max(answer_s, lag_s, subject.longest_s if unseen else 0)
    seconds = max(LEAST_WINDOW_S, STEP_S * math.ceil(round(MARGIN * longest_s, 3) / STEP_S))
    why = f"twice the longest of answer time ({answer_s:.2f} s) and status lag ({lag_s:.2f} s)"
    if unseen:
        why = f"a status did not know its reference for {subject.longest_s:g} s: this is a guess"
    elif seconds == LEAST_WINDOW_S:
        why += f", and at least {LEAST_WINDOW_S} s"
    if seconds <= subject.operator.timeout_s:  # a window has to be longer than the timeout
        seconds = STEP_S * (int(subject.operator.timeout_s) // STEP_S + 1)
        why += f", and longer than the timeout of {subject.operator.timeout_s:g} s"
    return Window(seconds, why)


def window_row(subject: Subject, needed: Window, found: Standing | None) -> Row:
    """Compares the configured settle window with the one that is needed."""
    configured_s = subject.operator.settle_window_s
    seen = f"{configured_s:g} s is configured, {needed.seconds} s is recommended"
    if configured_s >= needed.seconds:
        return Row("settle window", seen, Verdict.OK)
    matters = found in (Standing.BY_OURS, Standing.UNRELIABLE)
    return Row("settle window", seen, Verdict.UNSAFE if matters else Verdict.CAREFUL)
