"""The measured figures, their targets, and the table of both."""

from dataclasses import dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    unit: of `measured` and `target`.
    at_most: whether the target is an upper bound; otherwise it is a lower bound.
    note: how it was measured.
    """

    what: str
    measured: float
    target: float
    unit: str
    at_most: bool = False
    note: str = ""

    @property
    def met(self) -> bool:
        return self.measured <= self.target if self.at_most else self.measured >= self.target


def show(figures: list[Figure]) -> None:
    """Prints the table."""
    table = Table(title="Quittance: speed and size", title_justify="left")
    for column in ("figure", "measured", "target", "met", "how"):
        table.add_column(column)
    for figure in figures:
        sign = "≤" if figure.at_most else "≥"
        met = "[green]yes" if figure.met else "[red]no"
        target = f"{sign} {figure.target:g} {figure.unit}"
        table.add_row(figure.what, f"{figure.measured:.3g} {figure.unit}", target, met, figure.note)
    Console(width=150).print(table)
