"""Airtel calls one URL for all, and hashes what it sends there if that is switched on."""

import base64
import hmac
import json
from datetime import timedelta

import pytest

from core.operation import Status
from core.operators import OperatorSettings, OperatorTable
from core.short_references import shortened
from core.steps import StepRecord, StepState
from core.store.port import CALLBACKS
from tests.api.kit import House, build
from tests.doubles import START, new_operation

ID = "019ad3a4-5f0e-7c43-8a6b-0123456789ab"
LATER = START + timedelta(seconds=300)
REFERENCE, SECRET = f"{ID}:debit", "airtel-callback-secret"
TRANSACTION = {"id": shortened(REFERENCE), "message": 'Payé 5 000 "CDF"', "status_code": "TS"}
AS_SENT = json.dumps(TRANSACTION)
COMPACT = json.dumps(TRANSACTION, separators=(",", ":"), ensure_ascii=False)


def airtel(secret: str = SECRET) -> House:
    operator = OperatorSettings("airtel-cd", "airtel", "https://x", options={"CALLBACK_SECRET": secret})
    return build(operators=OperatorTable((operator,), "airtel-cd"))


@pytest.fixture
def waiting() -> House:
    house = airtel()
    record = StepRecord(REFERENCE, StepState.SUBMITTED, attempts=1, submitted_at=START, next_at=LATER)
    operation = new_operation(id=ID, status=Status.PROCESSING, due_at=LATER).with_step("debit", record)
    house.store.insert("operations", operation.to_document())
    return house


def hashed(text: str, secret: str = SECRET) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), "sha256")).decode()


def kept(house: House) -> int:
    return len(house.store.find(CALLBACKS, {}))


@pytest.mark.parametrize("reading", [AS_SENT, COMPACT, f'{{"transaction":{AS_SENT}}}', f'{{"transaction":{COMPACT}}}'])
def test_a_hash_of_the_transaction_is_ours_to_check(waiting: House, reading: str) -> None:
    body = body_of(AS_SENT, hashed(reading))
    assert waiting.http.post("/callbacks/airtel-cd", data=body.encode()).status_code == 200
    assert waiting.operation(ID).due_at == waiting.clock.now()
    assert waiting.operation(ID).step("debit").state is StepState.SUBMITTED
    assert len(waiting.store.find(CALLBACKS, {"reference": REFERENCE})) == 1


def test_the_hash_may_be_a_header(waiting: House) -> None:
    body = f'{{ "transaction": {AS_SENT} }}'
    waiting.http.post("/callbacks/airtel-cd", data=body.encode(), headers={"hash": hashed(body)})
    assert kept(waiting) == 1


def body_of(transaction: str, hash: object, before: str = "") -> str:
    return f'{{{before}"transaction": {transaction}, "hash": {json.dumps(hash)}}}'


UNSIGNED = {
    "no hash": body_of(AS_SENT, None),
    "another secret": body_of(AS_SENT, hashed(AS_SENT, "guess")),
    "another transaction": body_of(AS_SENT.replace("TS", "TF"), hashed(AS_SENT)),
    "no text": body_of(AS_SENT, 7),
    "no ASCII": body_of(AS_SENT, "\u00e9"),
}


@pytest.mark.parametrize("how", UNSIGNED)
def test_one_with_another_hash_is_no_evidence(waiting: House, how: str) -> None:
    before = waiting.operation(ID)
    assert waiting.http.post("/callbacks/airtel-cd", data=UNSIGNED[how].encode()).status_code == 200
    assert waiting.operation(ID) == before
    assert kept(waiting) == 0


NAMELESS = ('{"transaction": {"id": "6ZNDMMST3F5ETNM3AQPA"}}', '{"transaction": {"id": 7}}', '{"transaction": {}}')
SHAPELESS = (
    "",
    "[]",
    '{"transaction": 7}',
    '{"transaction": [{"id": 1}]}',
    '{"transaction": {"id": "\\ud800"}}',
    "[" * 9999,
)


@pytest.mark.parametrize("body", [*NAMELESS, *SHAPELESS], ids=range(len(NAMELESS) + len(SHAPELESS)))
def test_one_that_names_nothing_is_taken(waiting: House, body: str) -> None:
    transaction = body.removeprefix('{"transaction": ').removesuffix("}")
    for reading in (body, transaction):
        answer = waiting.http.post("/callbacks/airtel-cd", data=body.encode(), headers={"hash": hashed(reading)})
        assert answer.status_code == 200
    assert kept(waiting) == 0


def test_without_a_secret_nothing_is_believed() -> None:
    house = airtel("")
    house.http.post("/callbacks/airtel-cd", data=body_of(AS_SENT, hashed(AS_SENT, "")).encode())
    assert kept(house) == 0


def test_what_a_signed_one_names_is_what_was_signed(waiting: House) -> None:
    """A recorded callback inside a new one must not vouch for the new one's id."""
    other = f'{{"id": "{shortened(REFERENCE)}"}}'
    recorded = '{"id": "AAAAAAAAAAAAAAAAAAAAAAAAAAdebit"}'
    body = body_of(other, hashed(recorded), before=f'"old": {{"transaction": {recorded}}}, ')
    waiting.http.post("/callbacks/airtel-cd", data=body.encode())
    assert waiting.store.find(CALLBACKS, {"reference": REFERENCE}) == []
