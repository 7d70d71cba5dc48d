"""Applying a decision: once, to an operation that still waits for one."""

from collections.abc import Callable
from functools import cache

from core.clock import Clock
from core.errors import Conflict
from core.operation import Operation
from core.store.port import OPERATIONS, Store
from products.decisions.contract import (
    APPLY_STEP,
    CHANGED,
    DECISIONS,
    NOT_REVIEWABLE,
    DecisionRequest,
    mark,
    stuck_steps,
)
from worker.approval import approval
from worker.partners.operators.port import NotConfigured
from worker.partners.port import Confirmed, Declined, Reply, Unavailable
from worker.policy import SEND_WITHIN_S, Context, Policy
from worker.process import REPEATABLE, Process, Processes, Stages, Step
from worker.products import WorkerServices, build
from worker.review import Decision, NotReviewable, review

Announce = Callable[[Operation, Operation], None]


def processes(services: WorkerServices) -> tuple[Process, ...]:
    core = services.core
    policy = Policy(settle_window_s=SEND_WITHIN_S + core.settings.settle_window_s)
    # Later: the processes of all products are not built yet. Only the order of their steps is of interest here.
    others = cache(lambda: build(core))
    return (decision(core.store, core.clock, others, policy, core.announcements.changed),)


def decision(
    store: Store, clock: Clock, others: Callable[[], Processes], policy: Policy, announce: Announce
) -> Process:
    """others: returns the processes of the operations that are decided about; announce: as of the engine."""

    def apply(operation: Operation) -> Reply:
        request = DECISIONS.read(operation)
        document = store.get(OPERATIONS, request.about)
        if document is None or document["kind"] not in others():
            return Declined("operation_not_found")
        about = Operation.from_document(document)
        if any(mark(operation.id) in entry.text for entry in about.history):
            return Confirmed()  # by an attempt before this one
        if stuck_steps(about) != request.stuck:
            return Declined(CHANGED)
        try:
            context = Context(others()[about.kind].stages(about), policy, clock.now())
            why = f"{request.reason} ({mark(operation.id)})"
            decided = review(context, about, Decision(request.way), _who(request), why)
        except (NotReviewable, NotConfigured) as error:
            return Declined(NOT_REVIEWABLE, {"why": str(error)})
        announce(about, decided)
        try:
            store.replace(OPERATIONS, decided.to_document())
        except Conflict:
            return Unavailable("the operation changed at the same moment")
        return Confirmed()

    applying = Step(APPLY_STEP, "applying the decision", submit=apply, recovery=REPEATABLE)

    def stages(operation: Operation) -> Stages:
        return (approval(DECISIONS.read(operation).rejected, "decision_rejected"),), (applying,)

    return Process(DECISIONS.kind, stages)


def _who(request: DecisionRequest) -> str:
    return request.requested_by + (f", with {request.decided_by}," if request.decided_by else "")
