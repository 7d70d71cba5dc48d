"""One step of a dialogue: from where somebody is and what he types, to what he sees. Remembers nothing itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from api.ussd.fit import pages
from api.ussd.menu import FIRST, REGISTER, SCREENS
from api.ussd.screen import Ask, End, Go, Menu, Option, Talk, Wrong

BACK, TOP, MORE = "0", "00", "#"
LONGEST = 160
"""Characters of an answer: no handset lets one type more."""


@dataclass(frozen=True)
class Place:
    """Where somebody is. behind: the screens that led there; page: of a screen that is longer than one."""

    screen: str
    behind: tuple[str, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    page: int = 0


@dataclass(frozen=True)
class Shown:
    """message: at most a page; place: None when the dialogue is over; wrong: the answer was not taken."""

    message: str
    place: Place | None
    tells: str | None = None
    wrong: bool = False


def show(talk: Talk, place: Place, error: str = "") -> Shown:
    """The screen at a place, with a line of what was wrong before it."""
    screen = SCREENS[place.screen]
    heading = [line for text in (error, screen.heading(talk)) for line in text.splitlines()]
    options = [f"{number} {option.label}" for number, option in enumerate(_options(screen, talk), start=1)]
    found = pages([*heading, *options], talk.say("More"))
    return Shown(found[min(place.page, len(found) - 1)], place, wrong=bool(error))


def step(talk: Talk, place: Place, typed: str) -> Shown:
    """What follows when this is typed there."""
    typed = typed.strip()
    screen = SCREENS[place.screen]
    if typed == TOP:
        return show(talk, Place(FIRST if talk.person else REGISTER, data=place.data))
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
    if isinstance(taken, End):
        return Shown(taken.text, None, taken.tells)
    data = {**place.data, **taken.data}
    talk = replace(talk, data=data, language=str(data.get("language", talk.language)))
    behind = () if taken.to == FIRST else (*place.behind, place.screen)
    return show(talk, Place(taken.to, behind, data))


def _take(talk: Talk, screen: Menu | Ask, typed: str) -> Go | End:
    if not typed:
        raise Wrong(talk.say("Nothing typed."))
    if len(typed) > LONGEST:
        raise Wrong(talk.say("Too long."))
    if isinstance(screen, Ask):
        return screen.read(talk, typed)
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
