"""Advances operations: lease, step, reply, decide, save. Knows no product."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from core.clock import Clock, from_rfc3339
from core.errors import Conflict
from core.operation import Lease, Operation, postponed
from core.operation_names import add_later
from core.steps import Call
from core.store.port import OPERATIONS, Document, Store
from core.tracing import NO_TRACING, Tracing
from core.upcasts import NewerDocument
from worker import telling
from worker.decide import WORKABLE, Verb, Work, begin, conclude, defer, record, work_now
from worker.partners.breaker import Breaker
from worker.partners.port import Declined, Reply, Unavailable, Unknown
from worker.partners.words import without_phones
from worker.policy import PAUSED, SEND_WITHIN_S, Context, Policy, is_too_late
from worker.process import Processes, Stages
from worker.progress import names_since

MAX_CONCURRENT_CALLS = 8
"""Calls of one operation in flight at once. Fifty fines settle in seven rounds, and no payer floods a partner."""
LEASE_SPARE_S = 5
"""How much longer a lease is than one round of calls. Rounds that end within it need no new lease, and a save that
leaves `due_at` as it is changes no index. A dead worker's operations wait that much longer."""
DEFER_S = 60
"""How long an operation that this worker cannot read waits until a worker looks at it again."""

log = structlog.get_logger()

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was made: its reply, and when it began and ended."""

    reply: Reply
    began: datetime
    ended: datetime


def run_concurrently(calls: list[Callable[[], T]]) -> list[T]:
    """Makes the calls concurrently, the first on this thread, and returns them in order.

    calls: they must not raise.
    """
    made: dict[int, T] = {}

    def run(index: int) -> None:
        made[index] = calls[index]()

    others = [threading.Thread(target=run, args=(index,)) for index in range(1, len(calls))]
    for thread in others:
        thread.start()
    run(0)
    for thread in others:
        thread.join()
    return [made[index] for index in range(len(calls))]


@dataclass(frozen=True)
class Engine:
    """Takes operations through their steps.

    worker: the name of this worker in leases.
    call_s: the longest duration of a partner call, in seconds.
    jitter: returns a random number from 0 to 1.
    exclusive_delivery: True if the broker rings one worker at a time for an operation. Otherwise all workers see every
        due operation, and only leases keep them apart.
    stopping: returns True when this worker has to stop.
    announce: called with an operation as it is stored and as it is going to be, before its status is saved, and again
        if that save fails.
    gather: makes calls and returns them in order.
    tracing: makes a span for each advance, and for each call in it.
    """

    store: Store
    clock: Clock
    processes: Processes
    policy: Policy
    worker: str
    call_s: float
    jitter: Callable[[], float]
    exclusive_delivery: bool = False
    stopping: Callable[[], bool] = lambda: False
    announce: Callable[[Operation, Operation], None] = lambda _, __: None
    gather: Callable[[list[Callable[[], Made]]], list[Made]] = run_concurrently
    tracing: Tracing = NO_TRACING

    def advance(self, id: str) -> None:
        """Advances the operation as far as possible now. Safe to repeat, to call too early, and for an unknown id.

        Each save is a compare-and-set. It holds the results of one round of calls and the intent of the next.
        Raises StoreUnavailable; a worker then continues the operation when its lease ends.
        """
        for _ in range(2):
            try:
                return self._advance(id)
            except Conflict:
                # Another worker holds it, as the second attempt will find; or a sweeper only moved its due time.
                log.info("changed_by_another", operation=id)
        return None

    def _advance(self, id: str) -> None:
        document = self.store.get(OPERATIONS, id)
        if document is None or document["status"] not in WORKABLE or document["kind"] not in self.processes:
            return
        try:
            operation = Operation.from_document(document)
            stages = self.processes[operation.kind].stages(operation)
        except NewerDocument:
            # Only a worker of that release can advance it. One that is not due yet may be in that worker's hands.
            log.warning("written_by_a_later_release", operation=id)
            if document["due_at"] is not None and from_rfc3339(document["due_at"]) <= self.clock.now():
                self._postpone(document)
            return
        except Exception:
            self._postpone(document)
            raise
        if not self._held(operation):
            self._traced(stages, operation)

    def _postpone(self, document: Document) -> None:
        """Moves the due time of an operation that cannot be read. It has no lease, and would be due again at once."""
        self.store.replace(OPERATIONS, postponed(document, self.clock.now() + timedelta(seconds=DEFER_S)))

    def _traced(self, stages: Stages, operation: Operation) -> None:
        known = {"quittance.operation": operation.id, "quittance.kind": operation.kind}
        with self.tracing.span(f"advance {operation.kind}", "consumer", operation.trace, known) as span:
            span.note("quittance.status", self._run(stages, operation, span.traceparent).status.value)

    def _run(self, stages: Stages, operation: Operation, trace: str | None) -> Operation:
        """Returns the operation as it is saved."""
        saved = operation
        while not self.stopping():
            now = self.clock.now()
            due_work = work_now(stages, operation, now)[:MAX_CONCURRENT_CALLS]
            if not due_work:
                break
            operation, work = self._admit(stages, operation, due_work, now)
            if not work:
                continue
            made: list[Made] = []
            try:
                if self._needs_no_intent(operation, work, now):
                    operation = replace(begin(operation, work, now), updated_at=now)
                else:
                    saved = operation = self._save_intent(stages, saved, operation, work)
                made = self.gather([partial(self._call, operation, item, trace) for item in work])
            finally:
                self._release(work, [call.reply for call in made], now)
            now = self.clock.now()
            for item, call in zip(work, made, strict=True):
                operation = self._with_evidence(operation, item, call)
                operation = record(self._context(stages, now), operation, item, call.reply)
        operation = replace(conclude(self._context(stages, self.clock.now()), operation), lease=None)
        if operation != saved:
            self._announce(stages, saved, operation)
            self.store.replace(OPERATIONS, operation.to_document())
        telling.moved(stages, saved, operation)
        return operation

    def _admit(
        self, stages: Stages, operation: Operation, due_work: list[Work], now: datetime
    ) -> tuple[Operation, list[Work]]:
        """Returns the operation with the calls deferred that the breakers refuse, and the admitted calls."""
        work = []
        for item in due_work:
            breaker = self._breaker(item)
            wait = breaker.try_acquire() if breaker else None
            if wait is None:
                work.append(item)
            else:
                operation = defer(self._context(stages, now), operation, item, wait)
        if operation.status not in WORKABLE:
            # A step deferred past its deadline needs a person, so no other step is started.
            self._release(work, [], now)
            return operation, []
        return operation, work

    def _release(self, work: list[Work], replies: list[Reply], began: datetime) -> None:
        """Reports the replies to the breakers.

        replies: in the order of `work`; empty if the calls were not made.
        began: when the calls were admitted.
        """
        for item, reply in zip(work, replies or [PAUSED] * len(work), strict=True):
            if breaker := self._breaker(item):
                was_called = not isinstance(reply, Unavailable | Declined) or reply.called
                breaker.release(reply if was_called else None, began)

    def _needs_no_intent(self, operation: Operation, work: list[Work], now: datetime) -> bool:
        """Returns whether all of the work may be repeated, and no other worker begins it meanwhile.

        A quick look-up may be begun by two: that costs less than a save, and the first of their next saves decides.
        """
        leased = self._leased(operation, now)
        return all(
            (leased and item.step.is_lookup)
            or (not item.step.saves_intent and (leased or self.exclusive_delivery or item.step.is_lookup))
            for item in work
        )

    def _save_intent(self, stages: Stages, saved: Operation, operation: Operation, work: list[Work]) -> Operation:
        now = self.clock.now()
        operation = replace(begin(operation, work, now), updated_at=now)
        if not self._leased(operation, now):
            until = now + timedelta(seconds=SEND_WITHIN_S + self.call_s + LEASE_SPARE_S)
            operation = replace(operation, lease=Lease(self.worker, until), due_at=until)
        self._announce(stages, saved, operation)
        return replace(operation, version=self.store.replace(OPERATIONS, operation.to_document())["version"])

    def _announce(self, stages: Stages, saved: Operation, operation: Operation) -> None:
        """Stores and announces what follows from a save, before it."""
        if names := names_since(stages, saved, operation):
            add_later(self.store, operation.id, names)
        if operation.moves() != saved.moves():
            self.announce(saved, operation)

    def _leased(self, operation: Operation, now: datetime) -> bool:
        """Returns whether this worker holds the operation for longer than a round of calls takes."""
        lease, needed_until = operation.lease, now + timedelta(seconds=SEND_WITHIN_S + self.call_s)
        return lease is not None and lease.worker == self.worker and lease.until >= needed_until

    def _call(self, operation: Operation, work: Work, trace: str | None) -> Made:
        began = self.clock.now()
        if is_too_late(self.clock, operation):
            return Made(PAUSED, began, began)
        (partner,) = telling.partners_of([work.step])
        known = {"quittance.partner": partner, "quittance.step": work.step.name}
        with self.tracing.span(f"{work.verb.value} {partner}", "client", trace, known) as span:
            try:
                reply = work.call(operation)
            except Exception as error:
                # The request may have been sent before the adapter failed.
                log.exception("call_failed", operation=operation.id, step=work.step.name)
                reply = Unknown(type(error).__name__)
            span.note("quittance.reply", type(reply).__name__.lower())
        return Made(reply, began, self.clock.now())

    def _with_evidence(self, operation: Operation, work: Work, made: Made) -> Operation:
        """Returns the operation with what the partner said."""
        if not made.reply.said:
            return operation
        took_ms = round((made.ended - made.began).total_seconds() * 1000)
        reply = type(made.reply).__name__.lower()
        call = Call(made.began, took_ms, work.verb.value, reply, without_phones(made.reply.said, operation.request))
        return operation.with_step(work.step.name, operation.step(work.step.name).with_call(call))

    def _breaker(self, work: Work) -> Breaker | None:
        return None if work.verb is Verb.LISTEN else work.step.breaker

    def _context(self, stages: Stages, now: datetime) -> Context:
        return Context(stages, self.policy, now, self.jitter())

    def _held(self, operation: Operation) -> bool:
        return operation.lease is not None and operation.lease.until > self.clock.now()
