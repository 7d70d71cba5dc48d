"""Claims: a document per thing that only one operation at a time may work on. Our own: every verb may be repeated."""

from collections.abc import Callable
from contextlib import suppress

from core.errors import Conflict, Duplicate
from core.operation import Operation
from core.store.port import CLAIMS, OPERATIONS, Document, Store
from worker.partners.port import Confirmed, Declined, Reply


class Claims:
    """done: whether an operation has used up the thing for good, so that its claim stays when it has ended.

    A claim that was given back is nobody's, but stays as a document: inserted anew it would begin at version 1 again,
    and a worker that was paused while it released the old one would then delete the new one.
    """

    def __init__(self, store: Store, prefix: str, done: Callable[[Operation, str], bool], code: str) -> None:
        self._store = store
        self._prefix = prefix
        self._done = done
        self._code = code

    def take(self, operation: Operation, things: list[str]) -> Reply:
        """Claims all of the things for the operation; Declined, with the other operation's id, when one is held.

        What was claimed before the refusal stays with an operation that ends by it, and can be taken over. It is not
        released here: another worker may by now have been granted the rest for the same operation.
        """
        # In one order for everybody: of two operations that share things, one gets all it asks for.
        for thing in sorted(things):
            holder = self._take(operation, thing)
            if holder is not None:
                return Declined(self._code, {"claimed": thing, "by": holder})
        return Confirmed()

    def release(self, operation: Operation, things: list[str]) -> Reply:
        """Gives back what the operation holds and has not used up."""
        for thing in things:
            claim = self._store.get(CLAIMS, self._prefix + thing)
            if claim and claim["operation"] == operation.id and not self._done(operation, thing):
                with suppress(Conflict):  # Released by another worker on the same operation.
                    self._store.replace(CLAIMS, {**claim, "operation": None})
        return Confirmed()

    def _take(self, operation: Operation, thing: str) -> str | None:
        """None when the claim is the operation's, else the id of the one that holds it."""
        mine: Document = {"id": self._prefix + thing, "operation": operation.id}
        while True:
            try:
                self._store.insert(CLAIMS, mine)
                return None
            except Duplicate:
                claim = self._store.get(CLAIMS, mine["id"])
            if claim is None:
                continue
            if claim["operation"] == operation.id:
                return None
            if claim["operation"] is not None and self._held(claim, thing):
                return str(claim["operation"])
            try:
                self._store.replace(CLAIMS, {**mine, "version": claim["version"]})
                return None
            except Conflict:
                continue

    def _held(self, claim: Document, thing: str) -> bool:
        """False for what was left behind: a claim of an operation that has ended without using the thing."""
        document = self._store.get(OPERATIONS, claim["operation"])
        if document is None:
            return False
        holder = Operation.from_document(document)
        return not holder.terminal or self._done(holder, thing)
