"""A simulated world: its workers, store and broker, and its virtual time."""

import heapq
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from core.accept import Command, accept
from core.broker.port import Handle, Message, Subscription
from core.clock import to_rfc3339
from core.errors import BrokerUnavailable, StoreUnavailable
from core.installed import DEFAULT, Installed
from core.notices.port import Announcements, Site, first_notifier
from core.store.memory import MemoryStore
from core.store.port import OPERATIONS, AtMost, Document, Store
from core.turns import Turns
from proof.simulation.chance import Chance, Crash
from proof.simulation.turns import SimulatedTurns
from worker.engine import Engine
from worker.partners.breaker import Breaker
from worker.policy import SEND_WITHIN_S, Policy
from worker.process import Processes
from worker.sweeper import SWEEP_S, Sweeper

START = datetime(2026, 1, 1, tzinfo=UTC)
WORKERS = 3
CALL_S = 15
SETTLE_WINDOW_S = 30
CALLS_AT_ONCE = 2
"""Few enough that a worker paused during its calls uses all of them."""
MAX_PAUSE_S = 60
"""Longer than a lease: another worker then takes over the operation of the paused one."""
MAX_BROKER_AWAY_S = 120
MAX_STORE_AWAY_S = 40
"""The longest outage of each."""


class World:
    """Runs events in the order of virtual time. Its workers and clients use it as clock, broker and subscription.

    accepted: the ids of the operations that clients got.
    errors: exceptions that no worker should raise.
    rings: by operation id.
    published: the published messages, by message id.
    """

    delivery_s = 5.0

    def __init__(self, chance: Chance, store: Store | None = None, installed: Installed = DEFAULT) -> None:
        self.chance = chance
        self.installed = installed
        self.store: Store = store or MemoryStore(installed.collections)
        self.accepted: set[str] = set()
        self.errors: list[str] = []
        self.rings: Counter[str] = Counter()
        self.published: defaultdict[str, list[Message]] = defaultdict(list)
        self._now = START
        self._events: list[tuple[datetime, int, Callable[[], object]]] = []
        self._numbers = count()
        self._depth = 0
        self._swept_at = self._broker_back_at = self._store_back_at = START

    def inhabit(self, build: Callable[[Store], Processes], workers: int = WORKERS) -> None:
        """Adds workers and sweepers to the world. Each worker sees the store through faults of its own.

        build: returns the processes of a worker, given its store.
        workers: how many there are; as many may be paused at once.
        """
        self._workers = [self._worker(f"worker-{n}", build) for n in range(workers)]
        kinds = list(self._workers[0].processes)
        self._sweepers = [Sweeper(FaultyStore(self), self, self, kinds, self, self) for _ in range(2)]  # type: ignore[arg-type]

    def _worker(self, name: str, build: Callable[[Store], Processes]) -> Engine:
        store = FaultyStore(self)
        return Engine(
            store=store,
            clock=self,
            processes=build(store),
            policy=Policy(settle_window_s=SEND_WITHIN_S + SETTLE_WINDOW_S),
            worker=name,
            call_s=CALL_S,
            jitter=self.chance.random.random,
            exclusive_delivery=True,
            announce=self._announcements(store).changed,
            gather=lambda calls: [call() for call in calls],
        )

    def _announcements(self, store: Store) -> Announcements:
        services = store, self, self, self.new_id
        installed = self.installed
        return Announcements(
            first_notifier(installed.notifiers, *services),
            [make(*services, Site(installed.contracts, "https://us.invalid")) for make in installed.announcers],
        )

    def breaker(self, name: str) -> Breaker:
        """Returns the breaker of one worker for one partner."""
        return Breaker(name, self, CALLS_AT_ONCE)

    def now(self) -> datetime:
        return self._now

    def at(self, seconds: float, event: Callable[[], object]) -> None:
        """Schedules an event.

        seconds: from now.
        """
        heapq.heappush(self._events, (self._now + timedelta(seconds=seconds), next(self._numbers), event))

    def ask(self, command: Command, answered: Callable[[str], object] = lambda id: None) -> None:
        """Sends a client's request, and repeats it until it is accepted.

        answered: called with the operation's id.
        """

        def attempt(store: Store) -> None:
            id = accept(store, self, self, command, self.new_id).operation.id
            self.accepted.add(id)
            answered(id)

        self.until_answered(attempt)

    def until_answered(self, attempt: Callable[[Store], None]) -> None:
        """Makes a client's attempt at an API that may fail at any moment, and repeats it until it succeeds."""
        try:
            attempt(FaultyStore(self))
        except (StoreUnavailable, Crash):
            self.at(self.chance.between(0.1, 5), lambda: self.until_answered(attempt))

    def new_id(self) -> str:
        return f"{self.chance.random.getrandbits(64):016x}"

    # The broker and its subscription.

    def connected(self) -> bool:
        return self._broker_back_at <= self._now

    def ring(self, kind: str, id: str) -> None:
        self.rings[id] += 1
        if self.connected() and self.chance.strikes("broker away"):
            self._broker_back_at = self._now + timedelta(seconds=self.chance.between(1, MAX_BROKER_AWAY_S))
        if not self.connected() or self.chance.strikes("ring lost"):
            return
        for _ in range(2 if self.chance.strikes("ring doubled") else 1):
            most_s = 60 if self.chance.strikes("ring delayed") else 0.01
            self.at(self.chance.between(0.001, most_s), lambda: self.work(id))

    def publish(self, message: Message) -> None:
        if not self.connected():
            raise BrokerUnavailable(reason="away")
        if self.chance.strikes("publish lost"):
            raise BrokerUnavailable(reason="refused")
        self.published[message.id].append(message)
        self.point()
        if self.chance.strikes("confirm lost"):
            raise BrokerUnavailable(reason="the connection was lost")

    def consume(self, kinds: Iterable[str], handle: Handle, concurrency: int) -> Subscription:
        raise NotImplementedError("the world calls its workers itself")

    def run_once(self) -> int:
        """Works on what is due in the store, as workers do while no rings reach them. Returns how many were due."""
        due = [id for kind in self._workers[0].processes for id in self._due(FaultyStore(self), kind)]
        for id in due:
            self.work(id)
        return len(due)

    def close(self) -> None:
        pass

    # Virtual time.

    def work(self, id: str) -> None:
        """Delivers a ring to one of the workers."""
        try:
            self.chance.random.choice(self._workers).advance(id)
        except (StoreUnavailable, Crash):
            pass
        except Exception as error:
            self.errors.append(f"{id}: {error!r}")

    def run(self, until: datetime) -> None:
        """Runs all events until this time."""
        while self._events and self._events[0][0] <= until:
            self._now, _, event = heapq.heappop(self._events)
            event()
        self._now = max(self._now, until)

    def live(self, longest: timedelta) -> None:
        """Runs the world until nothing is left to do.

        longest: the limit of virtual time.
        """
        end = self._now + longest
        while self._now < end:
            due = self._next_due()
            if due is None and not self._events:
                return
            sweep_at = due and max(due, self._swept_at) + timedelta(seconds=SWEEP_S)
            self.run(max(self._now, min(moment for moment in (sweep_at, self._next_event()) if moment)))
            if sweep_at is not None and sweep_at <= self._now:
                self._sweep()

    def _sweep(self) -> None:
        self._swept_at = self._now
        for sweeper in self._sweepers:
            with suppress(StoreUnavailable, Crash):
                sweeper.run_once()

    def _next_due(self) -> datetime | None:
        kinds = self._workers[0].processes
        first = [self.store.find(OPERATIONS, {"kind": kind, "due_at": AtMost("9")}, "due_at", 1) for kind in kinds]
        return min((datetime.fromisoformat(page[0]["due_at"]) for page in first if page), default=None)

    def _due(self, store: Any, kind: str) -> list[str]:
        where = {"kind": kind, "due_at": AtMost(to_rfc3339(self._now))}
        return [document["id"] for document in store.find(OPERATIONS, where, "due_at")]

    def store_away(self) -> bool:
        """Returns whether the store is unavailable to everyone now."""
        if self._store_back_at <= self._now and self.chance.strikes("store away"):
            self._store_back_at = self._now + timedelta(seconds=self.chance.between(0.1, MAX_STORE_AWAY_S))
        return self._store_back_at > self._now

    def _next_event(self) -> datetime | None:
        return self._events[0][0] if self._events else None

    def turns(self) -> Turns:
        """Returns the turns at wallets of one worker, which may be paused when it has one."""
        return SimulatedTurns(self.chance, self.at_turn)

    def at_turn(self, save: Callable[[], None]) -> None:
        self.point()
        save()

    def point(self) -> None:
        """Marks a place where a worker may die, or be paused while the world continues."""
        if self.chance.strikes("worker dies"):
            raise Crash
        if self._depth < len(self._workers) and self.chance.strikes("worker pauses"):
            self._depth += 1
            try:
                self.run(self._now + timedelta(seconds=self.chance.between(0, MAX_PAUSE_S)))
                self._sweep()
            finally:
                self._depth -= 1


class FaultyStore:
    """The world's store as one process sees it: the process may die around each verb, and some writes are refused."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, verb: str) -> Any:
        real = getattr(self._world.store, verb)

        def faulty(*args: Any, **kwargs: Any) -> Document | list[Document] | None:
            world = self._world
            world.point()
            if world.store_away():
                raise StoreUnavailable(reason="simulated")
            if verb in ("insert", "replace") and world.chance.strikes("save refused"):
                raise StoreUnavailable(reason="simulated")
            result: Document | list[Document] | None = real(*args, **kwargs)
            world.point()
            return result

        return faulty

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        """Each for itself, as on a sharded database: anything may happen between two of them."""
        for collection, document in documents:
            self.insert(collection, document)
