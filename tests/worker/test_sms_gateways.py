"""The vendors' gateways of SMS: what is sent to them, and what each of their answers means. The sockets are real."""

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

import pytest
from pytest_httpserver import HTTPServer

from tests.doubles import FakeClock
from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.port import Confirmed, Declined, NotFound, Reply, Unavailable, Unknown
from worker.partners.sms.africastalking import AfricasTalkingSms
from worker.partners.sms.infobip import InfobipSms
from worker.partners.sms.orange import OrangeSms
from worker.partners.sms.port import SmsSender

PHONE, TEXT, REFERENCE = "+2250707000011", "Transfert 2 500 XOF: réussi. Réf op-1", "op-1:send"
TOKEN_TTL_S = 3600
PATHS = {
    "africastalking": "/version1/messaging",
    "infobip": "/sms/3/messages",
    "orange": "/smsmessaging/v1/outbound/tel:+2250000/requests",
}


def africastalking(url: str, sender: str = "QUITTANCE") -> AfricasTalkingSms:
    return AfricasTalkingSms(*partner(url), user="quittance", key="at-key", sender=sender, repeats=False)


def infobip(url: str) -> InfobipSms:
    return InfobipSms(*partner(url), key="ib-key", sender="Quittance")


def orange(url: str, name: str = "") -> OrangeSms:
    http, breaker = partner(url)
    return OrangeSms(
        http,
        breaker,
        FakeClock(),
        client_id="me",
        client_secret="s3cret",
        sender="tel:+2250000",
        name=name,
        repeats=False,
    )


def partner(url: str) -> tuple[PartnerHttp, Breaker]:
    return PartnerHttp(url, 10, connections=1), Breaker("sms", FakeClock(), 1)


SENDERS: dict[str, Callable[[str], SmsSender]] = {
    "africastalking": africastalking,
    "infobip": infobip,
    "orange": orange,
}


@pytest.fixture(params=SENDERS)
def vendor(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def tokens(httpserver: HTTPServer, *names: str) -> None:
    """Orange's tokens, one after the other."""
    for name in names or ("t-1",):
        body = {"access_token": name, "expires_in": TOKEN_TTL_S}
        httpserver.expect_ordered_request("/oauth/v2/token", method="POST").respond_with_json(body)


def answered(httpserver: HTTPServer, vendor: str, status: int, body: object, **headers: str) -> Reply:
    """What a gateway's answer to a message means."""
    text = body if isinstance(body, str) else json.dumps(body)
    if vendor == "orange":
        httpserver.expect_request("/oauth/v2/token").respond_with_json({"access_token": "t", "expires_in": 60})
    httpserver.expect_request(PATHS[vendor], method="POST").respond_with_data(text, status, headers)
    return SENDERS[vendor](httpserver.url_for("")).send(REFERENCE, PHONE, TEXT)


def same(reply: Reply, expected: Reply | type[Reply]) -> bool:
    return isinstance(reply, expected) if isinstance(expected, type) else reply == expected


# Africa's Talking


def recipients(*found: dict[str, Any], message: str = "Sent to 1/1 Total Cost: KES 0.8000") -> dict[str, Any]:
    return {"SMSMessageData": {"Message": message, "Recipients": [*found]}}


def recipient(code: object, status: str = "Success") -> dict[str, Any]:
    return {"statusCode": code, "number": PHONE, "status": status, "cost": "KES 0.8000", "messageId": "ATXid_1"}


def test_africas_talking_gets_a_form_and_the_key_in_a_header(httpserver: HTTPServer) -> None:
    answers = recipients(recipient(101))
    httpserver.expect_request(PATHS["africastalking"], method="POST").respond_with_json(answers, 201)

    sent = africastalking(httpserver.url_for("")).send(REFERENCE, PHONE, TEXT)
    africastalking(httpserver.url_for(""), sender="").send(REFERENCE, PHONE, TEXT)

    (named, _), (unnamed, _) = httpserver.log
    form = {"username": ["quittance"], "to": [PHONE], "message": [TEXT]}
    assert sent == Confirmed({"message_id": "ATXid_1"})
    assert parse_qs(named.get_data(as_text=True)) == {**form, "from": ["QUITTANCE"]}
    assert parse_qs(unnamed.get_data(as_text=True)) == form
    assert (named.headers["apiKey"], named.mimetype) == ("at-key", "application/x-www-form-urlencoded")
    assert named.headers["Accept"] == "application/json"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (100, "Processed", Confirmed({"message_id": "ATXid_1"})),
        (101, "Success", Confirmed({"message_id": "ATXid_1"})),
        (102, "Queued", Confirmed({"message_id": "ATXid_1"})),
        (401, "RiskHold", Declined("declined", {"reason": "RiskHold"})),
        (402, "InvalidSenderId", Declined("sender_not_accepted", {"reason": "InvalidSenderId"})),
        (403, "InvalidPhoneNumber", Declined("invalid_number", {"reason": "InvalidPhoneNumber"})),
        (404, "UnsupportedNumberType", Declined("invalid_number", {"reason": "UnsupportedNumberType"})),
        (405, "InsufficientBalance", Declined("no_credit", {"reason": "InsufficientBalance"})),
        (406, "UserInBlacklist", Declined("number_blocked", {"reason": "UserInBlacklist"})),
        (407, "CouldNotRoute", Declined("not_routable", {"reason": "CouldNotRoute"})),
        (409, "DoNotDisturbRejection", Declined("number_blocked", {"reason": "DoNotDisturbRejection"})),
        (500, "InternalServerError", Unknown("status code 500")),
        (501, "GatewayError", Unknown("status code 501")),
        (502, "RejectedByGateway", Unknown("status code 502")),
        (408, "Unheard of", Unknown("status code 408")),
        (0, "", Unknown),
        (True, "Success", Unknown),
        ("101", "Success", Unknown),
        (None, "Success", Unknown),
    ],
)
def test_every_code_of_africas_talking(
    httpserver: HTTPServer, code: object, status: str, expected: Reply | type[Reply]
) -> None:
    reply = answered(httpserver, "africastalking", 201, recipients(recipient(code, status)))
    assert same(reply, expected), reply


@pytest.mark.parametrize(
    ("message", "code"),
    [("Insufficient Balance", "no_credit"), ("InvalidSenderId", "sender_not_accepted"), ("Something else", "declined")],
)
@pytest.mark.parametrize("status", [200, 201])
def test_africas_talking_refuses_by_an_answer_without_a_recipient(
    httpserver: HTTPServer, status: int, message: str, code: str
) -> None:
    reply = answered(httpserver, "africastalking", status, recipients(message=message))
    assert reply == Declined(code, {"reason": message})


# Infobip


def message(group: object, id: str = REFERENCE) -> dict[str, Any]:
    return {"messageId": id, "status": {"groupId": 1, "groupName": group, "id": 26, "name": "X"}, "destination": PHONE}


def test_infobip_gets_our_id_of_the_message(httpserver: HTTPServer) -> None:
    body = {"messages": [message("PENDING")]}
    httpserver.expect_request(PATHS["infobip"], method="POST").respond_with_json(body)

    assert infobip(httpserver.url_for("")).send(REFERENCE, PHONE, TEXT) == Confirmed({"message_id": REFERENCE})

    ((request, _),) = httpserver.log
    assert request.headers["Authorization"] == "App ib-key"
    destination = {"to": "2250707000011", "messageId": REFERENCE}
    sent = {"sender": "Quittance", "destinations": [destination], "content": {"text": TEXT}}
    assert request.json == {"messages": [sent]}


GROUPS = [
    ("PENDING", Confirmed({"message_id": REFERENCE})),
    ("DELIVERED", Confirmed({"message_id": REFERENCE})),
    ("REJECTED", Declined("declined", {"reason": "REJECTED"})),
    ("UNDELIVERABLE", Declined("not_delivered", {"reason": "UNDELIVERABLE"})),
    ("EXPIRED", Declined("not_delivered", {"reason": "EXPIRED"})),
    ("OK", Unknown),
    ("", Unknown),
    (None, Unknown),
    (["PENDING"], Unknown),
]


@pytest.mark.parametrize(("group", "expected"), GROUPS)
def test_every_group_of_infobips_statuses(httpserver: HTTPServer, group: object, expected: Reply | type[Reply]) -> None:
    assert same(answered(httpserver, "infobip", 200, {"messages": [message(group)]}), expected)

    httpserver.expect_request("/sms/3/logs").respond_with_json({"results": [message(group)]})
    assert same(ask(httpserver), expected)


def ask(httpserver: HTTPServer) -> Reply:
    sender = infobip(httpserver.url_for(""))
    assert sender.enquire is not None
    return sender.enquire(REFERENCE)


def test_infobip_is_asked_by_our_id(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/sms/3/logs", method="GET").respond_with_json({"results": []})

    assert ask(httpserver) == NotFound()

    ((request, _),) = httpserver.log
    assert dict(request.args) == {"messageId": REFERENCE}
    assert request.headers["Authorization"] == "App ib-key"


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, {"results": [message("EXPIRED"), message("DELIVERED")]}, Confirmed({"message_id": REFERENCE})),
        (200, {"results": [message("DELIVERED", "op-2:send")]}, Unknown),
        (200, {"results": ["?"]}, Unknown),
        (200, {"results": {}}, Unknown),
        (200, {}, Unknown),
        (200, "<html>", Unknown),
        (400, {}, Unknown),
        (404, {}, Unknown),
        (500, {"results": []}, Unknown),
        (401, {}, Unavailable("HTTP 401")),
        (429, {}, Unavailable("HTTP 429", 7)),
        (503, {"results": []}, Unavailable("HTTP 503", 7)),
    ],
)
def test_what_infobip_answers_when_it_is_asked(
    httpserver: HTTPServer, status: int, body: object, expected: Reply | type[Reply]
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"Retry-After": "7"} if status in (429, 503) else {}
    httpserver.expect_request("/sms/3/logs").respond_with_data(text, status, headers)
    reply = ask(httpserver)
    assert same(reply, expected), reply


# Orange


def resource(url: object = "https://api.orange.com/x/requests/9") -> dict[str, Any]:
    return {"outboundSMSMessageRequest": {"address": [f"tel:{PHONE}"], "resourceURL": url}}


def test_orange_gets_addresses_and_a_token(httpserver: HTTPServer) -> None:
    tokens(httpserver)
    for _ in range(2):
        httpserver.expect_ordered_request(PATHS["orange"], method="POST").respond_with_json(resource(), 201)

    sender = orange(httpserver.url_for(""), name="City")
    replies = [sender.send(REFERENCE, PHONE, TEXT) for _ in range(2)]

    (token, _), (request, _), (again, _) = httpserver.log
    assert replies == [Confirmed({"resource_url": "https://api.orange.com/x/requests/9"})] * 2
    assert token.headers["Authorization"] == "Basic " + base64.b64encode(b"me:s3cret").decode()
    assert token.form.to_dict() == {"grant_type": "client_credentials"}
    assert [each.headers["Authorization"] for each in (request, again)] == ["Bearer t-1"] * 2
    assert request.environ["RAW_URI"].endswith("/smsmessaging/v1/outbound/tel%3A%2B2250000/requests")
    assert request.json == {
        "outboundSMSMessageRequest": {
            "address": f"tel:{PHONE}",
            "senderAddress": "tel:+2250000",
            "senderName": "City",
            "outboundSMSTextMessage": {"message": TEXT},
        }
    }


def test_without_a_name_orange_shows_its_own(httpserver: HTTPServer) -> None:
    assert isinstance(answered(httpserver, "orange", 201, resource()), Confirmed)

    request, _ = httpserver.log[-1]
    assert set(request.json["outboundSMSMessageRequest"]) == {"address", "senderAddress", "outboundSMSTextMessage"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (201, {"resourceURL": "/r/1"}, Confirmed({"resource_url": "/r/1"})),
        (201, resource(""), Unknown),
        (201, resource(7), Unknown),
        (201, {"outboundSMSMessageRequest": "sent"}, Unknown),
        (200, resource(), Unknown),
        (202, resource(), Unknown),
    ],
)
def test_orange_confirms_by_the_url_of_the_message(
    httpserver: HTTPServer, status: int, body: object, expected: Reply | type[Reply]
) -> None:
    assert same(answered(httpserver, "orange", status, body), expected)


def test_a_token_that_orange_refuses_is_renewed_once(httpserver: HTTPServer) -> None:
    for name, status in (("t-1", 401), ("t-2", 201)):
        tokens(httpserver, name)
        headers = {"Authorization": f"Bearer {name}"}
        expected = httpserver.expect_ordered_request(PATHS["orange"], method="POST", headers=headers)
        expected.respond_with_json(resource(), status)

    assert isinstance(orange(httpserver.url_for("")).send(REFERENCE, PHONE, TEXT), Confirmed)
    httpserver.check()


def test_without_a_token_orange_gets_no_message(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/oauth/v2/token").respond_with_json({"error": "invalid_client"}, 401)

    assert orange(httpserver.url_for("")).send(REFERENCE, PHONE, TEXT) == Unavailable("no token: HTTP 401")
    assert [request.path for request, _ in httpserver.log] == ["/oauth/v2/token"]


# All of them

GARBAGE = ["", "<html>", "[]", "7", "null", "{}", '{"messages": []}', '{"messages": [7]}', '{"messages": {}}']
GARBAGE += ['{"SMSMessageData": []}', '{"SMSMessageData": {}}', '{"SMSMessageData": {"Recipients": {}}}']
GARBAGE += ['{"SMSMessageData": {"Recipients": ["x"]}}', json.dumps(recipients(recipient(101), recipient(101)))]
GARBAGE += [json.dumps({"messages": [message("PENDING"), message("PENDING")]}), '{"messages": [{"status": "OK"}]}']
GARBAGE += [json.dumps({"messages": [message("PENDING", "op-2:send")]}), '{"outboundSMSMessageRequest": []}']


@pytest.mark.parametrize("body", GARBAGE)
def test_an_answer_that_says_nothing_of_the_message_leaves_it_unknown(
    httpserver: HTTPServer, vendor: str, body: str
) -> None:
    for status in (200, 201):
        reply = answered(httpserver, vendor, status, body)
        assert isinstance(reply, Unknown), reply
        httpserver.clear()


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Declined("refused_as_invalid")),
        (401, Unavailable("HTTP 401", 7)),
        (429, Unavailable("HTTP 429", 7)),
        (503, Unavailable("HTTP 503", 7)),
        (302, Unknown("HTTP 302")),
        (403, Unknown("HTTP 403")),
        (404, Unknown("HTTP 404")),
        (500, Unknown("HTTP 500")),
        (502, Unknown("HTTP 502")),
        (504, Unknown("HTTP 504")),
    ],
)
def test_a_status_that_is_no_success_means_the_same_at_all_of_them(
    httpserver: HTTPServer, vendor: str, status: int, expected: Reply
) -> None:
    body = {**recipients(recipient(101)), "messages": [message("PENDING")], **resource()}
    headers = {"Retry-After": "7"} if isinstance(expected, Unavailable) else {}
    assert answered(httpserver, vendor, status, body, **headers) == expected


def test_the_gateways_own_words_are_kept(httpserver: HTTPServer, vendor: str) -> None:
    reply = answered(httpserver, vendor, 404, '{"error": "no such thing"}')
    assert reply.said == {"http": 404, "body": '{"error": "no such thing"}'}


@contextmanager
def closing() -> Iterator[str]:
    """A gateway that gives a token, but closes the connection when it has read a message."""
    token = b'{"access_token": "t", "expires_in": 60}'
    answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(token), token)
    server = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                if b"/oauth/" in connection.recv(65536):
                    connection.sendall(answer)

    thread = threading.Thread(target=run)
    thread.start()
    yield f"http://127.0.0.1:{server.getsockname()[1]}"
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join()


def test_a_lost_answer_leaves_the_message_unknown(vendor: str) -> None:
    with closing() as url:
        reply = SENDERS[vendor](url).send(REFERENCE, PHONE, TEXT)
    assert isinstance(reply, Unknown), reply


def test_a_gateway_that_is_not_there_got_nothing(vendor: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    assert isinstance(SENDERS[vendor](url).send(REFERENCE, PHONE, TEXT), Unavailable)
