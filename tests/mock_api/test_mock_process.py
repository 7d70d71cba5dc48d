"""The real process: started, killed, started again."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
DEBIT = {"request_id": "d1", "msisdn": "+2250707000001", "amount": "25000", "currency": "XOF", "reason": "fines"}

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def start(tmp_path: Path, port: int) -> Iterator[Start]:
    started: list[subprocess.Popen[str]] = []

    def start_one(**environ: str) -> "subprocess.Popen[str]":
        settings = {"MOCK_PORT": str(port), "MOCK_LATENCY_MAX_S": "0", "MOCK_TIMEOUT_RATE": "0"}
        settings |= {"MOCK_HOST": "127.0.0.1", "VAR_DIR": str(tmp_path / "var")} | environ
        command = [sys.executable, "-m", "mock_api"]
        process = subprocess.Popen(command, cwd=ROOT, env=os.environ | settings, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start_one
    for process in started:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def wait_until_up(process: "subprocess.Popen[str]", url: str) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        try:
            requests.get(f"{url}/healthz", timeout=1).raise_for_status()
            return
        except requests.ConnectionError:
            time.sleep(0.05)
    raise AssertionError("the sandbox did not start")


def test_a_killed_sandbox_remembers(start: Start, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    process = start()
    wait_until_up(process, url)
    with requests.Session() as session:
        first = session.post(f"{url}/operator/debits", json=DEBIT, timeout=5).json()
        assert first["status"] == "SUCCESSFUL"
        session.post(f"{url}/_faults", json=[{"call": "fine", "answer": "reset"}], timeout=5)
        with pytest.raises(requests.ConnectionError):
            session.get(f"{url}/registry/amendes/AM-2026-000123", timeout=5)
        before = session.get(f"{url}/_truth", timeout=5).json()
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=5)

    again = start()
    wait_until_up(again, url)

    assert requests.get(f"{url}/_truth", timeout=5).json() == before
    assert requests.post(f"{url}/debits", json=DEBIT, timeout=5).json() == first


def test_a_taken_port_is_one_clear_line(start: Start, port: int) -> None:
    wait_until_up(start(), f"http://127.0.0.1:{port}")
    second = start()
    assert second.wait(timeout=10) == 1
    assert second.communicate()[1] == f"mock_api: cannot listen on 127.0.0.1:{port}: the port is taken\n"


def test_a_bad_setting_is_one_clear_line(start: Start) -> None:
    process = start(MOCK_TIMEOUT_RATE="lots")
    assert process.wait(timeout=10) == 2
    assert process.communicate()[1].startswith("mock_api: MOCK_TIMEOUT_RATE='lots' must be")


def test_state_that_cannot_be_kept_is_one_clear_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    process = start(VAR_DIR=str(tmp_path / "file"))
    assert process.wait(timeout=10) == 1
    assert process.communicate()[1].startswith("mock_api: cannot keep state in")


def test_many_slow_calls_are_served_at_once_and_cut_short_by_sigterm(start: Start, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    process = start()
    wait_until_up(process, url)
    slow, endless = {"latency_s": 1, "times": 100}, {"latency_s": 60}
    rules = [{"call": "debit", "answer": "ok", **slow}, {"call": "lookup", "answer": "ok", **endless}]
    requests.post(f"{url}/_faults", json=rules, timeout=5)

    def debit(n: int) -> int:
        return requests.post(f"{url}/debits", json=DEBIT | {"request_id": f"d{n}"}, timeout=10).status_code

    began = time.monotonic()
    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(debit, range(100))) == {200}
    assert time.monotonic() - began < 5

    with pytest.raises(requests.Timeout):
        requests.get(f"{url}/amendes?msisdn=%2B336", timeout=0.2)
    process.terminate()
    assert process.wait(timeout=5) == 0


def test_a_kept_connection_answers_at_once(start: Start, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    wait_until_up(start(), url)
    with requests.Session() as session:
        session.get(f"{url}/healthz", timeout=5)
        began = time.monotonic()
        for n in range(50):
            session.post(f"{url}/debits", json=DEBIT | {"request_id": f"d{n}"}, timeout=5).raise_for_status()
        # A server that lets small writes wait for each other needs 40 ms a call, two seconds in all.
        assert time.monotonic() - began < 1.5
