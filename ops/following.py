"""Deliveries of webhooks as they are made, tried and ended."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from core.bootstrap import Core
from core.clock import to_rfc3339
from core.operation import Operation
from core.store.port import OPERATIONS
from products.webhooks.contract import DELIVER_STEP, WEBHOOK
from products.webhooks.deliveries import CONDITIONS, found
from products.webhooks.shown import PENDING, STATES

PAGE = 200
OVERLAP = timedelta(seconds=10)
"""How far each look goes back: clocks of processes differ, and a delivery may be stored after a younger one."""
MOST_WAITING = 1000

Seen = tuple[str, datetime | None]


class Following:
    """What has changed since the last look. endpoint: whose deliveries; None for all."""

    def __init__(self, core: Core, endpoint: str | None = None) -> None:
        self._core = core
        self._where = {} if endpoint is None else {"subject": endpoint}
        self._looked_at = core.clock.now()
        waiting = found(core, {**self._where, "status": CONDITIONS[PENDING]}, None, MOST_WAITING, None)
        self._seen: dict[str, Seen] = {each.id: _seen(each) for each in [*waiting, *self._since(self._looked_at)]}

    def look(self) -> Iterator[Operation]:
        """The deliveries that were made, tried or ended since the last look, the oldest first."""
        now, since = self._core.clock.now(), self._looked_at
        recent = {each.id: each for each in reversed(self._since(since))}
        older = [id for id in self._seen if id not in recent]
        for each in [*filter(None, map(self._load, older)), *recent.values()]:
            if self._seen.get(each.id) != _seen(each):
                yield each
            self._seen[each.id] = _seen(each)
            if each.terminal and each.created_at < since - OVERLAP:
                del self._seen[each.id]
        self._looked_at = now

    def _since(self, moment: datetime) -> list[Operation]:
        """Newest first."""
        made: list[Operation] = []
        after: str | None = None
        while page := found(self._core, self._where, moment - OVERLAP, PAGE, after):
            made += page
            after = page[-1].id
        return made

    def _load(self, id: str) -> Operation | None:
        document = self._core.store.get(OPERATIONS, id)
        if document is None:
            del self._seen[id]
        return Operation.from_document(document) if document else None


def line(delivery: Operation) -> str:
    """What has happened to a delivery, such as `… delivered payment.succeeded <id> HTTP 204 in 12 ms`."""
    request, step = WEBHOOK.read(delivery), delivery.step(DELIVER_STEP)
    said = "not tried yet"
    if step.calls:
        call = step.calls[-1]
        answer = f"HTTP {call.said['http']}" if "http" in call.said else str(call.said.get("failure", "no answer"))
        said = f"{answer} in {call.took_ms} ms"
    elif delivery.error:
        said = str(delivery.error["code"])
    if not delivery.terminal and step.calls and step.next_at:
        said += f", again at {to_rfc3339(step.next_at)}"
    state = STATES.get(delivery.status, PENDING)
    return f"{to_rfc3339(delivery.updated_at)} {state:9} {request.type} {delivery.id} {said}"


def _seen(delivery: Operation) -> Seen:
    calls = delivery.step(DELIVER_STEP).calls
    return STATES.get(delivery.status, PENDING), calls[-1].at if calls else None
