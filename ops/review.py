"""`quittance review`: the operations that wait for a person, with the evidence, and the person's decision."""

import getpass
from contextlib import closing
from operator import itemgetter
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from core.bootstrap import Core, open_core
from core.clock import to_rfc3339
from core.errors import Conflict, StoreUnavailable
from core.installed import BadProduct
from core.log import configure
from core.operation import Operation
from core.settings import BadSettings, read_settings
from core.steps import Call
from core.store.port import OPERATIONS, Store, scan
from devtools.as_json import json_option, print_json
from ops.security import note
from worker.partners.operators.port import NotConfigured
from worker.policy import SEND_WITHIN_S, Context, Policy
from worker.process import Processes
from worker.products import build
from worker.review import REVIEWED, Decision, NotReviewable, stuck_steps
from worker.review import review as apply_decision


@click.command("list")
@json_option
def list_waiting(as_json: bool) -> None:
    """List what waits for a person or for a partner's answer. Shows every attempt and every answer."""
    core, processes = _open()
    with closing(core):
        found = [operation for kind in processes for operation in _waiting(core.store, kind)]
    if as_json:
        print_json([_as_json(operation, processes) for operation in found])
        return
    console = Console(soft_wrap=True)
    for operation in found:
        console.print(_evidence(operation, processes))
    console.print(f"Waiting for a person or for a partner's answer: {len(found)}")


def _decision(decision: Decision, help: str) -> click.Command:
    @click.command(decision.value, help=help)
    @click.argument("id")
    @click.option("--reason", required=True, help="The reason, which is kept in the operation's history.")
    @click.option("--who", default=getpass.getuser, help="The person who decides.", show_default="this terminal's user")
    def command(id: str, reason: str, who: str) -> None:
        core, processes = _open()
        try:
            operation = _load(core.store, id, processes)
            stages = processes[operation.kind].stages(operation)
            policy = Policy(settle_window_s=SEND_WITHIN_S + core.settings.settle_window_s)
            context = Context(stages, policy, core.clock.now())
            decided = apply_decision(context, operation, decision, who, reason)
            core.announcements.changed(operation, decided)
            core.store.replace(OPERATIONS, decided.to_document())
            note(core, f"review: {decision}", id, who)
        except (NotReviewable, NotConfigured) as error:
            raise click.ClickException(f"{id}: {error}") from None
        except Conflict:
            raise click.ClickException(f"{id} has just changed: look at it again, and decide again") from None
        except StoreUnavailable as error:
            raise click.ClickException(str(error)) from None
        finally:
            core.close()
        click.echo(f"{id} is {decided.status}" + ("." if decided.terminal else " again, and a worker goes on with it."))

    return command


confirm = _decision(Decision.CONFIRM, "It did happen: go on with the next step.")
decline = _decision(Decision.DECLINE, "It did not happen and will not: undo what was done before it.")
retry = _decision(Decision.RETRY, "It did not happen: submit it again, under the same reference.")
refund = _decision(Decision.REFUND, "Give the money back, whatever was to follow.")


def _open() -> tuple[Core, Processes]:
    try:
        settings = read_settings()
        configure("review", "WARNING")
        core = open_core(settings)
        # Only the order of their steps is of interest here: nothing is published, and no partner called.
        return core, build(core)
    except (BadSettings, BadProduct, StoreUnavailable) as error:
        raise click.ClickException(str(error)) from None


def _waiting(store: Store, kind: str) -> list[Operation]:
    found = (scan(store, OPERATIONS, {"kind": kind, "status": status.value}) for status in REVIEWED)
    return [Operation.from_document(document) for documents in found for document in documents]


def _load(store: Store, id: str, processes: Processes) -> Operation:
    document = store.get(OPERATIONS, id)
    if document is None or document["kind"] not in processes:
        raise NotReviewable("no operation has this id")
    return Operation.from_document(document)


def _stuck(operation: Operation, processes: Processes) -> list[str]:
    try:
        return [step.name for step in stuck_steps(processes[operation.kind].stages(operation), operation)]
    except NotConfigured as error:
        return [str(error)]


def _as_json(operation: Operation, processes: Processes) -> dict[str, Any]:
    return {
        "id": operation.id,
        "kind": operation.kind,
        "status": operation.status.value,
        "steps": _stuck(operation, processes),
        "calls": {
            name: [call.to_document() for call in record.calls]
            for name, record in operation.steps.items()
            if record.calls
        },
        "history": [
            {"at": to_rfc3339(entry.at), "step": entry.step, "event": entry.event, "text": entry.text}
            for entry in operation.history
        ],
    }


def _evidence(operation: Operation, processes: Processes) -> Table:
    """A table of every attempt and every answer."""
    stuck = ", ".join(_stuck(operation, processes))
    table = Table(title=f"{operation.id}: {operation.status}, because of {stuck}", title_justify="left")
    for column in ("time (UTC)", "step", "what happened"):
        table.add_column(column)
    rows = [(entry.at, entry.step or "", Text(entry.text)) for entry in operation.history]
    for name, record in operation.steps.items():
        rows += [(call.at, name, _words(call)) for call in record.calls]
    for at, step, text in sorted(rows, key=itemgetter(0)):
        table.add_row(f"{at:%Y-%m-%d %H:%M:%S}", step, text)
    return table


def _words(call: Call) -> Text:
    """A call, and the partner's own words; never read as markup."""
    said = ", ".join(f"{name}: {value}" for name, value in call.said.items())
    return Text(f"{call.verb} took {call.took_ms} ms, understood as {call.reply}; the partner said: {said}")
