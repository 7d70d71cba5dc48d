"""`python -m ops review`: what waits for a person, with the evidence, and what the person decides."""

import getpass

import click
from rich.console import Console
from rich.table import Table

from core.bootstrap import open_store
from core.broker.embedded import EmbeddedBroker
from core.clock import SystemClock
from core.errors import Conflict, StoreUnavailable
from core.log import configure
from core.operation import Operation
from core.settings import BadSettings, Settings, read_settings
from core.store.port import OPERATIONS, Store, scan
from worker.decide import Policy
from worker.engine import SEND_WITHIN_S
from worker.process import Processes
from worker.processes.sms import announce
from worker.products import build
from worker.review import REVIEWED, Decision, NotReviewable, stuck_steps
from worker.review import review as decide


@click.group(invoke_without_command=True)
@click.pass_context
def review(context: click.Context) -> None:
    """List what is in doubt or needs a person, or decide about one of them."""
    if context.invoked_subcommand is None:
        _, store, processes = _open()
        found = [operation for kind in processes for operation in _waiting(store, kind)]
        console = Console(soft_wrap=True)
        for operation in found:
            console.print(_evidence(operation, processes))
        console.print(f"Waiting for a person or for a partner's word: {len(found)}")
        store.close()


def _decision(decision: Decision, help: str) -> click.Command:
    @click.command(decision.value, help=help)
    @click.argument("id")
    @click.option("--reason", required=True, help="Why; it is kept in the operation's history.")
    @click.option("--who", default=getpass.getuser, help="Who decides; default: the user of this terminal.")
    def command(id: str, reason: str, who: str) -> None:
        settings, store, processes = _open()
        try:
            operation = _load(store, id, processes)
            stages = processes[operation.kind].stages(operation)
            policy = Policy(settle_window_s=SEND_WITHIN_S + settings.settle_window_s)
            decided = decide(stages, operation, decision, who, reason, SystemClock().now(), policy)
            if decided.terminal:
                announce(store, EmbeddedBroker(store, SystemClock()), SystemClock(), decided)
            store.replace(OPERATIONS, decided.to_document())
        except NotReviewable as error:
            raise click.ClickException(f"{id}: {error}") from None
        except Conflict:
            raise click.ClickException(f"{id} has just changed; look again") from None
        except StoreUnavailable as error:
            raise click.ClickException(str(error)) from None
        finally:
            store.close()
        click.echo(f"{id} is {decided.status}" + ("." if decided.terminal else " again; a worker goes on with it."))

    return command


for _name, _help in {
    Decision.CONFIRM: "It did happen: go on with the next step.",
    Decision.DECLINE: "It did not happen and will not: undo what was done before it.",
    Decision.RETRY: "It did not happen: submit it again, under the same reference.",
    Decision.REFUND: "Whatever was to follow: give the money back.",
}.items():
    review.add_command(_decision(_name, _help))


def _open() -> tuple[Settings, Store, Processes]:
    try:
        settings = read_settings()
        configure("review", "WARNING")
        store = open_store(settings)
    except (BadSettings, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None
    clock = SystemClock()
    # Only the order of their steps is of interest here: nothing is published, and nobody called.
    return settings, store, build(settings, store, clock, EmbeddedBroker(store, clock))


def _waiting(store: Store, kind: str) -> list[Operation]:
    found = (scan(store, OPERATIONS, {"kind": kind, "status": status.value}) for status in REVIEWED)
    return [Operation.from_document(document) for documents in found for document in documents]


def _load(store: Store, id: str, processes: Processes) -> Operation:
    document = store.get(OPERATIONS, id)
    if document is None or document["kind"] not in processes:
        raise NotReviewable("there is no such operation")
    return Operation.from_document(document)


def _evidence(operation: Operation, processes: Processes) -> Table:
    """Every attempt and every answer."""
    stuck = ", ".join(step.name for step in stuck_steps(processes[operation.kind].stages(operation), operation))
    table = Table(title=f"{operation.id}: {operation.status}, because of {stuck}", title_justify="left")
    for column in ("time (UTC)", "step", "what happened"):
        table.add_column(column)
    for entry in operation.history:
        table.add_row(f"{entry.at:%Y-%m-%d %H:%M:%S}", entry.step or "", entry.text)
    return table
