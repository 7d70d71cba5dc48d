from datetime import timedelta

from core.partner_health import FADES_S, PartnerHealth
from core.store.memory import MemoryStore
from tests.doubles import START, FakeClock


def test_a_partner_is_down_until_it_is_called_again_or_its_worker_is_gone() -> None:
    clock = FakeClock()
    health = PartnerHealth(MemoryStore(), clock)
    health.report("operator", START + timedelta(seconds=5))
    health.report("registry", START + timedelta(seconds=5))
    health.report("registry", None)
    assert health.all() == {"operator": True, "registry": False}
    clock.tick(5 + FADES_S)
    assert health.all() == {"operator": False, "registry": False}


def test_every_partner_is_shown_however_many_there_are() -> None:
    health = PartnerHealth(MemoryStore(), FakeClock())
    for number in range(101):
        health.report(f"partner-{number}", START + timedelta(seconds=5))
    assert len(health.all()) == 101
