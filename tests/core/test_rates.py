"""Rates: how they are written, how they count, and that every sort of counters counts alike."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from marshmallow import ValidationError
from structlog.testing import capture_logs

from core.errors import StoreUnavailable
from core.rates import DEFAULT_RATES, Counters, Limiter, MemoryCounters, Rate, TooManyRequests, read_rates
from devtools.databases import own_database
from tests.doubles import FakeClock

RATES = {"writes": Rate(2, 60)}


class Away:
    """Counters that do not answer."""

    def add(self, key: str, until: datetime) -> int:
        raise StoreUnavailable

    def read(self, key: str) -> int:
        raise StoreUnavailable

    def close(self) -> None: ...


@pytest.fixture(params=["memory", pytest.param("mongodb", marks=pytest.mark.xdist_group("mongodb"))])
def counters(request: pytest.FixtureRequest) -> Iterator[Counters]:
    if request.param == "memory":
        yield MemoryCounters(FakeClock())
        return
    from core.store.mongo_counters import MongoCounters  # noqa: PLC0415

    with own_database(request.getfixturevalue("mongodb").url) as url:
        counters = MongoCounters(url)
        yield counters
        counters.close()


def test_counters_add_and_forget_nobody_before_their_time(counters: Counters) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)

    assert counters.read("a") == 0
    assert [counters.add("a", until), counters.add("b", until), counters.add("a", until)] == [1, 1, 2]
    assert (counters.read("a"), counters.read("b"), counters.read("c")) == (2, 1, 0)


def test_a_number_of_this_process_ends_at_its_time() -> None:
    clock = FakeClock()
    counters, until = MemoryCounters(clock), clock.now() + timedelta(seconds=60)
    assert [counters.add("a", until), counters.add("a", until + timedelta(seconds=60))] == [1, 2]
    clock.tick(59)
    assert counters.read("a") == 2
    clock.tick(1)
    assert counters.read("a") == 0
    assert counters.add("a", clock.now() + timedelta(seconds=60)) == 1


def test_counters_lose_nothing_when_many_add_at_once(counters: Counters) -> None:
    until = datetime.now(UTC) + timedelta(hours=1)
    with ThreadPoolExecutor(8) as threads:
        sums = list(threads.map(lambda _: counters.add("a", until), range(100)))

    # Not each sum once: the server of the tests, unlike MongoDB, may return what others have added meanwhile.
    assert counters.read("a") == max(sums) == 100


def test_memory_forgets_what_is_over_and_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryCounters, "MOST_KEYS", 10)
    clock = FakeClock()
    counters = MemoryCounters(clock)
    counters.add("over", clock.now() - timedelta(seconds=1))
    for number in range(30):
        counters.add(str(number), clock.now() + timedelta(seconds=60))

    assert counters.read("over") == 0
    assert counters.read("29") == 1
    assert sum(counters.read(str(number)) for number in range(30)) <= 10


def test_a_caller_gets_so_many_and_again_in_the_next_window() -> None:
    clock = FakeClock()
    limiter = Limiter(RATES, MemoryCounters(clock), clock)

    quotas = [limiter.count("writes", "awa") for _ in range(2)]
    assert [quota.left for quota in quotas if quota] == [1, 0]
    with pytest.raises(TooManyRequests) as refused:
        limiter.count("writes", "awa")
    assert limiter.count("writes", "binta") is not None
    assert limiter.count("reads", "awa") is None

    clock.tick(refused.value.retry_after_s)
    assert limiter.count("writes", "awa") is not None


def test_a_check_counts_nothing() -> None:
    clock = FakeClock()
    limiter = Limiter(RATES, MemoryCounters(clock), clock)
    for _ in range(5):
        limiter.check("writes", "awa")
    limiter.count("writes", "awa")
    limiter.count("writes", "awa")

    with pytest.raises(TooManyRequests):
        limiter.check("writes", "awa")


def test_where_the_counters_are_away_nobody_is_kept_out() -> None:
    limiter = Limiter({"writes": Rate(1, 60)}, Away(), FakeClock())

    with capture_logs() as logs:
        assert [limiter.count("writes", "awa") for _ in range(3)] == [None] * 3
    assert [line["event"] for line in logs] == ["rate_not_counted"]


def test_rates_are_read_beside_the_defaults() -> None:
    assert read_rates("") == DEFAULT_RATES
    assert read_rates("off") == {}
    written = read_rates("writes=3/second, reads=off")
    assert written["writes"] == Rate(3, 1)
    assert "reads" not in written
    assert written["events"] == DEFAULT_RATES["events"]


@pytest.mark.parametrize("text", ["writes", "writes=0/minute", "writes=5/week", "lottery=5/minute", "writes=-1/day"])
def test_a_rate_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ValidationError, match=r"writes|lottery"):
        read_rates(text)
