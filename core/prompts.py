"""Requests for approval on a phone: only so many may be open at once, and those of its owner are counted apart.

A document for each phone lists its open operations, and another one those that its owner asked for. Compare-and-set
changes them, so the limits are exact at any concurrency. Each operator has a count of its own: who names a wrong one,
which never rings, uses up nothing of the right one.
"""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Conflict, Duplicate, StoreUnavailable, TooManyAttempts
from core.identity.windows import Window
from core.operation import Operation
from core.steps import StepRecord, StepState
from core.store.port import ATTEMPTS, MAX_CAS_TRIES, OPERATIONS, Document, Store
from core.upcasts import NewerDocument

UNBORN = timedelta(seconds=60)
"""How long an operation that is not stored yet has its place: longer than a request takes. It may never be stored."""
RETRY_AFTER_S = 60
HOUR = timedelta(hours=1)
NOT_ASKED = frozenset(
    {"payer_not_found", "amount_not_supported", "refused_as_invalid", "operator_misconfigured", "partner_unavailable"}
)
"""Refusals of an operator that has asked nobody: see docs/reference/errors.md."""
UNSEEN_MS = 1000
"""An operator that refuses within this time has asked nobody: a person needs longer to see a request and refuse it."""

Entry = dict[str, Any]


class TooManyPrompts(TooManyAttempts):
    """Too many payments wait for an approval on this phone, or were asked for. Approve or refuse them, or wait."""

    code = "too_many_open_debits"
    screen_text = "Too many attempts."


@dataclass(frozen=True)
class Limit:
    """How often something may be asked for under a name: see `core.identity.windows`."""

    what: str
    name: str
    most: int
    within_s: int


@dataclass(frozen=True)
class Prompt:
    """The approval that an operation asks a phone for.

    msisdn: in E.164; step: of the operation, whose end is the end of the prompt.
    most: how many of one operator may be open on the phone.
    an_hour: how many the phone may get from one operator within an hour; None for any number. What ended before its
        owner was asked does not count.
    limits: how often it may be asked for.
    by_owner: whether the phone's owner asks. Their open ones are counted apart: others do not keep them out.
    operator: that is asked. served_by: the one that serves the phone by its number; None if that tells nothing.
        All operators together may ask for twice `most` and `an_hour`, and those that do not serve the phone leave half
        of that to the one that does.
    """

    msisdn: str
    step: str
    most: int
    an_hour: int | None = None
    limits: tuple[Limit, ...] = ()
    by_owner: bool = False
    operator: str | None = None
    served_by: str | None = None


class Prompts:
    """Every verb raises StoreUnavailable."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def take(self, prompt: Prompt, request: str, operation: str) -> None:
        """Gives an operation a place among those that are open on the phone.

        request: what makes two requests the same one. While none of them is stored, they share a place.
        operation: the id that it is going to have.
        Raises TooManyPrompts.
        """

        def join(entries: list[Entry]) -> list[Entry] | None:
            waiting = [entry for entry in entries if "asked_at" not in entry]
            if any(entry["request"] == request and self._is_unborn(entry) for entry in waiting):
                return None
            if _in_the_way(prompt, waiting, prompt.most):
                raise TooManyPrompts(RETRY_AFTER_S)
            if prompt.an_hour is not None and (counted := _in_the_way(prompt, entries, prompt.an_hour)):
                raise TooManyPrompts(self._free_in_s(counted))
            at = to_rfc3339(self._clock.now())
            mine = {"operation": operation, "request": request, "step": prompt.step, "at": at}
            return [*entries, {**mine, "operator": prompt.operator}]

        if self._change(prompt, join):
            self._count(prompt, operation)

    def settle(self, prompt: Prompt, request: str, operation: str) -> None:
        """Gives the place of a request to the operation that it has become in the end."""

        def rename(entries: list[Entry]) -> list[Entry] | None:
            others = [entry for entry in entries if entry["request"] != request and entry["operation"] != operation]
            mine = [entry for entry in entries if entry["operation"] == operation]
            shared = [entry for entry in entries if entry["request"] == request and self._is_unborn(entry)]
            if not shared:
                return None
            return [*others, *(mine or [{**shared[0], "operation": operation}])]

        self._change(prompt, rename)

    def _count(self, prompt: Prompt, operation: str) -> None:
        for limit in prompt.limits:
            try:
                Window(self._store, self._clock, limit.what, limit.most, limit.within_s).count(limit.name)
            except TooManyAttempts as error:
                self._change(prompt, lambda entries: [entry for entry in entries if entry["operation"] != operation])
                raise TooManyPrompts(error.retry_after_s) from None

    def _change(self, prompt: Prompt, change: Callable[[list[Entry]], list[Entry] | None]) -> bool:
        """Changes the operations of a phone. Returns whether `change` has; it may raise.

        change: given those that are open still, and those whose owner was asked within an hour if they are counted;
            returns None to leave them.
        """
        id, now = _id(prompt), to_rfc3339(self._clock.now())
        # Others who ask for a phone may have an hourly count where one of them has none; all of its owner have none.
        is_counted = not prompt.by_owner or prompt.an_hour is not None
        for _ in range(MAX_CAS_TRIES):
            known = self._store.get(ATTEMPTS, id)
            kept = map(self._current, known["open"] if known else [])
            entries = change([entry for entry in kept if entry and (is_counted or "asked_at" not in entry)])
            if entries is None:
                return False
            document: Document = {"id": id, "since": now, "open": entries}
            with suppress(Conflict, Duplicate):
                if known is None:
                    self._store.insert(ATTEMPTS, document)
                else:
                    self._store.replace(ATTEMPTS, {**document, "version": known["version"]})
                return True
        raise StoreUnavailable(reason="others changed the open requests of this phone all the time")

    def _current(self, entry: Entry) -> Entry | None:
        """The entry as it is now; with `asked_at` where it is not open any more; None for one that does not count."""
        now = self._clock.now()
        if "asked_at" in entry:
            return entry if now < from_rfc3339(entry["asked_at"]) + HOUR else None
        document = self._store.get(OPERATIONS, entry["operation"])
        if document is None:
            return entry if now < from_rfc3339(entry["at"]) + UNBORN else None
        try:
            operation = Operation.from_document(document)
        except NewerDocument:
            return entry
        record = operation.step(entry["step"])
        if not operation.terminal and not record.ended:
            return entry
        if record.submitted_at is None or now >= record.submitted_at + HOUR or not _may_have_rung(record):
            return None
        return {**entry, "asked_at": to_rfc3339(record.submitted_at)}

    def _free_in_s(self, entries: list[Entry]) -> int:
        """When the first of those that were asked leaves the hour, in seconds."""
        asked = [from_rfc3339(entry["asked_at"]) + HOUR for entry in entries if "asked_at" in entry]
        return int((min(asked) - self._clock.now()).total_seconds()) + 1 if asked else RETRY_AFTER_S

    def _is_unborn(self, entry: Entry) -> bool:
        return self._store.get(OPERATIONS, entry["operation"]) is None


def _in_the_way(prompt: Prompt, entries: list[Entry], most: int) -> list[Entry]:
    """Those that leave no room for one more; empty while there is room.

    most: for one operator. An entry of a release that did not note the operator counts for any.
    """
    mine = [entry for entry in entries if entry.get("operator", prompt.operator) == prompt.operator]
    if len(mine) >= most:
        return mine
    if prompt.operator == prompt.served_by:
        return []
    others = [entry for entry in entries if entry.get("operator", prompt.operator) != prompt.served_by]
    return others if len(others) >= (most if prompt.served_by else 2 * most) else []


def _may_have_rung(record: StepRecord) -> bool:
    """Whether the phone's owner may have been asked. record: of a step that was submitted, and has ended."""
    if record.state is not StepState.DECLINED:
        return True
    at_once = len(record.calls) == record.attempts == 1 and record.calls[0].took_ms < UNSEEN_MS
    return record.last_error not in NOT_ASKED and (record.acknowledged or not at_once)


def _id(prompt: Prompt) -> str:
    kind = "prompts of the owner" if prompt.by_owner else "prompts"
    return hashlib.sha256(f"{kind}\n{prompt.msisdn}".encode()).hexdigest()
