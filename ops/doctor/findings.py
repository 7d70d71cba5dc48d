"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """WRONG: the set-up is broken. AWAY: a partner does not answer, and the set-up may be right."""

    OK = "ok"
    WARNING = "warning"
    AWAY = "away"
    WRONG = "wrong"


@dataclass(frozen=True)
class Finding:
    """about: what was looked at; said: what was seen; to_do: what to do about it, if anything."""

    about: str
    level: Level
    said: str
    to_do: str = ""


def ok(about: str, said: str) -> Finding:
    return Finding(about, Level.OK, said)


def warning(about: str, said: str, to_do: str) -> Finding:
    return Finding(about, Level.WARNING, said, to_do)


def away(about: str, said: str, to_do: str) -> Finding:
    return Finding(about, Level.AWAY, said, to_do)


def wrong(about: str, said: str, to_do: str) -> Finding:
    return Finding(about, Level.WRONG, said, to_do)
