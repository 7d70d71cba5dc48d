"""The parts of menus, as data: menus, questions, and what follows them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from api.http.errors import status_of
from core.accept import Command
from core.bootstrap import Core
from core.errors import Conflict, Duplicate, QuittanceError, StoreUnavailable
from core.identity.people import Person
from core.identity.pins import Pins
from core.notices.languages import plain, say_amount, translator

END = "end"
"""The name of the end of a dialogue."""
PASSED_ON = (StoreUnavailable, Conflict, Duplicate)
"""Errors that sessions deal with: the step can be delivered again, or another delivery of it was faster."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Talk:
    """The context of one step of a dialogue.

    screens: all screens, by name.
    msisdn: the caller's phone, in E.164.
    person: the caller, or None for one who has not registered yet.
    data: what the caller has answered so far, as JSON; kept while the session lasts, and never a PIN.
    key: the idempotency key of this step: what is accepted under it is accepted once, however often it is delivered.
    gateway: the name of the one that delivers it.
    """

    core: Core
    pins: Pins
    screens: "Mapping[str, Screen]"
    msisdn: str
    person: Person | None
    language: str
    data: Mapping[str, Any]
    key: str
    gateway: str = ""

    @property
    def me(self) -> Person:
        assert self.person is not None
        return self.person

    def say(self, text: str, **values: object) -> str:
        """A text of the code in the caller's language, with values filled in."""
        return plain(translator(self.language)(text).format(**values), self.language)

    def say_error(self, error: QuittanceError) -> str:
        """The error as a sentence for the screen; a bug of ours is logged. Raises the errors of PASSED_ON again."""
        if isinstance(error, PASSED_ON):
            raise error
        if status_of(type(error)) >= 500:
            log.error("ussd_step_failed", error=str(error), exc_info=error)
        return self.say(error.screen_text)

    @property
    def currency(self) -> str:
        """The currency of wallets."""
        return self.core.settings.wallet_currency

    def amount(self, minor: int, currency: str) -> str:
        return plain(say_amount(minor, currency, self.language), self.language)


@dataclass(frozen=True)
class Go:
    """Leads to another screen. data: more answers to remember."""

    to: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """The last screen. follows: the id of an operation whose outcome the next dial shows."""

    text: str
    follows: str | None = None


class Wrong(Exception):
    """The input was not accepted. The screen is shown again after this line."""


@dataclass(frozen=True)
class Option:
    label: str
    go: Go | End


Heading = Callable[[Talk], str]
Arrive = Callable[[Talk], Mapping[str, Any] | End]
"""What is found out when an answer leads to a screen, to be remembered; or the end instead of the screen."""


def nothing_more(_: Talk) -> Mapping[str, Any]:
    """For a screen that needs no more than what was answered."""
    return {}


@dataclass(frozen=True)
class Menu:
    """A choice of options.

    leads: the screens that they may lead to, for the picture of the menus.
    arrive: see `Arrive`.
    """

    name: str
    heading: Heading
    options: Callable[[Talk], list[Option]]
    leads: tuple[str, ...]
    arrive: Arrive = nothing_more


@dataclass(frozen=True)
class Ask:
    """A question.

    read: reads the answer and says where it leads; raises Wrong.
    leads: the screens that it may lead to, for the picture of the menus.
    secret: the answer is a PIN.
    arrive: see `Arrive`.
    """

    name: str
    heading: Heading
    read: Callable[[Talk, str], Go | End]
    leads: tuple[str, ...]
    secret: bool = False
    arrive: Arrive = nothing_more


Screen = Menu | Ask


def text(words: str) -> Heading:
    """A heading that is one text of the code."""
    return lambda talk: talk.say(words)


@dataclass(frozen=True)
class Entry:
    """One line of the main menu, which a product adds.

    position: lines are sorted by it.
    label: a text of the code.
    screen: the screen that the line leads to.
    screens: all screens that this entry adds.
    kinds: the kinds of operations that are asked for there.
    """

    position: int
    label: str
    screen: str
    screens: tuple[Screen, ...]
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pay:
    """What a PIN confirms.

    what: what to call it, a text of the code.
    command: the operation to accept.
    amount: in minor units.
    check: raises Refused for what cannot be paid any more.
    """

    what: str
    command: Command
    amount: int
    currency: str
    check: Callable[[], None] = lambda: None
