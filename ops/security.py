"""`quittance log`, and how commands note what they did in the security log."""

import getpass

import click
from rich.console import Console
from rich.table import Table

from core.bootstrap import Core
from devtools.as_json import json_option, print_json
from ops.people_store import people_store
from ops.terminal import literal

COLUMNS = ("at", "what", "who", "where", "on", "outcome", "request")


def note(core: Core, what: str, on: str, who: str | None = None) -> None:
    """Notes what a command did. who: the person at the terminal, unless it is said."""
    core.security_log.note(what, who=who or getpass.getuser(), where="console", on=on, told=False)


@click.command()
@click.option("--what", help="Only entries of this sort, such as sign-in.")
@click.option("--who", help="Only entries of this person, key or terminal's user.")
@click.option("--outcome", help="Only entries with this outcome, such as done or wrong_credentials.")
@click.option("--limit", type=click.IntRange(1), default=100, help="How many, the newest first.")
@json_option
def security(what: str | None, who: str | None, outcome: str | None, limit: int, as_json: bool) -> None:
    """List the security log.

    It says who did what that bears on access, from where, and how it ended. Entries are kept for 400 days.
    """
    with people_store() as core:
        found = [*core.security_log.newest(limit, what=what, who=who, outcome=outcome)]
    if as_json:
        print_json([{column: entry[column] for column in COLUMNS} for entry in found])
        return
    table = Table(box=None)
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for entry in found:
        table.add_row(*(literal(entry[column]) for column in COLUMNS))
    Console().print(table)
