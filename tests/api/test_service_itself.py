"""What every answer has, wrong methods and paths, the figures and the logs."""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.api.kit import PHONE, TOKEN, URL, House, assert_problem, body, build

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nope",
        "/amendes",
        "/amendes/",
        "/amendes/payments/a/b",
        "/docs/nope.js",
        "/docs/../kit.py",
        "/v1",
        "/%00",
        "/\u00e9",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_paths(house: House, path: str, method: str) -> None:
    answer = house.http.open(path, method=method)

    if answer.status_code != 405:
        assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (URL, "GET HEAD OPTIONS POST"),
        (URL.removesuffix("/"), "GET HEAD OPTIONS POST"),
        (URL + "some-id", "GET HEAD OPTIONS"),
        (URL + "some-id/", "GET HEAD OPTIONS"),
        ("/healthz", "GET HEAD OPTIONS"),
        ("/readyz", "GET HEAD OPTIONS"),
        ("/metrics", "GET HEAD OPTIONS"),
        ("/openapi.json", "GET HEAD OPTIONS"),
        ("/docs/", "GET HEAD OPTIONS"),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "PATCH", "TRACE", "BREW", "POST"])
def test_wrong_methods_say_which_are_right(house: House, path: str, allowed: str, method: str) -> None:
    # Given a method that this path does not know
    wrong = method if method not in allowed else "LINK"

    # If I use it, with a body that is wrong as well
    answer = house.http.open(path, method=wrong, data=b"x", content_type="text/plain")

    # I expect 405, and what I may use instead
    assert_problem(answer, 405, "method_not_allowed")
    assert sorted(answer.headers["Allow"].split(", ")) == allowed.split()


@pytest.mark.parametrize(("path", "allowed"), [(URL, "GET HEAD OPTIONS POST"), (URL + "some-id", "GET HEAD OPTIONS")])
def test_options(house: House, path: str, allowed: str) -> None:
    answer = house.http.options(path)

    assert answer.status_code == 204
    assert "Content-Type" not in answer.headers
    assert sorted(answer.headers["Allow"].split(", ")) == allowed.split()


def test_head_of_the_list_needs_the_token_too(house: House) -> None:
    house.pay()

    assert house.http.head(URL).status_code == 401
    answer = house.http.head(URL, headers={"Authorization": f"Bearer {TOKEN}"})
    assert (answer.status_code, answer.data) == (200, b"")


def test_every_answer_has_the_security_headers(house: House) -> None:
    # Given answers of every sort
    id = house.pay()
    answers = [
        house.post(body()), house.post({}), house.post(b""), house.post(b"", content_type="text/plain"),
        house.get(id), house.get("x"), house.get(id, If_None_Match="*"), house.list(), house.list(token=""),
        house.http.get("/nope"), house.http.delete(URL),
        house.http.get("/healthz"), house.http.get("/docs/"), house.http.get("/openapi.json"), house.http.options(URL),
        house.post(b"x" * 70_000),
    ]  # fmt: skip

    # I expect that browsers may not guess, frame or refer, and that no header names our software
    assert {answer.status_code for answer in answers} == {200, 202, 204, 304, 400, 401, 404, 405, 413, 415, 422}
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert len(answer.headers.getlist("Content-Security-Policy")) == 1
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert "unsafe-eval" not in answer.headers["Content-Security-Policy"]
        assert "Set-Cookie" not in answer.headers
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_nothing_personal_is_kept_by_caches(house: House) -> None:
    # Given somebody with a wallet, and a payment
    awa, id = house.person("awa"), house.pay()
    personal = [
        awa.get("/v1/auth/read_current_user"), awa.get("/v1/wallets/me"), awa.get("/v1/payments"), house.list(),
        house.post(body()), house.post({}), house.get("x"), house.list(token=""), house.get("/nope"),
    ]  # fmt: skip

    # I expect that no cache keeps an answer, and that one which is asked for again and again is asked for each time
    assert {answer.headers["Cache-Control"] for answer in personal} == {"no-store"}
    assert house.get(id).headers["Cache-Control"] == "no-cache"


def test_only_our_own_scripts_run_on_the_page_of_the_docs(house: House) -> None:
    page = house.http.get("/docs/")
    policy = dict(rule.split(" ", 1) for rule in page.headers["Content-Security-Policy"].split("; "))

    # I expect the script in the page by its hash
    (script,) = re.findall("<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["script-src"] == f"'self' 'sha256-{digest}'"
    assert policy["connect-src"] == "'self'"


def test_a_request_without_a_host_is_refused(house: House) -> None:
    answer = house.http.get("/healthz", environ_overrides={"HTTP_HOST": None, "SERVER_PROTOCOL": "HTTP/1.1"})

    assert answer.status_code == 400


@pytest.mark.parametrize("host", ["evil.example\r\nX-Injected: 1", "<script>", "a b", "[::1"])
def test_a_strange_host_breaks_nothing(house: House, host: str) -> None:
    answer = house.http.post(URL, json=body(), environ_overrides={"HTTP_HOST": host})

    assert answer.status_code in (202, 400)
    assert "X-Injected" not in answer.headers
    assert b"<script>" not in answer.data


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "pay.example.ci"])
def test_the_location_uses_the_host_of_the_request(host: str) -> None:
    house = build(trusted_hosts=["pay.example.ci"])
    answer = house.http.post(URL, json=body(), environ_overrides={"HTTP_HOST": host})

    assert answer.headers["Location"] == f"http://{host}{URL}{answer.json['id']}"


def python(script: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A process of its own: what is set up once for all must not reach the other tests."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        "VAR_DIR": str(tmp_path),
        **environment,
    }
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


SERVED = """
import runpy
runpy.run_path("api/server.py")["on_starting"](None)
from tests.api.kit import URL, body, build
house = build()
house.get(house.pay())
house.post({})
print(house.http.get("/metrics").text)
"""


@pytest.mark.slow
def test_metrics_count_by_route_when_served_as_the_procfile_says(tmp_path: Path) -> None:
    # Given a process that reads api/server.py and then builds the app, as gunicorn's workers do
    figures = python(SERVED, tmp_path).stdout

    # I expect figures by route and status, without ids or phones in them
    assert re.search(
        r'quittance_http_requests_total\{method="POST",route="/amendes/payments/?",status="202"\} 1\.0', figures
    )
    assert re.search(
        r'quittance_http_requests_total\{method="POST",route="/amendes/payments/?",status="422"\} 1\.0', figures
    )
    assert 'route="/amendes/payments/<payment_id>"' in figures
    assert "0707000001" not in figures


def test_metrics_answer_in_any_process(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given an app that is not served by gunicorn
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)

    with capture_logs():
        answer = house.http.get("/metrics")

    assert answer.status_code == 200
    assert answer.mimetype == "text/plain"


LOGGED = """
from core.log import configure
configure("api", "DEBUG")
from core.errors import StoreUnavailable
from tests.api.kit import URL, body, build, PHONE
house = build()
ID = house.pay(); house.post(body(msisdn="+225 07 07 00 00 09 x")); house.list("msisdn=0707000001"); house.get(PHONE)
error = RuntimeError("cannot save", body(), PHONE)
def broken(*_, **__): raise error
house.store.insert = house.store.get = house.store.find = broken
house.post(body()); house.post(body(), {"Idempotency-Key": PHONE}); house.list("msisdn=0707000001"); house.get(ID)
error = StoreUnavailable(reason=f"no place for {PHONE}", document=body())
house.post(body()); house.get(ID); house.list("msisdn=0707000001", token="wrong-token")
"""


@pytest.mark.slow
def test_no_phone_and_no_token_is_logged(tmp_path: Path) -> None:
    # Given requests of every outcome, down to a bug whose message quotes the request
    done = python(LOGGED, tmp_path)

    # I expect lines of JSON that say so, and never the phone or the token
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["event"] for line in lines].count("request_failed") >= 5
    for secret in (PHONE, PHONE.removeprefix("+"), "0707000001", TOKEN, "wrong-token"):
        assert secret not in done.stderr + done.stdout


def test_made_up_methods_are_one_series_of_the_metrics(house: House) -> None:
    for method in ("AAAA", "BBBB"):
        assert house.http.open("/healthz", method=method).status_code == 405

    shown = house.http.get("/metrics").text
    assert 'method="other"' in shown
    assert "AAAA" not in shown
