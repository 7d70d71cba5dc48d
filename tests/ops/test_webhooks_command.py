"""`quittance webhooks`: events are verified, printed, forwarded, and sent again."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
import requests
from click.testing import CliRunner
from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook

from core.accept import accept
from core.broker.embedded import EmbeddedBroker
from core.clock import SystemClock, to_rfc3339
from core.store.port import OPERATIONS
from ops.commands import webhooks
from ops.webhooks import receiver
from products.webhooks.contract import WEBHOOK, delivery
from products.webhooks.endpoints import Endpoints, new_secret
from products.webhooks.messages import trial_message
from tests.doubles import open_sql

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
