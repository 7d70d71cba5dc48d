"""A measurement waits for what it accepted, and is an error when counts do not add up."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import __main__
from bench.report import Figure
from bench.setups import PATIENCE_S, Bench, InvalidMeasurement, ended
from core.operation import Operation, Status
from core.store.port import OPERATIONS, Store
from devtools.stack import Stack
from tests.doubles import START

KIND = "fine_payment"


class SlowWorker:
    """Ends an operation every `pace_s`, in a time that passes only while somebody sleeps."""

    def __init__(self, store: Store, pace_s: float) -> None:
        self.now = 0.0
        self._store = store
        self._pace_s = pace_s
        self._next_at = pace_s

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.now >= self._next_at:
            self._next_at += self._pace_s
            [document] = self._store.find(OPERATIONS, {"kind": KIND}, "due_at", 1)
            operation = Operation.from_document(document)
            self._store.replace(OPERATIONS, replace(operation, status=Status.SUCCEEDED, due_at=None).to_document())


@pytest.fixture
def running(tmp_path: Path) -> Stack:
    """A stack with three operations and without processes."""
    running = Stack(tmp_path)
    with closing(running.open_store()) as store:
        for id in "abc":
            operation = Operation(id, KIND, {}, START, START, due_at=START)
            store.insert(OPERATIONS, operation.to_document())
    return running


def test_it_waits_as_long_as_operations_go_on_ending(running: Stack) -> None:
    with closing(running.open_store()) as store:
        worker = SlowWorker(store, PATIENCE_S * 0.9)
        found = ended(running, KIND, lambda: worker.now, worker.sleep)

    assert [operation.status for operation in found] == [Status.SUCCEEDED] * 3
    assert worker.now > 2 * PATIENCE_S


def test_it_gives_up_when_none_ends_any_more(running: Stack) -> None:
    with closing(running.open_store()) as store:
        worker = SlowWorker(store, PATIENCE_S * 100)
        found = ended(running, KIND, lambda: worker.now, worker.sleep)

    assert [operation.status for operation in found] == [Status.ACCEPTED] * 3
    assert worker.now == PATIENCE_S


def test_counts_that_do_not_add_up_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(_: Bench) -> Iterator[Figure]:
        raise InvalidMeasurement("accepted 2000, stored 2000, finished 662, debited 662")
        yield

    monkeypatch.setattr(__main__, "MEASUREMENTS", {"startup": wrong})
    done = CliRunner().invoke(__main__.bench, ["startup"])

    assert done.exit_code == 1
    assert "startup is not valid: accepted 2000, stored 2000, finished 662" in done.output
