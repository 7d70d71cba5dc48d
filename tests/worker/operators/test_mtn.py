"""MTN Mobile Money: what is sent, and what each answer means."""

from typing import Any
from uuid import UUID

import pytest
from pytest_httpserver import HTTPServer

from tests.doubles import FakeClock
from tests.worker.operators.kit import GARBAGE, add, calls, connect, demand, last, same
from worker.partners.operators.client import uuid4_of
from worker.partners.operators.mtn import Mtn
from worker.partners.operators.port import Holder
from worker.partners.port import Confirmed, Declined, Mismatch, NotFound, Pending, Reply, Unavailable, Unknown

TOKEN, PAY = "/collection/token/", "/collection/v1_0/requesttopay"
DEBIT = demand("+2250507000001", 1000, "XOF", text="L'amende n°1: payée")
STATUS = f"{PAY}/{uuid4_of(DEBIT.reference)}"
REFUND = demand("+2250507000001", 1000, "XOF", "refund", debit=DEBIT)
PAYER = {"partyIdType": "MSISDN", "partyId": "2250507000001"}
GRANTED = {"access_token": "t-1", "token_type": "access_token", "expires_in": 3600}


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def mtn(httpserver: HTTPServer, clock: FakeClock) -> Any:
    add(httpserver, "POST", TOKEN, 200, GRANTED)
    add(httpserver, "POST", "/disbursement/token/", 200, {**GRANTED, "access_token": "t-2"})
    return connect("mtn", httpserver.url_for(""), clock, USER="u", KEY="k", SUBSCRIPTION_KEY="s")


def shown(**changes: Any) -> dict[str, Any]:
    """A status as MTN shows it."""
    return {"amount": "1000", "currency": "XOF", "externalId": "e", "payer": PAYER, "status": "PENDING", **changes}


def test_the_request_to_pay_on_the_wire(httpserver: HTTPServer, mtn: Mtn) -> None:
    add(httpserver, "POST", PAY, 202, "")
    assert mtn.debits.submit(DEBIT) == Pending()
    sent = last(httpserver)
    assert sent.json == {
        "amount": "1000",
        "currency": "XOF",
        "externalId": "op-1:debit",
        "payer": PAYER,
        "payerMessage": "L amende n 1 payee",
        "payeeNote": "L amende n 1 payee",
    }
    assert UUID(sent.headers["X-Reference-Id"]).version == 4
    names = ("Authorization", "Ocp-Apim-Subscription-Key", "X-Target-Environment")
    assert [sent.headers[name] for name in names] == ["Bearer t-1", "s", "mtnivorycoast"]
    assert "X-Callback-Url" not in sent.headers  # a null header is an error at MTN


def test_the_reference_is_the_same_in_every_process_and_for_every_attempt(httpserver: HTTPServer, mtn: Mtn) -> None:
    add(httpserver, "POST", PAY, 202, "")
    other = connect("mtn", httpserver.url_for(""))
    for client in (mtn, mtn, other):
        client.debits.submit(DEBIT)
    ids = {request.headers["X-Reference-Id"] for request, _ in httpserver.log if request.path == PAY}
    assert ids == {uuid4_of("op-1:debit")}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (202, "", Pending()),
        (409, {"code": "RESOURCE_ALREADY_EXIST", "message": "x"}, Pending()),
        (400, {"code": "x", "message": "bad"}, Declined("refused_as_invalid")),
        (401, {"code": "x", "message": "ACCESS DENIED"}, Unavailable("HTTP 401", 7)),
        (429, "", Unavailable("HTTP 429", 7)),
        (503, "", Unavailable("HTTP 503", 7)),
        (500, {"code": "SERVICE_UNAVAILABLE"}, Unknown("HTTP 500")),
        (500, {"code": "INTERNAL_PROCESSING_ERROR"}, Unknown("HTTP 500")),
        (500, {"code": "NOT_ALLOWED_TARGET_ENVIRONMENT"}, Declined("operator_misconfigured")),
        (500, {"code": "INVALID_CALLBACK_URL_HOST"}, Declined("operator_misconfigured")),
        (500, {"code": "INVALID_CURRENCY"}, Declined("operator_misconfigured")),
        *((code, text, Unknown) for code, text in GARBAGE if code != 202),
    ],
)
def test_answers_to_a_request(
    httpserver: HTTPServer, mtn: Mtn, status: int, body: object, expected: Reply | type[Reply]
) -> None:
    add(httpserver, "POST", PAY, status, body)
    assert same(mtn.debits.submit(DEBIT), expected)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (shown(), Pending()),
        (shown(status="SUCCESSFUL", financialTransactionId="2350"), Confirmed({"transaction_id": "2350"})),
        (shown(status="SUCCESSFUL", amount="1000.00"), Confirmed({"transaction_id": ""})),
        (shown(status="SUCCESSFUL", amount="999"), Mismatch("another amount")),
        (shown(status="PENDING", payer={**PAYER, "partyId": "2250507000002"}), Mismatch("another phone")),
        (shown(status="NEW"), Unknown("HTTP 200")),
        *(
            (shown(status="FAILED", reason=written), Declined(code, {"reason": reason}))
            for reason, code in [
                ("NOT_ENOUGH_FUNDS", "insufficient_funds"),
                ("PAYER_NOT_FOUND", "payer_not_found"),
                ("PAYER_LIMIT_REACHED", "limit_exceeded"),
                ("APPROVAL_REJECTED", "not_approved"),
                ("EXPIRED", "not_approved"),
                ("COULD_NOT_PERFORM_TRANSACTION", "not_approved"),
                ("INTERNAL_PROCESSING_ERROR", "declined"),
                ("SOMETHING_NEW", "declined"),
            ]
            for written in (reason, {"code": reason, "message": "x"})
        ),
    ],
)
def test_what_a_status_means(httpserver: HTTPServer, mtn: Mtn, body: object, expected: Reply) -> None:
    add(httpserver, "GET", STATUS, 200, body)
    assert mtn.debits.ask
    assert mtn.debits.ask(DEBIT) == expected


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [(404, {"code": "RESOURCE_NOT_FOUND"}, NotFound), *((*each, Unknown) for each in GARBAGE)],
)
def test_a_status_that_says_nothing_decides_nothing(
    httpserver: HTTPServer, mtn: Mtn, status: int, body: object, expected: type[Reply]
) -> None:
    add(httpserver, "GET", STATUS, status, body)
    assert mtn.debits.ask
    assert same(mtn.debits.ask(DEBIT), expected)


@pytest.mark.parametrize(
    ("how", "path"), [("refund", "/disbursement/v1_0/refund"), ("transfer", "/disbursement/v1_0/transfer")]
)
def test_a_refund_by_either_call(httpserver: HTTPServer, mtn: Mtn, how: str, path: str) -> None:
    chosen = connect("mtn", httpserver.url_for(""), None, REFUND=how)
    add(httpserver, "POST", path, 202, "")
    assert chosen.refunds
    assert chosen.refunds.submit(REFUND) == Pending()
    sent = last(httpserver)
    assert sent.headers["Authorization"] == "Bearer t-2"
    assert sent.headers["X-Reference-Id"] == uuid4_of("op-1:refund")
    names = {"refund": "referenceIdToRefund", "transfer": "payee"}
    values = {"refund": uuid4_of("op-1:debit"), "transfer": PAYER}
    assert sent.json[names[how]] == values[how]


def test_a_token_is_fetched_once_and_renewed_before_it_expires(
    httpserver: HTTPServer, mtn: Mtn, clock: FakeClock
) -> None:
    add(httpserver, "POST", PAY, 202, "")
    for _ in range(3):
        mtn.debits.submit(DEBIT)
    assert calls(httpserver, TOKEN) == 1
    clock.tick(3541)
    mtn.debits.submit(DEBIT)
    assert calls(httpserver, TOKEN) == 2


def test_a_refused_token_is_renewed_once_and_the_call_made_again(httpserver: HTTPServer, mtn: Mtn) -> None:
    httpserver.expect_oneshot_request(PAY, method="POST").respond_with_json({}, 401)
    add(httpserver, "POST", PAY, 202, "")
    assert mtn.debits.submit(DEBIT) == Pending()
    assert (calls(httpserver, TOKEN), calls(httpserver, PAY)) == (2, 2)


def test_without_a_token_nothing_is_sent(httpserver: HTTPServer) -> None:
    add(httpserver, "POST", TOKEN, 503, "")
    alone = connect("mtn", httpserver.url_for(""))
    assert isinstance(alone.debits.submit(DEBIT), Unavailable)
    assert calls(httpserver, PAY) == 0


@pytest.mark.parametrize(
    ("active", "named", "holder"),
    [
        ((200, {"result": True}), (200, {"given_name": "Awa", "family_name": "Koné"}), Holder(True, "Awa Koné")),
        ((200, {"result": False}), (404, {}), Holder(False)),
        ((404, {}), (404, {}), Holder(False)),
    ],
)
def test_an_account_holder(
    httpserver: HTTPServer, mtn: Mtn, active: tuple[int, Any], named: tuple[int, Any], holder: Holder
) -> None:
    account = "/collection/v1_0/accountholder/msisdn/2250507000001"
    add(httpserver, "GET", f"{account}/active", *active)
    add(httpserver, "GET", f"{account}/basicuserinfo", *named)
    assert mtn.holder("+2250507000001") == holder
