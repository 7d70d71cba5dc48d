"""What the registry says of fines to a caller: asked while the caller waits, and remembered as JSON."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from api.ussd.screen import Talk
from core.accept import Command
from core.errors import NotFound, TooManyAttempts
from core.identity.windows import Window
from core.operation import Operation
from products.fines.lookup import FINE_LOOKUP, FineLookup, ListedFine, listed
from products.payers.ussd import answered, ended

FINES_WITHIN_S = 2
"""A person waits for this screen, see HOLDER_WITHIN_S. Without an answer, the number and the amount are typed."""
TYPED = (20, 3600)
"""Look-ups of what somebody types, within so many seconds: whoever has a phone could else list the fines of a city."""

Remembered = dict[str, Any]


def asked(talk: Talk, lookup: FineLookup) -> Operation:
    """The look-up, once the registry has answered, or as it is after FINES_WITHIN_S."""
    command = Command(
        FINE_LOOKUP.kind,
        lookup.to_json(),
        talk.me.id,
        subject=talk.msisdn,
        idempotency_key=f"{talk.key}:fines",
        repeatable=True,
    )
    return answered(talk, command, FINES_WITHIN_S)


def asked_again(talk: Talk, id: str) -> Operation | None:
    """The same look-up, which the registry may have answered meanwhile; None if it is over without an answer."""
    with suppress(NotFound):
        found = ended(talk, id, FINES_WITHIN_S)
        return None if found.terminal and listed(found) is None else found
    return None


def asked_of_typed(talk: Talk, lookup: FineLookup) -> Sequence[ListedFine] | None:
    """The fines of a plate or a number; None without an answer in time, and for who has asked too often."""
    window = Window(talk.core.store, talk.core.clock, "fine look-ups", *TYPED)
    with suppress(TooManyAttempts):
        window.count(talk.msisdn)
        return listed(asked(talk, lookup))
    return None


def remembered(fines: Sequence[ListedFine]) -> list[Remembered]:
    """Those that are owed."""
    return [
        {"fine": fine.id, "amount": fine.amount, "currency": fine.currency, "why": fine.reason}
        for fine in fines
        if fine.is_due
    ]
