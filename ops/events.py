"""`quittance events`: the events that are published on this machine."""

import json

import click

from core.bootstrap import sealing_of
from core.broker.topic_log import TopicLog
from core.sealing import BrokenSeal
from core.settings import BadSettings, read_settings

ONE_LINE = {ord("\n"): " ", ord("\r"): " "}
"""Between the tokens of JSON: its strings have no line ends."""


@click.command()
@click.argument("pattern", default="#")
@click.option(
    "--follow/--no-follow", default=True, help="Wait for more events until Ctrl-C, or print the existing ones and stop."
)
def tail(pattern: str, follow: bool) -> None:
    """Print the published events whose topic fits PATTERN. Each is one line of JSON.

    As in a topic exchange, dots separate words, * is one word and # any number: clinic.visit.*

    This works on the embedded set-up only: with RabbitMQ, consume from its exchange.
    """
    try:
        settings = read_settings()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None
    if settings.broker_url:
        raise click.ClickException(
            "BROKER_URL is set, so events are published to RabbitMQ: consume from its exchange named events"
        )
    try:
        for line in TopicLog(settings.var_dir, sealing_of(settings)).read(pattern, follow):
            body = line.pop("body")
            click.echo(f'{json.dumps(line, ensure_ascii=False)[:-1]}, "body": {body.translate(ONE_LINE)}}}')
    except BrokenSeal as error:
        raise click.ClickException(str(error)) from None
