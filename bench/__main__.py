"""`python -m bench`: measures speed and size, and prints the table. Names of measurements choose among them."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial

import click

from bench import accept, events, growth, neighbours, outage, recovery, settle, ussd, wallets
from bench.report import Figure, show
from bench.setups import Void
from core.log import configure
from ops.rabbit import RabbitMissing

MEASUREMENTS: Mapping[str, Callable[[], Iterator[Figure]]] = {
    "accept": accept.measure,
    "worker": settle.in_flight,
    "overhead": partial(settle.overhead, "embedded", 60),
    "rabbitmq": settle.overhead_rabbitmq,
    "throughput": settle.throughput,
    "growth": growth.measure,
    "recovery": recovery.measure,
    "neighbours": neighbours.measure,
    "outage": outage.measure,
    "events": events.measure,
    "wallets": wallets.measure,
    "audit": wallets.audit,
    "ussd": ussd.measure,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(MEASUREMENTS)))
def bench(names: tuple[str, ...]) -> None:
    """Measure; all of it takes about twelve minutes."""
    configure("bench", "ERROR")
    figures, void = [], []
    for name in names or MEASUREMENTS:
        click.echo(f"measuring: {name}", err=True)
        try:
            figures += list(MEASUREMENTS[name]())
        except (Void, RabbitMissing) as error:
            void.append(f"{name} does not count: {error}")
    show(figures)
    if void:
        raise click.ClickException("; ".join(void))


if __name__ == "__main__":
    bench()
