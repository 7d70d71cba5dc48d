"""All screens by name, and the one that everything begins with."""

from collections.abc import Mapping

from api.ussd.flows import account, fines, register, services, transfer, wallet, withdraw
from api.ussd.screen import END, Go, Menu, Option, Screen, Talk

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


def graph() -> str:
    """The menus as a Mermaid flowchart: every screen, and where it leads."""
    lines = ["flowchart LR"]
    for name, screen in SCREENS.items():
        lines += [f"  {_node(name)} --> {_node(to)}" for to in screen.leads]
    return "\n".join(lines)


def _node(name: str) -> str:
    # "end" is a word of Mermaid's own.
    return f"{name.replace('.', '_')}[{name}]" if name != END else "over((end))"
