"""USSD: how fast screens are answered, with and without a PIN check, and whether the audit of dialogues is clean."""

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
from bench.people import CLOCK, open_store, people
from bench.report import Figure
from bench.setups import Bench, InvalidMeasurement, ended
from core.identity.credentials import Credentials
from core.identity.people import People
from core.identity.pins import Pins
from core.operation import Status
from core.store.port import USSD_SESSIONS, scan
from devtools.stack import ROOT, Stack
from products.messages.contract import SMS
from products.wallets.contract import TRANSFER

PER_SECOND = 20
ROUNDS = 3
CALLERS, SENDERS = 60, 5
SESSIONS = 10_000
CONNECTIONS = 16
PIN, PEPPER, KEY = "7294", "p" * 32, "the-key-of-the-gateway"
SETTINGS = {"PIN_PEPPER": PEPPER, "USSD_KEY": KEY, "SMS_SENDER": "http"}
GATEWAY = {"X-Gateway-Key": KEY}


def measure(bench: Bench) -> Iterator[Figure]:
    """Measures dialogues of transfers, while a worker settles them and sends their SMS.

    Pairs are measured in turn, so that changes of the machine's speed affect both alike.
    """
    callers, sessions, rounds = bench.size(CALLERS, 5), bench.size(SESSIONS, 50), bench.size(ROUNDS, 1)
    with bench.stack(SETTINGS) as full, bench.stack(SETTINGS) as bare:
        for running in (full, bare):
            _register(running, callers)
        _fill(full, callers, sessions)
        pairs = [(_paced(full, number, callers), _paced(bare, number, callers)) for number in range(1, rounds + 1)]
    plain, with_pin = (_merge(load for pair in pairs for load in (pair[0][i], pair[1][i])) for i in (0, 1))
    note = f"of {len(plain.latencies_s)}, median {_ms(plain, 0.5):.1f} ms; transfers are settled meanwhile"
    yield Figure("ussd: p99 of a screen at 20/s", _ms(plain, 0.99), 60, "ms", at_most=True, note=note)
    note = f"of {len(with_pin.latencies_s)}, median {_ms(with_pin, 0.5):.1f} ms; each has a transfer accepted"
    yield Figure("ussd: p99 of a screen with a PIN at 20/s", _ms(with_pin, 0.99), 200, "ms", at_most=True, note=note)
    medians = [(_ms(many, 0.5), _ms(few, 0.5)) for (many, _), (few, _) in pairs]
    note = f"{', '.join(f'{many:.1f}/{few:.1f} ms' for many, few in medians)}, without a PIN"
    ratio = median(many / few for many, few in medians)
    what = f"ussd: p50 of a screen, {sessions:,} sessions stored / {callers}"
    yield Figure(what, ratio, 1.2, "x", at_most=True, note=note)
    yield _at_once(bench)


def _paced(running: Stack, number: int, callers: int) -> tuple[Load, Load]:
    """Sends the first screens of all callers, then the second ones, and so on.

    number: of the round, from 1.
    Returns the load of the screens without a PIN, and of those with one.
    Raises InvalidMeasurement unless every dialogue moves its money.
    """
    running.start()
    closed_loop(running.api_port, [_screen(0, "warm", text) for text in ("", "5", "00") * 10], 1)
    steps = list(zip(*(_transfer(caller, callers) for caller in range(callers)), strict=True))
    screens = [[_screen(caller, f"{number}", text) for caller, text in enumerate(step)] for step in steps]
    plain = paced(running.api_port, list(chain(*screens[:-1])), PER_SECOND, CONNECTIONS)
    with_pin = paced(running.api_port, screens[-1], PER_SECOND, CONNECTIONS)
    _settle(running, {TRANSFER.kind: number * callers, SMS.kind: 2 * number * callers})
    running.stop()
    return plain, with_pin


def _at_once(bench: Bench) -> Figure:
    """Registers and tops up new callers; then each sends money to the next one, all at the same moment."""
    with bench.stack(SETTINGS) as running, ThreadPoolExecutor(SENDERS) as senders:
        running.start()
        barrier = Barrier(SENDERS)

        def send(sender: int) -> float:
            barrier.wait()
            began = time.perf_counter()
            _dial(running, sender, "sends", _transfer(sender, SENDERS))
            return time.perf_counter() - began

        first = ["", "2", PIN, PIN, "6", "9000", PIN]
        list(senders.map(lambda sender: _dial(running, sender, "begins", first), range(SENDERS)))
        _settle(running, {"wallet_top_up": SENDERS})
        seconds = list(senders.map(send, range(SENDERS)))
        _settle(running, {TRANSFER.kind: SENDERS, SMS.kind: 3 * SENDERS})
        command = [sys.executable, "-m", "ops", "audit", "--json", "--truth", f"{running.mock_api}/_truth"]
        done = subprocess.run(command, cwd=ROOT, env=running.environment, capture_output=True, text=True)
        found = json.loads(done.stdout)["discrepancies"]
    what = f"ussd: discrepancies after a transfer from {SENDERS} phones at once"
    note = f"5 screens each, the slowest dialogue took {max(seconds) * 1000:.0f} ms; all are settled, with their SMS"
    return Figure(what, sum(found.values()), 0, "", at_most=True, note=note)


def _transfer(caller: int, callers: int) -> list[str]:
    """Returns the inputs that send money to the next caller."""
    return ["", "1", _phone((caller + 1) % callers), "100", PIN]


def _phone(caller: int) -> str:
    return f"+22507{caller:06d}11"


def _screen(caller: int, session: str, typed: str) -> bytes:
    return post("/ussd", {"sessionid": session, "msisdn": _phone(caller), "message": typed}, GATEWAY)


def _dial(running: Stack, caller: int, session: str, typed: list[str]) -> None:
    """Runs a dialogue. Raises InvalidMeasurement unless it ends with the last input, and not before.

    typed: the inputs, one for each screen.
    """
    answers = []
    for text in typed:
        step = {"sessionid": session, "msisdn": _phone(caller), "message": text}
        answers.append(requests.post(f"{running.api}/ussd", json=step, headers=GATEWAY, timeout=30).json())
    if [answer.get("command") for answer in answers] != ["CON"] * (len(typed) - 1) + ["END"]:
        raise InvalidMeasurement(f"{typed} was answered {answers}")


def _register(running: Stack, callers: int) -> None:
    """Stores people with money, a phone, and a PIN with its real hash."""
    store = open_store(running)
    accounts, credentials = People(store, CLOCK), Credentials(store, CLOCK)
    pin = Pins(store, CLOCK, PEPPER).hash(PIN)
    for caller, id in enumerate(people(store, callers)):
        accounts.set_phone(id, _phone(caller))
        credentials.set_pin(id, pin)
        accounts.set_language(id, "en")
    store.close()


def _fill(running: Stack, callers: int, sessions: int) -> None:
    """Lets unregistered phones dial. Raises InvalidMeasurement unless each has a session."""
    running.start(("mock_api", "api"))
    closed_loop(running.api_port, [_screen(callers + n, "0", "") for n in range(sessions)], CONNECTIONS)
    running.stop()
    store = open_store(running)
    stored = sum(1 for _ in scan(store, USSD_SESSIONS, {}))
    store.close()
    if stored != sessions:
        raise InvalidMeasurement(f"{stored} of {sessions} sessions are stored")


def _settle(running: Stack, expected: dict[str, int]) -> None:
    """Waits until nothing is due. Raises InvalidMeasurement unless the expected number of each kind has succeeded.

    expected: the number of operations, by kind.
    """
    for kind, number in expected.items():
        found = ended(running, kind)
        succeeded = sum(operation.status is Status.SUCCEEDED for operation in found)
        if not number == len(found) == succeeded:
            raise InvalidMeasurement(f"{kind}: {succeeded} of {len(found)} succeeded, instead of {number}")


def _merge(loads: Iterable[Load]) -> Load:
    return Load(latencies_s=[latency_s for load in loads for latency_s in load.latencies_s])


def _ms(load: Load, share: float) -> float:
    return load.percentile_s(share) * 1000
