"""Reservations: one document for each thing that only one operation at a time may use. Every verb is safe to repeat."""

from collections.abc import Callable

from core.claims import Claims
from core.operation import Operation
from core.store.port import OPERATIONS, RESERVATIONS, Store
from worker.partners.port import Confirmed, Declined, Reply


class Reservations:
    """The reservations of one sort of thing, such as fines.

    prefix: of the claims' ids.
    done: returns whether the operation has used up the thing for good; its reservation then outlives the operation.
    code: of Declined, when another operation holds the thing.
    """

    def __init__(self, store: Store, prefix: str, done: Callable[[Operation, str], bool], code: str) -> None:
        self._store = store
        self._done = done
        self._code = code
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
                return Declined(self._code, {"claimed": thing, "by": holder})
        return Confirmed()

    def release(self, operation: Operation, things: list[str]) -> Reply:
        """Releases the things that the operation holds and has not used up."""
        for thing in things:
            if not self._done(operation, thing):
                self._claims.release(thing, operation.id)
        return Confirmed()

    def _is_left(self, holder: str, thing: str) -> bool:
        """Whether an operation has ended without using the thing, or does not exist: it reserves nothing more."""
        document = self._store.get(OPERATIONS, holder)
        if document is None:
            return True
        operation = Operation.from_document(document)
        return operation.terminal and not self._done(operation, thing)
