"""The real process: started, killed, started again."""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).parents[2]
WITHIN_S = 60
"""How long a process or an answer is waited for: more than any of them takes on a busy machine."""
DELAYED_ACK_S = 0.04
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
    def answers() -> bool:
        assert process.poll() is None, process.communicate()[1]
        with suppress(requests.ConnectionError, requests.Timeout):
            return requests.get(f"{url}/healthz", timeout=5).ok
        return False

    wait_until(answers)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s"
        time.sleep(0.05)


def test_a_killed_sandbox_remembers(start: Start, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    process = start()
    wait_until_up(process, url)
    with requests.Session() as session:
        first = session.post(f"{url}/operator/debits", json=DEBIT, timeout=WITHIN_S).json()
        assert first["status"] == "SUCCESSFUL"
        session.post(f"{url}/_faults", json=[{"call": "fine", "answer": "reset"}], timeout=WITHIN_S)
        with pytest.raises(requests.ConnectionError):
            session.get(f"{url}/registry/amendes/AM-2026-000123", timeout=WITHIN_S)
        before = session.get(f"{url}/_truth", timeout=WITHIN_S).json()
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=WITHIN_S)

    again = start()
    wait_until_up(again, url)

    assert requests.get(f"{url}/_truth", timeout=WITHIN_S).json() == before
    assert requests.post(f"{url}/debits", json=DEBIT, timeout=WITHIN_S).json() == first


def test_callbacks_are_posted_by_the_process_itself(start: Start, port: int) -> None:
    received: queue.Queue[tuple[str, str, dict[str, str]]] = queue.Queue()

    class Receiver(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            received.put((self.command, self.path, body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Prints nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as receiver:
        threading.Thread(target=receiver.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{port}"
        wait_until_up(start(MOCK_APPROVAL_S="0.1"), url)
        headers = {"X-API-Key": "key", "X-CorrelationID": "11377cbe-374c-4d86-8dd2-ee0e14d5ce30"}
        headers["X-Callback-URL"] = f"http://127.0.0.1:{receiver.server_port}/callbacks/op-1"
        body = {"amount": "5", "currency": "XOF", "debitParty": [{"key": "msisdn", "value": "+2250707000011"}]}
        path = f"{url}/gsma/transactions/type/merchantpay"
        assert requests.post(path, json=body, headers=headers, timeout=WITHIN_S).status_code == 202

        method, where, told = received.get(timeout=WITHIN_S)
        wait_until(lambda: "sent" in requests.get(f"{url}/_callbacks", timeout=WITHIN_S).text)
        receiver.shutdown()

    assert (method, where, told["transactionStatus"]) == ("PUT", "/callbacks/op-1", "completed")
    assert received.empty(), "once"


def test_a_taken_port_is_one_clear_line(start: Start, port: int) -> None:
    wait_until_up(start(), f"http://127.0.0.1:{port}")
    second = start()
    assert second.wait(timeout=WITHIN_S) == 1
    assert second.communicate()[1] == f"mock_api: cannot listen on 127.0.0.1:{port}: the port is taken\n"


def test_a_bad_setting_is_one_clear_line(start: Start) -> None:
    process = start(MOCK_TIMEOUT_RATE="lots")
    assert process.wait(timeout=WITHIN_S) == 2
    assert process.communicate()[1].startswith("mock_api: MOCK_TIMEOUT_RATE='lots' must be")


def test_state_that_cannot_be_kept_is_one_clear_line(start: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    process = start(VAR_DIR=str(tmp_path / "file"))
    assert process.wait(timeout=WITHIN_S) == 1
    assert process.communicate()[1].startswith("mock_api: cannot keep state in")


def test_slow_calls_are_all_answered(start: Start, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    wait_until_up(start(), url)
    rule = {"call": "debit", "answer": "ok", "latency_s": 1, "times": 100}
    requests.post(f"{url}/_faults", json=[rule], timeout=WITHIN_S)

    def debit(n: int) -> int:
        return requests.post(f"{url}/debits", json=DEBIT | {"request_id": f"d{n}"}, timeout=WITHIN_S).status_code

    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(debit, range(100))) == {200}


def test_many_endless_calls_are_served_at_once_and_cut_short_by_sigterm(start: Start, port: int) -> None:
    url = f"http://127.0.0.1:{port}"
    process = start()
    wait_until_up(process, url)
    rule = {"call": "debit", "answer": "ok", "latency_s": 600, "times": 100}
    requests.post(f"{url}/_faults", json=[rule], timeout=WITHIN_S)

    def debit(n: int) -> None:
        with pytest.raises(requests.ConnectionError):
            requests.post(f"{url}/debits", json=DEBIT | {"request_id": f"d{n}"}, timeout=3 * WITHIN_S)

    with ThreadPoolExecutor(100) as pool:
        debits = [pool.submit(debit, n) for n in range(100)]
        try:
            # Calls are counted when they come in, and none of these has been answered.
            wait_until(lambda: requests.get(f"{url}/_truth", timeout=WITHIN_S).json()["calls"].get("debit") == 100)
            assert not any(call.done() for call in debits)
        finally:
            process.terminate()
        assert process.wait(timeout=WITHIN_S) == 0
        for call in debits:
            call.result()


def test_a_kept_connection_answers_at_once(start: Start, port: int) -> None:
    """A server that lets small writes wait for each other waits for a delayed ACK in every call, on any machine."""
    url = f"http://127.0.0.1:{port}"
    wait_until_up(start(), url)
    with requests.Session() as session:

        def seconds() -> float:
            began = time.monotonic()
            session.post(f"{url}/debits", json=DEBIT, timeout=WITHIN_S).raise_for_status()
            return time.monotonic() - began

        # One right after the other: on a new connection, or after a pause, the client's ACK comes at once.
        assert min([seconds() for _ in range(70)][20:]) < DELAYED_ACK_S
