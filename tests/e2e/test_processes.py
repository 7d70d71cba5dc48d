"""Processes that are killed, stopped, doubled and left without a broker; each test has a stack of its own."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO

import pytest
import requests

from devtools.rabbit import Rabbit, own_vhost
from devtools.stack import ROOT, Stack, free_port
from tests.e2e.kit import FAST, Json, Payments, ops
from tests.rabbit_control import start_app, stop_app

SLOW_S = 1.0


@pytest.fixture
def payments(tmp_path: Path) -> Iterator[Payments]:
    with Stack(tmp_path, FAST) as stack:
        yield Payments(stack)


def begun(payments: Payments, answer: requests.Response, step: str) -> Json:
    """The payment as soon as a step of it has begun."""
    headers: dict[str, str] = {}
    for _ in range(100):
        answered = requests.get(answer.json()["status_url"], headers=headers, timeout=30)
        if answered.status_code == 304:
            continue
        headers = {"Prefer": "wait=5", "If-None-Match": answered.headers["ETag"]}
        payment: Json = answered.json()
        if any(entry["step"] == step for entry in payment["timeline"]):
            return payment
    raise AssertionError(f"{step} has not begun")


def slow_debit(payments: Payments) -> requests.Response:
    """A payment whose debit takes a second, and is done."""
    payments.script({"call": "debit", "answer": "ok", "latency_s": SLOW_S})
    return payments.ask(payments.body("+2250707000011"))


def assert_paid_once(payments: Payments, payment: Json) -> None:
    assert payment["status"] == "succeeded"
    fines = [fine["id"] for fine in payment["amendes"]]
    assert payments.effects(payment) == ([str(payment["amount"])], [], fines)


def test_a_worker_killed_in_mid_debit_is_followed_by_another(payments: Payments) -> None:
    payments.stack.start()
    answer = slow_debit(payments)
    begun(payments, answer, "debit")
    payments.stack.stop(["worker"], by=signal.SIGKILL)
    payments.stack.start(["worker"], label="-2")
    assert_paid_once(payments, payments.end(answer))


def test_a_worker_that_gets_sigterm_finishes_its_call_and_loses_nothing(payments: Payments) -> None:
    payments.stack.start()
    answer = slow_debit(payments)
    begun(payments, answer, "debit")
    assert payments.stack.stop(["worker"]) == {"worker": 0}
    payment = requests.get(answer.json()["status_url"], timeout=10).json()
    assert payment["timeline"][-1]["event"] == "step_done"
    assert '"all_ended": true' in payments.stack.log("worker")
    payments.stack.start(["worker"], label="-2")
    assert_paid_once(payments, payments.end(answer))


def test_an_api_killed_while_a_client_waits_makes_room_for_the_next(payments: Payments) -> None:
    payments.stack.start(["mock_api", "api"])
    answer = payments.ask(payments.body("+2250707000011"))
    waiting = Thread(target=lambda: wait_for_news(answer))
    waiting.start()
    time.sleep(0.5)
    payments.stack.stop(["api"], by=signal.SIGKILL)
    payments.stack.start(["api", "worker"])
    waiting.join()
    assert_paid_once(payments, payments.end(answer))
    assert payments.stack.processes["api"].poll() is None


def test_a_stop_waits_for_requests_and_not_for_idle_connections(payments: Payments) -> None:
    # Given one client that is connected and asks for nothing, and one that waits for news
    payments.stack.start(["mock_api", "api"])
    port = payments.stack.api_port
    post = payments.ask(payments.body("+2250707000011"))
    with socket.create_connection(("127.0.0.1", port)) as idle, ThreadPoolExecutor(1) as clients:
        idle.settimeout(30)
        prefer = {"Prefer": "wait=2"}
        news = clients.submit(requests.get, post.headers["Location"], headers=prefer, timeout=30)
        with requests.Session() as other:
            # … whose request has arrived: this one came later, and is answered
            assert other.get(f"{payments.stack.api}/healthz", timeout=30).ok

        assert payments.stack.stop(["api"]) == {"api": 0}

        assert news.result().json()["id"] == post.json()["id"]
        assert idle.recv(1) == b""
    assert "Traceback" not in payments.stack.log("api")


def wait_for_news(answer: requests.Response) -> None:
    etag = requests.get(answer.json()["status_url"], timeout=10).headers["ETag"]
    with suppress(requests.ConnectionError):
        requests.get(answer.json()["status_url"], headers={"Prefer": "wait=30", "If-None-Match": etag}, timeout=60)


def test_two_workers_share_the_work_and_do_nothing_twice(payments: Payments) -> None:
    payments.stack.start()
    payments.stack.start(["worker"], label="-2")
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(payments.ask, [payments.body("+2250707000011") for _ in range(40)]))
    for answer in answers:
        assert_paid_once(payments, payments.end(answer))


def test_what_was_accepted_survives_a_restart_of_everything(payments: Payments) -> None:
    payments.stack.start(["mock_api", "api"])
    body = payments.body("+2250707000011")
    answer = payments.ask(body)
    payments.stack.stop()
    payments.stack.start()
    assert payments.ask(body).json()["id"] == answer.json()["id"]
    assert_paid_once(payments, payments.end(answer))


def test_a_sandbox_that_is_away_for_a_while_delays_a_payment_only(payments: Payments) -> None:
    payments.stack.start(["api", "worker"])
    answer = payments.ask(payments.body("+2250707000011"))
    refused = requests.get(answer.json()["status_url"], headers={"Prefer": "wait=2"}, timeout=10).json()
    assert refused["status"] == "processing"
    payments.stack.start(["mock_api"])
    assert_paid_once(payments, payments.end(answer))


def test_a_worker_serves_its_metrics(tmp_path: Path) -> None:
    port = free_port()
    with Stack(tmp_path, {**FAST, "METRICS_PORT": str(port)}) as stack:
        stack.start()
        assert_paid_once(Payments(stack), Payments(stack).pay("+2250707000011"))
        metrics = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    assert 'quittance_operations_ended_total{kind="fine_payment",status="succeeded"} 1.0' in metrics
    assert 'quittance_partner_calls_total{partner="operator",reply="confirmed"} 1.0' in metrics
    assert 'quittance_partner_calls_in_flight{partner="operator"} 0.0' in metrics


def test_a_dead_partner_is_reported_and_not_called_until_it_is_back(tmp_path: Path) -> None:
    with Stack(tmp_path, FAST) as stack:
        stack.start(["api", "worker"])
        payments = Payments(stack)
        answers = [payments.ask(payments.body("+2250707000011")) for _ in range(20)]
        health = {}
        for _ in range(200):
            health = requests.get(f"{stack.api}/readyz", timeout=10).json()
            if health["status"] == "degraded":
                break
            time.sleep(0.1)
        assert health["partners"] == {"registry": "down"}
        stack.start(["mock_api"])
        for answer in answers:
            assert_paid_once(payments, payments.end(answer))
        assert requests.get(f"{stack.api}/readyz", timeout=10).json()["partners"]["registry"] == "ok"


@pytest.mark.xdist_group("rabbitmq")
def test_without_the_broker_payments_are_accepted_and_settled(tmp_path: Path, private_rabbit: Rabbit) -> None:
    with own_vhost(private_rabbit) as url, Stack(tmp_path, {**FAST, "BROKER_URL": url}) as stack:
        stack.start()
        payments = Payments(stack)
        assert_paid_once(payments, payments.pay("+2250707000011"))
        stop_app(private_rabbit)
        try:
            during = payments.pay("+2250707000011")
            assert requests.get(f"{stack.api}/readyz", timeout=10).json()["status"] == "degraded"
        finally:
            start_app(private_rabbit)
        assert_paid_once(payments, during)
        assert_paid_once(payments, payments.pay("+2250707000011"))


def test_an_unknown_kind_is_reported(tmp_path: Path) -> None:
    done = ops("worker", "--kinds", "fine_payment,lottery", environment={"VAR_DIR": str(tmp_path)})
    assert done.returncode == 1
    assert "no such kind: lottery" in done.stderr


def test_bad_settings_are_reported_in_one_line(tmp_path: Path) -> None:
    done = ops(
        "worker",
        environment={"VAR_DIR": str(tmp_path), "WORKER_CONCURRENCY": "many", "PARTNER_TIMEOUT_S": "-1"},
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "WORKER_CONCURRENCY" in done.stderr
    assert "PARTNER_TIMEOUT_S" in done.stderr


def test_a_taken_port_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ops("ops", "run", environment={"VAR_DIR": str(tmp_path), "API_PORT": str(port)})
    assert done.returncode == 1
    assert f"port {port} is taken" in done.stderr


def test_run_needs_no_activated_environment_and_goes_on_after_a_restart(tmp_path: Path) -> None:
    environment = {**FAST, "VAR_DIR": str(tmp_path), "API_PORT": str(free_port()), "MOCK_PORT": str(free_port())}
    stack = Stack(tmp_path)
    stack.api_port, stack.mock_port = int(environment["API_PORT"]), int(environment["MOCK_PORT"])
    payments = Payments(stack)
    with running(environment) as output:
        # I expect a line that says where the API answers, as soon as it does
        assert any(f"api: http://127.0.0.1:{stack.api_port}" in line for line in output)
        stack.wait_ready()
        payments.script({"call": "debit", "answer": "ok", "latency_s": SLOW_S})
        body = payments.body("+2250707000011")
        answer = payments.ask(body)
        begun(payments, answer, "debit")
    with running(environment):
        stack.wait_ready()
        assert_paid_once(payments, payments.end(payments.ask(body)))


@contextmanager
def running(environment: dict[str, str]) -> Iterator[IO[str]]:
    """`python -m ops run` as a newcomer has it, ended by Ctrl-C. Yields its output."""
    command, clean = [sys.executable, "-m", "ops", "run"], {"PATH": "/usr/bin:/bin", **environment}
    with subprocess.Popen(command, cwd=ROOT, env=clean, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdout is not None
        try:
            yield run.stdout
        finally:
            run.send_signal(signal.SIGINT)
            run.communicate(timeout=30)


def test_nobodys_real_partners_are_used_by_accident(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPERATOR_URL", "http://127.0.0.1:9/operator")
    monkeypatch.setenv("STORE_URL_FILE", "/nowhere")
    with Stack(tmp_path, FAST) as stack:
        stack.start()
        payments = Payments(stack)
        assert_paid_once(payments, payments.pay("+2250707000011"))


def test_the_demo_pays_a_fine_through_a_504() -> None:
    done = ops("ops", "demo")
    assert done.returncode == 0, done.stderr
    assert "HTTP 504" in done.stdout
    assert "succeeded; at the operator there is 1 debit" in done.stdout
