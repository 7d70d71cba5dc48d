"""The client's types and paths are those of the API, and its webhooks those that the API signs."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, get_type_hints

import pytest
from standardwebhooks.webhooks import Webhook

from core.operation import TERMINAL
from quittance_client import answers
from quittance_client.webhooks import WebhookVerificationError, verify
from tests.api.kit import build

VIEWS = {
    answers.FinePayment: "PaymentViewV1",
    answers.Fine: "FineViewV1",
    answers.Payout: "PayoutView",
    answers.Refund: "RefundView",
    answers.Consultation: "ConsultationViewV1",
    answers.Charge: "ChargeViewV1",
    answers.Event: "EventView",
    answers.PublishedEvent: "PublishedView",
    answers.FoundOperation: "OperationItem",
    answers.Reason: "Reason",
    answers.NextAction: "NextAction",
}
SECRET = "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cywgMzIgYnl0ZXM="
BODY = b'{"type":"payment.succeeded","timestamp":"2026-11-21T17:06:45Z","data":{"id":"01a1","amount":5000}}'


@pytest.fixture(scope="module")
def spec() -> dict[str, Any]:
    return dict(json.loads(build().http.get("/openapi.json").data))


def test_the_client_finds_operations_by_what_the_api_describes(spec: dict[str, Any]) -> None:
    parameters = {each["name"] for each in spec["paths"]["/v1/operations"]["get"]["parameters"]}
    ours = get_type_hints(answers.Filters).keys() | {"from", "to", "limit", "cursor", "expand"}
    assert ours == parameters


def test_the_client_names_only_members_that_the_api_describes(spec: dict[str, Any]) -> None:
    schemas = spec["components"]["schemas"]
    for view, name in VIEWS.items():
        hints, described = get_type_hints(view), schemas[name]["properties"]
        assert hints.keys() <= described.keys(), name
        for member, hint in hints.items():
            is_money = "Decimal" in str(hint)
            assert is_money == (member in answers.MONEY), member
            assert not is_money or described[member]["format"] == "decimal", member
            assert not is_money or "string" in described[member]["type"], member


def test_the_final_statuses_are_those_of_the_api() -> None:
    assert {status.value for status in TERMINAL} == answers.ENDED


def signed(body: bytes, at: datetime) -> dict[str, str]:
    signature = Webhook(SECRET).sign("msg_1", at, body.decode())
    return {"Webhook-Id": "msg_1", "Webhook-Timestamp": str(int(at.timestamp())), "Webhook-Signature": signature}


def test_a_webhook_is_verified_and_read() -> None:
    event = verify(SECRET, signed(BODY, datetime.now(UTC)), BODY)
    assert event["type"] == "payment.succeeded"
    assert type(event["data"]["amount"]) is Decimal


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"Webhook-Id": "msg_2"}, BODY),
        ({"Webhook-Signature": "v1"}, BODY),
        ({"Webhook-Signature": "v1,é"}, BODY),
        ({}, BODY.replace(b"5000", b"9000")),
        ({}, b"\xff"),
        ({"Webhook-Timestamp": "1"}, BODY),
    ],
    ids=["another id", "no signature", "not ASCII", "changed", "not UTF-8", "old"],
)
def test_a_webhook_that_is_not_ours_is_refused(headers: dict[str, str], body: bytes) -> None:
    with pytest.raises(WebhookVerificationError):
        verify(SECRET, {**signed(BODY, datetime.now(UTC)), **headers}, body)
