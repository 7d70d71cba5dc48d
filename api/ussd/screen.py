"""What menus are made of: three kinds of screens, as data, and what may follow one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.accept import Order
from core.bootstrap import Core
from core.languages import plain, say_amount, translator
from core.people import People, Person
from core.pins import Pins

END = "end"
"""Where a dialogue is over."""


@dataclass(frozen=True)
class Talk:
    """Who is at the other end, and what he has said so far. data: JSON, kept while the session lasts; never a PIN."""

    core: Core
    people: People
    pins: Pins
    msisdn: str
    person: Person | None
    language: str
    data: Mapping[str, Any]
    key: str
    """Of this very step: what is accepted under it is accepted once, however often the step is delivered."""

    @property
    def me(self) -> Person:
        assert self.person is not None
        return self.person

    def say(self, text: str, **values: object) -> str:
        """A text of the code in the language of the talk, with values filled in."""
        return plain(translator(self.language)(text).format(**values), self.language)

    @property
    def currency(self) -> str:
        """Of wallets."""
        return self.core.settings.wallet_currency

    def amount(self, minor: int, currency: str) -> str:
        return plain(say_amount(minor, currency, self.language), self.language)


@dataclass(frozen=True)
class Go:
    """To another screen. data: what is to be remembered besides."""

    to: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class End:
    """The last screen. tells: the id of an operation whose outcome the next dial begins with."""

    text: str
    tells: str | None = None


class Wrong(Exception):
    """What was typed cannot be taken; the screen is shown again with this line."""


@dataclass(frozen=True)
class Option:
    label: str
    go: Go | End


Heading = Callable[[Talk], str]


@dataclass(frozen=True)
class Menu:
    """A choice of options. leads: where they may lead, for the picture of the menus."""

    name: str
    heading: Heading
    options: Callable[[Talk], list[Option]]
    leads: tuple[str, ...]


@dataclass(frozen=True)
class Ask:
    """A question. read: what the answer comes to, and where it leads; raises Wrong. secret: the answer is a PIN."""

    name: str
    heading: Heading
    read: Callable[[Talk, str], Go | End]
    leads: tuple[str, ...]
    secret: bool = False


Screen = Menu | Ask


def text(words: str) -> Heading:
    """A heading that is always the same text of the code."""
    return lambda talk: talk.say(words)


@dataclass(frozen=True)
class Pay:
    """What a PIN confirms. what: what to call it, a text of the code; amount: minor units; check: raises Problem."""

    what: str
    order: Order
    amount: int
    currency: str
    check: Callable[[], None] = lambda: None
