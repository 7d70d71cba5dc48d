"""How an operation stands, told in a line to whoever asked for it: on a screen, or by SMS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.languages import plain, say_amount, translator
from core.operation import Operation, Status

REFERENCE = 8
"""The last characters of an operation's id, which are random: enough to find it with its owner's phone."""

_SAID: Mapping[Status, str] = {
    Status.SUCCEEDED: "done",
    Status.PARTIALLY_SUCCEEDED: "partly done, the rest given back",
    Status.REFUNDED: "failed, money given back",
    Status.FAILED: "failed, no money taken",
}
_UNDER_WAY = "under way"


@dataclass(frozen=True)
class Tell:
    """Whom to tell how an operation ended. what: a text of the code, such as "Transfer"; amount: minor units."""

    msisdn: str
    language: str
    what: str
    amount: int
    currency: str


def outcome(operation: Operation, language: str | None = None) -> str:
    """Such as `Transfer 2,500 XOF: done. Ref 3d8c9988`. language: another one than was asked for at the time."""
    told: Any = operation.tell
    tell = Tell(**told)
    language = language or tell.language
    say = translator(language)
    said = say(_SAID.get(operation.status, _UNDER_WAY))
    amount = say_amount(tell.amount, tell.currency, language)
    return plain(f"{say(tell.what)} {amount}: {said}. {say('Ref')} {reference(operation.id)}", language)


def reference(id: str) -> str:
    return id[-REFERENCE:]
