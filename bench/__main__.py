"""`python -m bench [name ...]`: measures speed and size, and prints a table."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack

import click

from bench import (
    accept,
    doubts,
    edge,
    events,
    growth,
    neighbours,
    outage,
    recovery,
    scale,
    sealed,
    settle,
    startup,
    ussd,
    wallets,
    webhooks,
)
from bench.peers import measure as peers
from bench.report import Figure, show
from bench.setups import Bench, InvalidMeasurement
from core.log import configure
from devtools.servers import ServerMissing
from devtools.setups import open_setup, setup_options

MEASUREMENTS: Mapping[str, Callable[[Bench], Iterator[Figure]]] = {
    "startup": startup.measure,
    "accept": accept.measure,
    "peers": peers.measure,
    "sealed": sealed.measure,
    "worker": settle.in_flight,
    "overhead": settle.overhead,
    "rabbitmq": settle.overhead_rabbitmq,
    "throughput": settle.throughput,
    "scale": scale.measure,
    "growth": growth.measure,
    "recovery": recovery.measure,
    "neighbours": neighbours.measure,
    "doubts": doubts.measure,
    "outage": outage.measure,
    "events": events.measure,
    "webhooks": webhooks.measure,
    "wallets": wallets.measure,
    "audit": wallets.audit,
    "ussd": ussd.measure,
    "edge": edge.measure,
}


@click.command()
@setup_options
@click.option("--smoke", is_flag=True, help="Tiny counts: shows in about a minute that everything runs and adds up.")
@click.argument("names", nargs=-1, type=click.Choice(list(MEASUREMENTS)))
def bench(names: tuple[str, ...], store: str, broker: str, smoke: bool) -> None:
    """Run the measurements, by default all of them: about fifteen minutes.

    Exits 1 if what was accepted is not what was stored, finished and paid. The targets do not change the exit code.
    """
    configure("bench", "ERROR")
    figures, invalid = [], []
    try:
        with open_setup(store, broker) as setup, ExitStack() as servers:
            measured = Bench(setup, smoke, servers)
            for name in names or MEASUREMENTS:
                click.echo(f"measuring: {name}", err=True)
                try:
                    figures += list(MEASUREMENTS[name](measured))
                except (InvalidMeasurement, ServerMissing) as error:
                    invalid.append(f"{name} is not valid: {error}")
    except ServerMissing as missing:
        raise click.ClickException(str(missing)) from None
    show(figures)
    if invalid:
        raise click.ClickException("; ".join(invalid))


if __name__ == "__main__":
    bench()
