"""The command: reads operations, reservations and the partners' record, and prints one table."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from datetime import datetime, timedelta
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
from core.ids import id_at
from core.log import configure
from core.money import format_minor
from core.operation import Operation
from core.settings import BadSettings, read_settings
from core.store.port import OPERATIONS, RESERVATIONS, SCAN_PAGE, Store, scan
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
SKEW_S = 300
"""By how much the clock of another machine, which makes ids, may be behind ours."""


@click.command()
@click.option("--statement", type=click.Path(path_type=Path), help="CSV file with the operator's statement.")
@click.option("--truth", help="URL of the sandbox's record. Default: /_truth at the host of the first operator.")
@json_option
def audit(statement: Path | None, truth: str | None, as_json: bool) -> None:
    """Compare our operations with the partners' record. Checks wallets against the journal, too.

    Exits 1 on any discrepancy. Exits 3 if there is none, but operations of products that are not installed, or of
    operators that are not configured, cannot be judged.
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
        for line in _unjudged(findings):
            click.echo(line)
    raise SystemExit(1 if findings.discrepancies else 0 if findings.complete else INCOMPLETE)


def examine(
    store: Store,
    contracts: Mapping[str, Contract[Any]],
    books: Reconciliation,
    record: Iterator[RecordedEffect],
    progress: Progress,
) -> None:
    """Reads our operations, then the partners' record.

    In this order nothing that we recorded as done is missing in the record because it was done meanwhile. It can be
    unexplained: so the operations that may have done it are read again, after the record.
    """
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
    _compare(store, contracts, books, progress.track(record, description="the partners' record"), started)


def _compare(
    store: Store,
    contracts: Mapping[str, Contract[Any]],
    books: Reconciliation,
    record: Iterable[RecordedEffect],
    started: datetime,
) -> None:
    explained = True
    for effect in record:
        if not books.match(effect):
            books.set_aside(effect)
            explained = False
    if not explained:
        for operation in _changed_since(store, books, started):
            books.look_again(operation)
    for effect in books.unexplained():
        if not books.match(effect) and not _is_not_installed(store, contracts, effect):
            books.findings.wrong("orphan", f"{effect.reference} happened, but no operation explains it")


def _changed_since(store: Store, books: Reconciliation, started: datetime) -> Iterator[Operation]:
    """Yields the operations that were unfinished when we read them, and those that came after we started to read."""
    for id in books.unfinished():
        if document := store.get(OPERATIONS, id):
            yield Operation.from_document(document)
    first = id_at(started - timedelta(seconds=SKEW_S))
    after: tuple[str, str] = (first, first)
    while page := store.find(OPERATIONS, {}, limit=SCAN_PAGE, after=after):
        yield from map(Operation.from_document, page)
        after = (page[-1]["id"], page[-1]["id"])


def _have_one_fingerprint(store: Store, *ids: str) -> bool:
    """Looks again: the first may have failed since we read it, and the second been accepted then."""
    documents = [store.get(OPERATIONS, id) for id in ids]
    return len({document["fingerprint"] for document in documents if document}) == 1


def _is_not_installed(store: Store, contracts: Mapping[str, Contract[Any]], effect: RecordedEffect) -> bool:
    """Whether the effect is of an operation whose product is not installed."""
    document = store.get(OPERATIONS, effect.reference.partition(":")[0])
    return document is not None and document["kind"] not in contracts


def _unjudged(findings: Findings) -> Iterator[str]:
    if findings.not_installed:
        kinds = ", ".join(f"{number} of kind {kind}" for kind, number in sorted(findings.not_installed.items()))
        yield f"operations of products that are not installed: {kinds}; their effects cannot be judged"
    if findings.not_configured:
        names = ", ".join(f"{number} of {name or 'none'}" for name, number in sorted(findings.not_configured.items()))
        yield f"operations of operators that are not configured: {names}; what they did there cannot be judged"


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
