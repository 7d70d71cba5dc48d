"""Latency and timeouts: as many and as long as the settings say, and repeatable."""

import pytest

from mock_api.chance import Chance, Fate
from tests.sandbox import Sandbox


def draws(seed: str = "one", rate: float = 0.1, count: int = 6000) -> list[Fate]:
    chance = Chance(seed, latency_max_s=10, timeout_rate=rate, late_max_s=8)
    return [chance.draw("debit", f"d{n}", 1) for n in range(count)]


def test_latency_is_uniform() -> None:
    latencies = sorted(fate.latency_s for fate in draws())
    assert 0 <= latencies[0] < 0.1
    assert 9.9 < latencies[-1] < 10
    assert latencies[len(latencies) // 4] == pytest.approx(2.5, abs=0.3)
    assert latencies[len(latencies) // 2] == pytest.approx(5, abs=0.3)


def test_timeouts_are_a_share_in_three_equal_kinds() -> None:
    answers = [fate.answer for fate in draws(count=30_000)]
    assert answers.count("ok") / 30_000 == pytest.approx(0.9, abs=0.01)
    for kind in ("504-lost", "504-done", "504-late"):
        assert answers.count(kind) / 30_000 == pytest.approx(0.1 / 3, abs=0.005)


def test_no_timeouts_and_nothing_but_timeouts() -> None:
    assert {fate.answer for fate in draws(rate=0)} == {"ok"}
    assert {fate.answer for fate in draws(rate=1)} == {"504-lost", "504-done", "504-late"}


def test_late_effects_come_within_their_time() -> None:
    late = [fate.late_s for fate in draws()]
    assert min(late) < 0.1
    assert 7.9 < max(late) < 8


def test_a_draw_depends_on_the_seed_the_call_its_key_and_how_many_came_before() -> None:
    chance, other = Chance("one", 10, 0.5, 8), Chance("two", 10, 0.5, 8)
    same = [chance.draw("debit", "d1", 1) for _ in range(2)]
    assert same[0] == same[1]
    different = [
        chance.draw("debit", "d1", 1),
        chance.draw("debit", "d1", 2),
        chance.draw("debit", "d2", 1),
        chance.draw("refund", "d1", 1),
        other.draw("debit", "d1", 1),
    ]
    assert len({fate.latency_s for fate in different}) == len(different)


def run(sandbox: Sandbox, order: list[int]) -> tuple[dict[str, list[int]], dict[str, list[float]], set[str]]:
    """Two debits of each id, in `order`: (answers by id, latencies by id, what really happened)."""
    sandbox.post("/_reset", None)
    answers: dict[str, list[int]] = {}
    latencies: dict[str, list[float]] = {}
    for n in order * 2:
        answers.setdefault(f"d{n}", []).append(sandbox.debit(f"d{n}").status_code)
        latencies.setdefault(f"d{n}", []).append(sandbox.slept[-1])
    sandbox.now += 60
    return answers, latencies, {debit["transaction_id"] for debit in sandbox.truth()["debits"]}


def test_a_seed_repeats_a_run_whatever_the_order_of_arrival(sandbox: Sandbox) -> None:
    sandbox.start(timeout_rate=0.6, latency_max_s=10.0, seed="seven")
    order = list(range(40))
    first = run(sandbox, order)

    assert {200, 504} == {status for answers in first[0].values() for status in answers}
    assert run(sandbox, order[::-1]) == first
    sandbox.start(seed="eight")
    assert run(sandbox, order) != first


def test_every_partner_call_has_its_latency_and_no_other(sandbox: Sandbox) -> None:
    sandbox.start(latency_max_s=10.0)
    sandbox.debit()
    sandbox.refund()
    sandbox.settle()
    sandbox.debit(amount="not an amount")
    for path in ("/operator/requests/d1", "/registry/amendes?msisdn=%2B336", "/registry/amendes/AM-2026-000123"):
        sandbox.get(path)
    assert len(sandbox.slept) == 7
    assert all(0 < seconds < 10 for seconds in sandbox.slept)

    for path in ("/_truth", "/_faults", "/healthz", "/nowhere"):
        sandbox.get(path)
    assert len(sandbox.slept) == 7


def test_the_three_kinds_of_timeout_do_what_their_names_say(sandbox: Sandbox) -> None:
    sandbox.start(timeout_rate=1.0, late_max_s=10.0)
    kinds = {f"d{n}": Chance("one", 0, 1, 10).draw("debit", f"d{n}", 1).answer for n in range(60)}
    for request_id in kinds:
        assert sandbox.debit(request_id).status_code == 504
    done = {request_id for request_id, kind in kinds.items() if kind == "504-done"}
    late = {request_id for request_id, kind in kinds.items() if kind == "504-late"}

    assert len(done) > 5
    assert len(late) > 5
    assert set(sandbox.really()) == done
    sandbox.now += 10
    assert set(sandbox.really()) == done | late


def test_calls_that_read_time_out_too(sandbox: Sandbox) -> None:
    sandbox.start(timeout_rate=1.0)
    paths = [f"/operator/requests/d{n}" for n in range(10)] + [f"/amendes/AM-2026-{n:06}" for n in range(10)]
    assert {sandbox.get(path).status_code for path in paths} == {504}
