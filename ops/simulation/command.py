"""`python -m ops simulate`: many worlds, one account."""

import logging
import multiprocessing
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import repeat

import click
import structlog
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ops.simulation.chance import Chance
from ops.simulation.consultations import ConsultationsTown
from ops.simulation.events import EventsTown
from ops.simulation.fines import FinesTown
from ops.simulation.messages import MessagesTown
from ops.simulation.reckoning import Reckoning
from ops.simulation.services import ServicePaymentsTown
from ops.simulation.town import Town
from ops.simulation.wallets import TopUpsTown, TransfersTown
from ops.simulation.withdrawals import WithdrawalsTown
from ops.simulation.world import World

TOWNS: dict[str, Callable[[World, int], Town]] = {
    "fine_payment": FinesTown,
    "consultation": ConsultationsTown,
    "event": EventsTown,
    "wallet_top_up": TopUpsTown,
    "wallet_transfer": TransfersTown,
    "wallet_withdrawal": WithdrawalsTown,
    "service_payment": ServicePaymentsTown,
    "sms": MessagesTown,
}
PAYMENTS_A_WORLD = 40
LONGEST = timedelta(days=3)


def simulate_world(product: str, faults: bool, seed: str, payments: int) -> Reckoning:
    """Lives through one world, and reckons. The same arguments give the same world."""
    world = World(Chance(seed, faults))
    town = TOWNS[product](world, payments)
    world.live(LONGEST)
    town.land()
    return town.reckon()


@click.command()
@click.option("--seed", default="1", help="Of all that happens: the same seed is the same run.")
@click.option("--payments", default=2000, type=click.IntRange(1), help="How many are asked for.")
@click.option("--faults", default="all", type=click.Choice(["all", "none"]), help="What goes wrong.")
@click.option("--product", default="fine_payment", type=click.Choice(list(TOWNS)), help="Which payments.")
@click.option("--processes", default=1, type=click.IntRange(1), help="Worlds at once.")
def simulate(seed: str, payments: int, faults: str, product: str, processes: int) -> None:
    """Prove under virtual time and every fault that payments are settled exactly once. Exits 1 when one is not."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    console = Console()
    total, started = Reckoning(), time.monotonic()
    worlds = -(-payments // PAYMENTS_A_WORLD)
    seeds = [f"{seed}/{number}" for number in range(worlds)]
    sizes = [PAYMENTS_A_WORLD] * (worlds - 1) + [payments - PAYMENTS_A_WORLD * (worlds - 1)]
    live = partial(_live, product, faults == "all")
    for world_seed, reckoning in track(
        _map(live, list(zip(seeds, sizes, strict=True)), processes), "simulating", worlds, console=console
    ):
        total.add(reckoning)
        if not reckoning.clean:
            console.print(f"\nThe world of seed {world_seed} does not add up:", style="bold red")
            console.print("\n".join([*reckoning.why, *reckoning.timelines]), markup=False, highlight=False)
            break
    took_s = time.monotonic() - started
    console.print(_table(seed, total, f"{total.accepted / took_s:.0f} payments a second of wall time"))
    raise SystemExit(0 if total.clean else 1)


def _live(product: str, faults: bool, world: tuple[str, int]) -> tuple[str, Reckoning]:
    return world[0], simulate_world(product, faults, *world)


def _map(
    live: Callable[[tuple[str, int]], tuple[str, Reckoning]], worlds: list[tuple[str, int]], processes: int
) -> Iterator[tuple[str, Reckoning]]:
    if processes == 1:
        yield from map(live, worlds)
        return
    with multiprocessing.Pool(processes) as pool:
        yield from pool.imap(live, worlds)


def _table(seed: str, total: Reckoning, speed: str) -> Table:
    table = Table(title=f"seed {seed}: {speed}", title_justify="left")
    for column in ("account", "", "outcome", "", "fault", ""):
        table.add_column(column, justify="left" if column else "right")
    names = ("accepted", "debited", "settled", "refunded", "double", "lost", "unexplained")
    accounts = [(name, str(getattr(total, name))) for name in names]
    outcomes = [(name, str(number)) for name, number in sorted(total.statuses.items())]
    faults = [(name, str(number)) for name, number in sorted(total.faults.items())]
    longest = max(len(accounts), len(outcomes), len(faults))
    for rows in zip(
        *(column + list(repeat(("", ""), longest - len(column))) for column in (accounts, outcomes, faults)),
        strict=True,
    ):
        table.add_row(*(cell for pair in rows for cell in pair))
    return table
