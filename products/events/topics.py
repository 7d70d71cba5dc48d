"""Which topics a machine may use, and how many new ones."""

import unicodedata
from collections.abc import Sequence

from api.auth.callers import caller_or_none
from api.http.errors import Forbidden
from core.clock import Clock
from core.errors import TooManyAttempts
from core.identity.windows import Window
from core.store.port import OPERATIONS, Store
from products.events.contract import EVENT

ANY = "*"
WITHIN_S = 3600
REMEMBERED = 10_000
"""Topics that a process knows to be there: only others are looked up."""

Topic = tuple[str, ...]


class TooManyTopics(TooManyAttempts):
    """This key has begun too many new topics. Use those that are there, or wait."""

    code = "too_many_topics"


class Topics:
    """The topics that are there."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: set[str] = set()

    def count_new(self, topic: Topic, client: str, most: int) -> None:
        """Counts the topic, if it is new. Raises TooManyTopics when a client begins more than `most` in an hour."""
        subject = "/".join(topic)
        if subject in self._known:
            return
        if not self._store.find(OPERATIONS, {"kind": EVENT.kind, "subject": subject}, limit=1):
            try:
                Window(self._store, self._clock, "new topic", most, WITHIN_S).count(client)
            except TooManyAttempts as error:
                raise TooManyTopics(error.retry_after_s) from None
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known.add(subject)


def require_topic(topic: Topic) -> None:
    """Raises Forbidden when the caller is a machine whose key is not good for the topic."""
    if not may_use(topic):
        raise Forbidden(f"Your key is not good for the topic {'/'.join(topic)}.")


def may_use(topic: Topic) -> bool:
    """Whether the caller may use the topic: a machine, when a pattern of its key matches; anybody else always."""
    known = caller_or_none()
    if known is None or known.role is not None:
        return True
    return any(matches(pattern, topic) for pattern in known.topics)


def matches(pattern: str, topic: Sequence[str]) -> bool:
    """Whether a topic matches `solution.model.action`, or `solution/model/action` where parts have dots; * is any."""
    parts = unicodedata.normalize("NFC", pattern).split("/" if "/" in pattern else ".")
    return len(parts) == len(topic) and all(part in (ANY, name) for part, name in zip(parts, topic, strict=True))
