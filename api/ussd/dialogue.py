"""One step of a dialogue: the caller's place and input lead to the next screen. Pure: sessions remember."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.ussd.fit import pages
from api.ussd.menu import FIRST, REGISTER
from api.ussd.screen import Ask, End, Go, Menu, Option, Talk, Wrong
from core.errors import QuittanceError

BACK, TOP, MORE = "0", "00", "#"
MAX_INPUT_CHARS = 160
"""The longest input that a handset sends, in characters."""


@dataclass(frozen=True)
class Place:
    """The caller's place in the menus.

    behind: the screens that led there.
    page: the page of a screen that has several.
    """

    screen: str
    behind: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    page: int = 0


@dataclass(frozen=True)
class Shown:
    """What the caller sees.

    message: at most one page.
    place: None when the dialogue is over.
    follows: the id of an operation whose outcome the next dial shows.
    wrong: the input was not accepted.
    """

    message: str
    place: Place | None
    follows: str | None = None
    wrong: bool = False


def show(talk: Talk, place: Place, error: str = "") -> Shown:
    """The screen at a place, after a line that says what was wrong. A screen that cannot be made is the end."""
    screen = talk.screens[place.screen]
    try:
        heading = [line for text in (error, screen.heading(talk)) for line in text.splitlines()]
        options = [f"{number} {option.label}" for number, option in enumerate(_options(screen, talk), start=1)]
    except QuittanceError as refused:
        return Shown(talk.say_error(refused), None)
    found = pages([*heading, *options], talk.say("More"))
    return Shown(found[min(place.page, len(found) - 1)], place, wrong=bool(error))


def step(talk: Talk, place: Place, typed: str) -> Shown:
    """What the caller sees after typing this there."""
    typed = typed.strip()
    screen = talk.screens[place.screen]
    if typed == TOP:
        return show(talk, Place(FIRST if talk.person and talk.person.has_pin else REGISTER, data=place.data))
    if typed == BACK:
        if not place.behind:
            return Shown(talk.say("Goodbye."), None)
        return show(talk, replace(place, screen=place.behind[-1], behind=place.behind[:-1], page=0))
    if typed == MORE and isinstance(screen, Menu):
        return _turned(talk, place, screen)
    try:
        taken = _take(talk, screen, typed)
    except Wrong as wrong:
        return show(talk, replace(place, page=0), str(wrong))
    except QuittanceError as refused:
        return Shown(talk.say_error(refused), None)
    if isinstance(taken, End):
        return Shown(taken.text, None, taken.follows)
    return _arrive(talk, place, taken)


def _arrive(talk: Talk, place: Place, taken: Go) -> Shown:
    data = {**place.data, **taken.data}
    talk = replace(talk, data=data, language=str(data.get("language", talk.language)))
    try:
        found = talk.screens[taken.to].arrive(talk)
    except QuittanceError as refused:
        return Shown(talk.say_error(refused), None)
    if isinstance(found, End):
        return Shown(found.text, None, found.follows)
    data |= found
    trail = (*place.behind, place.screen)
    behind = () if taken.to == FIRST else trail[: trail.index(taken.to)] if taken.to in trail else trail
    return show(replace(talk, data=data), Place(taken.to, behind, data))


def _take(talk: Talk, screen: Menu | Ask, typed: str) -> Go | End:
    if not typed:
        raise Wrong(talk.say("Nothing typed."))
    if len(typed) > MAX_INPUT_CHARS:
        raise Wrong(talk.say("Too long."))
    if isinstance(screen, Ask):
        try:
            return screen.read(talk, typed)
        except QuittanceError as refused:
            raise Wrong(talk.say_error(refused)) from None
    options = _options(screen, talk)
    number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 0
    if not 1 <= number <= len(options):
        raise Wrong(talk.say("No such choice."))
    return options[number - 1].go


def _turned(talk: Talk, place: Place, screen: Menu) -> Shown:
    turned = show(talk, replace(place, page=place.page + 1))
    if turned.message == show(talk, place).message:  # the last page is followed by the first one
        return show(talk, replace(place, page=0))
    return turned


def _options(screen: Menu | Ask, talk: Talk) -> list[Option]:
    return screen.options(talk) if isinstance(screen, Menu) else []
