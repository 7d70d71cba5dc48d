"""The command: reads operations, reservations and the partners' record, and prints one table."""

import gc
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from core.bootstrap import open_core
from core.clock import SystemClock
from core.contract import Contract
from core.errors import StoreUnavailable
from core.log import configure
from core.money import format_minor
from core.operation import Operation
from core.settings import BadSettings, read_settings
from core.store.port import OPERATIONS, RESERVATIONS, Store, scan
from core.upcasts import CLAIM, upcast
from devtools.as_json import json_option, print_json
from ops.audit.names import names_of
from ops.audit.reconciliation import Findings, Reconciliation, recorded_kinds
from ops.audit.records import BadRecord, RecordedEffect, of_sandbox, of_statement
from proof.ledger import examine_ledger, totals
from worker.products import WorkerServices

DISCREPANCIES = (
    *("double", "orphan", "missing", "amount differs", "accepted twice", "dangling reservation"),
    *("journal", "balance", "dangling hold", "negative balance"),
)

INCOMPLETE = 3
"""The exit code when all that could be judged is right. 2 is a mistake in the command line."""


@click.command()
@click.option("--statement", type=click.Path(path_type=Path), help="CSV file with the operator's statement.")
@click.option("--truth", help="URL of the sandbox's record. Default: /_truth at the host of the first operator.")
@json_option
def audit(statement: Path | None, truth: str | None, as_json: bool) -> None:
    """Compare our operations with the partners' record. Checks wallets against the journal, too.

    Exits 1 on any discrepancy. Exits 3 if there is none, but operations of products that are not installed cannot be
    judged.
    """
    try:
        settings = read_settings()
        configure("audit", "WARNING")
        contracts = settings.installed.contracts
        first = settings.operators.operators[0]
        url = truth or "{0.scheme}://{0.netloc}/_truth".format(urlsplit(first.url))
        record = of_statement(statement) if statement else of_sandbox(url)
        kinds = recorded_kinds(contracts.values(), settings, statement is not None)
        with (
            closing(open_core(settings)) as core,
            Progress(console=Console(stderr=True), transient=True) as progress,
            Reconciliation(contracts, kinds, names_of(WorkerServices(core).partners.operators)) as books,
        ):
            examine(core.store, contracts, books, record, progress)
            findings = books.end()
            printed = books.as_json() if as_json else None
    except (BadSettings, BadRecord, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None
    if printed:
        print_json(printed)
    else:
        Console().print(_table(findings, contracts), *findings.examples, sep="\n")
        if findings.not_installed:
            click.echo(_unjudged(findings))
    raise SystemExit(1 if findings.discrepancies else INCOMPLETE if findings.not_installed else 0)


def examine(
    store: Store,
    contracts: Mapping[str, Contract[Any]],
    books: Reconciliation,
    record: Iterator[RecordedEffect],
    progress: Progress,
) -> None:
    """Reads our operations before the partners' record, so that every effect in the record finds its operation."""
    gc.set_threshold(100_000)  # hundreds of thousands of documents have no reference cycles: saves a fifth of the time
    started = SystemClock().now()
    reading = progress.add_task("our operations", total=None)
    for document in scan(store, OPERATIONS, {}):
        operation = Operation.from_document(document)
        same = books.enter(operation)
        if same is not None and _have_one_fingerprint(store, same, operation.id):
            books.findings.wrong("accepted twice", f"{same} and {operation.id} are the same request")
        progress.advance(reading)
    for document in progress.track(scan(store, RESERVATIONS, {}), description="reservations"):
        holder = upcast(CLAIM, document)["holder"]
        if holder is not None and store.get(OPERATIONS, holder) is None:
            books.findings.wrong(
                "dangling reservation", f"{document['id']} is reserved for {holder}, which does not exist"
            )
    for wrong in progress.track(examine_ledger(store, contracts), description="the ledger"):
        books.findings.wrong(*wrong)
    books.findings.ledger = totals(store, contracts)
    for effect in progress.track(record, description="the partners' record"):
        if not books.match(effect) and not _is_unjudged(store, contracts, effect, started):
            books.findings.wrong("orphan", f"{effect.reference} happened, but no operation explains it")


def _have_one_fingerprint(store: Store, *ids: str) -> bool:
    """Looks again: the first may have failed since we read it, and the second been accepted then."""
    documents = [store.get(OPERATIONS, id) for id in ids]
    return len({document["fingerprint"] for document in documents if document}) == 1


def _is_unjudged(
    store: Store, contracts: Mapping[str, Contract[Any]], effect: RecordedEffect, started: datetime
) -> bool:
    """Whether the effect is of an operation that came after we started to read, or of a kind that is not installed."""
    document = store.get(OPERATIONS, effect.reference.partition(":")[0])
    if document is None:
        return False
    return document["kind"] not in contracts or Operation.from_document(document).created_at >= started


def _unjudged(findings: Findings) -> str:
    kinds = ", ".join(f"{number} of kind {kind}" for kind, number in sorted(findings.not_installed.items()))
    return f"operations of products that are not installed: {kinds}; their effects cannot be judged"


def _table(findings: Findings, contracts: Mapping[str, Contract[Any]]) -> Table:
    table = Table(title="Audit", title_justify="left", show_header=False)
    table.add_row("accepted", str(findings.accepted))
    for status, number in sorted(findings.statuses.items()):
        table.add_row(f"  {status}", str(number))
    kinds = {kind.name: kind.plural for contract in contracts.values() for kind in contract.effect_kinds}
    for name, plural in kinds.items():
        table.add_row(plural, str(findings.effects[name]))
    for kind in DISCREPANCIES:
        number = findings.discrepancies[kind]
        table.add_row(kind, str(number), style="bold red" if number else None)
    for currency, accounts in sorted(findings.ledger.items()):
        for account, minor in accounts.items():
            table.add_row(f"{account}, {currency}", format_minor(minor, currency))
    oldest = findings.oldest_unfinished
    table.add_row("oldest unfinished", f"{oldest:%Y-%m-%d %H:%M:%S} UTC" if oldest else "-")
    return table
