"""The simulated town of events: whoever has something to tell, and a broker that forgets, refuses and is away."""

import json
from typing import Any

from core.accept import Order
from core.operation import Operation, Status
from core.store.port import Store
from ops.simulation.town import Town
from ops.simulation.world import World
from worker.process import Processes
from worker.processes.events import KIND, event

ARRIVALS_S = 120
TOPICS = (("clinic", "visit", "opened"), ("clinic", "visit", "ended"), ("city", "fine", "paid"))


class EventsTown(Town):
    """Each payment is an event; all of them may be alike."""

    kind = KIND

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        world.inhabit(self.processes)
        for number in range(payments):
            topic = world.chance.random.choice(TOPICS)
            data = json.dumps({"number": number % 7})
            request: dict[str, Any] = {"topic": list(topic), "data": data, "headers": {}, "replay_of": None}
            order = Order(KIND, request, "town", subject="/".join(topic), repeatable=True)
            world.at(world.chance.between(0, ARRIVALS_S), lambda order=order: world.ask(order))  # type: ignore[misc]

    def processes(self, store: Store) -> Processes:
        return {KIND: event(self.world)}

    def effects(self) -> tuple[int, int, int]:
        """Nobody is debited; an event that was published is settled."""
        return 0, len(self.world.published), 0

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        published = self.world.published[operation.id]
        wrong = []
        if operation.status is Status.SUCCEEDED and not published:
            wrong.append(("lost", "is said to be published, and was not"))
        if operation.terminal and operation.status is not Status.SUCCEEDED:
            wrong.append(("lost", f"has ended as {operation.status}"))
        if any(message.body.decode() != operation.request["data"] for message in published):
            wrong.append(("unexplained", "was published with other data"))
        return wrong
