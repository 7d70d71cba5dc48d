"""`quittance simulate`: many simulated worlds, one summary."""

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from itertools import repeat
from typing import Any

import click
import structlog
from rich.console import Console
from rich.progress import track
from rich.table import Table

from core.installed import DEFAULT, BadProduct, Installed, owners
from core.settings import BadSettings, read_settings
from devtools.as_json import json_option, print_json
from proof.simulation.chance import Chance
from proof.simulation.scenario import Scenario
from proof.simulation.summary import Summary
from proof.simulation.world import World

PAYMENTS_PER_WORLD = 40
MAX_SIMULATED = timedelta(days=4)


def simulate_world(
    product: str, faults: bool, seed: str, payments: int, installed: Installed = DEFAULT, manner: str | None = None
) -> Summary:
    """Runs one world and returns its summary. The same arguments give the same world.

    manner: of its mobile-money operator, see `proof.simulation.operators`; None leaves it to chance.
    """
    world = World(Chance(seed, faults, manner), installed=installed)
    scenario = scenarios(installed)[product](world, payments)
    world.live(MAX_SIMULATED)
    scenario.land()
    return scenario.summarize()


def scenarios(installed: Installed) -> Mapping[str, Callable[[World, int], Scenario]]:
    """Returns the scenarios of the installed products, by kind. Raises BadProduct when two products share a kind."""
    owners("a scenario of the kind", installed.declared("scenario", "SCENARIOS"))
    found: dict[str, Callable[[World, int], Scenario]] = {}
    for module in installed.modules("scenario"):
        found |= module.SCENARIOS
    return found


def known_scenarios(product: str | None) -> tuple[Installed, Sequence[str]]:
    """Returns the installed products, and the kinds that have a scenario.

    Raises ClickException for bad settings, and for a product without a scenario.
    """
    try:
        installed = read_settings().installed
        known = list(scenarios(installed))
    except (BadSettings, BadProduct) as error:
        raise click.ClickException(str(error)) from None
    if product is not None and product not in known:
        raise click.BadParameter(f"no scenario for {product}; known kinds: {', '.join(known)}", param_hint="--product")
    return installed, known


@click.command()
@click.option("--seed", default="1", help="The same seed gives the same run.")
@click.option("--payments", default=2000, type=click.IntRange(1), help="How many payments are requested.")
@click.option("--faults", default="all", type=click.Choice(["all", "none"]), help="Which faults happen.")
@click.option("--product", default="fine_payment", help="The kind of the operations.")
@click.option("--processes", default=1, type=click.IntRange(1), help="How many worlds run at once.")
@json_option
def simulate(seed: str, payments: int, faults: str, product: str, processes: int, as_json: bool) -> None:
    """Simulate payments under every fault. Time is virtual.

    Exits 1 if a payment is not settled exactly once, with the seed of that world.
    """
    installed, _ = known_scenarios(product)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console(stderr=as_json)
    total, started = Summary(), time.monotonic()
    worlds = -(-payments // PAYMENTS_PER_WORLD)
    seeds = [f"{seed}/{number}" for number in range(worlds)]
    sizes = [PAYMENTS_PER_WORLD] * (worlds - 1) + [payments - PAYMENTS_PER_WORLD * (worlds - 1)]
    live = partial(_live, installed.names, product, faults == "all")
    for world_seed, summary in track(
        _map(live, list(zip(seeds, sizes, strict=True)), processes), "simulating", worlds, console=console
    ):
        total.add(summary)
        if not summary.clean:
            console.print(f"\nThe world of seed {world_seed} does not add up:", style="bold red")
            console.print("\n".join([*summary.why, *summary.timelines]), markup=False, highlight=False)
            break
    took_s = time.monotonic() - started
    if as_json:
        print_json(_as_json(seed, product, total, took_s))
    else:
        console.print(_table(seed, total, f"{total.accepted / took_s:.0f} payments a second of wall time"))
    raise SystemExit(0 if total.clean else 1)


def _live(names: Sequence[str], product: str, faults: bool, world: tuple[str, int]) -> tuple[str, Summary]:
    return world[0], simulate_world(product, faults, *world, Installed(names))


def _map(
    live: Callable[[tuple[str, int]], tuple[str, Summary]], worlds: list[tuple[str, int]], processes: int
) -> Iterator[tuple[str, Summary]]:
    if processes == 1:
        yield from map(live, worlds)
        return
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap(live, worlds)


COUNTS = ("accepted", "debited", "settled", "refunded", "double", "lost", "unexplained")
"""The fields of a summary that are printed."""


def _as_json(seed: str, product: str, total: Summary, took_s: float) -> dict[str, Any]:
    return {
        "seed": seed,
        "product": product,
        **{name: getattr(total, name) for name in COUNTS},
        "statuses": dict(total.statuses),
        "faults": dict(total.faults),
        "payments_per_second": round(total.accepted / took_s),
        "wrong": total.why,
    }


def _table(seed: str, total: Summary, speed: str) -> Table:
    table = Table(title=f"seed {seed}: {speed}", title_justify="left")
    for column in ("count", "", "outcome", "", "fault", ""):
        table.add_column(column, justify="left" if column else "right")
    counts = [(name, str(getattr(total, name))) for name in COUNTS]
    outcomes = [(name, str(number)) for name, number in sorted(total.statuses.items())]
    faults = [(name, str(number)) for name, number in sorted(total.faults.items())]
    longest = max(len(counts), len(outcomes), len(faults))
    for rows in zip(
        *(column + list(repeat(("", ""), longest - len(column))) for column in (counts, outcomes, faults)),
        strict=True,
    ):
        table.add_row(*(cell for pair in rows for cell in pair))
    return table
