"""Requeueing tells what it did, and why it could not."""

import pytest
from click.testing import CliRunner

from ops.requeue import requeue


@pytest.mark.parametrize(
    ("url", "message"),
    [("", "without a broker there are no dead letters"), ("amqp://127.0.0.1:1", "The broker does not answer")],
)
def test_no_broker_is_told(monkeypatch: pytest.MonkeyPatch, url: str, message: str) -> None:
    monkeypatch.setenv("BROKER_URL", url)
    done = CliRunner().invoke(requeue)
    assert done.exit_code == 1
    assert message in done.output
