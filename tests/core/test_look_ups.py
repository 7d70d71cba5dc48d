"""Names of strangers are looked up few at once: slow name servers of one client hold up nobody else."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from core.look_ups import REST_S, SLOW_S, LookUps, NotNow
from core.targets import Rules, TargetRefused, target_of
from devtools.stack import ROOT

PUBLIC = Rules()


class NameServers:
    """Answer 8.8.8.8 and 1.1.1.1; of names that begin with `slow`, once `late` is set, and then with an error."""

    def __init__(self) -> None:
        self.late = Event()
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        if host.startswith("slow"):
            self.late.wait(30)
            raise OSError("no answer")
        return ["8.8.8.8", "10.0.0.1" if host.startswith("inside") else "1.1.1.1"]


@pytest.fixture
def servers() -> Iterator[NameServers]:
    servers = NameServers()
    yield servers
    servers.late.set()


def ask(look_ups: LookUps, host: str, owner: str = "shop", within_s: float = 0.05) -> list[str]:
    return look_ups.addresses(target_of(f"https://{host}/", PUBLIC), PUBLIC, owner, within_s)


def test_every_address_of_a_name_is_checked(servers: NameServers) -> None:
    look_ups = LookUps(servers)
    assert ask(look_ups, "a.example", within_s=5) == ["8.8.8.8", "1.1.1.1"]
    with pytest.raises(TargetRefused):
        ask(look_ups, "inside.example", within_s=5)
    with pytest.raises(OSError, match="no address"):
        ask(LookUps(lambda host, port: []), "a.example", within_s=5)


def test_an_address_is_checked_and_looked_up_nowhere(servers: NameServers) -> None:
    look_ups = LookUps(servers)
    assert ask(look_ups, "8.8.8.8") == ["8.8.8.8"]
    with pytest.raises(TargetRefused):
        ask(look_ups, "10.0.0.1")
    assert servers.asked == []


def test_slow_names_of_one_owner_leave_places_for_others(servers: NameServers) -> None:
    look_ups = LookUps(servers, of_all=3, of_owner=2, patience_s=0.01)
    for number in range(2):
        with pytest.raises(OSError, match="in time"):
            ask(look_ups, f"slow{number}.example", "mallory")
    # Nobody waits for these two any more, and they still take their places
    with pytest.raises(NotNow):
        ask(look_ups, "slow2.example", "mallory")
    assert ask(look_ups, "a.example", "shop", 5) == ["8.8.8.8", "1.1.1.1"]
    assert servers.asked == ["slow0.example", "slow1.example", "a.example"]


def test_a_place_is_given_back_when_the_look_up_itself_ends(servers: NameServers) -> None:
    look_ups = LookUps(servers, of_all=1, of_owner=1, patience_s=5)
    with pytest.raises(OSError, match="in time"):
        ask(look_ups, "slow.example", "mallory")
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(ask, look_ups, "a.example", "shop", 5)
        servers.late.set()
        assert waiting.result(5) == ["8.8.8.8", "1.1.1.1"]


def test_a_name_that_was_not_found_in_time_rests_for_whoever_asks(servers: NameServers) -> None:
    now = [1000.0]
    look_ups = LookUps(servers, elapsed=lambda: now[0])
    with pytest.raises(OSError, match="in time"):
        ask(look_ups, "slow.example", "hasty")  # who gave it no time, so it does not rest
    now[0] += SLOW_S
    with pytest.raises(OSError, match="in time"):
        ask(look_ups, "slow.example", "mallory")
    with pytest.raises(NotNow) as resting:
        ask(look_ups, "slow.example", "shop")
    assert resting.value.wait_s == REST_S
    servers.late.set()
    now[0] += REST_S
    with pytest.raises(OSError, match="no answer"):
        ask(look_ups, "slow.example", "shop", 5)


def test_one_look_up_serves_all_who_ask_for_the_name_meanwhile(servers: NameServers) -> None:
    look_ups = LookUps(servers, of_all=1, of_owner=1, patience_s=0)
    with ThreadPoolExecutor(8) as others:
        asking = [others.submit(ask, look_ups, "slow.example", f"shop-{number}", 30) for number in range(8)]
        while not servers.asked:
            pass
        servers.late.set()
        assert all(isinstance(each.exception(30), OSError) for each in asking)


BUSY = """
from gevent import monkey
monkey.patch_all()
import gevent, time
from core.look_ups import LookUps, NotNow
from core.native import in_native_thread, sleep_natively
from core.targets import Rules, target_of
late = []
def resolve(host, port):
    while not late:
        sleep_natively(0.005)
    return ["8.8.8.8"]
look_ups, answers = LookUps(resolve, of_all=4, of_owner=4, patience_s=0), []
def ask(number):
    try:
        answers.append(look_ups.addresses(target_of(f"https://n{number}.example/", Rules()), Rules(), "shop", 30))
    except NotNow:
        answers.append("busy")
asking = [gevent.spawn(ask, number) for number in range(16)]
gevent.sleep(0)
while len(answers) < 12:
    gevent.sleep(0.001)
print(in_native_thread(lambda: "hashed"), answers.count("busy"))
late.append(True)
gevent.joinall(asking)
print(answers.count(["8.8.8.8"]))
"""


def test_look_ups_that_hang_hold_no_thread_that_others_need() -> None:
    """In a process with greenlets, where passwords and SQLite share ten threads."""
    done = subprocess.run([sys.executable, "-c", BUSY], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("hashed 12\n4\n", "")
