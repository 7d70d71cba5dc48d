"""Airtel Africa and Orange Cameroon: what the common tests do not show."""

import base64
import hashlib
import hmac
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mock_api.dialects.airtel_pin import PUBLIC_KEY
from tests.answers import Answer
from tests.mock_api.dialects.drivers import AIRTEL_HEADERS, DRIVERS, ORANGE_CM_BASE, ORANGE_CM_HEADERS
from tests.sandbox import Sandbox

SPOKEN = {"airtel", "orange_cm"}
AIRTEL, ORANGE = (next(driver for driver in DRIVERS if driver.name == name) for name in ("airtel", "orange_cm"))


def enquire(sandbox: Sandbox, reference: str = "op-1") -> Answer:
    return sandbox.call("GET", f"/airtel/standard/v1/payments/{reference}", AIRTEL_HEADERS)


def test_success_means_that_the_prompt_is_sent(sandbox: Sandbox) -> None:
    answer = AIRTEL.pay(sandbox, "op-1", "02").json
    assert answer["data"]["transaction"] == {"id": "op-1", "status": "SUCCESS"}
    assert answer["status"]["success"] is True
    sandbox.now += 2
    failed = enquire(sandbox).json
    assert failed["data"]["transaction"]["status"] == "TF"
    assert failed["status"]["response_code"] == "DP00800001007"


def test_a_payment_is_ambiguous_for_a_while(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "ambiguous", "late_s": 60})
    AIRTEL.pay(sandbox, "op-1", "11")
    sandbox.now += 59
    assert enquire(sandbox).json["data"]["transaction"]["status"] == "TA"
    sandbox.now += 1
    done = enquire(sandbox).json["data"]["transaction"]
    assert done["status"] == "TS"
    assert sandbox.truth()["debits"][0]["transaction_id"] == done["airtel_money_id"]


def test_airtel_s_callbacks_are_hashed_if_asked(sandbox: Sandbox) -> None:
    for secret in ("", "s3cret"):
        sandbox.start(airtel_callback_secret=secret)
        AIRTEL.pay(sandbox, f"op-{secret}", "11")
        sandbox.now += 2
        (told,) = sandbox.callbacks()
        assert told["transaction"]["status_code"] == "TS"
        if secret:
            text = json.dumps(told["transaction"]).encode()
            digest = hmac.digest(secret.encode(), text, hashlib.sha256)
            assert told["hash"] == base64.b64encode(digest).decode()
        else:
            assert "hash" not in told


def test_a_refund_is_whole_and_names_the_money_id(sandbox: Sandbox) -> None:
    AIRTEL.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    money_id = enquire(sandbox).json["data"]["transaction"]["airtel_money_id"]
    path = "/airtel/standard/v1/payments/refund"
    refunds = [
        sandbox.call("POST", path, AIRTEL_HEADERS, json={"transaction": {"airtel_money_id": each}}).json["status"]
        for each in (money_id, money_id, "MP0")
    ]
    assert [refund["success"] for refund in refunds] == [True, False, False]
    (row,) = sandbox.truth()["refunds"]
    assert (row["request_id"], row["debit_request_id"], row["amount"]) == (money_id, "op-1", "15000")
    assert "Refunded" in enquire(sandbox).json["data"]["transaction"]["message"]


PAYOUTS = "/airtel/standard/v2/disbursements/"


def sealed(pin: str) -> str:
    """A PIN as Airtel wants it, by a library that is not the sandbox's own code."""
    key = load_der_public_key(base64.b64decode(PUBLIC_KEY))
    assert isinstance(key, RSAPublicKey)
    return base64.b64encode(key.encrypt(pin.encode(), PKCS1v15())).decode()


def disburse(sandbox: Sandbox, pin: str, msisdn: str = "977123411", **other: str) -> Answer:
    body = {"payee": {"msisdn": msisdn, "currency": "ZMW"}, "reference": "Prize1", "pin": pin, **other}
    transaction = {"amount": 5, "id": "p-1", "type": "B2C"}
    return sandbox.call("POST", PAYOUTS, AIRTEL_HEADERS, json={**body, "transaction": transaction})


def test_a_disbursement(sandbox: Sandbox) -> None:
    assert disburse(sandbox, sealed("1234")).json["data"]["transaction"]["status"] == "TIP"
    sandbox.now += 2
    done = sandbox.call("GET", f"{PAYOUTS}p-1?transactionType=B2C", AIRTEL_HEADERS).json
    assert (done["data"]["transaction"]["status"], done["status"]["response_code"]) == ("TS", "DP00900001001")
    assert disburse(sandbox, sealed("1234")).json["status"]["response_code"] == "DP00900001017"
    assert sandbox.really("payouts") == ["p-1"]
    missing = sandbox.call("GET", f"{PAYOUTS}p-2", AIRTEL_HEADERS).json
    assert missing["status"]["response_code"] == "DP00900001015"


@pytest.mark.parametrize(
    ("pin", "code"),
    [
        ("1234", "ROUTER116"),
        ("c2VjcmV0", "ROUTER116"),
        (base64.b64encode(b"\xff" * 256).decode(), "ROUTER116"),
        (sealed("12345"), "ROUTER116"),
        (sealed("abcd"), "ROUTER116"),
        (sealed("0000"), "ROUTER115"),
    ],
    ids=range(6),
)
def test_a_disbursement_needs_the_right_pin(sandbox: Sandbox, pin: str, code: str) -> None:
    refused = disburse(sandbox, pin)
    assert (refused.status_code, refused.json["status_code"]) == (400, code)
    assert sandbox.really("payouts") == []


@pytest.mark.parametrize(("digits", "code"), [("02", "1007"), ("07", "1013"), ("08", "1012")])
def test_how_a_disbursement_fails(sandbox: Sandbox, digits: str, code: str) -> None:
    disburse(sandbox, sealed("1234"), f"9771234{digits}")
    sandbox.now += 2
    failed = sandbox.call("GET", f"{PAYOUTS}p-1", AIRTEL_HEADERS).json
    assert (failed["data"]["transaction"]["status"], failed["status"]["response_code"]) == ("TF", f"DP0090000{code}")


def test_a_reference_that_is_too_short(sandbox: Sandbox) -> None:
    assert disburse(sandbox, sealed("1234"), reference="x").status_code == 400


def test_tokens_and_headers_of_airtel(sandbox: Sandbox) -> None:
    body = {"client_id": "user", "client_secret": "secret", "grant_type": "client_credentials"}
    token = sandbox.post("/airtel/auth/oauth2/token", body).json
    assert token["expires_in"] == 3600
    assert sandbox.post("/airtel/auth/oauth2/token", body | {"client_secret": "wrong"}).status_code == 401
    headers = AIRTEL_HEADERS | {"Authorization": f"Bearer {token['access_token']}"}
    path = "/airtel/standard/v1/payments/op-9"
    assert sandbox.call("GET", path, headers).status_code == 200
    assert sandbox.call("GET", path, headers | {"X-Country": "FR"}).status_code == 400
    sandbox.now += 3600
    assert sandbox.call("GET", path, headers).status_code == 401


def test_orange_knows_a_token_before_any_money(sandbox: Sandbox) -> None:
    form = {"grant_type": "client_credentials"}
    token = sandbox.call("POST", "/orange-cm/token", data=form, auth=("user", "secret")).json["access_token"]
    headers = ORANGE_CM_HEADERS | {"Authorization": f"Bearer {token}"}
    first, second = (sandbox.call("POST", f"{ORANGE_CM_BASE}/init", headers).json["data"]["payToken"] for _ in range(2))
    assert first != second
    status = f"{ORANGE_CM_BASE}/paymentstatus/"
    assert sandbox.call("GET", status + first, headers).json["data"]["status"] == "INITIALIZED"
    assert sandbox.call("GET", status + "MP0", headers).status_code == 404
    assert sandbox.call("GET", status + first, headers | {"X-AUTH-TOKEN": "user"}).status_code == 401


@pytest.mark.parametrize(
    ("digits", "status"), [("11", "SUCCESSFULL"), ("02", "FAILED"), ("07", "CANCELLED"), ("10", "EXPIRED")]
)
def test_how_orange_s_payments_end(sandbox: Sandbox, digits: str, status: str) -> None:
    paid = ORANGE.pay(sandbox, "op-1", digits).json["data"]
    assert paid["status"] == "PENDING"
    sandbox.now += 600
    again = ORANGE.pay(sandbox, "op-1", digits).json["data"]
    assert again["status"] == status
    (told,) = sandbox.callbacks()
    assert (told["payToken"], told["status"]) == (paid["payToken"], status)
    debits = sandbox.truth()["debits"]
    assert [debit["request_id"] for debit in debits] == (["op-1"] if digits == "11" else [])
