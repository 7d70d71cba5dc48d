"""The figures of what the store holds, as `/metrics` serves them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from api.figures import FRESH_S, Figures
from core import backlog
from core.backlog import OVERDUE_S
from core.errors import BrokerUnavailable
from core.operation import Operation, Status
from core.store.port import OPERATIONS
from tests.api.kit import House, build
from tests.doubles import lent_sql, new_operation

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


@pytest.fixture
def house() -> Iterator[House]:
    with lent_sql() as store:
        yield build(store)


@pytest.fixture
def figures(house: House) -> Figures:
    return Figures(house.core)


def read(figures: Figures) -> Samples:
    samples = (sample for family in figures.collect() for sample in family.samples)
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in samples}


def of(samples: Samples, name: str, **labels: str) -> float:
    return samples[f"quittance_{name}", tuple(sorted(labels.items()))]


def put(house: House, id: str, status: Status, kind: str = "fine_payment") -> Operation:
    now = house.clock.now()
    operation = new_operation(id=id, kind=kind, status=status, created_at=now, due_at=now, fingerprint=None)
    house.store.insert(OPERATIONS, operation.to_document())
    return operation


def test_what_has_not_ended_is_counted_with_the_age_of_the_oldest(house: House, figures: Figures) -> None:
    put(house, "a", Status.NEEDS_REVIEW)
    house.tick(60)
    put(house, "b", Status.NEEDS_REVIEW)
    put(house, "c", Status.SUCCEEDED)
    house.tick(40)

    found = read(figures)

    review = {"kind": "fine_payment", "status": "needs_review"}
    assert of(found, "operations", **review) == 2
    assert of(found, "operations_oldest_seconds", **review) == 100
    assert of(found, "operations", kind="fine_payment", status="in_doubt") == 0
    assert of(found, "operations_oldest_seconds", kind="fine_payment", status="in_doubt") == 0
    assert ("quittance_operations", (("kind", "fine_payment"), ("status", "succeeded"))) not in found


def test_due_is_overdue_after_a_minute(house: House, figures: Figures) -> None:
    put(house, "a", Status.ACCEPTED)
    house.tick(OVERDUE_S)
    put(house, "b", Status.ACCEPTED)

    found = read(figures)

    assert of(found, "operations_due", kind="fine_payment") == 2
    assert of(found, "operations_overdue", kind="fine_payment") == 1
    assert of(found, "operations_due", kind="wallet_transfer") == 0


def test_no_question_reads_more_than_so_much(house: House, figures: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "COUNTED", 3)
    for id in "abcde":
        put(house, id, Status.ACCEPTED)

    found = read(figures)

    assert of(found, "operations", kind="fine_payment", status="accepted") == 3
    assert of(found, "operations_due", kind="fine_payment") == 3


def test_the_journal_lags_behind_the_oldest_that_moves_money_between_accounts(house: House, figures: Figures) -> None:
    put(house, "a", Status.PROCESSING)  # a fine, which no account has part in
    house.tick(50)
    put(house, "b", Status.PROCESSING, "wallet_transfer")
    house.tick(20)

    assert of(read(figures), "journal_lag_seconds") == 20


def test_readers_in_a_row_are_served_the_same(house: House, figures: Figures) -> None:
    accepted = {"kind": "fine_payment", "status": "accepted"}
    assert of(read(figures), "operations", **accepted) == 0
    put(house, "a", Status.ACCEPTED)

    assert of(read(figures), "operations", **accepted) == 0
    house.tick(FRESH_S)
    assert of(read(figures), "operations", **accepted) == 1


def test_dead_letters_are_counted_while_the_broker_is_reached(house: House) -> None:
    core = replace(house.core, settings=replace(house.settings, broker_url="amqp://broker"))

    def away(url: str) -> dict[str, int]:
        raise BrokerUnavailable(reason=url)

    counted = {metric.name: metric for metric in Figures(core, lambda _: {"dead": 4}).collect()}
    assert [(sample.labels, sample.value) for sample in counted["quittance_dead_letters"].samples] == [
        ({"queue": "dead"}, 4)
    ]
    assert "quittance_dead_letters" not in {metric.name for metric in Figures(core, away).collect()}
    assert "quittance_dead_letters" not in {metric.name for metric in Figures(house.core).collect()}


def test_it_says_which_release_it_is(figures: Figures) -> None:
    assert of(read(figures), "build_info", process="api", version="0.1.0") == 1
