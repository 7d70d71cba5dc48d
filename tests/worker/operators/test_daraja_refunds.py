"""Reversals and payouts of Daraja: what each answer means, and what is sent."""

from dataclasses import replace

import pytest
from pytest_httpserver import HTTPServer

from tests.worker.operators.kit import add, connect, same
from tests.worker.operators.test_daraja import DEMAND, PROMPTED, SUBMIT, URL, clock, daraja
from worker.partners.operators.client import uuid4_of
from worker.partners.operators.daraja import Daraja
from worker.partners.port import Declined, Pending, Reply, Unavailable

__all__ = ["clock", "daraja"]  # the fixtures

REVERSAL, PAYOUT = "/mpesa/reversal/v1/request", "/mpesa/b2c/v3/paymentrequest"
PAID = replace(DEMAND, known={"checkout_request_id": "ws_CO_1", "receipt": "NLJ7RT61SV"})
REFUND = replace(DEMAND, reference="op-1:refund", debit=PAID)
ACKNOWLEDGED = {"OriginatorConversationID": "o-1", "ConversationID": "AG_1", "ResponseCode": "0"}
CONVERSATION = {"originator_conversation_id": "o-1", "conversation_id": "AG_1"}


@pytest.mark.parametrize(("code", "body", "expected"), [*SUBMIT, (200, ACKNOWLEDGED, Pending(CONVERSATION))])
def test_answers_to_a_reversal_and_to_a_payout(
    httpserver: HTTPServer, daraja: Daraja, code: int, body: object, expected: Reply | type[Reply]
) -> None:
    assert daraja.refunds is not None
    assert daraja.payouts is not None
    add(httpserver, "POST", REVERSAL, code, body)
    assert same(daraja.refunds.submit(REFUND), expected)
    add(httpserver, "POST", PAYOUT, code, body)
    assert same(daraja.payouts.submit(DEMAND), expected)


def test_the_reversal_on_the_wire(httpserver: HTTPServer, daraja: Daraja) -> None:
    add(httpserver, "POST", REVERSAL, 200, ACKNOWLEDGED)
    assert daraja.refunds is not None
    daraja.refunds.submit(REFUND)
    assert httpserver.log[-1][0].json == {
        "Initiator": "init",
        "SecurityCredential": "cred",
        "CommandID": "TransactionReversal",
        "TransactionID": "NLJ7RT61SV",
        "Amount": 100,
        "ReceiverParty": "174379",
        "RecieverIdentifierType": "11",
        "ResultURL": URL,
        "QueueTimeOutURL": URL,
        "Remarks": "Amende n 5, payee",
    }


def test_a_person_refunds_a_part(httpserver: HTTPServer, daraja: Daraja) -> None:
    assert daraja.refunds is not None
    assert daraja.refunds.submit(replace(REFUND, minor=5000)) == Declined("refund_by_hand")
    assert httpserver.log == []


def test_a_refund_waits_for_the_receipt_of_its_debit(httpserver: HTTPServer, daraja: Daraja) -> None:
    assert daraja.refunds is not None
    reply = daraja.refunds.submit(replace(REFUND, debit=PROMPTED))
    assert isinstance(reply, Unavailable)
    assert not reply.called
    assert httpserver.log == []


def test_the_payout_on_the_wire(httpserver: HTTPServer, daraja: Daraja) -> None:
    add(httpserver, "POST", PAYOUT, 200, ACKNOWLEDGED)
    assert daraja.payouts is not None
    daraja.payouts.submit(DEMAND)
    assert httpserver.log[-1][0].json == {
        "OriginatorConversationID": uuid4_of("op-1:debit"),
        "InitiatorName": "init",
        "SecurityCredential": "cred",
        "CommandID": "BusinessPayment",
        "Amount": 100,
        "PartyA": "174379",
        "PartyB": "254708374149",
        "Remarks": "Amende n 5, payee",
        "QueueTimeOutURL": URL,
        "ResultURL": URL,
    }


def test_only_an_initiator_reverses_and_pays_out(httpserver: HTTPServer) -> None:
    for given in ({}, {"INITIATOR": "init"}, {"SECURITY_CREDENTIAL": "cred"}):
        daraja = connect("daraja", httpserver.url_for(""), None, **given)
        assert daraja.refunds is None
        assert daraja.payouts is None


def test_reversals_and_payouts_cannot_be_asked(daraja: Daraja) -> None:
    for service in (daraja.refunds, daraja.payouts):
        assert service is not None
        assert service.ask is None
        assert service.read is not None
