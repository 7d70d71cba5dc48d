"""`quittance data names`: the names of operations that earlier releases have accepted."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import click

from core.operation import Operation
from core.operation_names import KEY, add, add_later, named
from core.store.port import OPERATIONS, scan
from devtools.as_json import json_option, print_json
from ops.opened import Opened, opened
from worker.partners.operators.port import NotConfigured
from worker.progress import names_since


@click.command("names")
@json_option
def index_names(as_json: bool) -> None:
    """Index the operations of earlier releases by their names.

    Run it once after the upgrade, so that `quittance show` finds them by the number of a fine, or by a partner's id.
    Other processes may run. Interrupted, it may be run again.
    """
    with opened("names") as ours:
        number = sum(1 for _ in _indexed(ours))
    if as_json:
        print_json({"indexed": number})
    else:
        click.echo(f"indexed: {number} operations")


def _indexed(ours: Opened) -> Iterator[Operation]:
    store, contracts = ours.core.store, ours.finder.contracts
    for document in scan(store, OPERATIONS, {}):
        if document["kind"] not in contracts:
            continue
        operation = Operation.from_document(document)
        contract, key = contracts[operation.kind], operation.idempotency_key
        names = contract.names(contract.read(operation))
        add(store, operation.id, (*names, named(KEY, key)) if key else names)
        with suppress(NotConfigured):  # then nobody knows any more what the operator called the steps
            add_later(store, operation.id, names_since(ours.stages(operation), replace(operation, steps={}), operation))
        yield operation
