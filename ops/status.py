"""`quittance status`: the whole system on one screen."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from core.bootstrap import Core
from core.buckets import live_workers
from core.clock import from_rfc3339, to_rfc3339
from core.operation import TERMINAL, Status
from core.store.port import OPERATIONS, AtMost, Store
from devtools.as_json import json_option, print_json
from ops.opened import Opened, opened
from products.webhooks.endpoints import ENDPOINTS, Endpoints
from products.webhooks.off import Why

MOST = 200
"""Operations of one kind and status that are counted. There may be many more: reading them all would be a load."""
OVERDUE_S = 30
"""How late work is when workers do not keep up, or are not there."""
UNFINISHED = tuple(status for status in Status if status not in TERMINAL)


@click.command()
@json_option
def status(as_json: bool) -> None:
    """Show the whole system: what has not ended, how old it is, workers and partners.

    Exits 1 when somebody has to look: something waits for a person, a partner is down, or no worker is there.
    """
    with opened("status") as ours:
        found = _state(ours)
    if as_json:
        print_json(found)
    else:
        _print(found)
    raise SystemExit(1 if found["to_do"] else 0)


def _state(ours: Opened) -> dict[str, Any]:
    core, now = ours.core, ours.core.clock.now()
    partners = {name: "down" if down else "ok" for name, down in sorted(core.partner_health.all().items())}
    waiting = list(_unfinished(core.store, ours.finder.contracts, now))
    overdue = core.store.find(
        OPERATIONS, {"due_at": AtMost(to_rfc3339(now - timedelta(seconds=OVERDUE_S)))}, "due_at", MOST
    )
    newest = core.store.find(OPERATIONS, {}, "-id", 1)
    found: dict[str, Any] = {
        "at": to_rfc3339(now),
        "workers": live_workers(core.store, now),
        "partners": partners,
        "unfinished": waiting,
        "overdue": len(overdue),
        "webhooks_off": list(_switched_off(core)),
        "newest_accepted_at": newest[0]["created_at"] if newest else None,
    }
    return {**found, "to_do": list(_to_do(found))}


def _unfinished(store: Store, kinds: Any, now: datetime) -> Iterator[dict[str, Any]]:
    """How many operations of each kind and status there are, MOST at most, and the age of the oldest in seconds."""
    for kind in kinds:
        for each in UNFINISHED:
            found = store.find(OPERATIONS, {"kind": kind, "status": each.value}, limit=MOST)
            if found:
                age_s = (now - from_rfc3339(found[0]["created_at"])).total_seconds()
                yield {"kind": kind, "status": each.value, "number": len(found), "oldest_s": round(age_s)}


def _switched_off(core: Core) -> Iterator[dict[str, str]]:
    """The webhook endpoints that this installation has switched off, and not their clients."""
    ours = {why.value for why in Why}
    for endpoint in Endpoints(core.store, core.clock).all() if ENDPOINTS in core.settings.installed.collections else ():
        if endpoint.why_off in ours:
            yield {"id": endpoint.id, "client": endpoint.owner, "why": endpoint.why_off or ""}


def _to_do(found: dict[str, Any]) -> Iterator[str]:
    if not found["workers"]:
        yield "no worker says that it is there: start one"
    for name, state in found["partners"].items():
        if state == "down":
            yield f"{name} is down: what needs it waits"
    reviews = sum(each["number"] for each in found["unfinished"] if each["status"] == Status.NEEDS_REVIEW)
    if reviews:
        yield f"{reviews} wait for a person: quittance review"
    for off in found["webhooks_off"]:
        yield f"the webhook endpoint {off['id']} of {off['client']} is off: {off['why']}; tell its client"
    if found["overdue"]:
        yield f"{_count(found['overdue'])} are due for more than {OVERDUE_S} s: more workers are needed"


def _count(number: int) -> str:
    return f"{number} or more" if number >= MOST else str(number)


def _print(found: dict[str, Any]) -> None:
    newest = found["newest_accepted_at"]
    click.echo(f"at {found['at'][:19]} UTC; newest operation accepted {newest[:19] if newest else 'never'}")
    partners = ", ".join(f"{name} {state}" for name, state in found["partners"].items()) or "none has been down"
    click.echo(f"workers: {found['workers']}; partners: {partners}")
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("kind", "status", "how many", "oldest"):
        table.add_column(column, justify="right" if column in ("how many", "oldest") else "left")
    for each in found["unfinished"]:
        style = "bold" if each["status"] in (Status.NEEDS_REVIEW, Status.IN_DOUBT) else None
        age = str(timedelta(seconds=each["oldest_s"]))
        table.add_row(each["kind"], each["status"], _count(each["number"]), age, style=style)
    if found["unfinished"]:
        Console().print(table)
    else:
        click.echo("everything has ended")
    for line in found["to_do"]:
        click.echo(f"to do: {line}")
