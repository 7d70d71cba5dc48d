"""Whose account a caller is about to pay from: the operator is asked before the screen that asks for the PIN."""

from collections.abc import Callable, Mapping

from api.http.waiting import waiting_room
from api.ussd.common import confirm
from api.ussd.fit import short
from api.ussd.screen import Ask, End, Heading, Pay, Talk
from core.accept import Command
from core.dialects import DIALECTS
from core.errors import InvalidField, NotFound
from core.notices.languages import plain
from core.operation import Operation
from core.store.port import OPERATIONS
from products.payers.contract import PAYER_CHECK, PayerCheck, holder_of

HOLDER_WITHIN_S = 2
"""A person waits for this screen, and networks end a session whose screen does not come within about ten seconds. Most
operators answer in less than one. Without an answer, the payment is confirmed without the name."""

MAX_HOLDER_CHARS = 10
"""Enough to know an owner by; with more, a Russian screen has no room for a line that says what was wrong."""


def confirm_from_phone(name: str, summary: Heading, pay: Callable[[Talk], Pay]) -> Ask:
    """As `confirm`, for a payment from the caller's mobile money.

    The account's owner is shown and remembered as `holder`, where the operator says it. An account that cannot pay ends
    the dialogue.
    """
    return confirm(name, _with_holder(summary), pay, _holder)


def _holder(talk: Talk) -> Mapping[str, str] | End:
    if "holder" in talk.data:
        return {}
    active, holder = _asked(talk)
    if active is False:
        return End(talk.say("No active mobile-money account on this phone."))
    return {} if active is None else {"holder": holder or ""}


def _with_holder(summary: Heading) -> Heading:

    def heading(talk: Talk) -> str:
        holder = talk.data.get("holder")
        if not holder:
            return summary(talk)
        return f"{summary(talk)}\n{short(plain(holder, talk.language), MAX_HOLDER_CHARS)}"

    return heading


def _asked(talk: Talk) -> tuple[bool | None, str | None]:
    """Returns whether the caller's account can pay, and its owner's name; None for what is not known in time."""
    settings = talk.core.settings
    try:
        operator = settings.operators.serving(talk.msisdn)
    except InvalidField:
        return None, None
    if not DIALECTS[operator.dialect].knows_holders or PAYER_CHECK.kind not in settings.installed.kinds:
        return None, None
    command = Command(
        PAYER_CHECK.kind,
        PayerCheck(talk.msisdn).to_json(),
        talk.me.id,
        subject=talk.msisdn,
        idempotency_key=talk.key,
        repeatable=True,
        operator=operator.name,
    )
    return holder_of(answered(talk, command, HOLDER_WITHIN_S))


def answered(talk: Talk, command: Command, within_s: float) -> Operation:
    """The operation that asks a partner something, once it has ended, or as it is after so many seconds."""
    return ended(talk, talk.core.accept(command).operation.id, within_s)


def ended(talk: Talk, id: str, within_s: float) -> Operation:
    """As `answered`, for a question that has been asked before. Raises NotFound."""
    return waiting_room().wait(lambda: _load(talk, id), within_s, None)


def _load(talk: Talk, id: str) -> Operation:
    document = talk.core.store.get(OPERATIONS, id)
    if document is None:
        raise NotFound
    return Operation.from_document(document)
