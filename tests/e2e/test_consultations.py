"""Consultations through real processes: charged once, whatever the finance service does."""

from itertools import count
from pathlib import Path

import pytest
import requests

from devtools.stack import Stack
from tests.e2e.kit import FAST, Json, Payments, ops

STARTED, ENDED = "2026-01-01 13:00:00", "2026-01-01 15:00:00"

CLINIC = {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}
WORKER = ["python", "-m", "worker", "--kinds", "consultation"]

_numbers = count(1)


def ended(api: str) -> str:
    """The id of a consultation that has just ended."""
    who = {"physician_id": f"physician-{next(_numbers)}", "patient_id": "patient"}
    opened = requests.post(f"{api}/start", json={**who, "start_date": STARTED}, headers=CLINIC, timeout=10)
    assert opened.status_code == 201, opened.text
    id: str = opened.json()["id"]
    end = requests.post(f"{api}/end", json={"id": id, "end_date": ENDED}, headers=CLINIC, timeout=10)
    assert end.status_code == 202
    return id


def charge(api: str, id: str) -> Json:
    """The charge once it has ended."""
    for _ in range(12):
        shown: Json = requests.get(f"{api}/charges/{id}", headers={**CLINIC, "Prefer": "wait=5"}, timeout=30).json()
        if shown["status"] in ("succeeded", "needs_review"):
            return shown
    raise AssertionError(f"not charged within a minute: {shown}")


def charges(mock_api: str, id: str) -> list[str]:
    truth = requests.get(f"{mock_api}/_truth", timeout=30).json()
    return [effect["amount"] for effect in truth["charges"] if effect["appointment_id"] == id]


@pytest.mark.xdist_group("embedded")
@pytest.mark.parametrize("answer", ["ok", "503", "504-lost", "504-done", "504-late", "html", "truncated", "reset"])
def test_whatever_the_finance_service_answers_it_is_charged_once(embedded: Payments, answer: str) -> None:
    stack = embedded.stack
    embedded.script({"call": "charge", "answer": answer})
    id = ended(stack.api)
    assert charge(stack.api, id)["total_price"] == 400
    assert charges(stack.mock_api, id) == ["400.00"]


def test_a_refused_charge_needs_review_and_is_not_given_up(tmp_path: Path) -> None:
    with Stack(tmp_path, FAST) as stack:
        stack.start()
        Payments(stack).script({"call": "charge", "answer": "400"})
        id = ended(stack.api)
        assert charge(stack.api, id)["status"] == "needs_review"
        decided = ops(
            "ops", "review", "retry", id, "--reason", "they know the appointment now", environment=stack.environment
        )
        assert decided.returncode == 0, decided.stderr
        assert charge(stack.api, id)["status"] == "succeeded"
        assert charges(stack.mock_api, id) == ["400.00"]


def test_while_the_finance_service_is_down_ended_consultations_wait_and_then_each_is_charged_once(
    tmp_path: Path,
) -> None:
    with Stack(tmp_path, FAST, {"worker": WORKER}) as stack:
        stack.start(["api", "worker"])
        ids = [ended(stack.api) for _ in range(20)]
        waiting = requests.get(
            f"{stack.api}/charges/{ids[0]}", headers={**CLINIC, "Prefer": "wait=2"}, timeout=10
        ).json()
        assert waiting["status"] == "processing"
        stack.start(["mock_api"])
        assert {charge(stack.api, id)["status"] for id in ids} == {"succeeded"}
        assert [charges(stack.mock_api, id) for id in ids] == [["400.00"]] * 20
