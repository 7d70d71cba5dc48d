"""Worlds without chance: only chosen faults happen, and a subclass can intercept every call of a step."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.operation import Operation
from core.store.port import Store
from proof.simulation.chance import Chance
from proof.simulation.operators import GENERIC
from proof.simulation.world import World
from worker.partners.port import Reply
from worker.process import Process, Processes, Stages, Step


class Script(Chance):
    """No faults, and at most one refusal.

    declined_at: the number of the refused decision, counted from 0; None for no refusal.
    manner: of the mobile-money operator.
    """

    def __init__(self, declined_at: int | None, manner: str = GENERIC) -> None:
        super().__init__("crash positions", faults=False, manner=manner)
        self._declined_at = declined_at
        self._decisions = 0

    def strikes(self, fault: str) -> bool:
        if fault != "declined":
            return False
        self._decisions += 1
        refused = self._decisions - 1 == self._declined_at
        self.happened[fault] += refused
        return refused


class ScriptedWorld(World):
    """A world that passes every call of a step through `called`."""

    def called(self, step: Step, call: Callable[[], Reply]) -> Reply:
        """Makes a worker's call of a step or of its undo. Subclasses override it."""
        return call()

    def inhabit(self, build: Callable[[Store], Processes], *args: Any) -> None:
        super().inhabit(
            lambda store: {kind: self._intercepted(process) for kind, process in build(store).items()}, *args
        )

    def _intercepted(self, process: Process) -> Process:
        def stages(operation: Operation) -> Stages:
            return tuple(tuple(self._wrapped(step) for step in stage) for stage in process.stages(operation))

        return replace(process, stages=stages)

    def _wrapped(self, step: Step) -> Step:
        def submit(operation: Operation) -> Reply:
            return self.called(step, lambda: step.submit(operation))

        return replace(step, submit=submit, undo=step.undo and self._wrapped(step.undo))
