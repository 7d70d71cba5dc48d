"""All screens by name, and the main menu."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from api.ussd import account, register
from api.ussd.screen import END, Entry, Go, Menu, Option, Screen, Talk
from core.notices.languages import DEFAULT

FIRST = "main"
REGISTER = "register.language"


class Menus:
    """The main menu, and the screens that it leads to. entries: those of the installed products."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = sorted((*entries, account.ENTRY), key=lambda entry: entry.position)
        main = Menu(
            FIRST,
            lambda talk: "\n".join(talk.data.get("news", ())),
            lambda talk: [Option(talk.say(entry.label), Go(entry.screen)) for entry in self.entries],
            tuple(entry.screen for entry in self.entries),
        )
        added = (screen for entry in self.entries for screen in entry.screens)
        self.screens: dict[str, Screen] = {screen.name: screen for screen in (main, *register.SCREENS, *added)}


class _Picture(Talk):
    """A context without a caller: texts stay as they are in the code, with their placeholders."""

    def say(self, text: str, **values: object) -> str:
        return text

    @property
    def currency(self) -> str:
        return ""

    def amount(self, minor: int, currency: str) -> str:
        return ""


def graph(menus: Menus) -> str:
    """The menus as a Mermaid flowchart: what each screen asks, and where it leads."""
    nobody: Any = None
    talk = _Picture(nobody, nobody, menus.screens, "", None, DEFAULT, defaultdict(str), "")
    called = {FIRST: "Menu", **{entry.screen: entry.label for entry in menus.entries}}
    lines = [
        "flowchart LR",
        f'  new(["a new caller"]) --> {_node(REGISTER)}',
        f'  known(["a known caller"]) --> {_node(FIRST)}',
    ]
    for name, screen in menus.screens.items():
        heading = called.get(name) or "<br/>".join(screen.heading(talk).splitlines())
        lines.append(f'  {_node(name)}["{heading}"]')
        choices = screen.options(talk) if isinstance(screen, Menu) and len(screen.leads) > 1 else []
        labels = {
            option.go.to: f' -- "{number} {option.label}"'
            for number, option in enumerate(choices, start=1)
            if isinstance(option.go, Go)
        }
        lines += [f"  {_node(name)}{labels.get(to, '')} --> {_node(to)}" for to in screen.leads]
    return "\n".join([*lines, f'  {_node(END)}(["the end"])'])


def _node(name: str) -> str:
    return name.replace(".", "_") if name != END else "over"  # "end" is a word of Mermaid's own
