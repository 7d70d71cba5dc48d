"""What the callbacks of Daraja say, and what they do not decide."""

from dataclasses import replace

import pytest

from worker.partners.operators.daraja_callbacks import read_push, read_result
from worker.partners.operators.port import Demand
from worker.partners.port import Confirmed, Declined, Pending, Reply, Unknown

DEMAND = Demand("op-1:debit", "+254708374149", 10000, "KES")
SENT = replace(DEMAND, known={"conversation_id": "AG_1", "originator_conversation_id": "o-1"})
AMOUNT = {"Name": "Amount", "Value": 100.0}
RECEIPT = {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"}
OTHERS = [{"Name": "Balance"}, {"Name": "TransactionDate", "Value": 20191219102115}]
PHONE = {"Name": "PhoneNumber", "Value": 254708374149}
PAID = [AMOUNT, RECEIPT, *OTHERS, PHONE]
IDS = {"checkout_request_id": "ws_CO_1"}


def pushed(code: object, items: object = None, **more: object) -> dict[str, object]:
    metadata = {} if items is None else {"CallbackMetadata": {"Item": items}}
    callback = {"MerchantRequestID": "29115-1", "CheckoutRequestID": "ws_CO_1", "ResultCode": code, "ResultDesc": "."}
    return {"Body": {"stkCallback": {**callback, **metadata, **more}}}


def result(code: object, parameters: object = None, **more: object) -> dict[str, object]:
    ids = {"OriginatorConversationID": "o-1", "ConversationID": "AG_1", "TransactionID": "NLJ41HAY6Q"}
    found = {} if parameters is None else {"ResultParameters": {"ResultParameter": parameters}}
    return {"Result": {"ResultType": 0, "ResultCode": code, "ResultDesc": ".", **ids, **found, **more}}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (pushed(0, PAID), Confirmed({**IDS, "receipt": "NLJ7RT61SV"})),
        (pushed("0", PAID), Confirmed({**IDS, "receipt": "NLJ7RT61SV"})),
        (pushed(0, [AMOUNT, RECEIPT]), Confirmed({**IDS, "receipt": "NLJ7RT61SV"})),
        (pushed(0, [AMOUNT, RECEIPT, {"Name": "PhoneNumber"}]), Confirmed({**IDS, "receipt": "NLJ7RT61SV"})),
        (pushed(0, [AMOUNT, {"Name": "MpesaReceiptNumber"}]), Confirmed(IDS)),
        (pushed(0, [AMOUNT | {"Value": 1.0}, RECEIPT, PHONE]), Unknown("another amount")),
        (pushed(0, [AMOUNT | {"Value": "100x"}, RECEIPT, PHONE]), Unknown("another amount")),
        (pushed(0, [AMOUNT, RECEIPT, PHONE | {"Value": 254708374148}]), Unknown("another phone")),
        (pushed(0, PAID, CheckoutRequestID=None), Unknown("a callback of another prompt")),
        (pushed(0, [RECEIPT, PHONE]), Pending(IDS)),
        (pushed(0, [{"Name": "Amount"}, RECEIPT, PHONE]), Pending(IDS)),
        (pushed(0), Pending(IDS)),
        (pushed(0, "items"), Pending(IDS)),
        (pushed(1), Declined("insufficient_funds", {"reason": "1"})),
        (pushed("1032"), Declined("not_approved", {"reason": "1032"})),
        (pushed(2001), Declined("not_approved", {"reason": "2001"})),
        (pushed(1032, [AMOUNT | {"Value": 1.0}]), Unknown("another amount")),
        (pushed(1037), Pending(IDS)),
        (pushed(1019), Pending(IDS)),
        (pushed(4711), Pending(IDS)),
        (pushed(None), Pending(IDS)),
        ({}, Unknown("a callback of another prompt")),
        ({"Body": []}, Unknown("a callback of another prompt")),
        ({"Body": {"stkCallback": 0}}, Unknown("a callback of another prompt")),
        (result(0), Unknown("a callback of another prompt")),
    ],
)
def test_what_the_callback_of_a_prompt_says(body: dict[str, object], expected: Reply) -> None:
    assert read_push(DEMAND, body) == expected
    assert read_push(replace(DEMAND, known=IDS), body) == expected


@pytest.mark.parametrize("code", [0, 1, 1032, 1037])
def test_the_callback_of_another_prompt_says_nothing(code: int) -> None:
    asked = replace(DEMAND, known={"checkout_request_id": "ws_CO_2"})
    assert read_push(asked, pushed(code, PAID)) == Unknown("a callback of another prompt")


def pair(key: str, value: object) -> dict[str, object]:
    return {"Key": key, "Value": value}


PAYER = "254708374149 - Jane Doe"
DONE = Confirmed({"receipt": "NLJ41HAY6Q"})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (result(0), DONE),
        (result("0", ResultType="0"), DONE),
        (result(0, [pair("TransactionAmount", 100), pair("ReceiverPartyPublicName", PAYER)]), DONE),
        (result(0, [pair("Amount", "100.00"), pair("CreditPartyPublicName", PAYER)]), DONE),
        (result(0, pair("Amount", "100.00")), DONE),
        (result(0, [{"Key": "Amount"}]), DONE),
        (result(0, [pair("Amount", "10.00")]), Unknown("another amount")),
        (result(0, [pair("TransactionAmount", 10)]), Unknown("another amount")),
        (result(0, [pair("ReceiverPartyPublicName", "254708374148 - Jane Doe")]), Unknown("another phone")),
        (result(2001), Declined("declined", {"reason": "2001"})),
        (result("R000002"), Declined("declined", {"reason": "R000002"})),
        (result(1, ResultType=1), Unknown("a result that does not decide")),
        (result(0, ResultType=1), Unknown("a result that does not decide")),
        (result(None), Unknown("a result that does not decide")),
        (result(0, ConversationID="AG_2"), Unknown("a result of another request")),
        (result(0, OriginatorConversationID="o-2"), Unknown("a result of another request")),
        ({}, Unknown("a result that does not decide")),
        ({"Result": "0"}, Unknown("a result that does not decide")),
        (pushed(0, PAID), Unknown("a result that does not decide")),
    ],
)
def test_what_a_result_says(body: dict[str, object], expected: Reply) -> None:
    assert read_result(SENT, body) == expected


def test_a_result_counts_also_where_the_answer_to_the_request_was_lost() -> None:
    assert read_result(DEMAND, result(0)) == DONE
