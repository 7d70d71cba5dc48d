"""All screens by name, and the one that everything begins with."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from api.ussd.flows import account, fines, register, services, transfer, wallet, withdraw
from api.ussd.screen import END, Go, Menu, Option, Screen, Talk
from core.languages import DEFAULT

FIRST = "main"
REGISTER = "register.language"

_CHOICES = (
    ("Transfer money", "transfer.to"),
    ("Withdraw", "withdraw.code"),
    ("Pay services", "services"),
    ("Fines", "fines.number"),
    ("Balance", "balance"),
    ("Recharge", "recharge.amount"),
    ("Mini-statement", "statement"),
    ("My account", "account"),
)


def _options(talk: Talk) -> list[Option]:
    return [Option(talk.say(label), Go(screen)) for label, screen in _CHOICES]


MAIN = Menu(
    FIRST,
    lambda talk: "\n".join(talk.data.get("news", ())),
    _options,
    tuple(screen for _, screen in _CHOICES),
)

SCREENS: Mapping[str, Screen] = {
    screen.name: screen
    for screen in (
        MAIN,
        *register.SCREENS,
        *transfer.SCREENS,
        *withdraw.SCREENS,
        *services.SCREENS,
        *fines.SCREENS,
        *wallet.SCREENS,
        *account.SCREENS,
    )
}


class _Picture(Talk):
    """A talk with nobody: texts stand as they are in the code, with what is filled in in braces."""

    def say(self, text: str, **values: object) -> str:
        return text

    @property
    def currency(self) -> str:
        return ""

    def amount(self, minor: int, currency: str) -> str:
        return ""


def graph() -> str:
    """The menus as a Mermaid flowchart: what every screen asks, and where it leads. Menus go by what chooses them."""
    nobody: Any = None
    talk = _Picture(nobody, nobody, nobody, "", None, DEFAULT, defaultdict(str), "")
    called = {FIRST: "Menu", **{screen: label for label, screen in _CHOICES}}
    lines = [
        "flowchart LR",
        f'  new(["who is new"]) --> {_node(REGISTER)}',
        f'  known(["who is known"]) --> {_node(FIRST)}',
    ]
    for name, screen in SCREENS.items():
        heading = called.get(name) or "<br/>".join(screen.heading(talk).splitlines())
        lines.append(f'  {_node(name)}["{heading}"]')
        choices = screen.options(talk) if isinstance(screen, Menu) and len(screen.leads) > 1 else []
        for number, to in enumerate(screen.leads):
            choice = f' -- "{number + 1} {choices[number].label}"' if choices else ""
            lines.append(f"  {_node(name)}{choice} --> {_node(to)}")
    return "\n".join([*lines, f'  {_node(END)}(["the end"])'])


def _node(name: str) -> str:
    return name.replace(".", "_") if name != END else "over"  # "end" is a word of Mermaid's own
