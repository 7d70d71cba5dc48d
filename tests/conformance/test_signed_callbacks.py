"""Callbacks that an operator signs, as the sandbox signs them: they name the request."""

from pathlib import Path
from typing import Any

import pytest

from core.callback_signatures import SIGNED
from core.operation import Status
from core.store.port import CALLBACKS
from tests.conformance.kit import OURS, Trial, assert_agrees

SECRET = "callback-secret"
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "airtel": (
        "CALLBACK_SECRET",
        {"airtel_callback_url": f"{OURS}/callbacks/airtel", "airtel_callback_secret": SECRET},
    ),
    "wave": ("WEBHOOK_SECRET", {"wave_webhook_url": f"{OURS}/callbacks/wave", "wave_webhook_secret": SECRET}),
}
"""Our option for the secret, and the sandbox's settings."""


def trial(dialect: str, folder: Path, secret: str) -> Trial:
    option, settings = SETTINGS[dialect]
    return Trial(dialect, folder, more={option: secret}, **settings)


def test_every_dialect_that_signs_is_here() -> None:
    assert SETTINGS.keys() == SIGNED.keys()


@pytest.mark.parametrize("dialect", SETTINGS)
def test_a_signed_callback_names_its_request(dialect: str, tmp_path: Path) -> None:
    paid = trial(dialect, tmp_path, SECRET)
    assert paid.run().status is Status.SUCCEEDED
    (kept,) = paid.store.find(CALLBACKS, {})
    assert kept["reference"] == f"{paid.id}:debit"
    assert_agrees(paid)


@pytest.mark.parametrize("dialect", SETTINGS)
def test_one_that_is_signed_with_another_secret_is_no_evidence(dialect: str, tmp_path: Path) -> None:
    paid = trial(dialect, tmp_path, "another")
    assert paid.run().status is Status.SUCCEEDED
    assert paid.store.find(CALLBACKS, {}) == []
    assert_agrees(paid)
