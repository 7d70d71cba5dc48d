"""Lists of operations of any kind, by what people ask for: each page is a bounded number of look-ups in an index."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from core.finding import Finder
from core.ids import id_at
from core.operation import Operation, Status
from core.operation_names import KEY, PARTNER, holders, named
from core.store.port import Condition

LOOKS = 5
"""How many pages are looked at for one page of a question that no index answers alone. A page may then be short."""
MAX_NAMED = 20
"""How often it looks for more operations of one name, which may be those of other clients. Then the list ends."""
ALL_LOOKS, LOOK = 100, 100
"""The same for a command, and how many operations it looks at in each."""


@dataclass(frozen=True)
class Question:
    """Which operations are asked for. None: any.

    kinds: none for those that people and machines ask for; messages and deliveries are not among them.
    since, until: when it was accepted; the second is exclusive.
        At most one of the next four:
    short: the reference that payers get; names: see `core.operation_names`; party: a phone in E.164, or another party.
    reference: an id, what we call a step at a partner, a partner's id, or a client's idempotency key.
    client: who asked for it; operator: who moves its money.
    """

    kinds: tuple[str, ...] = ()
    status: Status | None = None
    since: datetime | None = None
    until: datetime | None = None
    short: str | None = None
    names: tuple[str, ...] = ()
    party: str | None = None
    reference: str | None = None
    client: str | None = None
    operator: str | None = None


@dataclass(frozen=True)
class Listing:
    """The answer to a question, newest first."""

    finder: Finder
    question: Question

    def find(self, limit: int, after: str | None = None) -> list[Operation]:
        """Finds at most so many, of which `keep` says which belong to the list.

        after: the id of the last operation before; only older ones follow.
        """
        asked = self.question
        edge = min(filter(None, (after, id_at(asked.until) if asked.until else None)), default=None)
        found = self._found(limit, edge)
        return [each for each in found if asked.since is None or each.created_at >= asked.since]

    def keep(self, operation: Operation) -> bool:
        """Whether the operation is asked for."""
        asked = self.question
        return (
            (not asked.kinds or operation.kind in asked.kinds)
            and asked.status in (None, operation.status)
            and asked.client in (None, operation.client)
            and asked.operator in (None, operation.operator)
        )

    def first(self, limit: int) -> list[Operation]:
        """The newest ones, at most so many."""
        found: list[Operation] = []
        after: str | None = None
        for _ in range(ALL_LOOKS):
            page = self.find(LOOK, after)
            found += filter(self.keep, page)
            if len(page) < LOOK or len(found) >= limit:
                break
            after = page[-1].id
        return found[:limit]

    def _found(self, limit: int, edge: str | None) -> list[Operation]:
        asked, finder = self.question, self.finder
        if asked.reference is not None:
            return self._of_reference(asked.reference, limit, edge)
        if asked.short is not None:
            ids = [id for id in finder.by_short(asked.short, limit) if edge is None or id < edge]
            return list(filter(self._is_theirs, finder.load(ids)))
        if asked.names:
            return self._of_names(asked.names, limit, edge)
        kinds = asked.kinds or finder.asked_for
        if asked.party is not None:
            return self._of_party(kinds, asked.party, limit, edge)
        return finder.newest(kinds, self._where(), limit, edge)

    def _of_reference(self, reference: str, limit: int, edge: str | None) -> list[Operation]:
        ours = self.finder.by_reference(reference)
        names = (named(PARTNER, reference), named(KEY, reference))
        found = {operation.id: operation for operation in self._of_names(names, limit, edge)}
        if ours is not None and self._is_theirs(ours) and (edge is None or ours.id < edge):
            found[ours.id] = ours
        return sorted(found.values(), key=lambda operation: operation.id, reverse=True)[:limit]

    def _of_names(self, names: tuple[str, ...], limit: int, edge: str | None) -> list[Operation]:
        """Names without an operation, whose process died before that was stored, end no page.

        Nor do the operations of other clients: a page's cursor is the id of one of the caller's own.
        """
        found: list[Operation] = []
        for _ in range(MAX_NAMED):
            each = {id for name in dict.fromkeys(names) for id in holders(self.finder.store, name, limit, edge)}
            ids = sorted(each, reverse=True)[:limit]
            found += filter(self._is_theirs, self.finder.load(ids))
            if len(ids) < limit or len(found) >= limit:
                break
            edge = ids[-1]
        return found[:limit]

    def _of_party(self, kinds: tuple[str, ...], party: str, limit: int, edge: str | None) -> list[Operation]:
        sides = ({"subject": party}, {"counterparty": party})
        both = [each for side in sides for each in self.finder.newest(kinds, {**side, **self._where()}, limit, edge)]
        once = {operation.id: operation for operation in both}
        return sorted(once.values(), key=lambda operation: operation.id, reverse=True)[:limit]

    def _is_theirs(self, operation: Operation) -> bool:
        """Whether the operation is of the client that asks."""
        return self.question.client in (None, operation.client)

    def _where(self) -> Mapping[str, Condition]:
        wanted = {"status": self.question.status and self.question.status.value, "client": self.question.client}
        return {name: value for name, value in wanted.items() if value is not None}
