"""Worlds without chance: nothing fails but what a test wants to fail, and every call of a step can be stepped in on."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from core.operation import Operation
from core.store.port import Store
from ops.simulation.chance import Chance
from ops.simulation.world import World
from worker.partners.port import Reply
from worker.process import Process, Processes, Stages, Step


class Script(Chance):
    """No faults, and one refusal: at the decision of this number, counted from 0."""

    def __init__(self, declined_at: int | None) -> None:
        super().__init__("crash positions", faults=False)
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
    def called(self, step: Step, call: Callable[[], Reply]) -> Reply:
        """A worker's call of a step, or of its undo."""
        return call()

    def inhabit(self, build: Callable[[Store], Processes], *args: Any) -> None:
        super().inhabit(
            lambda store: {kind: self._stepped_in(process) for kind, process in build(store).items()}, *args
        )

    def _stepped_in(self, process: Process) -> Process:
        def stages(operation: Operation) -> Stages:
            return tuple(tuple(self._wrapped(step) for step in stage) for stage in process.stages(operation))

        return replace(process, stages=stages)

    def _wrapped(self, step: Step) -> Step:
        def submit(operation: Operation) -> Reply:
            return self.called(step, lambda: step.submit(operation))

        return replace(step, submit=submit, undo=step.undo and self._wrapped(step.undo))
