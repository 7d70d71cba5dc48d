"""Every dialect plays every fault, and moves the money once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.answers import Answer
from tests.mock_api.dialects.drivers import CALLBACK, DRIVERS, Driver
from tests.sandbox import Sandbox

each = pytest.mark.parametrize("driver", DRIVERS, ids=lambda driver: driver.name)
by_own_id = pytest.mark.parametrize("driver", [d for d in DRIVERS if d.own_id], ids=lambda driver: driver.name)


@each
def test_a_debit_waits_for_the_payer_and_then_moves_the_money(sandbox: Sandbox, driver: Driver) -> None:
    answer = driver.pay(sandbox, "op-1", "11")
    assert driver.accepted(answer), answer.text
    assert driver.state(sandbox, "op-1", answer) == "PENDING"
    assert sandbox.really() == []

    sandbox.now += 2

    assert driver.state(sandbox, "op-1", answer) == "SUCCESSFUL"
    (debit,) = sandbox.truth()["debits"]
    assert debit["msisdn"].startswith(driver.phone)
    assert (debit["amount"], debit["dialect"], debit["callback"]) == ("15000", driver.name, CALLBACK)
    assert len(debit["currency"]) == 3
    assert debit["at"] == "2027-01-15T08:00:02.000Z"


@each
def test_phones_that_do_not_pay(sandbox: Sandbox, driver: Driver) -> None:
    for digits in ("02", "07", "09", "10"):
        answer = driver.pay(sandbox, f"op-{digits}", digits)
        assert driver.accepted(answer)
        sandbox.now += 2
        assert driver.state(sandbox, f"op-{digits}", answer) == ("PENDING" if digits == "10" else "FAILED")
        sandbox.now += 3600
        assert driver.state(sandbox, f"op-{digits}", answer) == "FAILED"
        assert len(sandbox.callbacks()) == 1
    assert sandbox.really() == []


@each
def test_a_slow_payer(sandbox: Sandbox, driver: Driver) -> None:
    answer = driver.pay(sandbox, "op-1", "06")
    sandbox.now += 19
    assert driver.state(sandbox, "op-1", answer) == "PENDING"
    sandbox.now += 1
    assert driver.state(sandbox, "op-1", answer) == "SUCCESSFUL"


FAULTS = [
    ("504-lost", 504, False),
    ("504-done", 504, True),
    ("504-late", 504, True),
    ("400", 400, False),
    ("429", 429, False),
    ("500", 500, False),
    ("503", 503, False),
    ("token-expired", 401, False),
    ("html", 200, False),
]


@each
def test_faults_of_the_debit(sandbox: Sandbox, driver: Driver) -> None:
    moved = 0
    for fault, status, done in FAULTS:
        sandbox.script({"call": "debit", "dialect": driver.name, "answer": fault})
        answer = driver.pay(sandbox, f"op-{fault}", "11")
        assert answer.status_code == status, fault
        assert answer.is_json == (fault != "html")
        assert "on purpose" not in answer.text, "the vendor's words"
        assert len(sandbox.really()) == moved
        sandbox.now += 60
        moved += done
        assert len(sandbox.really()) == moved, fault
        assert len(sandbox.callbacks()) == int(done)


@each
def test_a_reset_connection_may_hide_a_debit(sandbox: Sandbox, driver: Driver) -> None:
    sandbox.script({"call": "debit", "answer": "reset", "done": True})
    with pytest.raises(ConnectionResetError):
        driver.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    assert len(sandbox.really()) == 1


@each
def test_a_scripted_end(sandbox: Sandbox, driver: Driver) -> None:
    sandbox.script(
        {"call": "debit", "answer": "failed", "reason": "INSUFFICIENT_FUNDS"},
        {"call": "debit", "answer": "expired", "late_s": 7},
        {"call": "debit", "answer": "pending", "late_s": 50},
    )
    answers = [driver.pay(sandbox, f"op-{number}", "11") for number in range(3)]
    seen = []
    for seconds in (0, 2, 5, 43):
        sandbox.now += seconds
        seen.append([driver.state(sandbox, f"op-{number}", answer) for number, answer in enumerate(answers)])
    assert seen == [
        ["PENDING", "PENDING", "PENDING"],
        ["FAILED", "PENDING", "PENDING"],
        ["FAILED", "FAILED", "PENDING"],
        ["FAILED", "FAILED", "SUCCESSFUL"],
    ]
    assert len(sandbox.really()) == 1


@each
def test_a_status_lags_behind(sandbox: Sandbox, driver: Driver) -> None:
    sandbox.script({"call": "debit", "answer": "status-lags", "late_s": 30})
    answer = driver.pay(sandbox, "op-1", "11")
    sandbox.now += 29
    assert driver.state(sandbox, "op-1", answer) not in ("PENDING", "SUCCESSFUL", "FAILED")
    assert len(sandbox.really()) == 1
    sandbox.now += 1
    assert driver.state(sandbox, "op-1", answer) == "SUCCESSFUL"


@each
def test_an_enquiry_can_fail(sandbox: Sandbox, driver: Driver) -> None:
    answer = driver.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    for fault, status in (("503", "503"), ("504-lost", "504"), ("token-expired", "401"), ("404", "404")):
        sandbox.script({"call": "request", "dialect": driver.name, "answer": fault})
        assert driver.state(sandbox, "op-1", answer) == status
        assert driver.state(sandbox, "op-1", answer) == "SUCCESSFUL"


@by_own_id
def test_the_same_id_again_moves_no_more_money(sandbox: Sandbox, driver: Driver) -> None:
    for _ in range(3):
        driver.pay(sandbox, "op-1", "11")
        sandbox.now += 2
    assert len(sandbox.really()) == 1
    assert len(sandbox.callbacks()) == 1


@by_own_id
def test_phones_whose_answers_are_lost(sandbox: Sandbox, driver: Driver) -> None:
    for number, (digits, calls) in enumerate([("03", 3), ("04", 3), ("05", 2)], start=1):
        statuses = [driver.pay(sandbox, f"op-{digits}", digits).status_code for _ in range(calls)]
        assert statuses[:2] == [504, 504]
        sandbox.now += 60
        assert driver.state(sandbox, f"op-{digits}", None) == "SUCCESSFUL"
        assert len(sandbox.really()) == number


@each
def test_rules_of_other_dialects_do_not_apply(sandbox: Sandbox, driver: Driver) -> None:
    other = next(d.name for d in DRIVERS if d.name != driver.name)
    sandbox.script({"call": "debit", "dialect": other, "answer": "503"})
    assert driver.accepted(driver.pay(sandbox, "op-1", "11"))
    assert driver.accepted(sandbox.debit())
    assert len(sandbox.get("/_faults").json["faults"]) == 1


@each
def test_a_debit_survives_a_restart_and_so_does_its_callback(sandbox: Sandbox, driver: Driver) -> None:
    answer = driver.pay(sandbox, "op-1", "11")
    sandbox.start()
    sandbox.now += 2
    assert driver.state(sandbox, "op-1", answer) == "SUCCESSFUL"
    sandbox.start()
    assert len(sandbox.callbacks()) == 1
    sandbox.start()
    assert sandbox.callbacks() == []


SPOKEN = {"mtn", "mvola", "airtel", "orange_cm", "orange_webpay", "daraja"}
TOKENS = {
    "mtn": ("POST", "/mtn/collection/token/", "basic"),
    "mvola": ("POST", "/mvola/token", "form"),
    "airtel": ("POST", "/airtel/auth/oauth2/token", "json"),
    "orange_cm": ("POST", "/orange-cm/token", "form"),
    "orange_webpay": ("POST", "/orange-webpay/oauth/v3/token", "form"),
    "daraja": ("GET", "/daraja/oauth/v1/generate?grant_type=client_credentials", "basic"),
}


@pytest.mark.parametrize("name", TOKENS)
def test_the_call_for_tokens_can_be_down(sandbox: Sandbox, name: str) -> None:
    method, path, kind = TOKENS[name]

    def ask(secret: str) -> int:
        fields = {"grant_type": "client_credentials", "scope": "EXT_INT_MVOLA_SCOPE"}
        ids = {"client_id": "user", "client_secret": secret}
        body: dict[str, Any] = {"json": fields | ids} if kind == "json" else {"auth": ("user", secret)}
        if kind == "form":
            body["data"] = fields
        return sandbox.call(method, path, {"Ocp-Apim-Subscription-Key": "key"}, **body).status_code

    sandbox.script(*({"call": "token", "dialect": name, "answer": answer} for answer in ("503", "504-lost")))
    assert [ask(secret) for secret in ("s", "s", "s", "wrong", "")] == [503, 504, 200, 401, 401]


@by_own_id
def test_the_same_id_at_once_moves_the_money_once(sandbox: Sandbox, driver: Driver) -> None:
    sandbox.script({"call": "debit", "answer": "503"})
    driver.pay(sandbox, "op-1", "11")  # where there is a first call, it is made
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: driver.pay(sandbox, "op-1", "11"), range(8)))
    assert any(driver.accepted(answer) for answer in answers)
    sandbox.now += 2
    assert len(sandbox.really()) == 1
    assert len(sandbox.callbacks()) == 1


@each
def test_spoilt_answers_claim_a_success_even_if_nothing_is_done(sandbox: Sandbox, driver: Driver) -> None:
    for answer in ("truncated", "wrong-id"):
        sandbox.script({"call": "debit", "answer": answer, "done": False})
        assert driver.accepted(driver.pay(sandbox, f"op-{answer[:5]}", "11"))
    sandbox.now += 60
    assert sandbox.really() == []


HOSTILE: list[object] = [None, True, -1, 1.5, 10**30, "", "\ud800", "\x00", "x" * 3000, "1e5", "Infinity", [], {}, [1]]


def spoilt(body: object, value: object) -> Iterator[object]:
    """The body with each of its fields, at any depth, replaced by the value, and with it left out."""
    if isinstance(body, dict):
        for name in body:
            rest = {other: each for other, each in body.items() if other != name}
            yield rest
            yield rest | {name: value}
            yield from (rest | {name: each} for each in spoilt(body[name], value))


@each
def test_no_body_is_an_error_of_the_sandbox(sandbox: Sandbox, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bodies of a payment and of an enquiry, with every field spoilt."""
    calls: list[tuple[str, str, dict[str, str], object]] = []
    call = sandbox.call

    def record(method: str, path: str, headers: dict[str, str] | None = None, **body: Any) -> Answer:
        calls.append((method, path, headers or {}, body.get("json")))
        return call(method, path, headers, **body)

    monkeypatch.setattr(sandbox, "call", record)
    sandbox.app.testing = True  # what the sandbox raises is raised here
    driver.state(sandbox, "op-1", driver.pay(sandbox, "op-1", "11"))
    sent = 0
    for method, path, headers, good in calls:
        for value in HOSTILE:
            for body in spoilt({} if path.startswith("/_") else good, value):
                assert call(method, path, headers, json=body).status_code < 600
                sent += 1
    assert sent > 50
