"""`quittance show` and `quittance list`: operations by whatever somebody has of them."""

from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.clock import to_rfc3339
from core.finding import party_of
from core.listing import Listing, Question
from core.operation import Operation, Status, short_reference
from devtools.as_json import json_option, print_json
from ops.opened import Opened, opened
from ops.shown import as_json as shown_as_json
from ops.shown import as_text, waiting
from ops.terminal import literal

SHOWN = 20
MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])
"""In UTC."""


@click.command()
@click.argument("text")
@json_option
def show(text: str, as_json: bool) -> None:
    """Show an operation, found by whatever you have of it.

    TEXT is an id, a short reference, a phone, the number of a fine, a plate, a client's idempotency key, a partner's id
    of a transaction, or the reference that we gave the partner. The first line says what the operation waits for, and
    why. Several operations are listed, newest first.
    """
    with opened("show") as ours:
        found = ours.find(text, SHOWN)
        if as_json:
            print_json([shown_as_json(ours, operation) for operation in found])
        elif len(found) == 1:
            Console().print(as_text(ours, found[0]))
        elif found:
            print_list(ours, found)
    if not found:
        raise click.ClickException(f"nothing is known by {text!r}")


@click.command("list")
@click.option("--kind", "kinds", multiple=True, help="Only this kind, such as fine_payment; several times for several.")
@click.option("--status", type=click.Choice([status.value for status in Status]), help="Only this status.")
@click.option("--from", "since", type=MOMENT, help="Accepted at this time or later, in UTC.")
@click.option("--to", "until", type=MOMENT, help="Accepted before this time, in UTC.")
@click.option("--ref", help="The short reference that payers get.")
@click.option("--reference", help="A client's idempotency key, a partner's id, or our reference at a partner.")
@click.option("--msisdn", help="A phone, or another party.")
@click.option("--fine", help="The number of a fine.")
@click.option("--plate", help="A vehicle's plate.")
@click.option("--partner", help="The mobile-money operator, as OPERATORS names it.")
@click.option("--client", help="The client that asked for it.")
@click.option("--limit", type=click.IntRange(1, 1000), default=SHOWN, help="How many, the newest first.")
@json_option
def list_operations(as_json: bool, limit: int, **filters: Any) -> None:
    """List operations, newest first.

    Without --kind: what people and machines ask for, and so neither messages nor webhooks.
    """
    with opened("list") as ours:
        unknown = sorted({*filters["kinds"]} - ours.finder.contracts.keys())
        if unknown:
            raise click.BadParameter(f"no such kind: {', '.join(unknown)}", param_hint="--kind")
        found = Listing(ours.finder, _question(ours, filters)).first(limit)
        if as_json:
            print_json([_row(ours, operation) for operation in found])
        else:
            print_list(ours, found)


def _question(ours: Opened, filters: dict[str, Any]) -> Question:
    """Raises UsageError for more than one of the filters that an index answers."""
    given = [name for name in ("ref", "reference", "msisdn", "fine", "plate") if filters[name]]
    if len(given) > 1:
        raise click.UsageError(f"give one of {', '.join(f'--{name}' for name in given)}")
    sort = next((sort for sort in ("fine", "plate") if filters[sort]), None)
    return Question(
        kinds=tuple(filters["kinds"]),
        status=Status(filters["status"]) if filters["status"] else None,
        since=_in_utc(filters["since"]),
        until=_in_utc(filters["until"]),
        short=filters["ref"],
        names=ours.finder.names_typed(filters[sort], sort) if sort else (),
        reference=filters["reference"],
        party=filters["msisdn"] and party_of(filters["msisdn"], ours.core.settings.phone_region),
        client=filters["client"],
        operator=filters["partner"],
    )


def _in_utc(moment: datetime | None) -> datetime | None:
    return moment and moment.replace(tzinfo=UTC)


def print_list(ours: Opened, found: list[Operation]) -> None:
    """A line for each: its short reference, kind and status, when it was accepted, and what it waits for."""
    rows = [
        (short_reference(each.id), each.kind, str(each.status), f"{each.created_at:%m-%d %H:%M:%S}") for each in found
    ]
    console, table = Console(), Table(box=None, padding=(0, 2, 0, 0))
    names = ("ref", "kind", "status", "accepted (UTC)")
    taken = [max(map(len, column)) + 2 for column in zip(names, *rows, strict=True)]
    for column in (*names, "waits for"):
        table.add_column(column, no_wrap=True)
    for row, operation in zip(rows, found, strict=True):
        said = Text("" if operation.terminal else waiting(ours, operation).removeprefix("Waits for "))
        # Rich would shorten all columns alike.
        said.truncate(max(len("waits for"), console.width - sum(taken) - 2), overflow="ellipsis")
        table.add_row(*map(literal, row), said)
    if found:
        console.print(table)
    click.echo(f"operations: {len(found)}")


def _row(ours: Opened, operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        "short": short_reference(operation.id),
        "kind": operation.kind,
        "status": operation.status.value,
        "operator": operation.operator,
        "waits_for": waiting(ours, operation),
        "created_at": to_rfc3339(operation.created_at),
        "updated_at": to_rfc3339(operation.updated_at),
    }
