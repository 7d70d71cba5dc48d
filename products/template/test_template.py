"""Templates: accepted once, debited once, whatever happens."""

import pytest

from core.installed import Installed
from devtools.api import ApiUnderTest, open_api
from products.template.contract import TEMPLATE_PAYMENT
from products.template.routes import EXAMPLE
from proof.simulation.command import simulate_world
from proof.simulation.crash_positions import CrashCase, crash, crash_cases

INSTALLED = Installed(("products.template",))
KIND = TEMPLATE_PAYMENT.kind


@pytest.fixture
def api() -> ApiUnderTest:
    return open_api(INSTALLED)


def test_the_same_request_again_is_the_same_payment(api: ApiUnderTest) -> None:
    first, second = (api.http.post("/template/payments/", json=EXAMPLE) for _ in range(2))
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.get_json()["id"] == second.get_json()["id"]
    assert second.headers["Idempotency-Replayed"] == "true"
    assert api.http.get(first.get_json()["status_url"]).get_json()["item"] == EXAMPLE["item"]


def test_only_operators_list_payments(api: ApiUnderTest) -> None:
    api.http.post("/template/payments/", json=EXAMPLE)
    assert api.http.get("/template/payments/").status_code == 401
    assert len(api.http.get("/template/payments/", headers=api.admin).get_json()["payments"]) == 1


@pytest.mark.parametrize("seed", range(10))
def test_a_world_with_all_faults_adds_up(seed: int) -> None:
    assert simulate_world(KIND, True, f"template/{seed}", 40, INSTALLED).why == []


@pytest.mark.parametrize("case", crash_cases(KIND, INSTALLED), ids=str)
def test_a_worker_that_dies_there_is_followed_by_one_that_goes_on(case: CrashCase) -> None:
    assert crash(case, INSTALLED) == []
