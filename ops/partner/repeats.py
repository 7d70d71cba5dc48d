"""How a partner answers a reference that it has already: the judgement, apart from the calls."""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Any

from ops.partner.life import Life, is_duplicate, words_of
from ops.partner.subject import Row, Verdict
from worker.partners.port import Confirmed, Mismatch, Pending, Unavailable, Unknown

IDS = ("transaction_id", "transaction_reference", "session", "airtel_money_id", "receipt", "checkout_request_id")
"""What partners call their own id of a transaction, in our results."""
ABOUT_THE_REFERENCE = frozenset({"reference_conflict", "refused_as_invalid", "declined", "operator_misconfigured"})
"""Refusals that can mean a duplicate. Any other one says that the debit was tried again."""


class Repeat(StrEnum):
    """What became of a repeated reference."""

    ECHO = "the first result again"
    REFUSED = "refused as a duplicate"
    AGAIN = "a new transaction"
    UNCLEAR = "neither a refusal nor an id"


SAFE = frozenset({Repeat.ECHO, Repeat.REFUSED})
"""One transaction, whatever is sent."""


def judge(first: Life, second: Life, made: int | None, *, is_refund: bool = False) -> Repeat:
    """Returns what a repeat has done.

    made: how often the partner's record has the reference; None where there is no record.
    is_refund: any refusal of a second refund moves no money.
    """
    refused = is_duplicate(second.answer, None if is_refund else ABOUT_THE_REFERENCE)
    theirs, again = _ids(first), _ids(second)
    if made is not None and made > 1:
        return Repeat.AGAIN
    # The status may show the first transaction while the answer names a second one.
    if any(theirs[key] != told[key] for told in (again, _told(second)) for key in theirs.keys() & told.keys()):
        return Repeat.AGAIN
    if refused:
        return Repeat.REFUSED
    if isinstance(second.answer, Unknown | Unavailable):
        return Repeat.UNCLEAR  # it may not have arrived
    if made == 1:
        return Repeat.ECHO
    if is_duplicate(second.answer):
        return Repeat.AGAIN  # refused for what the payer did or has, so it was tried
    return Repeat.ECHO if isinstance(second.answer, Mismatch) or _echoes(first, second) else Repeat.UNCLEAR


def _echoes(first: Life, second: Life) -> bool:
    """Whether the answer itself has the id of the first transaction."""
    return bool(_told(second).items() & _ids(first).items())


def _told(life: Life) -> dict[str, str]:
    """The ids that the answer itself has."""
    return _named(life.answer.result) if isinstance(life.answer, Confirmed | Pending) else {}


def _ids(life: Life) -> dict[str, str]:
    return _named(life.demand.known)


def _named(result: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(result[key]) for key in IDS if result.get(key)}


def row(name: str, second: Life, repeat: Repeat, made: int | None, *, is_repeated: bool) -> Row:
    """The row of a repeat.

    is_repeated: whether Quittance ever sends such a demand again.
    """
    counted = f"; its record has {made} for the reference" if made else ""
    seen = f"{words_of(second.answer)}: {repeat}{counted}"
    match repeat:
        case Repeat.ECHO | Repeat.REFUSED:
            return Row(name, seen, Verdict.OK)
        case Repeat.AGAIN if is_repeated:
            return Row(name, f"{seen}. It is NOT idempotent", Verdict.UNSAFE)
        case Repeat.AGAIN:
            return Row(name, f"{seen}. Quittance never sends it twice", Verdict.CAREFUL)
        case _ if isinstance(second.answer, Unknown | Unavailable):
            return Row(name, f"{words_of(second.answer)}: its answer is lost; check again", Verdict.UNKNOWN)
        case _:
            return Row(name, f"{seen}; look for one transaction in its statement", Verdict.UNKNOWN)


def made(record: Mapping[str, Any] | None, kind: str, ids: Collection[str]) -> int | None:
    """How often the partner's record has a demand; None where there is no record, or another one.

    kind: the list of the record, `debits` or `refunds`.
    """
    rows: Iterable[Mapping[str, Any]] = record.get(kind, ()) if record else ()
    return sum(each.get("request_id") in ids for each in rows) or None
