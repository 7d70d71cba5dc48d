"""The command: reads operations, claims and the partners' record, and prints one table."""

import gc
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from core.bootstrap import open_store
from core.clock import SystemClock
from core.errors import StoreUnavailable
from core.log import configure
from core.money import to_text
from core.operation import Operation
from core.settings import BadSettings, read_settings
from core.store.port import CLAIMS, OPERATIONS, Store, scan
from ops.audit.account import Account, Findings
from ops.audit.effects import EFFECTS, BadRecord, Effect, of_sandbox, of_statement
from ops.audit.ledger import examine_ledger, totals

DISCREPANCIES = (
    *("double", "orphan", "missing", "amount differs", "claim of nobody"),
    *("journal", "balance", "hold of nobody", "negative balance"),
)
STATED = ("debit", "refund")
TOLD = ("fine", "charge")
"""The kinds of effects in the operator's statement, and in the sandbox besides; messages too, where it sends them."""


@click.command()
@click.option("--statement", type=click.Path(path_type=Path), help="The operator's statement, as CSV.")
@click.option("--truth", help="The sandbox's record; the default is that of the sandbox at OPERATOR_URL.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def audit(statement: Path | None, truth: str | None, as_json: bool) -> None:
    """Hold our operations against the partners' own record, and wallets against the journal. Exits 1 on any
    discrepancy."""
    try:
        settings = read_settings()
        configure("audit", "WARNING")
        store = open_store(settings)
        url = truth or "{0.scheme}://{0.netloc}/_truth".format(urlsplit(settings.operator_url))
        record = of_statement(statement) if statement else of_sandbox(url)
        kinds = STATED if statement else (*STATED, *TOLD, *(["message"] if settings.sms_sender == "http" else []))
        with Progress(console=Console(stderr=True), transient=True) as progress, Account(kinds) as account:
            examine(store, account, record, progress)
            store.close()
            findings = account.end()
            printed = json.dumps(account.as_json(), indent=2) if as_json else None
    except (BadSettings, BadRecord, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None
    if printed:
        click.echo(printed)
    else:
        Console().print(_table(findings), *findings.examples, sep="\n")
    raise SystemExit(1 if findings.discrepancies else 0)


def examine(store: Store, account: Account, record: Iterator[Effect], progress: Progress) -> None:
    """Our side first: whatever a partner has done by the time he is asked, an operation was there before."""
    gc.set_threshold(100_000)  # documents by the hundred thousand, none of them in a circle: a fifth of the time
    started = SystemClock().now()
    reading = progress.add_task("our operations", total=None)
    for kind in EFFECTS:
        for document in scan(store, OPERATIONS, {"kind": kind}):
            account.enter(Operation.from_document(document))
            progress.advance(reading)
    for claim in progress.track(scan(store, CLAIMS, {}), description=CLAIMS):
        if claim["operation"] is not None and store.get(OPERATIONS, claim["operation"]) is None:
            account.findings.wrong("claim of nobody", f"{claim['id']} is claimed by {claim['operation']}")
    for wrong in progress.track(examine_ledger(store), description="the ledger"):
        account.findings.wrong(*wrong)
    account.findings.ledger = totals(store)
    for effect in progress.track(record, description="the partners' record"):
        if not account.hold(effect) and not _is_newer(store, effect, started):
            account.findings.wrong("orphan", f"{effect.reference} happened, and no operation has done it")


def _is_newer(store: Store, effect: Effect, than: datetime) -> bool:
    """Whether the effect is of an operation that came while we were reading."""
    document = store.get(OPERATIONS, effect.reference.partition(":")[0])
    return document is not None and Operation.from_document(document).created_at >= than


def _table(findings: Findings) -> Table:
    table = Table(title="Audit", title_justify="left", show_header=False)
    table.add_row("accepted", str(findings.accepted))
    for status, number in sorted(findings.statuses.items()):
        table.add_row(f"  {status}", str(number))
    for kind, plural in (
        ("debit", "debits"),
        ("refund", "refunds"),
        ("fine", "fines settled"),
        ("charge", "charges"),
        ("event", "events published"),
        ("message", "messages sent"),
    ):
        table.add_row(plural, str(findings.effects[kind]))
    for kind in DISCREPANCIES:
        number = findings.discrepancies[kind]
        table.add_row(kind, str(number), style="bold red" if number else None)
    for currency, accounts in sorted(findings.ledger.items()):
        for account, minor in accounts.items():
            table.add_row(f"{account}, {currency}", to_text(minor, currency))
    oldest = findings.oldest_unfinished
    table.add_row("oldest unfinished", f"{oldest:%Y-%m-%d %H:%M:%S} UTC" if oldest else "-")
    return table
