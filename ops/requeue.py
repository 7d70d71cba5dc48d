"""`python -m ops requeue`: rings again what ended as a dead letter."""

import click

from core.broker.rabbitmq.dead import requeue as requeue_dead_letters
from core.errors import BrokerUnavailable
from core.settings import BadSettings, read_settings


@click.command()
def requeue() -> None:
    """Ring again for the operations whose rings are dead letters, once their cause is mended."""
    try:
        url = read_settings().broker_url
        if not url:
            raise click.ClickException("there is no BROKER_URL: without a broker there are no dead letters")
        ids = requeue_dead_letters(url)
    except (BadSettings, BrokerUnavailable) as error:
        raise click.ClickException(str(error)) from None
    for id in ids:
        click.echo(id)
    click.echo(f"{len(ids)} rung again.")
