"""USSD: how fast a screen comes, with a PIN to check and without, and whether whole dialogues leave clean books."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from statistics import median
from threading import Barrier

import requests

from bench.load import Load, closed_loop, paced, post
from bench.people import CLOCK, TRANSFER, open_store, people
from bench.report import Figure
from bench.setups import DRAIN_S, Void, stack
from core.operation import Status
from core.pins import Pins
from core.store.port import OPERATIONS, PEOPLE, USSD_SESSIONS, AtMost, scan
from ops.stack import ROOT, Stack

PER_SECOND = 20
ROUNDS = 3
CALLERS, SENDERS = 60, 5
SESSIONS = 10_000
CONNECTIONS = 16
PIN, PEPPER = "7294", "p" * 32
SETTINGS = {"PIN_PEPPER": PEPPER, "SMS_SENDER": "http"}


def measure() -> Iterator[Figure]:
    """Dialogues of transfers, which are settled and told by SMS meanwhile.

    In pairs measured in turn, so that the machine's mood touches both alike.
    """
    with stack(SETTINGS) as full, stack(SETTINGS) as bare:
        for running in (full, bare):
            _register(running)
        _fill(full)
        pairs = [(_paced(full, number), _paced(bare, number)) for number in range(1, ROUNDS + 1)]
    plain, with_pin = (_together(load for pair in pairs for load in (pair[0][i], pair[1][i])) for i in (0, 1))
    note = f"of {len(plain.latencies_s)}, median {_ms(plain, 0.5):.1f} ms; transfers are settled meanwhile"
    yield Figure("ussd: p99 of a screen at 20/s", _ms(plain, 0.99), 60, "ms", at_most=True, note=note)
    note = f"of {len(with_pin.latencies_s)}, median {_ms(with_pin, 0.5):.1f} ms; each has a transfer accepted"
    yield Figure("ussd: p99 of a screen with a PIN at 20/s", _ms(with_pin, 0.99), 200, "ms", at_most=True, note=note)
    medians = [(_ms(many, 0.5), _ms(few, 0.5)) for (many, _), (few, _) in pairs]
    note = f"{', '.join(f'{many:.1f}/{few:.1f} ms' for many, few in medians)}, without a PIN"
    ratio = median(many / few for many, few in medians)
    what = f"ussd: p50 of a screen, {SESSIONS:,} sessions stored / {CALLERS}"
    yield Figure(what, ratio, 1.2, "x", at_most=True, note=note)
    yield _at_once()


def _paced(running: Stack, number: int) -> tuple[Load, Load]:
    """The first screens of all callers, then the second ones, and so on; in the end all their PINs.

    Raises Void unless every dialogue moves its money.
    """
    running.start()
    closed_loop(running.api_port, [_screen(0, "warm", text) for text in ("", "5", "00") * 10], 1)
    steps = list(zip(*(_transfer(caller, CALLERS) for caller in range(CALLERS)), strict=True))
    screens = [[_screen(caller, f"{number}", text) for caller, text in enumerate(step)] for step in steps]
    plain = paced(running.api_port, list(chain(*screens[:-1])), PER_SECOND, CONNECTIONS)
    with_pin = paced(running.api_port, screens[-1], PER_SECOND, CONNECTIONS)
    _settle(running, {TRANSFER: number * CALLERS, "sms": number * CALLERS})
    running.stop()
    return plain, with_pin


def _at_once() -> Figure:
    """Who dials for the first time registers and tops up; then all send money to the next one at the same moment."""
    with stack(SETTINGS) as running, ThreadPoolExecutor(SENDERS) as senders:
        running.start()
        together = Barrier(SENDERS)

        def send(sender: int) -> float:
            together.wait()
            began = time.perf_counter()
            _dial(running, sender, "sends", _transfer(sender, SENDERS))
            return time.perf_counter() - began

        first = ["", "2", PIN, PIN, "6", "9000", PIN]
        list(senders.map(lambda sender: _dial(running, sender, "begins", first), range(SENDERS)))
        _settle(running, {"wallet_top_up": SENDERS})
        seconds = list(senders.map(send, range(SENDERS)))
        _settle(running, {TRANSFER: SENDERS, "sms": 2 * SENDERS})
        command = [sys.executable, "-m", "ops", "audit", "--json", "--truth", f"{running.mock_api}/_truth"]
        done = subprocess.run(command, cwd=ROOT, env=running.environment, capture_output=True, text=True)
        found = json.loads(done.stdout)["discrepancies"]
    what = f"ussd: discrepancies after a transfer from {SENDERS} phones at once"
    note = f"5 screens each, the slowest dialogue took {max(seconds) * 1000:.0f} ms; all is settled and told by SMS"
    return Figure(what, sum(found.values()), 0, "", at_most=True, note=note)


def _transfer(caller: int, callers: int) -> list[str]:
    """What is typed to send money to the next one."""
    return ["", "1", _phone((caller + 1) % callers), "100", PIN]


def _phone(caller: int) -> str:
    return f"+22507{caller:06d}11"


def _screen(caller: int, session: str, typed: str) -> bytes:
    return post("/ussd", {"sessionid": session, "msisdn": _phone(caller), "message": typed})


def _dial(running: Stack, caller: int, session: str, typed: list[str]) -> None:
    """Raises Void unless the dialogue is over with the last of it, and not before."""
    told = []
    for text in typed:
        step = {"sessionid": session, "msisdn": _phone(caller), "message": text}
        told.append(requests.post(f"{running.api}/ussd", json=step, timeout=30).json())
    if [answer.get("command") for answer in told] != ["CON"] * (len(typed) - 1) + ["END"]:
        raise Void(f"{typed} is answered {told}")


def _register(running: Stack) -> None:
    """People with money, a phone, and a PIN that is hashed as it should be."""
    store = open_store(running)
    pin = Pins(store, CLOCK, PEPPER).hash(PIN)
    for caller, id in enumerate(people(store, CALLERS)):
        person = store.get(PEOPLE, id)
        assert person is not None
        store.replace(PEOPLE, {**person, "msisdn": _phone(caller), "pin": pin, "language": "en"})
    store.close()


def _fill(running: Stack) -> None:
    """Phones that nobody knows dial. Raises Void unless each has a session."""
    running.start(("mock_api", "api"))
    closed_loop(running.api_port, [_screen(CALLERS + n, "0", "") for n in range(SESSIONS)], CONNECTIONS)
    running.stop()
    store = open_store(running)
    stored = sum(1 for _ in scan(store, USSD_SESSIONS, {}))
    store.close()
    if stored != SESSIONS:
        raise Void(f"{stored} of {SESSIONS} sessions are stored")


def _settle(running: Stack, expected: dict[str, int]) -> None:
    """Waits until nothing is due. Raises Void unless so many of each kind have succeeded."""
    store, deadline = open_store(running), time.monotonic() + DRAIN_S
    for kind, number in expected.items():
        while store.find(OPERATIONS, {"kind": kind, "due_at": AtMost("9999")}, limit=1) and time.monotonic() < deadline:
            time.sleep(0.05)
        found = [document["status"] for document in scan(store, OPERATIONS, {"kind": kind})]
        if found != [Status.SUCCEEDED.value] * number:
            raise Void(f"{kind}: {found.count(Status.SUCCEEDED.value)} of {len(found)} succeeded, instead of {number}")
    store.close()


def _together(loads: Iterable[Load]) -> Load:
    return Load(latencies_s=[latency_s for load in loads for latency_s in load.latencies_s])


def _ms(load: Load, share: float) -> float:
    return load.percentile_s(share) * 1000
