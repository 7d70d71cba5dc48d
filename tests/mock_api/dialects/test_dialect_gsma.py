"""The GSMA Mobile Money API 1.2, and MVola's variant of it: what the common tests do not show."""

import hashlib
import json

import pytest

from tests.mock_api.dialects.drivers import CALLBACK, DRIVERS, MVOLA_HEADERS, MVOLA_PATH, uuid4_of
from tests.sandbox import Sandbox

SPOKEN = {"gsma", "mvola"}
GSMA, MVOLA = (next(driver for driver in DRIVERS if driver.name == name) for name in ("gsma", "mvola"))
KEY = {"X-API-Key": "key"}


def test_a_merchant_payment_from_its_request_state_to_its_transaction(sandbox: Sandbox) -> None:
    state = GSMA.pay(sandbox, "op-1", "11").json
    assert {name: state[name] for name in ("status", "notificationMethod", "pollLimit", "expiryTime")} == {
        "status": "pending",
        "notificationMethod": "callback",
        "pollLimit": 100,
        "expiryTime": "2027-01-15T08:10:00.000Z",
    }
    sandbox.now += 2
    done = sandbox.call("GET", f"/gsma/requeststates/{state['serverCorrelationId']}", KEY).json
    assert done["status"] == "completed"
    link = sandbox.call("GET", f"/gsma/responses/{uuid4_of('op-1')}", KEY).json["link"]
    assert link == f"/transactions/{done['objectReference']}"
    transaction = sandbox.call("GET", f"/gsma{link}", KEY).json
    assert transaction["requestingOrganisationTransactionReference"] == "op-1"
    assert transaction["debitParty"] == [{"key": "msisdn", "value": "+2250707000011"}]
    assert sandbox.really() == [uuid4_of("op-1")]

    assert sandbox.callbacks() == [transaction]
    sent = sandbox.get("/_callbacks").json["callbacks"][0]
    assert (sent["method"], sent["url"], sent["answers"]) == ("PUT", CALLBACK, [200])
    assert sent["headers"]["X-CorrelationID"] == uuid4_of("op-1")
    assert sent["headers"]["X-Content-Hash"] == hashlib.sha256(sent["body"].encode()).hexdigest()


def test_errors_are_error_objects(sandbox: Sandbox) -> None:
    GSMA.pay(sandbox, "op-1", "02")
    again = GSMA.pay(sandbox, "op-1", "02")
    assert (again.status_code, again.json["errorCode"]) == (400, "duplicateRequest")
    unknown = GSMA.pay(sandbox, "op-2", "08")
    assert (unknown.status_code, unknown.json["errorCategory"]) == (404, "identification")
    sandbox.now += 2
    (told,) = sandbox.callbacks()
    assert (told["errorCategory"], told["errorCode"]) == ("businessRule", "insufficientFunds")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X-API-Key": "wrong"}, 401),
        ({"X-API-Key": ""}, 401),
        ({"X-CorrelationID": ""}, 400),
        ({"X-CorrelationID": "op-1"}, 400),
        ({"X-Content-Hash": "00"}, 400),
        ({"X-Date": "yesterday"}, 400),
        ({"X-Callback-URL": "receiver"}, 400),
    ],
)
def test_headers_are_checked(sandbox: Sandbox, headers: dict[str, str], status: int) -> None:
    body = {"amount": "1", "currency": "XOF", "debitParty": [{"key": "msisdn", "value": "+2250707000011"}]}
    path, good = "/gsma/transactions/type/merchantpay", KEY | {"X-CorrelationID": uuid4_of("op-1")}
    assert sandbox.call("POST", path, good | headers, json=body).status_code == status
    text = json.dumps(body)
    good |= {"X-Content-Hash": hashlib.sha256(text.encode()).hexdigest(), "X-Date": "2027-01-15T08:00:00Z"}
    assert sandbox.call("POST", path, good, data=text).status_code == 202


def test_an_operator_may_answer_with_the_outcome(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "synchronous", "times": 2})
    paid, refused = GSMA.pay(sandbox, "op-1", "11"), GSMA.pay(sandbox, "op-2", "02")
    assert (paid.status_code, paid.json["transactionStatus"]) == (201, "completed")
    assert (refused.status_code, refused.json["errorCode"]) == (400, "insufficientFunds")
    assert sandbox.really() == [uuid4_of("op-1")]
    sandbox.now += 60
    assert len(sandbox.really()) == 1


def test_the_poll_limit_ends_polling(sandbox: Sandbox) -> None:
    sandbox.script({"call": "debit", "answer": "poll-limit"})
    state = GSMA.pay(sandbox, "op-1", "11").json
    assert state["pollLimit"] == 1
    path = f"/gsma/requeststates/{state['serverCorrelationId']}"
    assert sandbox.call("GET", path, KEY).status_code == 200
    assert sandbox.call("GET", path, KEY).json["errorCode"] == "rateLimitError"
    sandbox.now += 2
    assert GSMA.state(sandbox, "op-1", None) == "SUCCESSFUL"


def test_a_reversal_and_a_disbursement(sandbox: Sandbox) -> None:
    GSMA.pay(sandbox, "op-1", "11")
    sandbox.now += 2
    reference = sandbox.truth()["debits"][0]["transaction_id"]
    path, body = f"/gsma/transactions/{reference}/reversals", {"type": "reversal"}
    for name in ("r-1", "r-2"):
        headers = KEY | {"X-CorrelationID": uuid4_of(name)}
        assert sandbox.call("POST", path, headers, json=body).status_code == 202
        sandbox.now += 2
    rows = sandbox.truth()["refunds"]
    assert [(row["request_id"], row["debit_request_id"]) for row in rows] == [(uuid4_of("r-1"), uuid4_of("op-1"))]
    link = sandbox.call("GET", f"/gsma/responses/{uuid4_of('r-1')}", KEY).json["link"]
    assert sandbox.call("GET", f"/gsma{link}", KEY).json["originalTransactionReference"] == reference
    assert sandbox.call("POST", path.replace("REF", "XXX"), headers, json=body).status_code == 404

    out = {"amount": "5", "currency": "XOF", "creditParty": [{"key": "msisdn", "value": "+2250707000011"}]}
    headers = KEY | {"X-CorrelationID": uuid4_of("p-1")}
    assert sandbox.call("POST", "/gsma/transactions/type/disbursement", headers, json=out).status_code == 202
    sandbox.now += 2
    assert sandbox.really("payouts") == [uuid4_of("p-1")]


def test_look_ups(sandbox: Sandbox) -> None:
    assert sandbox.call("GET", "/gsma/accounts/msisdn/+2250707000011/status", KEY).json == {
        "accountStatus": "available"
    }
    assert "fullName" in sandbox.call("GET", "/gsma/accounts/msisdn/+2250707000011/accountname", KEY).json["name"]
    assert sandbox.call("GET", "/gsma/accounts/msisdn/+2250707000008/status", KEY).status_code == 404
    assert sandbox.get("/gsma/heartbeat").json == {"serviceStatus": "available"}


def test_mvola_asks_by_the_server_s_id_only(sandbox: Sandbox) -> None:
    state = MVOLA.pay(sandbox, "op-1", "11").json
    assert state == {
        "status": "pending",
        "serverCorrelationId": state["serverCorrelationId"],
        "notificationMethod": "callback",
    }
    own = sandbox.call("GET", f"{MVOLA_PATH}status/{uuid4_of('op-1')}", MVOLA_HEADERS)
    assert own.status_code == 404
    assert "ErrorCode" in own.json
    sandbox.now += 2
    path = f"{MVOLA_PATH}status/{state['serverCorrelationId']}"
    done = sandbox.call("GET", path, MVOLA_HEADERS).json
    details = sandbox.call("GET", f"{MVOLA_PATH}{done['objectReference']}", MVOLA_HEADERS).json
    assert (details["currency"], details["debitParty"][0]["value"]) == ("Ar", "0340017911")
    (debit,) = sandbox.truth()["debits"]
    assert (debit["msisdn"], debit["currency"], debit["request_id"]) == ("+261340017911", "MGA", uuid4_of("op-1"))
    (told,) = sandbox.callbacks()
    assert (told["transactionStatus"], told["transactionReference"]) == ("completed", debit["transaction_id"])


def test_what_mvola_refuses(sandbox: Sandbox) -> None:
    MVOLA.pay(sandbox, "op-1", "11")
    again = MVOLA.pay(sandbox, "op-1", "11")
    assert (again.status_code, again.json["ErrorDescription"]) == (409, "clé idempotente dupliquée")
    assert MVOLA.pay(sandbox, "op-2", "08").status_code == 402
    headers = MVOLA_HEADERS | {"X-CorrelationID": uuid4_of("op-3")}
    assert sandbox.call("POST", MVOLA_PATH, headers | {"Version": ""}, json={}).status_code == 400
    old = sandbox.call("POST", MVOLA_PATH, headers | {"Authorization": "Bearer old"}, json={})
    assert (old.status_code, old.json["fault"]["code"]) == (401, 900901)


def test_mvola_s_token(sandbox: Sandbox) -> None:
    form = {"grant_type": "client_credentials", "scope": "EXT_INT_MVOLA_SCOPE"}
    token = sandbox.call("POST", "/mvola/token", data=form, auth=("user", "secret")).json
    assert (token["token_type"], token["expires_in"]) == ("Bearer", 3600)
    assert sandbox.call("POST", "/mvola/token", data={}, auth=("user", "secret")).status_code == 401
    headers = MVOLA_HEADERS | {"Authorization": f"Bearer {token['access_token']}"}
    assert sandbox.call("GET", f"{MVOLA_PATH}status/{uuid4_of('x')}", headers).status_code == 404
