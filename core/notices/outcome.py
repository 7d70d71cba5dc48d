"""The outcome of an operation in one line, for a phone's screen or an SMS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.notices.languages import plain, say_amount, translator
from core.operation import Operation, Status, short_reference

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
    once_asked: the step that asks the phone; without it, nobody there is told. None: the phone itself has asked for it.
    """

    msisdn: str
    language: str
    what: str
    amount: int
    currency: str
    once_asked: str | None = None


def concerns_phone(operation: Operation) -> bool:
    """Whether there is somebody to notify: where a stranger has named a phone, only after the phone was asked."""
    stored = operation.notification
    step = stored.get("once_asked") if stored else None
    return stored is not None and (step is None or operation.step(step).attempts > 0)


FEW_A_DAY = 20


def receiver(msisdn: str, language: str, text: str, at_most: int = FEW_A_DAY) -> dict[str, Any]:
    """Somebody else who is notified once an operation has succeeded.

    msisdn: E.164. text: in this language. at_most: how many messages a day the phone gets about operations of a kind.
    """
    return {"msisdn": msisdn, "language": language, "text": text, "at_most": at_most}


def received(operation: Operation, number: int) -> str:
    """The text for a receiver, such as `You got 2,500 XOF from awa. Ref 3d8c9988`. number: counted from 0."""
    told = operation.receivers[number]
    ref = translator(told["language"])("Ref")
    return plain(f"{told['text']} {ref} {short_reference(operation.id)}", told["language"])


def outcome(operation: Operation, language: str | None = None, details: str = "") -> str:
    """The line, such as `Transfer 2,500 XOF: done. Ref 3d8c9988`.

    language: another language than the notification's. details: what else there is to say in it, as a sentence.
    """
    stored: Any = operation.notification
    notification = Notification(**stored)
    language = language or notification.language
    say = translator(language)
    said = say(_SAID.get(operation.status, _UNDER_WAY))
    amount = say_amount(notification.amount, notification.currency, language)
    ref = f"{say('Ref')} {short_reference(operation.id)}"
    sentences = (f"{say(notification.what)} {amount}: {said}.", details, ref)
    return plain(" ".join(filter(None, sentences)), language)
