"""`quittance webhooks`: events are verified, printed, forwarded, and sent again."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import jsonschema
import pytest
import requests
from click.testing import CliRunner
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook

from core.accept import accept
from core.bootstrap import Core, open_core
from core.broker.embedded import EmbeddedBroker
from core.clock import SystemClock, to_rfc3339
from core.operation import Operation, Status
from core.settings import Settings, read_settings
from core.steps import Call
from core.store.port import OPERATIONS
from ops.commands import webhooks
from ops.following import Following, line
from ops.webhooks import receiver
from products.webhooks.catalogue import schema
from products.webhooks.contract import DELIVER_STEP, WEBHOOK, delivery
from products.webhooks.endpoints import Endpoints, new_secret
from products.webhooks.messages import trial_message
from tests.doubles import open_sql
from tests.ops.test_json_output import SHAPES

BODY = b'{"type":"webhook.test","timestamp":"2026-01-01T12:00:00Z","data":{"id":"x"}}'


@contextmanager
def listening(secret: str, forward_to: str | None = None) -> Iterator[str]:
    """The URL of a receiver."""
    with receiver(secret, forward_to, 0) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()


def send(url: str, secret: str, body: bytes = BODY) -> int:
    now = datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, BODY.decode()),
    }
    return requests.post(url, data=body, headers=headers, timeout=10).status_code


def test_a_verified_event_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    secret = new_secret()
    with listening(secret) as url:
        assert send(url, secret) == 204
    assert capsys.readouterr().out == f"webhook.test msg_1 {BODY.decode()}\n"


def test_what_is_not_signed_is_refused_and_not_forwarded(
    capsys: pytest.CaptureFixture[str], httpserver: HTTPServer
) -> None:
    secret = new_secret()
    with listening(secret, httpserver.url_for("/")) as url:
        assert send(url, new_secret()) == 400
        assert send(url, secret, BODY.replace(b"x", b"y")) == 400
        assert requests.post(url, data=BODY, timeout=10).status_code == 400
        assert send(url, secret, b"x" * 70_000) == 413
    assert capsys.readouterr().out == ""
    assert httpserver.log == []


@pytest.mark.parametrize("status", [200, 302, 500])
def test_an_event_is_forwarded_as_it_came(httpserver: HTTPServer, status: int) -> None:
    secret = new_secret()
    httpserver.expect_request("/mine", method="POST").respond_with_data("", status=status)
    with listening(secret, httpserver.url_for("/mine")) as url:
        assert send(url, secret) == status
    ((request, _),) = httpserver.log
    assert Webhook(secret).verify(request.data, dict(request.headers))["type"] == "webhook.test"


def test_where_nothing_listens_the_sender_tries_again() -> None:
    secret = new_secret()
    with listening(secret, "http://127.0.0.1:9/") as url:
        assert send(url, secret) == 502


@pytest.mark.parametrize("secret", ["", "whsec_"])
def test_what_is_no_secret_is_refused(secret: str) -> None:
    done = CliRunner().invoke(webhooks, ["listen", "--secret", secret, "--port", "0"])
    assert done.exit_code == 2


def test_a_delivery_is_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url, clock = f"sqlite:///{tmp_path / 'store.sqlite'}", SystemClock()
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    store = open_sql(url)
    endpoint = Endpoints(store, clock).create("shop", "https://shop.example/", ("*",))
    message = trial_message(endpoint.id, to_rfc3339(clock.now()))
    first = accept(store, EmbeddedBroker(store, clock), clock, delivery(endpoint, message, None)).operation

    done = CliRunner().invoke(webhooks, ["resend", first.id])

    assert done.exit_code == 0, done.output
    bodies = {document["request"]["body"] for document in store.find(OPERATIONS, {"kind": WEBHOOK.kind})}
    assert (len(store.find(OPERATIONS, {"kind": WEBHOOK.kind})), bodies) == (2, {message.body})
    Endpoints(store, clock).switch_off(endpoint.id, "test")
    for id, why in ((first.id, "is off"), ("x", "no delivery"), (endpoint.id, "no delivery")):
        refused = CliRunner().invoke(webhooks, ["resend", id])
        assert (refused.exit_code, why in refused.output) == (1, True), refused.output
    store.close()


@pytest.fixture
def core(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Core]:
    """The store that the commands open."""
    monkeypatch.setenv("STORE_URL", f"sqlite:///{tmp_path / 'store.sqlite'}")
    monkeypatch.setenv("VAR_DIR", str(tmp_path))
    opened = open_core(read_settings())
    yield opened
    opened.close()


def sent(core: Core) -> list[Any]:
    return [WEBHOOK.read(Operation.from_document(each)) for each in core.store.find(OPERATIONS, {"kind": WEBHOOK.kind})]


def test_an_example_says_that_it_is_a_test(core: Core) -> None:
    endpoints = core.of(Endpoints)
    mine = endpoints.create("shop", "https://shop.example/", ("payment.*",))
    endpoints.create("shop", "https://shop.example/other", ("charge.*",))
    other = endpoints.create("other", "https://other.example/", ("*",))

    done = CliRunner().invoke(webhooks, ["trigger", "payment.succeeded", "--client", "shop"])

    assert done.exit_code == 0, done.output
    (request,) = sent(core)
    body = json.loads(request.body)
    jsonschema.validate(body, schema())
    assert (request.endpoint, request.about, body["type"]) == (mine.id, None, "payment.succeeded")
    assert (body["data"]["test"], request.message.startswith("msg_test_")) == (True, True)
    for options, exit_code, number in [
        (["payment.failed"], 0, 3),  # on one machine, to all that want it
        (["charge.failed", "--endpoint", other.id], 0, 4),
        (["payment.nothing"], 2, 4),
        (["event.published", "--client", "shop"], 1, 4),
        (["payment.failed", "--endpoint", "x"], 1, 4),
    ]:
        assert CliRunner().invoke(webhooks, ["trigger", *options]).exit_code == exit_code
        assert len(sent(core)) == number, options


def test_others_get_no_test_by_mistake(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    core.of(Endpoints).create("shop", "https://shop.example/", ("*",))
    monkeypatch.setattr("core.settings.refusals", lambda *_: [])
    monkeypatch.setattr(Settings, "local", property(lambda _: False))
    done = CliRunner().invoke(webhooks, ["trigger", "payment.failed"])
    assert (done.exit_code, sent(core)) == (2, [])


def test_deliveries_are_followed(core: Core) -> None:
    def accepted() -> Operation:
        message = trial_message(endpoint.id, to_rfc3339(core.clock.now()))
        return core.accept(delivery(endpoint, message, None)).operation

    endpoint = core.of(Endpoints).create("shop", "https://shop.example/", ("*",))
    before = accepted()
    following, elsewhere = Following(core), Following(core, "other")
    assert list(following.look()) == []
    made = accepted()
    assert [line(each).split()[1:] for each in following.look()] == [
        ["pending", "webhook.test", made.id, "not", "tried", "yet"]
    ]
    assert list(following.look()) == []
    for each in (before, made):
        call = Call(core.clock.now(), 12, "submit", "confirmed", {"http": 204})
        step = each.step(DELIVER_STEP).with_call(call)
        moved = each.with_step(DELIVER_STEP, step).moved(Status.PROCESSING, call.at).moved(Status.SUCCEEDED, call.at)
        core.store.replace(OPERATIONS, moved.to_document())
    lines = [line(each) for each in following.look()]
    assert [text.split()[3] for text in lines] == [before.id, made.id]
    assert all("delivered webhook.test" in text and text.endswith("HTTP 204 in 12 ms") for text in lines)
    assert (list(following.look()), list(elsewhere.look())) == ([], [])


def test_each_delivery_is_a_line_of_json(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoint = core.of(Endpoints).create("shop", "https://shop.example/", ("*",))
    made = core.accept(delivery(endpoint, trial_message(endpoint.id, to_rfc3339(core.clock.now())), None)).operation

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    call = Call(core.clock.now(), 12, "submit", "unavailable", {"http": 500, "body": "\x9b31m"})
    tried = made.with_step(DELIVER_STEP, replace(made.step(DELIVER_STEP), calls=(call,)))
    monkeypatch.setattr(Following, "look", lambda _: iter([tried]))
    monkeypatch.setattr("ops.webhooks.time.sleep", interrupt)
    done = CliRunner().invoke(webhooks, ["tail", "--json"])
    assert done.stdout.isascii()  # what a receiver says gives the terminal no orders
    (only,) = done.stdout.splitlines()
    assert SHAPES["webhooks tail"] == (dict, set(json.loads(only)))
    assert {name: json.loads(only)[name] for name in ("id", "state")} == {"id": made.id, "state": "pending"}
    assert [each["answer"] for each in json.loads(only)["attempts"]] == ["\x9b31m"]
