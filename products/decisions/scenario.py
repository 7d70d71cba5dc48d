"""Simulated decisions: events that nobody could publish, and people who decide about them, sometimes twice."""

from datetime import timedelta

from core.accept import Command
from core.operation import Entry, Operation, Status
from core.steps import StepRecord
from core.store.port import OPERATIONS, Store, scan
from products.decisions.contract import CHANGED, DECISIONS, NOT_REVIEWABLE, DecisionRequest, mark, stuck_steps
from products.decisions.process import decision
from products.events.contract import EVENT, PUBLISH_STEP, EventRequest
from products.events.process import event
from proof.simulation.scenario import Scenario
from proof.simulation.world import SETTLE_WINDOW_S, World
from worker.policy import Policy
from worker.process import Processes

ARRIVALS_S = 120
WAYS = ("retry", "confirm")


class DecisionsScenario(Scenario):
    """Every third operation is decided about by two people at once, in different ways."""

    kind = DECISIONS.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        world.inhabit(self.processes)
        for number in range(payments):
            about = self._stuck(number)
            for clerk in range(2 if number % 3 == 2 else 1):
                way = WAYS[(number + clerk) % len(WAYS)]
                request = DecisionRequest(about, way, "seen", stuck_steps(self._load(about)), f"clerk {clerk}")
                key = f"{number} {clerk}"
                command = Command(self.kind, request.to_json(), "clerk", idempotency_key=key, repeatable=True)
                self.ask_at(world.chance.between(0, ARRIVALS_S), command)

    def processes(self, store: Store) -> Processes:
        events = {EVENT.kind: event(self.world)}
        policy = Policy(settle_window_s=SETTLE_WINDOW_S)
        deciding = decision(store, self.world, lambda: events, policy, lambda before, after: None)
        return {**events, self.kind: deciding}

    def effects(self) -> tuple[int, int, int]:
        """Nobody is debited; an operation that was decided about is settled."""
        found = map(Operation.from_document, scan(self.world.store, OPERATIONS, {"kind": EVENT.kind}))
        return 0, sum(any(_is_applied(entry) for entry in each.history) for each in found), 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        about = self._load(DECISIONS.read(operation).about)
        applied = [entry for entry in about.history if _is_applied(entry)]
        mine = sum(mark(operation.id) in entry.text for entry in applied)
        wrong = [("double", f"{len(applied)} decisions were applied")] if len(applied) > 1 else []
        if operation.status is Status.SUCCEEDED and mine != 1:
            wrong.append(("lost", f"is said to be applied, and was so {mine} times"))
        if operation.status is Status.FAILED and (
            mine or (operation.error or {}).get("code") not in (NOT_REVIEWABLE, CHANGED)
        ):
            wrong.append(("unexplained", f"has failed with {operation.error}, and was applied {mine} times"))
        if not about.terminal:
            wrong.append(("lost", f"left the other operation as {about.status}"))
        return wrong

    def _stuck(self, number: int) -> str:
        """The id of an operation that waits for a person."""
        now, topic = self.world.now() - timedelta(days=2), ("city", "fine", "paid")
        request = EventRequest(topic, f'{{"number":{number}}}', headers={})
        stuck = Operation(self.world.new_id(), EVENT.kind, request.to_json(), now, now)
        step = StepRecord(stuck.reference(PUBLISH_STEP), attempts=1, begun_at=now, last_error="refused")
        stuck = stuck.moved(Status.PROCESSING, now).with_step(PUBLISH_STEP, step).moved(Status.NEEDS_REVIEW, now)
        self.world.store.insert(OPERATIONS, stuck.to_document())
        return stuck.id

    def _load(self, id: str) -> Operation:
        document = self.world.store.get(OPERATIONS, id)
        assert document is not None
        return Operation.from_document(document)


def _is_applied(entry: Entry) -> bool:
    return entry.event.startswith("review_")


SCENARIOS = {DECISIONS.kind: DecisionsScenario}
