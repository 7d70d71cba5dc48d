"""`python -m ops events tail`: what is published on this machine, as it is published."""

import json

import click

from core.broker.topic_log import TopicLog
from core.settings import BadSettings, read_settings

ONE_LINE = {ord("\n"): " ", ord("\r"): " "}
"""Between the tokens of JSON: its strings have no line ends."""


@click.group()
def events() -> None:
    """Look at what is published."""


@events.command()
@click.argument("pattern", default="#")
@click.option("--follow/--no-follow", default=True, help="Go on until Ctrl-C; or tell what there is and stop.")
def tail(pattern: str, follow: bool) -> None:
    """Print the events of the embedded set-up whose topic fits PATTERN, a JSON line each.

    As in a topic exchange, words are separated by dots, * is one word and # any number: clinic.visit.*
    """
    try:
        settings = read_settings()
    except BadSettings as error:
        raise click.ClickException(str(error)) from None
    if settings.broker_url:
        raise click.ClickException("events are published to RabbitMQ here: consume from its exchange named events")
    for line in TopicLog(settings.var_dir).read(pattern, follow):
        body = line.pop("body")
        click.echo(f'{json.dumps(line, ensure_ascii=False)[:-1]}, "body": {body.translate(ONE_LINE)}}}')
