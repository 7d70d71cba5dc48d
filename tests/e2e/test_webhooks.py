"""Webhooks of real processes: what a payment comes to reaches its receiver, whoever is killed."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty

import pytest
import requests

from devtools.databases import own_database
from devtools.servers import free_ports
from devtools.stack import ROOT, Stack
from tests.e2e.kit import EVERY_SETUP, FAST, Json, Payments
from tests.e2e.receiver import Receiver
from tests.e2e.terminal import PACE

ENDPOINTS = "/v1/webhooks/endpoints"
ADMIN = {"Authorization": f"Bearer {FAST['ADMIN_TOKEN']}"}
KILLS = int(os.environ.get("WEBHOOK_KILLS", "5"))
"""More than ten, as in `make chaos`: also on servers."""
PAGE = (ROOT / "docs/how-to/receive-webhooks.md").read_text()
PROGRAMS = {"python": [sys.executable], "js": ["node"], "php": ["php", "-S", "127.0.0.1:9000"]}
"""How the receivers of the page are run, by the language of their blocks."""
PRINTED = {"python": 1, "js": 1, "php": 2}
"""How often they print an event that came twice: PHP forgets between requests, as the page says."""


def listen(payments: Payments, receiver: Receiver, *types: str) -> Json:
    """An endpoint for the events of everybody, that the receiver is."""
    asked = {"url": receiver.url, "types": types or ("payment.*",), "everybody": True}
    answer = requests.post(payments.stack.api + ENDPOINTS, json=asked, headers=ADMIN, timeout=30)
    assert answer.status_code == 201, answer.text
    endpoint: Json = answer.json()
    receiver.secret = endpoint["secret"]
    return endpoint


@EVERY_SETUP
def test_a_payment_through_a_504_is_announced_in_all_its_statuses(payments: Payments) -> None:
    with Receiver() as receiver:
        endpoint = listen(payments, receiver)
        payments.script({"call": "debit", "answer": "504-late", "late_s": 1})

        payment = payments.pay("+2250707000011")

        told = receiver.statuses(payment["id"], payment["status"])
        requests.delete(f"{payments.stack.api}{ENDPOINTS}/{endpoint['id']}", headers=ADMIN, timeout=30)
    assert payment["status"] == "succeeded"
    assert told == ["accepted", "processing", "succeeded"]
    assert receiver.wrong == []


@EVERY_SETUP
def test_a_receiver_that_fails_gets_the_same_words_again(payments: Payments) -> None:
    answers = iter([500])
    with Receiver(lambda _: next(answers, 204)) as receiver:
        endpoint = listen(payments, receiver, "payment.succeeded")
        payment = payments.pay("+2250707000011")
        first, second = (receiver.events.get(timeout=60) for _ in range(2))
        listed = requests.get(
            f"{payments.stack.api}/v1/webhooks/deliveries?endpoint={endpoint['id']}", headers=ADMIN, timeout=30
        ).json()["deliveries"]
        requests.delete(f"{payments.stack.api}{ENDPOINTS}/{endpoint['id']}", headers=ADMIN, timeout=30)
    assert first == second
    assert first["data"]["id"] == payment["id"]
    assert [len(set(bodies)) for bodies in receiver.had.values()] == [1]
    assert [each["operation"] for each in listed] == [payment["id"]]


@pytest.fixture(
    params=[
        "embedded",
        pytest.param(
            "servers",
            marks=[
                pytest.mark.xdist_group("rabbitmq"),
                pytest.mark.skipif(KILLS <= 10, reason="WEBHOOK_KILLS=200 runs it on servers too"),
            ],
        ),
    ]
)
def servers(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings of a stack: on this machine alone, or on MongoDB and RabbitMQ."""
    if request.param == "embedded":
        yield {}
        return
    store, rabbit = request.getfixturevalue("mongodb"), request.getfixturevalue("rabbit")
    with own_database(store.url) as store_url:
        yield {"STORE_URL": store_url, "BROKER_URL": rabbit.url}


@pytest.mark.slow
@pytest.mark.timeout(30 * KILLS)
def test_a_worker_killed_between_the_end_and_the_delivery_loses_no_event(
    tmp_path: Path, servers: dict[str, str]
) -> None:
    """Half of the workers die when the payment has just ended, and half while the receiver holds its answer back."""
    reached: list[str] = []
    with Stack(tmp_path, {**FAST, **servers, "WEBHOOK_TIMEOUT_S": "2"}) as stack, Receiver() as receiver:
        payments = Payments(stack)
        if servers:
            stack.migrate()
        stack.start()
        listen(payments, receiver)
        ids = []
        for number in range(KILLS):
            answer = payments.ask(payments.body("+2250707000011"))
            payment = payments.end(answer) if number % 2 == 0 else wait_for(receiver, answer.json()["id"])
            stack.processes["worker"].send_signal(signal.SIGKILL)
            stack.processes.pop("worker").wait()
            reached.append(payment["status"])
            ids.append(answer.json()["id"])
            stack.start(["worker"])
        told = {id: receiver.statuses(id, "succeeded") for id in ids}
        stories = {id: payments.get(f"/amendes/payments/{id}").json() for id in ids}
    for id, story in stories.items():
        happened = [entry["event"] for entry in story["timeline"] if entry["event"] in told[id] + ["in_doubt"]]
        assert set(told[id]) == set(happened), story
    assert all(len(set(bodies)) == 1 for bodies in receiver.had.values())
    assert receiver.wrong == []
    assert len(reached) == KILLS


def wait_for(receiver: Receiver, id: str) -> Json:
    """The first word of a payment's end."""
    while True:
        event = receiver.events.get(timeout=60)
        if event["data"]["id"] == id and event["type"] == "payment.succeeded":
            found: Json = event["data"]
            return found


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Payments]:
    """As `make run`, with a quick sandbox."""
    with Stack(tmp_path_factory.mktemp("webhooks"), PACE) as stack:
        stack.start()
        yield Payments(stack)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("language", PROGRAMS)
def test_a_receiver_of_the_page_verifies_and_drops_repeats(language: str, trial: Payments, tmp_path: Path) -> None:
    if not shutil.which(PROGRAMS[language][0]):
        pytest.skip(f"{PROGRAMS[language][0]} is not installed")
    # Given an endpoint, as the page makes it, and the receiver that the page shows
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/hooks"
    made = requests.post(trial.stack.api + ENDPOINTS, json={"url": url, "types": ["payment.*"]}, timeout=30).json()
    (code,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    program = tmp_path / f"receiver.{language}"
    program.write_text(code.replace("9000", str(port)))
    command = [part.replace("9000", str(port)) for part in PROGRAMS[language]]
    environment = {**os.environ, "WEBHOOK_SECRET": made["secret"]}
    with subprocess.Popen(
        [*command, program], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            output = process.stdout
            assert output is not None
            answered(url)

            def printed() -> list[str]:
                """The type and the operation, after what the program puts before them."""
                return output.readline().split()[-2:]

            payment = trial.pay("+2250707000011")
            lines = [printed()]
            while lines[-1] != ["payment.succeeded", payment["id"]]:
                assert lines[-1], "it has stopped"
                lines.append(printed())

            # Then a repeat, which it takes and does not print; and at last a new payment
            delivered = trial.get(f"/v1/webhooks/deliveries?operation={payment['id']}&type=payment.succeeded")
            again = f"/v1/webhooks/deliveries/{delivered.json()['deliveries'][0]['id']}/resend"
            sent = trial.post(again, {}, {"Prefer": "wait=20"})
            assert (sent.status_code, sent.json()["state"]) == (200, "delivered"), sent.text
            other = trial.pay("+2250707000011")
            while ["payment.succeeded", other["id"]] not in lines:
                lines.append(printed())
            assert lines.count(["payment.succeeded", payment["id"]]) == PRINTED[language]
            # And what is not signed is refused
            forged = requests.post(url, json={"type": "payment.succeeded", "data": {"id": "x"}}, timeout=10)
            assert forged.status_code == 400
        finally:
            process.kill()
            requests.delete(f"{trial.stack.api}{ENDPOINTS}/{made['id']}", timeout=30)


def answered(url: str) -> None:
    """Returns when something listens there."""
    give_up_at = time.monotonic() + 30
    while time.monotonic() < give_up_at:
        try:
            requests.post(url, data=b"{}", timeout=1)
        except requests.ConnectionError:
            continue
        return
    raise Empty("nothing listens")
