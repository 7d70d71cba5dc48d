"""Reservations: one document for each thing that only one operation at a time may use. Every verb is safe to repeat.

Money decides. An operation without money keeps a thing from others like it for a time that belongs to the thing, and
from an operation with money not at all. So an operation that has its money takes the thing with `keep` before it uses
it: the first one with money gets it.
"""

from collections.abc import Callable

from core.claims import Claims
from core.clock import Clock, to_rfc3339
from core.keeping import Keeping
from core.operation import Operation
from core.store.port import OPERATIONS, RESERVATIONS, Store
from worker.partners.port import Confirmed, Declined, Reply


class Reservations:
    """The reservations of one sort of thing, such as fines.

    prefix: of the claims' ids.
    done: returns whether the operation has used up the thing for good; its reservation then outlives the operation.
    has_money: returns whether the operation has its money; it then keeps its things until its end.
    gave_up: returns whether the operation has no money and will have none; it then keeps nothing.
    keeping: how long a thing is kept for operations without money.
    code: of Declined, when another operation holds the thing.
    busy_code: the same, while that operation may still get its money; with the time when it stops to keep the thing.
    lost_code: of Declined, when an operation has got money, but another one with money holds the thing.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        prefix: str,
        done: Callable[[Operation, str], bool],
        has_money: Callable[[Operation], bool],
        gave_up: Callable[[Operation], bool],
        keeping: Keeping,
        code: str,
        busy_code: str,
        lost_code: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._done, self._has_money, self._gave_up = done, has_money, gave_up
        self._keeping = keeping
        self._code, self._busy_code, self._lost_code = code, busy_code, lost_code
        self._claims = Claims(store, RESERVATIONS, self._is_left, prefix)
        self._with_money = Claims(store, RESERVATIONS, self._goes_behind_money, prefix)

    def take(self, operation: Operation, things: list[str]) -> Reply:
        """Reserves all the things for the operation. Returns Declined, with the holder's id, when one is held.

        Reservations taken before a refusal are not released here: another worker may meanwhile have reserved the rest
        for the same operation. When the operation ends by the refusal, they can be taken over.
        """
        now = self._clock.now()
        # The same order for every operation: of two that share things, one gets all of them.
        for thing in sorted(things):
            holder = self._claims.take(thing, operation.id, lambda claim: self._keeping.hold(claim, now))
            if holder is not None:
                return self._held(thing, holder)
        return Confirmed()

    def keep(self, operation: Operation, thing: str) -> Declined | None:
        """Gives the thing to an operation that has its money, or returns Declined when another one with money has it.

        The operation has to be stored as one that has its money. Then nobody takes the thing over from it any more.
        """
        holder = self._with_money.keep(thing, operation.id)
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
        document, claim = self._store.get(OPERATIONS, holder), self._claims.read(thing)
        operation = Operation.from_document(document) if document else None
        if operation is None or claim is None or operation.terminal or self._has_money(operation):
            return Declined(self._code, {"claimed": thing, "by": holder})
        until = max(self._keeping.until(claim, operation), self._clock.now())
        return Declined(self._busy_code, {"claimed": thing, "by": holder, "retry_at": to_rfc3339(until)})

    def _is_left(self, holder: str, thing: str) -> bool:
        """Whether an operation without money may take the thing over: its holder keeps it no more."""
        document = self._store.get(OPERATIONS, holder)
        operation = Operation.from_document(document) if document else None
        if operation is None or operation.terminal or self._gave_up(operation):
            return operation is None or not self._done(operation, thing)
        # The claim may be another one than the take-over has read: then its save fails.
        claim = self._claims.read(thing) or {}
        return not self._has_money(operation) and self._keeping.until(claim, operation) <= self._clock.now()

    def _goes_behind_money(self, holder: str, thing: str) -> bool:
        """Whether an operation with money may take the thing over: its holder has none, or has ended without it."""
        document = self._store.get(OPERATIONS, holder)
        operation = Operation.from_document(document) if document else None
        if operation is None or operation.terminal:
            return operation is None or not self._done(operation, thing)
        return not self._has_money(operation)
