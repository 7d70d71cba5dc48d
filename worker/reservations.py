"""Reservations: one document for each thing that only one operation at a time may use. Every verb is safe to repeat.

An operation that takes no money in time does not keep a thing from others for ever. The money may still come later: so
an operation looks again with `keep`, once it has the money, before it uses the thing.
"""

from collections.abc import Callable
from datetime import datetime

from core.claims import Claims
from core.clock import Clock, to_rfc3339
from core.operation import Operation
from core.store.port import OPERATIONS, RESERVATIONS, Store
from worker.partners.port import Confirmed, Declined, Reply


class Reservations:
    """The reservations of one sort of thing, such as fines.

    prefix: of the claims' ids.
    done: returns whether the operation has used up the thing for good; its reservation then outlives the operation.
    unpaid_until: given the time now, returns when an operation without money stops to keep a thing; None once it has
        money, and keeps the thing until its end.
    code: of Declined, when another operation holds the thing.
    busy_code: the same, while that operation may still get its money; with the time when it stops to keep the thing.
    lost_code: of Declined, when an operation has got money too late.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        prefix: str,
        done: Callable[[Operation, str], bool],
        unpaid_until: Callable[[Operation, datetime], datetime | None],
        code: str,
        busy_code: str,
        lost_code: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._done = done
        self._unpaid_until = unpaid_until
        self._code, self._busy_code, self._lost_code = code, busy_code, lost_code
        self._claims = Claims(store, RESERVATIONS, self._is_left, prefix)

    def take(self, operation: Operation, things: list[str]) -> Reply:
        """Reserves all the things for the operation. Returns Declined, with the holder's id, when one is held.

        Reservations taken before a refusal are not released here: another worker may meanwhile have reserved the rest
        for the same operation. When the operation ends by the refusal, they can be taken over.
        """
        # The same order for every operation: of two that share things, one gets all of them.
        for thing in sorted(things):
            holder = self._claims.take(thing, operation.id)
            if holder is not None:
                return self._held(thing, holder)
        return Confirmed()

    def keep(self, operation: Operation, thing: str) -> Declined | None:
        """Keeps the thing for an operation that has its money, or returns Declined when another one has it by now.

        The operation has to be stored as one that has its money. Then nobody takes the thing over from it any more.
        """
        holder = self._claims.keep(thing, operation.id)
        if holder is None:
            return None
        return Declined(self._lost_code, {"claimed": thing, "by": holder}, called=False)

    def release(self, operation: Operation, things: list[str]) -> Reply:
        """Releases the things that the operation holds and has not used up."""
        for thing in things:
            if not self._done(operation, thing):
                self._claims.release(thing, operation.id)
        return Confirmed()

    def _held(self, thing: str, holder: str) -> Declined:
        document, now = self._store.get(OPERATIONS, holder), self._clock.now()
        until = self._unpaid_until(Operation.from_document(document), now) if document else None
        if until is None:
            return Declined(self._code, {"claimed": thing, "by": holder})
        return Declined(self._busy_code, {"claimed": thing, "by": holder, "retry_at": to_rfc3339(max(until, now))})

    def _is_left(self, holder: str, thing: str) -> bool:
        """Whether an operation reserves the thing no more.

        It has ended without using the thing, has no money when its time is over, or does not exist.
        """
        document = self._store.get(OPERATIONS, holder)
        if document is None:
            return True
        operation = Operation.from_document(document)
        if operation.terminal:
            return not self._done(operation, thing)
        now = self._clock.now()
        until = self._unpaid_until(operation, now)
        return until is not None and until <= now
