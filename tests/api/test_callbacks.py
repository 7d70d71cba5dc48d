"""Operators' callbacks are taken whatever they say, and bring the enquiry forward."""

import hmac
from datetime import timedelta

import pytest

from core.callbacks import MAX_BODY_BYTES
from core.operation import Status
from core.operators import OperatorSettings, OperatorTable
from core.steps import StepRecord, StepState
from core.store.port import CALLBACKS
from tests.api.kit import House, build
from tests.doubles import START, new_operation

REFERENCE = "op-1:debit"


def waiting(house: House) -> str:
    """The path of the callback of an operation that waits for its operator."""
    later = START + timedelta(seconds=300)
    record = StepRecord(REFERENCE, StepState.SUBMITTED, attempts=1, submitted_at=START, next_at=later)
    operation = new_operation(status=Status.PROCESSING, due_at=later).with_step("debit", record)
    house.store.insert("operations", operation.to_document())
    return f"/callbacks/mtn-ci/{house.core.callbacks.token('mtn-ci', REFERENCE)}"


@pytest.mark.parametrize(("method", "status"), [("POST", 200), ("PUT", 204)])
def test_a_callback_has_the_operator_asked_now(house: House, method: str, status: int) -> None:
    path = waiting(house)
    answer = house.http.open(path, method=method, data='{"status": "SUCCESSFUL"}', content_type="application/json")
    assert answer.status_code == status
    assert house.operation("op-1").due_at == house.clock.now()
    assert house.operation("op-1").step("debit").state is StepState.SUBMITTED
    (kept,) = house.store.find(CALLBACKS, {"reference": REFERENCE})
    assert kept["body"] == '{"status": "SUCCESSFUL"}'


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"not json", b"[]", b"x" * 10**6], ids=range(5))
@pytest.mark.parametrize("kind", ["application/json", "text/xml", "", "application/x-www-form-urlencoded"])
def test_whatever_is_sent_is_answered_with_2xx(house: House, body: bytes, kind: str) -> None:
    answer = house.http.post(waiting(house), data=body, content_type=kind)
    assert answer.status_code == 200
    (kept,) = house.store.find(CALLBACKS, {"reference": REFERENCE})
    assert len(kept["body"]) <= MAX_BODY_BYTES


@pytest.mark.parametrize("token", ["nobody", "op-1:debit.AAAAAAAAAAAAAAAAAAAAAA", "%00", "é" * 500])
def test_a_stranger_is_answered_as_everybody_is_and_changes_nothing(house: House, token: str) -> None:
    waiting(house)
    before = house.operation("op-1")
    assert house.http.post(f"/callbacks/mtn-ci/{token}", data=b"{}").status_code == 200
    assert house.operation("op-1") == before
    assert house.store.find(CALLBACKS, {}) == []


SECRET = "wave-webhook-secret"
BODY = b'{"id": "EV_1", "type": "checkout.session.completed", "data": {"client_reference": "op-1:debit"}}'


@pytest.fixture
def wave() -> House:
    operator = OperatorSettings("wave-sn", "wave", "https://x", options={"WEBHOOK_SECRET": SECRET})
    return build(operators=OperatorTable((operator,), "wave-sn"))


def signature(house: House, body: bytes = BODY, secret: str = SECRET, age_s: int = 0) -> str:
    sent_at = str(int(house.clock.now().timestamp()) - age_s)
    return f"t={sent_at},v1={hmac.new(secret.encode(), sent_at.encode() + body, 'sha256').hexdigest()}"


def test_a_callback_that_the_operator_signed_needs_no_token(wave: House) -> None:
    waiting(wave)
    both = signature(wave, secret="former secret") + signature(wave).replace("t=", ",x=", 1)
    for signed in (signature(wave), both):
        assert wave.http.post("/callbacks/wave-sn", data=BODY, headers={"Wave-Signature": signed}).status_code == 200
    assert wave.operation("op-1").due_at == wave.clock.now()
    assert len(wave.store.find(CALLBACKS, {"reference": REFERENCE})) == 2


@pytest.mark.parametrize("how", ["none", "another secret", "too old", "from the future", "another body", "mangled"])
def test_one_that_it_did_not_sign_has_no_effect(wave: House, how: str) -> None:
    waiting(wave)
    before = wave.operation("op-1")
    signed = {
        "none": "",
        "another secret": signature(wave, secret="guess"),
        "too old": signature(wave, age_s=301),
        "from the future": signature(wave, age_s=-301),
        "another body": signature(wave, BODY + b" "),
        "mangled": "t=" + "9" * 400 + ",v1=\u00e9",
    }[how]
    headers = {"Wave-Signature": signed.encode("latin-1", "replace").decode("latin-1")}
    assert wave.http.post("/callbacks/wave-sn", data=BODY, headers=headers).status_code == 200
    assert wave.operation("op-1") == before
    assert wave.store.find(CALLBACKS, {}) == []


NAMELESS = (
    b"",
    b"[]",
    b'{"data": 7}',
    b'{"data": {"client_reference": 7}}',
    b"\xff",
    BODY.replace(b"op-1", b"o" * 999),
)


@pytest.mark.parametrize("body", NAMELESS, ids=range(len(NAMELESS)))
def test_a_signed_one_that_names_nothing_is_taken(wave: House, body: bytes) -> None:
    headers = {"Wave-Signature": signature(wave, body)}
    assert wave.http.post("/callbacks/wave-sn", data=body, headers=headers).status_code == 200
    assert wave.http.post("/callbacks/nobody", data=body, headers=headers).status_code == 200
    assert wave.store.find(CALLBACKS, {}) == []
