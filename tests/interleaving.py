"""Runs a few actors in every order of their store verbs, each on a thread that waits for its turn before each verb."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from core.store.port import Document, Store

PATIENCE_S = 20.0

Act = Callable[[Store], Any]


class Died(BaseException):
    """The death of an actor. A BaseException, so that no error handler runs."""


@dataclass(frozen=True)
class Turn:
    """What happens next: an actor's next verb, or its death before it."""

    actor: int
    dies: bool = False


@dataclass
class Run:
    """One order, and what came of it.

    results: by actor, what it returned or raised; none for one that died.
    """

    turns: list[Turn] = field(default_factory=list)
    results: dict[int, Any] = field(default_factory=dict)


class _Actor:
    """A store of which each verb waits for its turn. `insert_all` is a verb for each document, as where it is torn."""

    def __init__(self, number: int, act: Act, store: Store, run: Run) -> None:
        self.ended = False
        self._store = store
        self._dies = False
        self._go, self._parked = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._perform, args=(number, act, run), daemon=True)
        self._thread.start()
        self._wait()

    def take(self, turn: Turn) -> None:
        """Calls its next verb, or dies."""
        self._dies = turn.dies
        self._go.release()
        self._wait()

    def __getattr__(self, verb: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self._parked.release()
            self._go.acquire()
            if self._dies:
                raise Died
            return getattr(self._store, verb)(*arguments, **named)

        return call

    def insert_all(self, *documents: tuple[str, Document]) -> None:
        for collection, document in documents:
            self.insert(collection, document)

    def _perform(self, number: int, act: Act, run: Run) -> None:
        try:
            run.results[number] = act(self)
        except Died:
            pass
        except Exception as error:
            run.results[number] = error
        self.ended = True
        self._parked.release()

    def _wait(self) -> None:
        assert self._parked.acquire(timeout=PATIENCE_S), "an actor hangs"


def runs(
    prepare: Callable[[], Store], acts: Sequence[Act], preemptions: int, deaths: int = 0
) -> Iterator[tuple[Run, Store]]:
    """Every order with at most so many preemptions and deaths, each on a store of its own.

    preemptions: how often an actor has to wait although it could go on.
    """
    unexplored: list[list[Turn]] = [[]]
    while unexplored:
        prefix, store, run = unexplored.pop(), prepare(), Run()
        actors = [_Actor(number, act, store, run) for number, act in enumerate(acts)]
        while options := _options(actors, run.turns, preemptions, deaths):
            if len(run.turns) < len(prefix):
                turn = prefix[len(run.turns)]
            else:
                turn = options[0]
                unexplored += [[*run.turns, other] for other in options[1:]]
            run.turns.append(turn)
            actors[turn.actor].take(turn)
        yield run, store


def _options(actors: Sequence[_Actor], turns: Sequence[Turn], preemptions: int, deaths: int) -> list[Turn]:
    """What may happen next. The first one is that the last actor goes on."""
    able = [number for number, actor in enumerate(actors) if not actor.ended]
    last = turns[-1].actor if turns else None
    if last in able:
        able.remove(last)
        able.insert(0, last)
        if _preempted(actors, turns) >= preemptions:
            able = able[:1]
    may_die = sum(turn.dies for turn in turns) < deaths
    return [Turn(number) for number in able] + [Turn(number, dies=True) for number in able if may_die]


def _preempted(actors: Sequence[_Actor], turns: Sequence[Turn]) -> int:
    """How often an actor had to wait for another although it could go on."""
    last_turn = {turn.actor: place for place, turn in enumerate(turns)}
    return sum(
        turn.actor != after.actor and (place < last_turn[turn.actor] or not actors[turn.actor].ended)
        for place, (turn, after) in enumerate(pairwise(turns))
    )
