"""One client for each dialect, with the same three acts, so that one test can be run over all of them."""

import base64
import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from tests.answers import Answer
from tests.sandbox import Sandbox

CALLBACK = "http://receiver.example/callbacks/op-1"


def uuid4_of(reference: str) -> str:
    return str(uuid.UUID(bytes=hashlib.sha256(reference.encode()).digest()[:16], version=4))


@dataclass
class Driver:
    """A client of one dialect.

    phone: all but the last two digits, in E.164.
    own_id: whether the caller can ask by an id that it has chosen.
    pay: sends a debit, given a reference and the phone's last two digits.
    state: asks for it; PENDING, SUCCESSFUL, FAILED, or the HTTP status of an error, as a text.
    """

    name: str
    phone: str
    pay: Callable[[Sandbox, str, str], Answer]
    state: Callable[[Sandbox, str, Answer | None], str]
    own_id: bool = True

    def accepted(self, answer: Answer) -> bool:
        return answer.status_code in (200, 201, 202)


MTN_HEADERS = {
    "Authorization": "Bearer sandbox",
    "Ocp-Apim-Subscription-Key": "key",
    "X-Target-Environment": "mtnivorycoast",
}


def _mtn_pay(sandbox: Sandbox, reference: str, digits: str) -> Answer:
    headers = MTN_HEADERS | {"X-Reference-Id": uuid4_of(reference), "X-Callback-Url": CALLBACK}
    payer = {"partyIdType": "MSISDN", "partyId": f"22505070000{digits}"}
    body = {"amount": "15000", "currency": "XOF", "externalId": reference, "payer": payer}
    return sandbox.call("POST", "/mtn/collection/v1_0/requesttopay", headers, json=body)


def _mtn_state(sandbox: Sandbox, reference: str, answer: Answer | None) -> str:
    asked = sandbox.call("GET", f"/mtn/collection/v1_0/requesttopay/{uuid4_of(reference)}", MTN_HEADERS)
    return asked.json["status"] if asked.status_code == 200 else str(asked.status_code)


WORDS = dict.fromkeys(("pending", "TIP", "TA", "INITIATED", "processing"), "PENDING")
WORDS |= dict.fromkeys(("completed", "TS", "SUCCESS", "SUCCESSFULL", "succeeded"), "SUCCESSFUL")
WORDS |= dict.fromkeys(("FAILED", "failed", "TF", "TE", "EXPIRED", "CANCELLED", "cancelled"), "FAILED")


def _word(asked: Answer, *path: str) -> str:
    if asked.status_code != 200:
        return str(asked.status_code)
    value = asked.json
    for name in path:
        value = value[name]
    return WORDS.get(str(value), str(value))


def _gsma_pay(sandbox: Sandbox, reference: str, digits: str) -> Answer:
    headers = {"X-API-Key": "key", "X-CorrelationID": uuid4_of(reference), "X-Callback-URL": CALLBACK}
    body = {
        "amount": "15000",
        "currency": "XOF",
        "debitParty": [{"key": "msisdn", "value": f"+22507070000{digits}"}],
        "creditParty": [{"key": "accountid", "value": "CITY-01"}],
        "requestingOrganisationTransactionReference": reference,
    }
    return sandbox.call("POST", "/gsma/transactions/type/merchantpay", headers, json=body)


def _gsma_state(sandbox: Sandbox, reference: str, answer: Answer | None) -> str:
    key = {"X-API-Key": "key"}
    link = sandbox.call("GET", f"/gsma/responses/{uuid4_of(reference)}", key)
    if link.status_code != 200:
        return str(link.status_code)
    asked = sandbox.call("GET", f"/gsma{link.json['link']}", key)
    return _word(asked, "status" if "requeststates" in link.json["link"] else "transactionStatus")


MVOLA_PATH = "/mvola/mvola/mm/transactions/type/merchantpay/1.0.0/"
MVOLA_HEADERS = {
    "Authorization": "Bearer sandbox",
    "Version": "1.0",
    "UserLanguage": "FR",
    "UserAccountIdentifier": "msisdn;0340017983",
    "partnerName": "City",
}


def _mvola_pay(sandbox: Sandbox, reference: str, digits: str) -> Answer:
    headers = MVOLA_HEADERS | {"X-CorrelationID": uuid4_of(reference), "X-Callback-URL": CALLBACK}
    body = {
        "amount": "15000",
        "currency": "Ar",
        "descriptionText": "fine",
        "requestingOrganisationTransactionReference": reference,
        "debitParty": [{"key": "msisdn", "value": f"03400179{digits}"}],
        "creditParty": [{"key": "msisdn", "value": "0340017983"}],
    }
    return sandbox.call("POST", MVOLA_PATH, headers, json=body)


def _mvola_state(sandbox: Sandbox, reference: str, answer: Answer | None) -> str:
    assert answer is not None
    server_id = answer.json["serverCorrelationId"]
    return _word(sandbox.call("GET", f"{MVOLA_PATH}status/{server_id}", MVOLA_HEADERS), "status")


AIRTEL_HEADERS = {"Authorization": "Bearer sandbox", "X-Country": "ZM", "X-Currency": "ZMW"}


def _airtel_pay(sandbox: Sandbox, reference: str, digits: str) -> Answer:
    sandbox.call("PUT", "/_callbacks/airtel", json={"url": CALLBACK})
    place = {"country": "ZM", "currency": "ZMW"}
    body = {
        "reference": "fine",
        "subscriber": place | {"msisdn": f"9771234{digits}"},
        "transaction": place | {"amount": 15000, "id": reference},
    }
    return sandbox.call("POST", "/airtel/merchant/v1/payments/", AIRTEL_HEADERS, json=body)


def _airtel_state(sandbox: Sandbox, reference: str, answer: Answer | None) -> str:
    asked = sandbox.call("GET", f"/airtel/standard/v1/payments/{reference}", AIRTEL_HEADERS)
    if asked.status_code == 200 and "data" not in asked.json:
        assert asked.json["status"]["response_code"] == "DP00800001025"
        return "404"
    return _word(asked, "data", "transaction", "status")


ORANGE_CM_BASE = "/orange-cm/omcoreapis/1.0.2/mp"
ORANGE_CM_HEADERS = {
    "Authorization": "Bearer sandbox",
    "X-AUTH-TOKEN": base64.b64encode(b"user:secret").decode(),
}


def _orange_cm_pay(sandbox: Sandbox, reference: str, digits: str) -> Answer:
    if reference not in sandbox.notebook:
        first = sandbox.call("POST", f"{ORANGE_CM_BASE}/init", ORANGE_CM_HEADERS)
        sandbox.notebook[reference] = first.json["data"]["payToken"]
    body = {
        "notifUrl": CALLBACK,
        "channelUserMsisdn": "690000000",
        "amount": "15000",
        "subscriberMsisdn": f"6912345{digits}",
        "pin": "1234",
        "orderId": reference,
        "description": "fine",
        "payToken": sandbox.notebook[reference],
    }
    return sandbox.call("POST", f"{ORANGE_CM_BASE}/pay", ORANGE_CM_HEADERS, json=body)


def _orange_cm_state(sandbox: Sandbox, reference: str, answer: Answer | None) -> str:
    token = sandbox.notebook[reference]
    asked = sandbox.call("GET", f"{ORANGE_CM_BASE}/paymentstatus/{token}", ORANGE_CM_HEADERS)
    return _word(asked, "data", "status")


def daraja_password(timestamp: str = "20261121163000") -> dict[str, str]:
    password = base64.b64encode(f"174379passkey{timestamp}".encode()).decode()
    return {"BusinessShortCode": "174379", "Password": password, "Timestamp": timestamp}


BEARER = {"Authorization": "Bearer sandbox"}


def _daraja_pay(sandbox: Sandbox, reference: str, digits: str) -> Answer:
    body = daraja_password() | {
        "TransactionType": "CustomerPayBillOnline",
        "Amount": 15000,
        "PartyA": f"2547083741{digits}",
        "PartyB": "174379",
        "PhoneNumber": f"2547083741{digits}",
        "CallBackURL": CALLBACK,
        "AccountReference": reference,
        "TransactionDesc": "fine",
    }
    return sandbox.call("POST", "/daraja/mpesa/stkpush/v1/processrequest", BEARER, json=body)


def _daraja_state(sandbox: Sandbox, reference: str, answer: Answer | None) -> str:
    assert answer is not None
    body = daraja_password() | {"CheckoutRequestID": answer.json["CheckoutRequestID"]}
    asked = sandbox.call("POST", "/daraja/mpesa/stkpushquery/v1/query", BEARER, json=body)
    if asked.status_code == 500 and asked.json["errorMessage"] == "The transaction is being processed":
        return "PENDING"
    if asked.status_code != 200:
        return str(asked.status_code)
    return "SUCCESSFUL" if asked.json["ResultCode"] == "0" else "FAILED"


WAVE_SESSIONS = "/wave/v1/checkout/sessions"
PAGES = {"success_url": "https://city.example/paid", "error_url": "https://city.example/failed"}


def _wave_pay(sandbox: Sandbox, reference: str, digits: str) -> Answer:
    sandbox.call("PUT", "/_callbacks/wave", json={"url": CALLBACK})
    body = PAGES | {"amount": "15000", "currency": "XOF", "client_reference": reference}
    body["restrict_payer_mobile"] = f"+2217712345{digits}"
    return sandbox.call("POST", WAVE_SESSIONS, BEARER | {"Idempotency-Key": reference}, json=body)


def _wave_state(sandbox: Sandbox, reference: str, answer: Answer | None) -> str:
    asked = sandbox.call("GET", f"{WAVE_SESSIONS}/search?client_reference={reference}", BEARER)
    if asked.status_code != 200 or not asked.json["result"]:
        return str(asked.status_code) if asked.status_code != 200 else "404"
    return WORDS[asked.json["result"][0]["payment_status"]]


WEBPAY = "/orange-webpay/orange-money-webpay/ci/v1"


def _webpay_pay(sandbox: Sandbox, reference: str, digits: str) -> Answer:
    body = {
        "merchant_key": "key",
        "currency": "XOF",
        "order_id": reference,
        "amount": 15000,
        "return_url": PAGES["success_url"],
        "cancel_url": PAGES["error_url"],
        "notif_url": CALLBACK,
        "lang": "fr",
        "reference": f"+22507070000{digits}",
    }
    return sandbox.call("POST", f"{WEBPAY}/webpayment", BEARER, json=body)


def _webpay_state(sandbox: Sandbox, reference: str, answer: Answer | None) -> str:
    assert answer is not None
    body = {"order_id": reference, "amount": 15000, "pay_token": answer.json["pay_token"]}
    return _word(sandbox.call("POST", f"{WEBPAY}/transactionstatus", BEARER, json=body), "status")


DRIVERS = [
    Driver("mtn", "+22505070000", _mtn_pay, _mtn_state),
    Driver("gsma", "+22507070000", _gsma_pay, _gsma_state),
    Driver("mvola", "+261340017", _mvola_pay, _mvola_state, own_id=False),
    Driver("airtel", "+2609771234", _airtel_pay, _airtel_state),
    Driver("orange_cm", "+2376912345", _orange_cm_pay, _orange_cm_state),
    Driver("orange_webpay", "+22507070000", _webpay_pay, _webpay_state, own_id=False),
    Driver("daraja", "+2547083741", _daraja_pay, _daraja_state, own_id=False),
    Driver("wave", "+2217712345", _wave_pay, _wave_state),
]
