"""Real processes under load and faults, for a while; `make chaos` is the same for longer."""

import re

import pytest
from e2e.kit import ops

SECONDS = 20


@pytest.mark.parametrize("broker", ["embedded", pytest.param("rabbitmq", marks=pytest.mark.xdist_group("rabbitmq"))])
def test_whatever_is_killed_stopped_or_cut_off_every_payment_is_settled_once(broker: str) -> None:
    done = ops("ops", "chaos", "--broker", broker, "--seconds", str(SECONDS), timeout_s=290)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(re.findall(r"│ (.+?) +│ (\d+) +│", done.stdout))
    assert int(counts["accepted"]) > 100
    assert counts["accepted"] == counts["succeeded"]
    assert int(counts["of these, from wallets"]) > 20
    assert int(counts["debits"]) == int(counts["fines"]) + int(counts["of these, top-ups"])
    told = ("debits", "charges", "events", "of these, from wallets")
    assert sum(int(counts[effect]) for effect in told) == int(counts["accepted"])
    assert {"worker killed", "worker paused", "api killed", "sandbox killed", "store locked"} <= set(counts)
