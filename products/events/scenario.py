"""Simulated events: their sources, and a broker that forgets, refuses and is away."""

import json

from core.accept import Command
from core.operation import Operation, Status
from core.store.port import Store
from products.events.contract import EVENT, EventRequest
from products.events.process import event
from proof.simulation.scenario import Scenario
from proof.simulation.world import World
from worker.process import Processes

ARRIVALS_S = 120
TOPICS = (("clinic", "visit", "opened"), ("clinic", "visit", "ended"), ("city", "fine", "paid"))


class EventsScenario(Scenario):
    """Each payment is an event; all of them may be alike."""

    kind = EVENT.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        world.inhabit(self.processes)
        for number in range(payments):
            topic = world.chance.random.choice(TOPICS)
            data = json.dumps({"number": number % 7})
            request = EventRequest(topic, data, headers={})
            command = Command(self.kind, request.to_json(), "client", subject="/".join(topic), repeatable=True)
            world.at(world.chance.between(0, ARRIVALS_S), lambda command=command: world.ask(command))  # type: ignore[misc]

    def processes(self, store: Store) -> Processes:
        return {self.kind: event(self.world)}

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


SCENARIOS = {EVENT.kind: EventsScenario}
