"""A payer with nothing but the ticket, at a real installation, in a real browser."""

import time
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser

from devtools.stack import Stack
from tests.e2e.kit import FAST

WITHIN_S = 60
LOST_ANSWER = "+2250707000003"
"""The operator debits this phone, and answers 504."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("pay"), dict(FAST)) as stack:
        stack.start()
        yield stack


@pytest.mark.slow
@pytest.mark.parametrize("with_script", [True, False])
def test_two_fines_are_paid_through_a_504_with_nothing_but_the_ticket(
    browser: Browser, stack: Stack, with_script: bool
) -> None:
    plate = "PAY-1-JS" if with_script else "PAY-2-NO"
    listed = requests.get(f"{stack.mock_api}/registry/amendes", params={"immatriculation": plate}, timeout=30).json()
    page = browser.new_context(java_script_enabled=with_script).new_page()
    began = time.monotonic()

    page.goto(f"{stack.api}/pay?lang=en")
    page.get_by_label("Plate", exact=True).check()
    page.get_by_label("Fine number, plate or phone").fill(plate)
    page.get_by_role("button", name="Find").click()
    page.get_by_label("Phone that pays").fill(LOST_ANSWER)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Pay").click()
    page.wait_for_url("**/payments/*")
    page.get_by_role("heading", name="Paid").wait_for(timeout=WITHIN_S * 1000)

    assert page.title().startswith("Paid")
    assert time.monotonic() - began < WITHIN_S
    assert listed
    page.context.close()
