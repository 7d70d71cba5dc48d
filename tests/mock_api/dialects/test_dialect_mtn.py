"""MTN MoMo: tokens, requests to pay, refunds, transfers, and the vendor's test numbers."""

import uuid

import pytest

from tests.answers import Answer
from tests.sandbox import Json, Sandbox

SPOKEN = {"mtn"}
HEADERS = {
    "Authorization": "Bearer sandbox",
    "Ocp-Apim-Subscription-Key": "key",
    "X-Target-Environment": "mtnivorycoast",
}
ID = "11377cbe-374c-4d86-8dd2-ee0e14d5ce30"
PHONE = "2250507000011"
COLLECTION = "/mtn/collection/v1_0"
DISBURSEMENT = "/mtn/disbursement/v1_0"


def pay(sandbox: Sandbox, phone: str = PHONE, reference: str = ID, **more: str) -> Answer:
    body = {"amount": "15000", "currency": "XOF", "externalId": "AM-1", "payerMessage": "Fine", "payeeNote": "Fine"}
    body |= {name: value for name, value in more.items() if name in body}
    headers = HEADERS | {"X-Reference-Id": reference} | {n: v for n, v in more.items() if n not in body}
    payer = {"payer": {"partyIdType": "MSISDN", "partyId": phone}}
    return sandbox.call("POST", f"{COLLECTION}/requesttopay", headers, json=body | payer)


def status(sandbox: Sandbox, reference: str = ID) -> Json:
    return sandbox.call("GET", f"{COLLECTION}/requesttopay/{reference}", HEADERS).json


def test_a_request_to_pay_from_its_token_to_its_end(sandbox: Sandbox) -> None:
    user = {"X-Reference-Id": str(uuid.uuid4()), "Ocp-Apim-Subscription-Key": "key"}
    host = {"providerCallbackHost": "example.org"}
    created = sandbox.call("POST", "/mtn/v1_0/apiuser", user, json=host)
    assert (created.status_code, created.data) == (201, b"")
    assert sandbox.call("POST", "/mtn/v1_0/apiuser", user, json=host).status_code == 409
    key = sandbox.call("POST", f"/mtn/v1_0/apiuser/{user['X-Reference-Id']}/apikey", user)
    assert key.status_code == 201
    basic = (user["X-Reference-Id"], key.json["apiKey"])
    token = sandbox.call("POST", "/mtn/collection/token/", user, auth=basic).json
    assert (token["token_type"], token["expires_in"]) == ("access_token", 3600)
    bearer = {"Authorization": f"Bearer {token['access_token']}"}

    url = {"X-Callback-Url": "https://elsewhere.example/cb"}
    assert pay(sandbox, **bearer, **url).json["code"] == "INVALID_CALLBACK_URL_HOST"
    url = {"X-Callback-Url": "https://example.org/cb/op-1"}
    accepted = pay(sandbox, **bearer, **url)
    assert (accepted.status_code, accepted.data) == (202, b"")

    pending = status(sandbox)
    assert pending == {
        "amount": "15000",
        "currency": "XOF",
        "externalId": "AM-1",
        "payer": {"partyIdType": "MSISDN", "partyId": PHONE},
        "payerMessage": "Fine",
        "payeeNote": "Fine",
        "status": "PENDING",
    }
    assert sandbox.really() == []
    assert sandbox.callbacks() == []

    sandbox.now += 2

    done = status(sandbox)
    assert done == pending | {"status": "SUCCESSFUL", "financialTransactionId": done["financialTransactionId"]}
    assert done["financialTransactionId"].isdigit()
    assert sandbox.truth()["debits"] == [
        {
            "request_id": ID,
            "msisdn": f"+{PHONE}",
            "amount": "15000",
            "currency": "XOF",
            "callback": "https://example.org/cb/op-1",
            "transaction_id": done["financialTransactionId"],
            "at": "2027-01-15T08:00:02.000Z",
            "dialect": "mtn",
        }
    ]
    assert sandbox.callbacks() == [done]
    assert sandbox.get("/_callbacks").json["callbacks"][0]["method"] == "PUT"
    assert pay(sandbox, **bearer).json["code"] == "RESOURCE_ALREADY_EXIST"


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Authorization": "Bearer old"}, 401),
        ({"Authorization": ""}, 401),
        ({"Ocp-Apim-Subscription-Key": "wrong"}, 401),
        ({"X-Target-Environment": ""}, 400),
        ({"X-Target-Environment": "moon"}, 500),
        ({"X-Reference-Id": "018f4c3e-2d5b-7c1a-9e55-0123456789ab"}, 400),
        ({"X-Reference-Id": "d1"}, 400),
        ({"X-Callback-Url": ""}, 500),
        ({"currency": "EUR"}, 500),
        ({"payerMessage": "l'amende"}, 400),
        ({"amount": "0"}, 400),
    ],
)
def test_what_mtn_refuses(sandbox: Sandbox, headers: dict[str, str], code: int) -> None:
    answer = pay(sandbox, **headers)
    assert (answer.status_code, set(answer.json)) == (code, {"code", "message"})
    sandbox.now += 60
    assert sandbox.really() == []


def test_tokens_expire_and_belong_to_a_product(sandbox: Sandbox) -> None:
    sandbox.start(token_s=60)
    key = {"Ocp-Apim-Subscription-Key": "key"}
    assert sandbox.call("POST", "/mtn/collection/token", key, auth=("user", "wrong")).status_code == 401
    assert sandbox.call("POST", "/mtn/collection/token", auth=("user", "secret")).status_code == 401
    token = sandbox.call("POST", "/mtn/collection/token", key, auth=("user", "secret")).json
    assert token["expires_in"] == 60
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    balance = "/account/balance"

    assert sandbox.call("GET", COLLECTION + balance, HEADERS | bearer).json["currency"] == "XOF"
    assert sandbox.call("GET", DISBURSEMENT + balance, HEADERS | bearer).status_code == 401
    sandbox.now += 60
    assert sandbox.call("GET", COLLECTION + balance, HEADERS | bearer).status_code == 401


@pytest.mark.parametrize(
    ("number", "at_once", "after_approval", "in_the_end"),
    [
        (50, "PENDING", "INTERNAL_PROCESSING_ERROR", "INTERNAL_PROCESSING_ERROR"),
        (51, "PENDING", "APPROVAL_REJECTED", "APPROVAL_REJECTED"),
        (52, "PENDING", "EXPIRED", "EXPIRED"),
        (53, "PENDING", "PENDING", "PENDING"),
        (54, "PENDING", "PENDING", "SUCCESSFUL"),
        (55, "PENDING", "PAYER_NOT_FOUND", "PAYER_NOT_FOUND"),
        (64, "PENDING", "TRANSFER_TYPE_UNKNOWN", "TRANSFER_TYPE_UNKNOWN"),
        (65, "PENDING", "SUCCESSFUL", "SUCCESSFUL"),
    ],
)
def test_mtn_s_test_numbers(sandbox: Sandbox, number: int, at_once: str, after_approval: str, in_the_end: str) -> None:
    pay(sandbox, f"467331234{number}")
    seen = []
    for seconds in (0, 2, 3600):
        sandbox.now += seconds
        answer = status(sandbox)
        seen.append(answer.get("reason", answer["status"]))
    assert seen == [at_once, after_approval, in_the_end]


@pytest.mark.parametrize(("amount", "end"), [("2000", "FAILED"), ("5000", "PENDING"), ("1000", "SUCCESSFUL")])
def test_mtn_s_test_amounts_are_in_euros(sandbox: Sandbox, amount: str, end: str) -> None:
    pay(sandbox, amount=amount, currency="EUR", **{"X-Target-Environment": "sandbox"})
    other = str(uuid.uuid4())
    pay(sandbox, reference=other, amount=amount)
    sandbox.now += 3600
    assert status(sandbox)["status"] == end
    assert status(sandbox, other)["status"] == "SUCCESSFUL"


def test_a_refund_names_its_debit_and_is_limited_by_it(sandbox: Sandbox) -> None:
    pay(sandbox)
    sandbox.now += 2
    refunds = [str(uuid.uuid4()) for _ in range(3)]
    for refund, amount in zip(refunds, ("10000", "5000", "1"), strict=True):
        body = {"amount": amount, "currency": "XOF", "externalId": "r", "referenceIdToRefund": ID}
        headers = HEADERS | {"X-Reference-Id": refund}
        assert sandbox.call("POST", f"{DISBURSEMENT}/refund", headers, json=body).status_code == 202
        sandbox.now += 2

    answers = [sandbox.call("GET", f"{DISBURSEMENT}/refund/{refund}", HEADERS).json for refund in refunds]

    assert [answer["status"] for answer in answers] == ["SUCCESSFUL", "SUCCESSFUL", "FAILED"]
    assert answers[0]["payee"]["partyId"] == PHONE
    rows = sandbox.truth()["refunds"]
    assert [(row["request_id"], row["debit_request_id"], row["dialect"]) for row in rows] == [
        (refunds[0], ID, "mtn"),
        (refunds[1], ID, "mtn"),
    ]


@pytest.mark.parametrize(
    ("debit", "reason"), [("1", "RESOURCE_NOT_FOUND"), ("3", "APPROVAL_REJECTED"), (ID, "RESOURCE_NOT_FOUND")]
)
def test_refunds_that_fail(sandbox: Sandbox, debit: str, reason: str) -> None:
    body = {"amount": "1", "currency": "XOF", "referenceIdToRefund": debit}
    refund = str(uuid.uuid4())
    sandbox.call("POST", f"{DISBURSEMENT}/refund", HEADERS | {"X-Reference-Id": refund}, json=body)
    sandbox.now += 2
    assert sandbox.call("GET", f"{DISBURSEMENT}/refund/{refund}", HEADERS).json["reason"] == reason


def test_a_transfer_is_a_payout(sandbox: Sandbox) -> None:
    for reference, phone in ((ID, PHONE), (str(uuid.uuid4()), "46733123457")):
        body = {"amount": "7", "currency": "XOF", "payee": {"partyIdType": "MSISDN", "partyId": phone}}
        headers = HEADERS | {"X-Reference-Id": reference}
        assert sandbox.call("POST", f"{DISBURSEMENT}/transfer", headers, json=body).status_code == 202
        sandbox.now += 2
        seen = sandbox.call("GET", f"{DISBURSEMENT}/transfer/{reference}", HEADERS).json
        assert seen.get("reason", seen["status"]) == ("SUCCESSFUL" if phone == PHONE else "PAYEE_NOT_FOUND")
    assert sandbox.really("payouts") == [ID]


def test_account_holders(sandbox: Sandbox) -> None:
    def ask(phone: str, what: str = "active", kind: str = "msisdn") -> Answer:
        return sandbox.call("GET", f"{COLLECTION}/accountholder/{kind}/{phone}/{what}", HEADERS)

    assert ask(PHONE).json == {"result": True}
    assert ask("46733123451").json == {"result": False}
    assert [ask("46733123450").status_code, ask(PHONE, kind="MSISDN").status_code] == [404, 404]
    assert ask("46733123452").json["code"] == "NOT_ALLOWED"
    assert ask(PHONE, "basicuserinfo").json.keys() == {"given_name", "family_name"}


def test_the_reason_can_be_an_object(sandbox: Sandbox) -> None:
    pay(sandbox, "2250507000002")
    sandbox.now += 2
    sandbox.script({"call": "request", "dialect": "mtn", "answer": "reason-object"})
    assert status(sandbox)["reason"]["code"] == "NOT_ENOUGH_FUNDS"
    assert status(sandbox)["reason"] == "NOT_ENOUGH_FUNDS"
