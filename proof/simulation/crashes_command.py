"""`quittance crashes`: a worker crashes, or is paused, at every position of every step."""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import click
import structlog
from rich.console import Console
from rich.progress import track
from rich.table import Table

from core.installed import Installed
from devtools.as_json import json_option, print_json
from proof.simulation.command import known_scenarios
from proof.simulation.crash_positions import crash, crash_cases
from proof.simulation.interruptions import interrupt, interruption_cases


class Case(NamedTuple):
    """kind: of the operation. proof: `crash` or `interruption`. run: returns what is wrong, in words."""

    kind: str
    proof: str
    name: str
    run: Callable[[], list[str]]


def cases_of(kind: str, installed: Installed) -> Iterator[Case]:
    """Every crash at a position of a step, and every interruption at a verb of the store, of one kind."""
    for position in crash_cases(kind, installed):
        yield Case(kind, "crash", str(position), partial(crash, position, installed))
    for verb in interruption_cases(kind, installed):
        yield Case(kind, "interruption", str(verb), partial(interrupt, verb, installed))


@click.command()
@click.option("--product", metavar="KIND", help="One kind of operations. Default: all installed kinds.")
@json_option
def crashes(product: str | None, as_json: bool) -> None:
    """Crash a worker at every position. Another worker must end the operation as if nothing had happened.

    A position is before or after each save and each partner call of a step, and each call of the store. Exits 1 if an
    operation ends in another way.
    """
    installed, known = known_scenarios(product)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    progress = Console(stderr=True)
    counts: dict[tuple[str, str], list[int]] = {}
    wrong: list[str] = []
    for kind in [product] if product else known:
        for case in track(list(cases_of(kind, installed)), kind, console=progress, transient=True):
            found = case.run()
            count = counts.setdefault((case.kind, case.proof), [0, 0])
            count[0] += 1
            count[1] += bool(found)
            wrong += [f"{case.proof} of {case.name}: {what}" for what in found]
    if as_json:
        print_json(_as_json(counts, wrong))
    else:
        Console().print(_table(counts), *wrong, sep="\n", highlight=False, markup=False)
    raise SystemExit(1 if wrong else 0)


def _as_json(counts: dict[tuple[str, str], list[int]], wrong: list[str]) -> dict[str, Any]:
    rows = [
        {"kind": kind, "proof": proof, "cases": cases, "wrong": failed}
        for (kind, proof), (cases, failed) in counts.items()
    ]
    return {"proofs": rows, "wrong": wrong}


def _table(counts: dict[tuple[str, str], list[int]]) -> Table:
    table = Table(title="A worker crashes or is interrupted", title_justify="left")
    table.add_column("kind")
    table.add_column("proof")
    for column in ("cases", "wrong"):
        table.add_column(column, justify="right")
    for (kind, proof), (cases, failed) in counts.items():
        table.add_row(kind, proof, str(cases), str(failed), style="bold red" if failed else None)
    return table
