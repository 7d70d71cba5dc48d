"""Requeueing says what it did, and why it could not."""

import pytest
from click.testing import CliRunner

from ops.requeue import requeue


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "without a broker there are no dead letters"),
        ("amqp://127.0.0.1:1", "The broker does not answer"),
        ("amqp://127.0.0.1:1,127.0.0.1:1/", "The broker does not answer"),
        ("amqps://127.0.0.1:1/?cacertfile=/nowhere", "BROKER_URL cannot be used: cacertfile /nowhere"),
    ],
)
def test_a_missing_broker_is_reported(monkeypatch: pytest.MonkeyPatch, url: str, message: str) -> None:
    monkeypatch.setenv("BROKER_URL", url)
    done = CliRunner().invoke(requeue)
    assert done.exit_code == 1
    assert message in done.output
