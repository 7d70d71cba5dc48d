"""The threads that both broker adapters run handlers on."""

import threading
from contextvars import ContextVar
from functools import partial

import pytest
from structlog.testing import capture_logs

from core.broker.pool import Done, Outcome, Pool
from core.broker.port import Handle
from core.errors import BrokerUnavailable, StoreUnavailable

seen: ContextVar[str] = ContextVar("seen", default="nothing")


class Outcomes:
    """Collects what became of each id."""

    def __init__(self) -> None:
        self.by_id: dict[str, Outcome] = {}
        self._one_more = threading.Semaphore(0)

    def of(self, id: str) -> Done:
        return partial(self._add, id)

    def _add(self, id: str, outcome: Outcome) -> None:
        self.by_id[id] = outcome
        self._one_more.release()

    def wait(self, count: int) -> None:
        for _ in range(count):
            assert self._one_more.acquire(timeout=10)


RAISED = {
    "bad": RuntimeError("asked for by a test"),
    "no store": StoreUnavailable(reason="asked for by a test"),
    "no broker": BrokerUnavailable(reason="asked for by a test"),
}


def raise_for_some(id: str) -> None:
    if id in RAISED:
        raise RAISED[id]


def waiting_at(gate: threading.Event) -> Handle:
    def handle(id: str) -> None:
        gate.wait()

    return handle


def test_each_id_has_one_outcome() -> None:
    outcomes = Outcomes()
    pool = Pool(raise_for_some, 2)

    for id in ("good", "bad", "fine"):
        assert pool.offer(id, outcomes.of(id))

    outcomes.wait(3)
    assert outcomes.by_id == {"good": Outcome.HANDLED, "bad": Outcome.RAISED, "fine": Outcome.HANDLED}
    assert pool.stop(5)


@pytest.mark.parametrize("id", ["no store", "no broker"])
def test_what_a_handler_works_with_may_be_away(id: str) -> None:
    outcomes = Outcomes()
    pool = Pool(raise_for_some, 1)

    with capture_logs() as logs:
        for _ in range(3):
            assert pool.offer(id, outcomes.of(id))
            outcomes.wait(1)

    assert outcomes.by_id == {id: Outcome.DEFERRED}
    (line,) = logs  # once for all three, and without a traceback
    assert (line["event"], line["log_level"], "exc_info" in line) == ("handler_deferred", "warning", False)
    assert pool.stop(5)


def test_what_waits_or_runs_is_not_taken_twice() -> None:
    gate, outcomes = threading.Event(), Outcomes()
    pool = Pool(waiting_at(gate), 1)

    assert pool.offer("runs", outcomes.of("runs"))
    assert pool.offer("waits", outcomes.of("waits"))
    assert not pool.offer("runs", outcomes.of("runs"))
    assert not pool.offer("waits", outcomes.of("waits"))
    assert pool.free == 0

    gate.set()
    outcomes.wait(2)
    assert pool.offer("runs", outcomes.of("runs"))
    assert pool.stop(5)


def test_stop_gives_back_what_was_not_begun_and_waits_for_the_rest() -> None:
    begun, gate, outcomes = threading.Event(), threading.Event(), Outcomes()

    def handle(id: str) -> None:
        begun.set()
        gate.wait()

    pool = Pool(handle, 1)
    pool.offer("runs", outcomes.of("runs"))
    assert begun.wait(10)
    pool.offer("waits", outcomes.of("waits"))

    assert not pool.stop(0)
    pool.offer("too late", outcomes.of("too late"))

    outcomes.wait(2)
    assert outcomes.by_id == {"waits": Outcome.NOT_BEGUN, "too late": Outcome.NOT_BEGUN}
    gate.set()
    assert pool.stop(5)
    assert outcomes.by_id["runs"] is Outcome.HANDLED


def test_threads_are_made_on_demand() -> None:
    threads: set[str] = set()
    outcomes = Outcomes()
    pool = Pool(lambda id: threads.add(threading.current_thread().name), 1_000)

    for n in range(20):
        pool.offer(str(n), outcomes.of(str(n)))
        outcomes.wait(1)

    assert len(threads) < 20
    assert pool.stop(5)


def test_one_handlers_context_is_not_the_next_ones() -> None:
    contexts: list[str] = []
    outcomes = Outcomes()

    def handle(id: str) -> None:
        contexts.append(seen.get())
        seen.set(id)

    pool = Pool(handle, 1)
    for id in ("first", "second"):
        pool.offer(id, outcomes.of(id))

    outcomes.wait(2)
    assert contexts == ["nothing", "nothing"]
    assert pool.stop(5)
