"""The outcome of an operation in one line, for a phone's screen or an SMS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.notices.languages import plain, say_amount, translator
from core.operation import Operation, Status

REFERENCE = 8
"""How many of the last characters of an id make the reference. They are random: enough to find the operation
    together with its owner's phone."""

_SAID: Mapping[Status, str] = {
    Status.SUCCEEDED: "done",
    Status.PARTIALLY_SUCCEEDED: "partly done, the rest given back",
    Status.REFUNDED: "failed, money given back",
    Status.FAILED: "failed, no money taken",
}
_UNDER_WAY = "under way"


@dataclass(frozen=True)
class Notification:
    """The recipient and subject of a notification.

    msisdn: E.164.
    language: a code of `core.notices.languages`.
    what: a text of the code, such as "Transfer".
    amount: minor units.
    """

    msisdn: str
    language: str
    what: str
    amount: int
    currency: str


def outcome(operation: Operation, language: str | None = None) -> str:
    """The line, such as `Transfer 2,500 XOF: done. Ref 3d8c9988`.

    language: another language than the notification's.
    """
    stored: Any = operation.notification
    notification = Notification(**stored)
    language = language or notification.language
    say = translator(language)
    said = say(_SAID.get(operation.status, _UNDER_WAY))
    amount = say_amount(notification.amount, notification.currency, language)
    return plain(f"{say(notification.what)} {amount}: {said}. {say('Ref')} {reference(operation.id)}", language)


def reference(id: str) -> str:
    return id[-REFERENCE:]
