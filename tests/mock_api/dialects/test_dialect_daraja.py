"""M-Pesa Daraja: what the common tests do not show."""

from tests.answers import Answer
from tests.mock_api.dialects.drivers import BEARER, CALLBACK, DRIVERS, daraja_password
from tests.sandbox import Json, Sandbox

SPOKEN = {"daraja"}
DARAJA = next(driver for driver in DRIVERS if driver.name == "daraja")
REVERSAL = "/daraja/mpesa/reversal/v1/request"
RESULT_URL = "http://receiver.example/results/r-1"


def query(sandbox: Sandbox, pushed: Answer) -> Answer:
    body = daraja_password() | {"CheckoutRequestID": pushed.json["CheckoutRequestID"]}
    return sandbox.call("POST", "/daraja/mpesa/stkpushquery/v1/query", BEARER, json=body)


def asynchronous(**more: object) -> Json:
    return {"SecurityCredential": "x", "ResultURL": RESULT_URL, "QueueTimeOutURL": RESULT_URL, "Remarks": "r"} | more


def test_a_second_push_is_a_second_debit(sandbox: Sandbox) -> None:
    first, second = (DARAJA.pay(sandbox, "op-1", "11").json["CheckoutRequestID"] for _ in range(2))
    assert first != second
    sandbox.now += 2
    assert sandbox.really() == [first, second]


def test_only_the_callback_knows_of_a_lost_answer(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "504-done"})
    assert DARAJA.pay(sandbox, "AM-1", "11").status_code == 504
    sandbox.now += 2
    (told,) = sandbox.callbacks()
    callback = told["Body"]["stkCallback"]
    assert sandbox.really() == [callback["CheckoutRequestID"]]
    assert (callback["ResultCode"], "AM-1" in str(told)) == (0, False)
    values = {item["Name"]: item.get("Value") for item in callback["CallbackMetadata"]["Item"]}
    (debit,) = sandbox.truth()["debits"]
    assert values["MpesaReceiptNumber"] == debit["transaction_id"]
    assert (values["Amount"], values["PhoneNumber"], values["TransactionDate"]) == (
        15000.0,
        254708374111,
        20270115110002,
    )
    assert (debit["callback"], debit["currency"]) == (CALLBACK, "KES")


def test_a_query_while_the_payer_thinks_is_a_500(sandbox: Sandbox) -> None:
    pushed = DARAJA.pay(sandbox, "op-1", "07")
    waiting = query(sandbox, pushed)
    assert (waiting.status_code, waiting.json["errorCode"]) == (500, "500.001.1001")
    sandbox.now += 2
    refused = query(sandbox, pushed).json
    assert (refused["ResponseCode"], refused["ResultCode"]) == ("0", "1032")
    (told,) = sandbox.callbacks()
    assert told["Body"]["stkCallback"]["ResultCode"] == 1032
    assert "CallbackMetadata" not in told["Body"]["stkCallback"]


def test_a_phone_that_cannot_be_reached_pays_later(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "unreachable", "late_s": 300})
    pushed = DARAJA.pay(sandbox, "op-1", "11")
    (told,) = sandbox.callbacks()
    assert told["Body"]["stkCallback"]["ResultCode"] == 1037
    assert query(sandbox, pushed).json["ResultCode"] == "1037"
    assert sandbox.really() == []
    sandbox.now += 300
    assert query(sandbox, pushed).json["ResultCode"] == "0"
    (told,) = sandbox.callbacks()
    assert told["Body"]["stkCallback"]["ResultCode"] == 0
    assert len(sandbox.really()) == 1


def test_scripted_codes(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "failed", "reason": "2001"})
    pushed = DARAJA.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    assert query(sandbox, pushed).json["ResultCode"] == "2001"


def test_what_daraja_refuses(sandbox: Sandbox) -> None:
    path = "/daraja/mpesa/stkpush/v1/processrequest"
    assert DARAJA.pay(sandbox, "a longer reference", "11").json["errorCode"] == "400.002.02"
    bad = daraja_password() | {"Password": "wrong"}
    assert sandbox.call("POST", path, BEARER, json=bad).status_code == 400
    assert sandbox.call("POST", path, {}, json=bad).json["errorCode"] == "404.001.03"
    sandbox.script({"call": "debit", "answer": "429"})
    assert DARAJA.pay(sandbox, "op-1", "11").json["errorCode"] == "500.003.02"
    assert sandbox.call("GET", "/daraja/oauth/v1/generate", auth=("user", "secret")).status_code == 401
    token = "/daraja/oauth/v1/generate?grant_type=client_credentials"
    assert sandbox.call("GET", token, auth=("user", "secret")).json["expires_in"] == "3600"


def test_a_reversal_is_told_at_its_result_url(sandbox: Sandbox) -> None:
    DARAJA.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    sandbox.callbacks()
    (debit,) = sandbox.truth()["debits"]
    codes = []
    for transaction in (debit["transaction_id"], debit["transaction_id"], "NOTHING"):
        body = asynchronous(Initiator="me", CommandID="TransactionReversal", TransactionID=transaction, Amount=15000)
        accepted = sandbox.call("POST", REVERSAL, BEARER, json=body).json
        assert accepted["ResponseCode"] == "0"
        sandbox.now += 2
        (told,) = sandbox.callbacks()
        assert told["Result"]["ConversationID"] == accepted["ConversationID"]
        codes.append(told["Result"]["ResultCode"])
    assert codes == [0, "R000001", "R000002"]
    (row,) = sandbox.truth()["refunds"]
    assert (row["debit_request_id"], row["callback"]) == (debit["request_id"], RESULT_URL)


def test_a_payout(sandbox: Sandbox) -> None:
    body = asynchronous(InitiatorName="me", CommandID="BusinessPayment", Amount=5, PartyA="600", PartyB="254708374111")
    body["OriginatorConversationID"] = "p-1"
    for _ in range(2):
        assert sandbox.call("POST", "/daraja/mpesa/b2c/v3/paymentrequest", BEARER, json=body).status_code == 200
    sandbox.now += 2
    assert [told["Result"]["OriginatorConversationID"] for told in sandbox.callbacks()] == ["p-1", "p-1"]
    assert sandbox.really("payouts") == ["p-1", "p-1"], "duplicates are not refused"
