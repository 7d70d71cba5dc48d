"""What a partner calls a step is found before the operation is saved with it."""

import pytest

from core.operation_names import PARTNER, holders, named
from core.store.sql import SqlStore
from tests.doubles import FakeClock, PlayedDialect, ScriptedPartner, engine, insert, lent_sql, load, process, step
from worker.mobile_money import Payer, debit
from worker.partners.operators.client import by_uuid4, uuid4_of
from worker.partners.operators.port import Service
from worker.partners.port import Confirmed, Pending
from worker.process import Process


def found(store: SqlStore, name: str) -> list[str]:
    return list(holders(store, named(PARTNER, name), 10))


def test_ids_of_the_operator_and_ours_there_are_names() -> None:
    dialect = PlayedDialect()
    dialect.replies["debit"] = Pending({"session": "cos-1", "redirect": "https://pay.example/"})
    dialect.debits = Service(dialect.debits.submit, dialect.debits.ask, recorded_as=by_uuid4)
    operator = dialect.operators().by_name["operator"]
    payer = Payer("+2250707000001", 100, "XOF", "")
    with lent_sql() as store:
        insert(store)
        paid = Process("test", lambda operation: debit(operator, operation, "debit", payer))
        clock = FakeClock()
        running = engine(store, clock, paid)
        running.advance("op-1")
        assert found(store, uuid4_of("op-1:debit")) == found(store, "cos-1") == ["op-1"]
        assert found(store, "https://pay.example/") == []

        dialect.replies["ask"] = Confirmed({"transaction_id": "TXN-9"})
        clock.tick(60)
        running.advance("op-1")

        assert load(store).terminal
        assert found(store, "TXN-9") == ["op-1"]


def test_a_name_is_stored_before_the_save(monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker that dies at the save leaves a name without a result, and never a result without a name."""
    partner = ScriptedPartner(Confirmed({"transaction_id": "TXN-9"}))
    with lent_sql() as store:
        insert(store)
        saves: list[list[str]] = []
        replace = store.replace

        def watched(collection: str, document: dict[str, object]) -> dict[str, object]:
            saves.append(found(store, "TXN-9"))
            return replace(collection, document)

        def names(current: object) -> dict[str, str]:
            result = current.step("debit").result  # type: ignore[attr-defined]
            return {"id": result["transaction_id"]} if result else {}

        monkeypatch.setattr(store, "replace", watched)
        engine(store, FakeClock(), process((step("debit", partner, names=names),))).advance("op-1")
    assert saves == [[], ["op-1"]]
