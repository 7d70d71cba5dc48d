"""What a worker says when an operation is stuck or has ended."""

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from core.clock import to_rfc3339
from core.errors import StoreUnavailable
from core.operation import Operation, Status
from core.store.port import Store
from tests.doubles import START, CutOff, FakeClock, ScriptedPartner, engine, insert, load, process, step
from worker.__main__ import counted
from worker.doubts import Doubts
from worker.partners.breaker import Breaker
from worker.partners.port import Confirmed, Declined, Mismatch, Pending, Reply
from worker.process import Process

PHONE = "+2250707000001"
STUCK = "quittance_operations_stuck_total"


def run(store: Store, clock: FakeClock, *replies: Reply) -> Process:
    """Works on an operation whose partner gives these replies, 20 minutes apart."""
    insert(store, subject=PHONE, request={"msisdn": PHONE})
    steps = process((step("one", ScriptedPartner(*replies), breaker=Breaker("mtn", clock, 8)),))
    worker = engine(store, clock, steps)
    for _ in replies:
        worker.advance("op-1")
        clock.tick(20 * 60)
    return steps


def figure(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def test_a_doubt_is_a_warning_with_what_to_do(store: Store, clock: FakeClock) -> None:
    before = figure(STUCK, kind="test", status="in_doubt", partner="mtn")

    with capture_logs() as logs:
        run(store, clock, Pending(), Pending(), Pending())

    told = [line for line in logs if line["event"] == "operation_in_doubt"]
    assert [line.items() >= {
        "log_level": "warning", "operation": "op-1", "kind": "test", "partner": "mtn", "since": to_rfc3339(START),
    }.items() for line in told] == [True]  # fmt: skip
    assert "operate.md#a-payment-is-stuck" in told[0]["to_do"]
    assert PHONE not in str(logs)
    assert figure(STUCK, kind="test", status="in_doubt", partner="mtn") == before + 1


def test_a_review_is_an_error_with_what_to_do(store: Store, clock: FakeClock) -> None:
    with capture_logs() as logs:
        run(store, clock, Mismatch("another amount"))

    told = [line for line in logs if line["event"] == "operation_needs_review"]
    assert [(line["log_level"], line["operation"], line["partner"]) for line in told] == [("error", "op-1", "mtn")]
    assert "quittance review" in told[0]["to_do"]


def test_nothing_is_said_before_it_is_saved(store: Store, clock: FakeClock) -> None:
    insert(store)
    steps = process((step("one", ScriptedPartner(Mismatch("another amount"))),))
    worker = engine(CutOff(store, 2), clock, steps)  # it reads, saves the intent, and then the store is gone

    with capture_logs() as logs, pytest.raises(StoreUnavailable):
        worker.advance("op-1")

    assert not logs
    assert load(store).status is Status.PROCESSING


def test_an_end_is_timed_from_the_acceptance(store: Store, clock: FakeClock) -> None:
    before = figure("quittance_settle_seconds_sum", kind="test")
    insert(store, created_at=START)
    clock.tick(30)
    opened: Operation = load(store)
    store.replace("operations", opened.noted(clock.now(), "accepted", "closed by its owner").to_document())
    clock.tick(45)

    engine(store, clock, process((step("one", ScriptedPartner(Confirmed())),))).advance("op-1")

    assert figure("quittance_settle_seconds_sum", kind="test") == before + 45


def test_doubts_are_counted_by_the_partner_that_has_not_answered(store: Store, clock: FakeClock) -> None:
    steps = run(store, clock, Pending(), Pending())

    doubts = {metric.name: metric.samples for metric in Doubts(store, {"test": steps}).collect()}

    assert [(sample.labels, sample.value) for sample in doubts["quittance_doubts"]] == [
        ({"kind": "test", "partner": "mtn"}, 1)
    ]
    assert doubts["quittance_build_info"][0].labels["process"] == "worker"


def test_without_the_store_there_are_no_doubts_but_a_warning(store: Store, clock: FakeClock) -> None:
    steps = process((step("one", ScriptedPartner(Declined("no"))),))

    with capture_logs() as logs:
        names = {metric.name for metric in Doubts(CutOff(store, 0), {"test": steps}).collect()}

    assert names == {"quittance_build_info"}
    assert [line["event"] for line in logs] == ["doubts_not_counted"]


def test_an_operation_that_the_store_fails_is_counted(store: Store, clock: FakeClock) -> None:
    worker = engine(CutOff(store, 0), clock, process((step("one", ScriptedPartner()),)))
    before = figure("quittance_store_errors_total", process="worker")

    with pytest.raises(StoreUnavailable):
        counted(worker.advance, "op-1")

    assert figure("quittance_store_errors_total", process="worker") == before + 1
