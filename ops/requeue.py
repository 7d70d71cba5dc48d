"""`quittance requeue`: rings again for operations whose rings are dead letters."""

import click

from core.bootstrap import requeue_dead_letters
from core.errors import BrokerUnavailable
from core.settings import BadSettings, read_settings
from devtools.as_json import json_option, print_json


@click.command()
@json_option
def requeue(as_json: bool) -> None:
    """Ring again for the operations whose rings are dead letters. Fix the cause first."""
    try:
        url = read_settings().broker_url
        if not url:
            raise click.ClickException("BROKER_URL is not set: without a broker there are no dead letters")
        ids = requeue_dead_letters(url)
    except (BadSettings, BrokerUnavailable) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        print_json({"requeued": ids})
        return
    for id in ids:
        click.echo(id)
    click.echo(f"Rang again for {len(ids)} operations.")
