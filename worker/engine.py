"""advance(operation): lease, step, reply, decide, save. Knows no product."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

import structlog
from prometheus_client import Counter

from core.clock import Clock, to_text
from core.errors import Conflict
from core.operation import Lease, Operation
from core.store.port import OPERATIONS, Store
from worker.decide import WORKABLE, Policy, Verb, Work, begin, conclude, put_off, record, work_now
from worker.partners.port import Reply, Unavailable, Unknown
from worker.process import Processes, Stages

AT_ONCE = 8
"""Calls of one operation in flight at once: 50 fines are settled in seven rounds, and no payer floods a partner."""
SEND_WITHIN_S = 3
"""A call is made only this soon after its intent. A worker that was paused in between must not send what another may by
now have found missing and sent again."""
PUT_OFF_S = 60
"""How long an operation rests that our own code cannot read."""

PAUSED = Unavailable("the worker was paused before the call")

ENDED = Counter("quittance_operations_ended_total", "Operations that have ended", ["kind", "status"])

log = structlog.get_logger()


def together(calls: list[Callable[[], Reply]]) -> list[Reply]:
    """Makes the calls at once, the first on this thread, and returns their replies in order. They must not raise."""
    replies: dict[int, Reply] = {}

    def run(index: int) -> None:
        replies[index] = calls[index]()

    others = [threading.Thread(target=run, args=(index,)) for index in range(1, len(calls))]
    for thread in others:
        thread.start()
    run(0)
    for thread in others:
        thread.join()
    return [replies[index] for index in range(len(calls))]


@dataclass(frozen=True)
class Engine:
    """call_s: the longest that a partner call may take; jitter: draws a random number from 0 to 1 for each reply;
    rung: each operation is brought by a ring, which one worker gets at a time; else all workers see what is due, and
    only leases keep them apart; ending: called with each operation that ends, before that is saved, and again when it
    could not be; gather: makes some calls and returns their replies in order."""

    store: Store
    clock: Clock
    processes: Processes
    policy: Policy
    worker: str
    call_s: float
    jitter: Callable[[], float]
    rung: bool = False
    stopping: Callable[[], bool] = lambda: False
    ending: Callable[[Operation], None] = lambda _: None
    gather: Callable[[list[Callable[[], Reply]]], list[Reply]] = together

    def advance(self, id: str) -> None:
        """Takes the operation as far as it goes now. Harmless when repeated, early, late, or for one that is not there.

        Each save is a compare-and-set and carries the results of one round of calls with the intent of the next.
        Raises StoreUnavailable; the operation is then taken up again when its lease ends.
        """
        for _ in range(2):
            try:
                return self._advance(id)
            except Conflict:
                # Another worker has it, which the second look will find; or a sweeper only moved its due time.
                log.info("changed by another", operation=id)
        return None

    def _advance(self, id: str) -> None:
        document = self.store.get(OPERATIONS, id)
        if document is None or document["status"] not in WORKABLE or document["kind"] not in self.processes:
            return
        try:
            operation = Operation.from_document(document)
            stages = self.processes[operation.kind].stages(operation)
        except Exception:
            # Nothing was leased yet: without this, what our own code cannot read would be back at once.
            put_off_until = to_text(self.clock.now() + timedelta(seconds=PUT_OFF_S))
            self.store.replace(OPERATIONS, {**document, "due_at": put_off_until})
            raise
        if not self._held(operation):
            self._run(stages, operation)

    def _run(self, stages: Stages, operation: Operation) -> None:
        saved = operation
        while not self.stopping():
            now = self.clock.now()
            wanted = work_now(stages, operation, now)[:AT_ONCE]
            if not wanted:
                break
            operation, work = self._let_in(stages, operation, wanted, now)
            if not work:
                continue
            replies: list[Reply] = []
            try:
                if self.rung and all(item.step.brief for item in work):
                    operation = replace(begin(operation, work, now), updated_at=now)
                else:
                    saved = operation = self._save_intent(operation, work)
                replies = self.gather([partial(self._call, operation, item) for item in work])
            finally:
                self._let_out(work, replies, now)
            now = self.clock.now()
            for item, reply in zip(work, replies, strict=True):
                operation = record(stages, operation, item, reply, now, self.policy, self.jitter())
        operation = replace(conclude(stages, operation, self.clock.now(), self.policy), lease=None)
        if operation != saved:
            if operation.terminal:
                self.ending(operation)
            self.store.replace(OPERATIONS, operation.to_document())
        if operation.terminal:
            ENDED.labels(operation.kind, operation.status.value).inc()
            log.info("operation ended", operation=operation.id, kind=operation.kind, status=operation.status.value)

    def _let_in(
        self, stages: Stages, operation: Operation, wanted: list[Work], now: datetime
    ) -> tuple[Operation, list[Work]]:
        """What the partners' guards let in of the wanted work, and the operation in which the rest is put off."""
        work = []
        for item in wanted:
            wait = item.step.guard.enter() if item.step.guard else None
            if wait is None:
                work.append(item)
            else:
                operation = put_off(stages, operation, item, wait, now, self.policy, self.jitter())
        if operation.status not in WORKABLE:
            # One that was put off for too long needs a person, so nothing is begun beside it.
            self._let_out(work, [], now)
            return operation, []
        return operation, work

    def _let_out(self, work: list[Work], replies: list[Reply], began: datetime) -> None:
        """replies: none at all when the calls were not made."""
        for item, reply in zip(work, replies or [PAUSED] * len(work), strict=True):
            if item.step.guard:
                item.step.guard.leave(None if reply is PAUSED else reply, began)

    def _save_intent(self, operation: Operation, work: list[Work]) -> Operation:
        now = self.clock.now()
        until = now + timedelta(seconds=SEND_WITHIN_S + self.call_s)
        operation = replace(begin(operation, work, now), updated_at=now, lease=Lease(self.worker, until), due_at=until)
        return replace(operation, version=self.store.replace(OPERATIONS, operation.to_document())["version"])

    def _call(self, operation: Operation, work: Work) -> Reply:
        step = work.step
        if self.clock.now() > operation.updated_at + timedelta(seconds=SEND_WITHIN_S):
            return PAUSED
        try:
            if work.verb is Verb.ENQUIRE and step.enquire is not None:
                return step.enquire(operation.reference(step.name))
            return step.submit(operation)
        except Exception as error:
            # Whatever broke in an adapter, the request may have left the house before.
            log.exception("call failed", operation=operation.id, step=step.name)
            return Unknown(type(error).__name__)

    def _held(self, operation: Operation) -> bool:
        return operation.lease is not None and operation.lease.until > self.clock.now()
