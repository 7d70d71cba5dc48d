"""Real processes under load and faults, with operators of every dialect; `make chaos` is the same for longer."""

import json
import os
from collections import Counter

import pytest

from core.dialects import DIALECTS
from devtools.rabbit import Rabbit
from devtools.stores import StoreServer
from proof.chaos.operators import MARKETS, UNASKABLE
from tests.e2e.kit import ops

SECONDS = 20
TIMEOUT_S = 500
"""Far more than a run takes by itself: other tests run beside it, and it waits until all payments have ended."""
pytestmark = pytest.mark.timeout(TIMEOUT_S + 100)
FAULTS = {
    "worker killed",
    "worker paused",
    "api killed",
    "sandbox killed",
    "partners a black hole",
    "partners' connections reset",
}
REFUNDING = {market.operator for market in MARKETS if market.refunds} - {"airtel"}
"""Operators that give money back and can be asked about it."""
OF_THE_BROKER = {"broker stopped", "broker killed", "broker's connections closed", "broker's queues purged"}


def assert_settled_once(store: str, broker: str, faults: set[str]) -> None:
    """Runs chaos, in which each of these faults and of FAULTS has to happen."""
    options = ["--store", store, "--broker", broker, "--seconds", str(SECONDS), "--json"]
    done = ops("ops", "chaos", *options, timeout_s=TIMEOUT_S, environment={"PATH": os.environ["PATH"]})
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads(done.stdout)
    assert run["accepted"] > 100
    assert run["from_wallets"] > 20
    assert set(run["faults"]) >= FAULTS | faults
    assert run["discrepancies"] == {}

    # Each operation has ended well, except those of which nobody can know it
    ended = Counter(run["statuses"])
    assert ended["succeeded"] + ended["refunded"] + run["doubts"] == run["accepted"]
    assert run["operators"].keys() == DIALECTS.keys()
    for operator, counts in run["operators"].items():
        assert counts["succeeded"] > 0, operator
        assert counts.get("refunded", 0) > 0 or operator not in REFUNDING
        assert counts["doubts"] == 0 or operator in {operator for operator, _ in UNASKABLE}


def test_whatever_is_killed_stopped_or_cut_off_every_payment_is_settled_once() -> None:
    assert_settled_once("sqlite", "embedded", {"store locked"})


@pytest.mark.xdist_group("rabbitmq")
def test_on_servers_every_payment_is_settled_once(mongodb: StoreServer, rabbit: Rabbit) -> None:
    """Servers of its own, which it may stop; or those that the environment names. `make chaos` has PostgreSQL too."""
    assert_settled_once(
        "mongodb" if mongodb.controllable else mongodb.url,
        "rabbitmq" if rabbit.controllable else rabbit.url,
        ({"store paused"} if mongodb.controllable else set()) | (OF_THE_BROKER if rabbit.controllable else set()),
    )
