"""When chaos plays which fault: a function of the seed, the faults and the duration, and of nothing else."""

from collections import Counter
from itertools import islice, pairwise

import pytest

from proof.chaos.plan import MIN_SPACING_S, PAUSES_S, draw, plan

SEVEN = ["kill", "pause", "lock", "swallow", "cut", "stop", "purge"]


@pytest.mark.parametrize("duration_s", [0.0, 1.0, 20.0, 60.0, 3600.0])
@pytest.mark.parametrize("faults", [SEVEN, SEVEN[:4], SEVEN[:1]], ids=len)
def test_each_fault_comes_once_and_in_time(faults: list[str], duration_s: float) -> None:
    for seed in range(100):
        planned = plan(str(seed), faults, duration_s)
        times = [at_s for at_s, _ in planned.turns]
        assert Counter(fault for _, fault in planned.turns) == Counter(faults)
        assert times[0] == 0
        assert all(later - earlier >= MIN_SPACING_S for earlier, later in pairwise(times))
        assert times[-1] + MIN_SPACING_S <= planned.lasts_s


def test_a_duration_that_is_too_short_is_extended_and_another_is_kept() -> None:
    assert plan("1", SEVEN, 20).lasts_s == len(SEVEN) * MIN_SPACING_S
    assert plan("1", SEVEN, len(SEVEN) * MIN_SPACING_S).lasts_s == len(SEVEN) * MIN_SPACING_S
    assert plan("1", SEVEN, 60).lasts_s == 60


def test_a_long_run_leaves_half_of_its_time_to_chance() -> None:
    (*_, (last_s, _)) = plan("1", SEVEN, 1400).turns
    assert last_s == 600


def test_the_seed_decides_the_order_and_what_chance_draws() -> None:
    assert plan("1", SEVEN, 60) == plan("1", SEVEN, 60)
    assert len({plan(str(seed), SEVEN, 60).turns for seed in range(20)}) > 10
    drawn = [list(islice(draw(seed, SEVEN), 200)) for seed in ("1", "1", "2")]
    assert drawn[0] == drawn[1] != drawn[2]


def test_chance_draws_every_fault_again_and_pauses_between() -> None:
    drawn = list(islice(draw("1", SEVEN), 200))
    assert {fault for _, fault in drawn} == set(SEVEN)
    assert all(PAUSES_S[0] <= pause_s <= PAUSES_S[1] for pause_s, _ in drawn)
