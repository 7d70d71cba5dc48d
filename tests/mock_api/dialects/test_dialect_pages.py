"""Wave and Orange WebPay, whose payers are sent to a page: what the common tests do not show."""

import hashlib
import hmac
from typing import Any

import pytest

from tests.answers import Answer
from tests.mock_api.dialects.drivers import BEARER, DRIVERS, PAGES, WAVE_SESSIONS, WEBPAY
from tests.sandbox import Json, Sandbox

SPOKEN = {"wave", "orange_webpay"}
WAVE, ORANGE = (next(driver for driver in DRIVERS if driver.name == name) for name in ("wave", "orange_webpay"))


def create(sandbox: Sandbox, key: str = "", **more: Any) -> Answer:
    headers = BEARER | ({"Idempotency-Key": key} if key else {})
    return sandbox.call("POST", WAVE_SESSIONS, headers, json=PAGES | {"amount": "1000", "currency": "XOF"} | more)


def path_of(url: str) -> str:
    assert url.startswith("http://localhost/")
    return url.removeprefix("http://localhost")


def click(sandbox: Sandbox, path: str, action: str = "confirm", phone: str = "") -> Answer:
    return sandbox.call("POST", path, data={"action": action, "phone": phone})


def test_a_wave_session(sandbox: Sandbox) -> None:
    opened = create(sandbox, "key-1", client_reference="op-1").json
    assert opened == PAGES | {
        "id": opened["id"],
        "amount": "1000",
        "currency": "XOF",
        "checkout_status": "open",
        "payment_status": "processing",
        "client_reference": "op-1",
        "wave_launch_url": f"http://localhost/wave/c/{opened['id']}",
        "when_created": "2027-01-15T08:00:00Z",
        "when_expires": "2027-01-15T08:30:00Z",
    }
    assert create(sandbox, "key-1", client_reference="op-1").json == opened
    assert create(sandbox, client_reference="op-1").json["id"] != opened["id"], "without a key it is a new one"
    sandbox.now += 2
    done = sandbox.call("GET", f"{WAVE_SESSIONS}/{opened['id']}", BEARER).json
    assert (done["checkout_status"], done["payment_status"]) == ("complete", "succeeded")
    assert sandbox.really() == ["op-1", "op-1"]
    found = sandbox.call("GET", f"{WAVE_SESSIONS}/search?transaction_id={done['transaction_id']}", BEARER).json
    assert [each["id"] for each in found["result"]] == [opened["id"]]


def test_what_wave_refuses(sandbox: Sandbox) -> None:
    assert create(sandbox, colour="red").status_code == 400
    assert create(sandbox, amount="10.5").status_code == 400
    assert create(sandbox, amount=1000.5).status_code == 400
    assert sandbox.call("GET", f"{WAVE_SESSIONS}/x", {"Authorization": "Bearer wrong"}).status_code == 401
    assert sandbox.call("GET", f"{WAVE_SESSIONS}/x", BEARER).status_code == 404
    assert sandbox.call("POST", "/wave/v1/payout", BEARER, json={}).status_code == 400


def test_a_wave_session_is_refunded_once_and_only_when_paid(sandbox: Sandbox) -> None:
    own = create(sandbox, client_reference="op-1").json["id"]
    path = f"{WAVE_SESSIONS}/{own}/refund"
    assert sandbox.call("POST", path, BEARER).status_code == 409
    sandbox.now += 2
    assert [sandbox.call("POST", path, BEARER).status_code for _ in range(2)] == [200, 200]
    (row,) = sandbox.truth()["refunds"]
    assert (row["request_id"], row["debit_request_id"], row["amount"]) == (own, "op-1", "1000")
    assert sandbox.call("GET", f"{WAVE_SESSIONS}/{own}", BEARER).json["when_refunded"] == "2027-01-15T08:00:02Z"


def test_a_wave_session_expires(sandbox: Sandbox) -> None:
    own = create(sandbox).json["id"]
    assert sandbox.call("POST", f"{WAVE_SESSIONS}/{own}/expire", BEARER).status_code == 200
    sandbox.now += 3600
    gone = sandbox.call("GET", f"{WAVE_SESSIONS}/{own}", BEARER).json
    assert (gone["checkout_status"], gone["last_payment_error"]["code"]) == ("expired", "session-expired")
    assert sandbox.really() == []


def test_wave_s_webhooks_are_signed(sandbox: Sandbox) -> None:
    sandbox.start(wave_webhook_secret="s3cret", wave_webhook_url="https://city.example/wave")
    create(sandbox, client_reference="op-1")
    sandbox.now += 2
    sandbox.app.extensions["sender"].run_once()
    (message,) = sandbox.posted
    stamp, _, signature = message.headers["Wave-Signature"].partition(",v1=")
    assert stamp == f"t={int(sandbox.now)}"
    assert signature == hmac.digest(b"s3cret", stamp[2:].encode() + message.body, hashlib.sha256).hex()
    (told,) = sandbox.callbacks()
    assert (told["type"], told["data"]["client_reference"]) == ("checkout.session.completed", "op-1")
    assert told["id"].startswith("EV_")


def test_a_wave_payout(sandbox: Sandbox) -> None:
    body = {"currency": "XOF", "receive_amount": "500", "mobile": "+221771234511", "client_reference": "p-1"}
    headers = BEARER | {"Idempotency-Key": "k"}
    paid = [sandbox.call("POST", "/wave/v1/payout", headers, json=body).json for _ in range(2)]
    assert (paid[0], paid[0]["status"]) == (paid[1], "processing")
    sandbox.now += 2
    assert sandbox.call("GET", f"/wave/v1/payout/{paid[0]['id']}", BEARER).json["status"] == "succeeded"
    assert sandbox.really("payouts") == ["p-1"]


def webpay(sandbox: Sandbox, reference: str = "op-1", digits: str = "11") -> Json:
    return ORANGE.pay(sandbox, reference, digits).json


def test_webpay_says_201_and_notifies_with_three_fields(sandbox: Sandbox) -> None:
    opened = webpay(sandbox)
    assert (opened["status"], opened["message"]) == (201, "OK")
    assert ORANGE.pay(sandbox, "op-1", "11").status_code == 400
    body = {"order_id": "op-1", "amount": 15000, "pay_token": "another"}
    assert sandbox.call("POST", f"{WEBPAY}/transactionstatus", BEARER, json=body).status_code == 404
    sandbox.now += 2
    (told,) = sandbox.callbacks()
    (debit,) = sandbox.truth()["debits"]
    assert told == {"status": "SUCCESS", "notif_token": opened["notif_token"], "txnid": debit["transaction_id"]}


def test_webpay_s_initiated_ends_as_expired(sandbox: Sandbox) -> None:
    answer = ORANGE.pay(sandbox, "op-1", "10")
    seen = []
    for seconds in (0, 599, 1):
        sandbox.now += seconds
        body = {"order_id": "op-1", "amount": 15000, "pay_token": answer.json["pay_token"]}
        seen.append(sandbox.call("POST", f"{WEBPAY}/transactionstatus", BEARER, json=body).json["status"])
    assert seen == ["INITIATED", "INITIATED", "EXPIRED"]


@pytest.mark.parametrize(
    ("action", "phone", "location", "really"),
    [
        ("confirm", "", PAGES["success_url"], ["op-1"]),
        ("confirm", "+225 07 07 00 00 02", PAGES["error_url"], []),
        ("cancel", "", PAGES["error_url"], []),
    ],
)
def test_a_person_answers_on_the_payer_s_page(
    sandbox: Sandbox, action: str, phone: str, location: str, really: list[str]
) -> None:
    page = path_of(webpay(sandbox)["payment_url"])
    assert "15000 XOF" in sandbox.get(page).text
    sandbox.now += 60
    assert sandbox.really() == [], "a visit of the page ends the automatic approval"
    answer = click(sandbox, page, action, phone)
    assert (answer.status_code, answer.headers["Location"]) == (303, location)
    assert sandbox.really() == really
    assert click(sandbox, page, "confirm").status_code == 200
    assert sandbox.really() == really
    assert len(sandbox.callbacks()) == 1


def test_a_payer_s_page_that_is_left_expires(sandbox: Sandbox) -> None:
    page = path_of(create(sandbox).json["wave_launch_url"])
    assert sandbox.get(page).status_code == 200
    assert click(sandbox, page, "confirm", "no phone").status_code == 400
    assert click(sandbox, page, "dance").status_code == 400
    assert sandbox.get("/wave/c/nothing").status_code == 404
    sandbox.now += 1_800
    assert sandbox.really() == []
    assert "EXPIRED" in sandbox.get(page).text


def test_without_automatic_approval_only_the_page_pays(sandbox: Sandbox) -> None:
    sandbox.start(auto_approve=False)
    answer = ORANGE.pay(sandbox, "op-1", "11")
    sandbox.now += 60
    assert ORANGE.state(sandbox, "op-1", answer) == "PENDING"
    page = path_of(answer.json["payment_url"])
    click(sandbox, page, phone="+2250707000006")
    body = {"order_id": "op-1", "amount": 15000, "pay_token": answer.json["pay_token"]}
    assert sandbox.call("POST", f"{WEBPAY}/transactionstatus", BEARER, json=body).json["status"] == "PENDING"
    sandbox.now += 20
    assert ORANGE.state(sandbox, "op-1", answer) == "SUCCESSFUL"


def test_an_early_callback_does_not_end_an_order_before_its_payer_comes(sandbox: Sandbox) -> None:
    sandbox.start(auto_approve=False)
    sandbox.script({"call": "callback", "answer": "early"})
    answer = ORANGE.pay(sandbox, "op-1", "11")
    assert sandbox.posted == []
    click(sandbox, path_of(answer.json["payment_url"]))
    assert ORANGE.state(sandbox, "op-1", answer) == "SUCCESSFUL"


def test_a_payer_s_page_escapes_what_callers_send(sandbox: Sandbox) -> None:
    page = path_of(create(sandbox, client_reference="<script>x</script>").json["wave_launch_url"])
    text = sandbox.get(page).text
    assert "<script>x" not in text
    assert "&lt;script&gt;x" in text
