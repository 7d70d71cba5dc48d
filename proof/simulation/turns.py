"""The turns of a simulated process: by chance, a thread never gets its turn, and a later one saves its change."""

from collections import defaultdict
from collections.abc import Callable

from core.turns import Change, Save
from proof.simulation.chance import Chance, Crash


class SimulatedTurns:
    """Turns of the threads of one process. They all run on one real thread, so none of them can wait for another.

    A thread that never gets its turn is one that is paused for ever: its change is still queued, and is saved together
    with that of whoever has the next turn at this wallet, be it long after another worker has ended the operation.
    """

    def __init__(self, chance: Chance, at_turn: Callable[[Callable[[], None]], None]) -> None:
        """at_turn: called with what a thread does once it has the turn."""
        self._chance = chance
        self._at_turn = at_turn
        self._queues: defaultdict[str, list[Change]] = defaultdict(list)

    def take(self, id: str, change: Change, save: Save) -> None:
        self._queues[id].append(change)
        if self._chance.strikes("turn never comes"):
            raise Crash
        self._at_turn(lambda: self._save_all(id, save))

    def _save_all(self, id: str, save: Save) -> None:
        """Nothing is left to save if another thread had the turn in the meantime."""
        if changes := self._queues.pop(id, None):
            save(changes)
