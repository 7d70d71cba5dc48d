"""The command: reads the settings, looks at everything, and prints a table."""

from collections.abc import Collection, Iterator
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from core.clock import SystemClock
from core.log import configure
from core.settings import BadSettings, Settings, read_settings
from devtools.as_json import json_option, print_json
from ops.doctor.findings import Finding, Level, wrong
from ops.doctor.servers import check_broker, check_partners, check_store
from ops.doctor.setup import check_machine, check_secrets, check_settings, check_tls
from ops.terminal import literal

COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.AWAY: "magenta", Level.WRONG: "red"}
BROKEN, PARTNER_AWAY = 1, 3
"""Exit codes; 2 is click's, for a wrong call."""


@click.command()
@click.option("--no-partners", is_flag=True, help="Do not call the partners, and so do not compare the clock.")
@json_option
def doctor(no_partners: bool, as_json: bool) -> None:
    """Look at this set-up, and say what is to be done.

    Looks at settings, secrets, TLS, proxies, the clock, the store's schema, the broker's queues, the disk and the
    partners. It moves no money, and changes nothing but to declare queues that are absent.

    Exits 1 if the set-up is broken. Exits 3 if it is not, but a partner does not answer.
    """
    configure("doctor", "ERROR")
    found = [*_look(partners=not no_partners)]
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        _print(found)
    raise SystemExit(exit_code({each.level for each in found}))


def exit_code(levels: Collection[Level]) -> int:
    """The exit code for findings of these levels."""
    return BROKEN if Level.WRONG in levels else PARTNER_AWAY if Level.AWAY in levels else 0


def _look(partners: bool) -> Iterator[Finding]:
    try:
        settings = read_settings()
        settings.var_dir.mkdir(parents=True, exist_ok=True)
    except (BadSettings, OSError) as error:
        yield wrong("settings", str(error), "correct them: neither the API nor a worker starts with them")
        return
    yield from look(settings, partners)


def look(settings: Settings, partners: bool) -> Iterator[Finding]:
    """All findings, in the order of the table. partners: whether to call them."""
    yield from check_settings(settings)
    yield check_secrets(settings)
    yield from check_tls(settings)
    yield from check_machine(settings)
    try:
        yield from check_store(settings)
        yield from check_broker(settings)
    except BadSettings as error:
        yield wrong("settings", str(error), "correct them")
    if partners:
        yield from check_partners(settings, SystemClock())


def _print(found: list[Finding]) -> None:
    table = Table(box=None)
    for column in ("", "what", "seen", "to do"):
        table.add_column(column, overflow="fold")
    for each in found:
        table.add_row(f"[{COLOURS[each.level]}]{each.level}[/]", *map(literal, (each.about, each.said, each.to_do)))
    Console().print(table)
