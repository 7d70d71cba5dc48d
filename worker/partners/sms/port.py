"""What every sender of SMS does for us, whatever its gateway."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from worker.partners.breaker import Breaker
from worker.partners.http import Answer
from worker.partners.port import Declined, Reply, Unavailable, Unknown

MAX_ID_CHARS = 256
"""The longest id of a gateway that is kept."""


class SmsSender(Protocol):
    """Sends text messages.

    breaker: None for a sender on this machine.
    enquire: returns the status of a reference. None if the sender cannot know it.
    known_for_s: how long `enquire` knows a message after it was sent, in seconds.
    repeats: whether a message whose outcome cannot be asked is sent again when it may have been sent already.
    """

    breaker: Breaker | None
    enquire: Callable[[str], Reply] | None
    known_for_s: float
    repeats: bool

    def send(self, reference: str, to: str, text: str) -> Reply:
        """Sends `text` to the phone `to` (E.164)."""


def read(answer: Answer | Unknown | Unavailable, understand: Callable[[Answer], Reply | None]) -> Reply:
    """Returns what a gateway's answer means, with the gateway's own words.

    401, 429 and 503 say that the message was not processed, and 400 that it never will be.

    understand: returns what an answer with a status of 200 to 299 means; None for one that it cannot understand.
    """
    if not isinstance(answer, Answer):
        return answer
    return replace(_read(answer, understand), said=answer.said)


def _read(answer: Answer, understand: Callable[[Answer], Reply | None]) -> Reply:
    match answer.status:
        case status if 200 <= status < 300:
            return understand(answer) or Unknown(f"HTTP {status} that says nothing of the message")
        case 400:
            return Declined("refused_as_invalid")
        case 401 | 429 | 503:
            return Unavailable(f"HTTP {answer.status}", answer.retry_after_s)
        case _:
            return Unknown(f"HTTP {answer.status}")


def only_one(body: Mapping[str, object], name: str) -> Mapping[str, object] | None:
    """Returns the only object in the list `name`: we send one message at a time. None if there is another number."""
    found = body.get(name)
    only = found[0] if isinstance(found, list) and len(found) == 1 else None
    return only if isinstance(only, dict) else None


def text_of(value: object) -> str:
    """Returns what a gateway has written, cut to what is kept; "" for what is no text."""
    return value[:MAX_ID_CHARS] if isinstance(value, str) else ""
