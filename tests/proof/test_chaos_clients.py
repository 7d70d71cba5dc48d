"""How much load a run has, whatever the speed of the machine."""

import random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from proof.chaos.clients import MIN_REQUESTS, Clients


def test_a_run_that_is_over_at_once_still_begins_the_least_number_of_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    monkeypatch.setattr(Clients, "_by_one_or_two", lambda _, ask, number, twice: begun.append(number))
    nobody = cast("Any", SimpleNamespace(top_ups=set()))
    clients = Clients(nobody, nobody, nobody, per_second=0.001, chance=random.Random(1))
    clients.start()
    clients.stop()
    assert sorted(begun) == list(range(1, MIN_REQUESTS + 1))
