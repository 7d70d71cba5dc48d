"""A product in a folder outside the repository: installed by name, it is served, settled, simulated and audited."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from devtools.product import write_product
from devtools.stack import ROOT, Stack
from tests.e2e.kit import FAST, Payments, ops

GUIDE = ROOT / "docs/how-to/adding-a-product.md"
KIND = "parking_payment"
AMBIGUOUS = "+2250707000003"
"""The operator debits this phone, and answers 504."""


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the product of the guide: the template, and the guide's own diff."""
    folder = tmp_path_factory.mktemp("city")
    write_product("parking", folder)
    found = re.search(r"```diff\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert found
    subprocess.run(["git", "apply", "-p1", "-"], cwd=folder, input=found[1], text=True, check=True)
    return folder


@pytest.fixture(scope="module")
def settings(city: Path) -> dict[str, str]:
    return {"PYTHONPATH": str(city), "PRODUCTS": "products,parking"}


@pytest.fixture(scope="module")
def payments(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    with Stack(tmp_path_factory.mktemp("parking"), {**FAST, **settings}) as stack:
        stack.start()
        yield Payments(stack)


def parking(payments: Payments, msisdn: str, plate: str = "AB-123-CD") -> requests.Response:
    body = {"msisdn": msisdn, "plate": plate, "minutes": 90}
    return requests.post(f"{payments.stack.api}/parking/payments/", json=body, timeout=30)


@pytest.mark.xdist_group("parking")
def test_its_own_tests_pass(city: Path) -> None:
    """Deduplication, access, a simulation with all faults, and a worker that dies at every position of every step."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(city / "parking")]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(city)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed
    assert int(passed[1]) > 20


@pytest.mark.xdist_group("parking")
def test_it_is_served_settled_and_audited(payments: Payments) -> None:
    # Given a payment that the operator takes and answers with 504, asked for three times
    answers = [parking(payments, AMBIGUOUS, plate) for plate in ("AB-123-CD", "ab 123 cd", "AB123CD")]
    assert [answer.status_code for answer in answers] == [202] * 3
    assert len({answer.json()["id"] for answer in answers}) == 1

    # I expect one debit of an hour and a half, and an audit that finds it and nothing wrong
    payment = payments.end(answers[0])
    assert (payment["status"], payment["plate"], payment["amount"]) == ("succeeded", "AB123CD", 450)
    assert payments.effects(payment)[0] == ["450"]
    audit = payments.audit()
    assert audit["accepted"] == 1
    assert audit["effects"]["debit"] == 1

    # And a page of documentation without a warning, with who may list the payments
    assert "Warning" not in payments.stack.log("api")
    paths = requests.get(f"{payments.stack.api}/openapi.json", timeout=10).json()["paths"]
    assert {"post", "get"} <= paths["/parking/payments"].keys()
    assert requests.get(f"{payments.stack.api}/parking/payments/", timeout=10).status_code == 401


@pytest.mark.xdist_group("parking")
def test_it_is_simulated(payments: Payments) -> None:
    done = ops(
        "ops", "simulate", "--product", KIND, "--payments", "400", "--seed", "9", environment=payments.stack.environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "worker dies" in done.stdout


@pytest.mark.xdist_group("parking")
def test_it_can_be_the_only_product(city: Path, tmp_path: Path) -> None:
    only = {"PYTHONPATH": str(city), "PRODUCTS": "parking"}
    with Stack(tmp_path, {**FAST, **only}) as stack:
        stack.start()
        payment = Payments(stack).end(parking(Payments(stack), "+2250707000101"))
        assert payment["status"] == "succeeded"
        paths = requests.get(f"{stack.api}/openapi.json", timeout=10).json()["paths"]
        assert "/amendes/payments" not in paths
