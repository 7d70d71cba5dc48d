"""The simulation on a store that is sealed: no payment ends otherwise, and nothing private is readable."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import pytest

import proof.simulation.world as world_module
from core.installed import DEFAULT
from core.store.memory import MemoryStore
from core.store.port import Collection
from proof.simulation.command import scenarios, simulate_world
from tests.doubles import sealed
from tests.privacy import HASHES, PHONE, asked_for, raw_text

SCENARIOS = scenarios(DEFAULT)


@pytest.mark.parametrize("product", SCENARIOS)
def test_a_sealed_store_changes_nothing_and_shows_nothing(product: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = simulate_world(product, True, "sealed", 40)
    made: list[tuple[MemoryStore, Any]] = []

    def make(collections: Mapping[str, Collection]) -> Any:
        raw = MemoryStore(collections)
        made.append((raw, sealed(raw)))
        return made[-1][1]

    monkeypatch.setattr(world_module, "MemoryStore", make)
    assert asdict(simulate_world(product, True, "sealed", 40)) == asdict(plain)

    [(raw, store)] = made
    text, private = raw_text(raw, DEFAULT.collections), asked_for(store)
    assert private
    assert [found for found in private if found in text] == []
    assert not PHONE.search(text)
    assert not HASHES.search(text)
