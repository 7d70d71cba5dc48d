"""`quittance review`: the operations that wait for a person, with the evidence, and the person's decisions."""

import getpass
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from core.clock import to_rfc3339
from core.errors import Conflict
from core.operation import Operation, short_reference
from core.store.port import OPERATIONS, scan
from devtools.as_json import json_option, print_json
from ops.opened import Opened, opened
from ops.security import note
from ops.shown import as_text
from ops.terminal import literal
from worker.partners.operators.port import NotConfigured
from worker.policy import SEND_WITHIN_S, Context, Policy
from worker.process import Step
from worker.review import REVIEWED, Decision, NotReviewable, stuck_steps
from worker.review import review as apply_decision

MOMENT = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])
"""In UTC."""


@dataclass(frozen=True)
class Filters:
    """Which of those that wait. None: any.

    partner: a mobile-money operator, or the partner that is called by a stuck step.
    since: waiting in this status since then or later.
    """

    kind: str | None = None
    status: str | None = None
    partner: str | None = None
    since: datetime | None = None

    @property
    def given(self) -> bool:
        return any((self.kind, self.status, self.partner, self.since))


def filtering(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options of Filters."""
    options = (
        click.option("--kind", help="Only this kind, such as fine_payment."),
        click.option("--status", type=click.Choice([status.value for status in REVIEWED]), help="Only this status."),
        click.option("--partner", help="Only what waits for this partner, such as mtn-ci or registry."),
        click.option("--since", type=MOMENT, help="Only what has come to its status since then, in UTC."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command("list")
@filtering
@click.option("--evidence", is_flag=True, help="Show every attempt and every answer.")
@json_option
def list_waiting(evidence: bool, as_json: bool, **filters: Any) -> None:
    """List what waits for a person or for a partner's answer.

    Of one operation, `quittance show` has the evidence.
    """
    with opened("review") as ours:
        found = _waiting(ours, Filters(**filters))
        if as_json:
            print_json([_as_json(ours, operation) for operation in found])
        elif evidence:
            for operation in found:
                _print_evidence(ours, operation)
        elif found:
            Console().print(_summary(ours, found))
        if not as_json:
            click.echo(f"Waiting for a person or for a partner's answer: {len(found)}")


def _decision(decision: Decision, help: str) -> click.Command:
    @click.command(decision.value, help=help)
    @click.argument("id", required=False)
    @filtering
    @click.option("--reason", required=True, help="The reason, which is kept in the operation's history.")
    @click.option("--who", default=getpass.getuser, help="The person who decides.", show_default="this terminal's user")
    @click.option("--yes", is_flag=True, help="Of many: do it. Without it, they are only counted.")
    def command(id: str | None, reason: str, who: str, yes: bool, **filters: Any) -> None:
        wanted = Filters(**filters)
        if (id is None) != wanted.given:
            raise click.UsageError("name one operation, or say with --kind, --status, --partner or --since which ones")
        with opened("review") as ours:
            if id is not None:
                _decide_one(ours, id, decision, who, reason)
            else:
                _decide_many(ours, _waiting(ours, wanted), decision, who, reason, yes)

    return command


confirm = _decision(Decision.CONFIRM, "It did happen: go on with the next step.")
decline = _decision(Decision.DECLINE, "It did not happen and will not: undo what was done before it.")
retry = _decision(Decision.RETRY, "It did not happen: submit it again, under the same reference.")
refund = _decision(Decision.REFUND, "Give the money back, whatever was to follow.")


def _decide_one(ours: Opened, id: str, decision: Decision, who: str, reason: str) -> None:
    """Raises ClickException."""
    operation = ours.the_one(id)
    try:
        decided = _decided(ours, operation, decision, who, reason)
        _save(ours, operation, decided, decision, who)
    except (NotReviewable, NotConfigured) as error:
        raise click.ClickException(f"{id}: {error}") from None
    except Conflict:
        raise click.ClickException(f"{id} has just changed: look at it again, and decide again") from None
    click.echo(f"{id} is {decided.status}" + ("." if decided.terminal else " again, and a worker goes on with it."))


def _decide_many(ours: Opened, found: list[Operation], decision: Decision, who: str, reason: str, really: bool) -> None:
    """Raises ClickException where some could not be decided."""
    done, failed = 0, 0
    for operation in found:
        try:
            decided = _decided(ours, operation, decision, who, reason)
            if really:
                _save(ours, operation, decided, decision, who)
            done += 1
        except (NotReviewable, NotConfigured) as error:
            click.echo(f"{short_reference(operation.id)}: {error}", err=True)
            failed += 1
        except Conflict:
            click.echo(f"{short_reference(operation.id)} has just changed", err=True)
            failed += 1
    said = "decided" if really else "would be decided; add --yes to do it"
    click.echo(f"{decision}: {done} of {len(found)} {said}")
    if failed:
        raise SystemExit(1)


def _decided(ours: Opened, operation: Operation, decision: Decision, who: str, reason: str) -> Operation:
    """Raises NotReviewable, NotConfigured."""
    policy = Policy(settle_window_s=SEND_WITHIN_S + ours.core.settings.settle_window_s)
    context = Context(ours.stages(operation), policy, ours.core.clock.now())
    return apply_decision(context, operation, decision, who, reason)


def _save(ours: Opened, operation: Operation, decided: Operation, decision: Decision, who: str) -> None:
    """Raises Conflict."""
    ours.core.announcements.changed(operation, decided)
    ours.core.store.replace(OPERATIONS, decided.to_document())
    note(ours.core, f"review: {decision}", operation.id, who)


def _waiting(ours: Opened, filters: Filters) -> list[Operation]:
    """Raises BadParameter for an unknown kind."""
    if filters.kind is not None and filters.kind not in ours.processes:
        raise click.BadParameter(f"no such kind: {filters.kind}", param_hint="--kind")
    kinds = [filters.kind] if filters.kind else list(ours.processes)
    statuses = [filters.status] if filters.status else [status.value for status in REVIEWED]
    found = (
        Operation.from_document(document)
        for kind in kinds
        for status in statuses
        for document in scan(ours.core.store, OPERATIONS, {"kind": kind, "status": status})
    )
    since = filters.since and filters.since.replace(tzinfo=UTC)
    return [
        operation
        for operation in found
        if (filters.partner is None or filters.partner in _partners(ours, operation))
        and (since is None or _since(operation) >= since)
    ]


def _since(operation: Operation) -> datetime:
    """When it came to its status."""
    moves = operation.moves()
    return moves[-1].at if moves else operation.updated_at


def _partners(ours: Opened, operation: Operation) -> set[str]:
    """Whom it may wait for, by name."""
    try:
        called = {step.breaker.name for step in _stuck_steps(ours, operation) if step.breaker}
    except NotConfigured:
        called = set()
    return called | ({operation.operator} if operation.operator else set())


def _stuck_steps(ours: Opened, operation: Operation) -> list[Step]:
    """Raises NotConfigured."""
    return stuck_steps(ours.stages(operation), operation)


def _stuck(ours: Opened, operation: Operation) -> list[str]:
    try:
        return [step.name for step in _stuck_steps(ours, operation)]
    except NotConfigured as error:
        return [str(error)]


def _why(operation: Operation, steps: list[str]) -> str:
    errors = (operation.step(name).last_error for name in steps)
    return next((error for error in errors if error), "")


def _as_json(ours: Opened, operation: Operation) -> dict[str, Any]:
    steps = _stuck(ours, operation)
    return {
        "id": operation.id,
        "short": short_reference(operation.id),
        "kind": operation.kind,
        "status": operation.status.value,
        "since": to_rfc3339(_since(operation)),
        "partners": sorted(_partners(ours, operation)),
        "why": _why(operation, steps),
        "steps": steps,
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


def _summary(ours: Opened, found: list[Operation]) -> Table:
    """A line for each operation."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("ref", "kind", "status", "since (UTC)"):
        table.add_column(column, no_wrap=True)
    table.add_column("step: why", overflow="fold")
    for operation in found:
        steps = _stuck(ours, operation)
        why = ": ".join(filter(None, (", ".join(steps), _why(operation, steps))))
        row = short_reference(operation.id), operation.kind, operation.status, f"{_since(operation):%m-%d %H:%M}"
        table.add_row(*map(literal, row), literal(why))
    return table


def _print_evidence(ours: Opened, operation: Operation) -> None:
    """The whole operation, with every attempt and every answer."""
    click.echo(f"{operation.id}: {operation.status}, because of {', '.join(_stuck(ours, operation))}")
    Console().print(as_text(ours, operation))
    click.echo()
