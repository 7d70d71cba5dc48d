"""The notices port: how people are notified. A product brings it, as `notifier` of its contract."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from core.broker.port import Broker
from core.clock import Clock
from core.contract import Contract
from core.ids import new_id
from core.operation import Operation
from core.store.port import Store


@dataclass(frozen=True)
class SentText:
    """A text that a phone was sent. id: of its operation; at: when it was sent."""

    id: str
    at: datetime
    text: str


class Notifier(Protocol):
    """`ended`, `send` and `tell_operators` are idempotent and raise StoreUnavailable."""

    def ended(self, operation: Operation) -> None:
        """Notifies the person in `operation.notification` of the outcome. Call it just before the end is saved."""

    def send(self, msisdn: str, text: str, client: str, key: str) -> None:
        """Sends a text to a phone in E.164, once for each key of the client."""

    def tell_operators(self, to: Sequence[str], subject: str, text: str, key: str) -> None:
        """Sends an e-mail to these addresses, if there are any, once for each key."""

    def reaches_phones(self, settings: Any) -> bool:
        """Whether people get what is sent, with these settings of the installation. Stores nothing."""

    def inbox(self, settings: Any, msisdn: str, limit: int) -> Sequence[SentText] | None:
        """The newest texts that a phone in E.164 was sent; None where texts leave this machine. Stores nothing."""


class NoNotifier:
    """For an installation without a product that sends messages."""

    def ended(self, operation: Operation) -> None:
        pass

    def send(self, msisdn: str, text: str, client: str, key: str) -> None:
        pass

    def tell_operators(self, to: Sequence[str], subject: str, text: str, key: str) -> None:
        pass

    def reaches_phones(self, settings: Any) -> bool:
        return False

    def inbox(self, settings: Any, msisdn: str, limit: int) -> None:
        return None


class Announcer(Protocol):
    """Notifies machines of the statuses of operations. A product brings it, as `announcer` of its contract."""

    def changed(self, before: Operation, after: Operation) -> None:
        """Announces the statuses that the operation has come to, once each. Call it just before they are saved.

        before: the operation as it is stored; after: as it is going to be, if the save succeeds.
        Raises StoreUnavailable.
        """


TellOperators = Callable[[str, str, str], None]
"""Sends the operators of this installation a notice: its subject, its text, and a key, for which it is sent once."""


def tell_nobody(subject: str, text: str, key: str) -> None:
    """For an installation whose operators get no e-mail."""


@dataclass(frozen=True)
class Site:
    """What an announcer knows of its installation.

    contracts: by kind; public_url: as its clients reach it, or "".
    let_in: the callers without a key or an account who are let in: see `core.settings.Settings.let_in`.
    """

    contracts: Mapping[str, Contract[Any]]
    public_url: str = ""
    let_in: frozenset[str] = frozenset()
    tell_operators: TellOperators = tell_nobody


MakeAnnouncer = Callable[[Store, Broker, Clock, Callable[[], str], Site], Announcer]
"""What a contract names `announcer`. The fourth argument makes ids."""
MakeNotifier = Callable[[Store, Broker, Clock, Callable[[], str]], Notifier]
"""What a contract names `notifier`. The last argument makes ids."""


@dataclass(frozen=True)
class Announcements:
    """Notifies people and machines of what happens to operations."""

    notifier: Notifier
    announcers: Sequence[Announcer] = ()

    def changed(self, before: Operation, after: Operation) -> None:
        """Call it just before `after` is saved, and again if that save fails. Raises StoreUnavailable.

        before: the operation as it is stored.
        """
        for announcer in self.announcers:
            announcer.changed(before, after)
        if after.terminal:
            self.notifier.ended(after)


def first_notifier(
    makers: list[MakeNotifier], store: Store, broker: Broker, clock: Clock, ids: Callable[[], str] = new_id
) -> Notifier:
    """The notifier of the first product that brings one."""
    return makers[0](store, broker, clock, ids) if makers else NoNotifier()
