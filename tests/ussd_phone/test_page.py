"""The phone's page as it is served: its files, its policy, and where it is not."""

from pathlib import Path
from typing import Any

import pytest

from products.messages.contract import MessagesSettings
from tests.api.kit import assert_problem, build
from tests.ussd.kit import Phone, Worker

FILES = {"": "text/html", "/phone.css": "text/css", "/phone.js": "text/javascript", "/phone.svg": "image/svg+xml"}


@pytest.mark.parametrize("path", FILES)
def test_its_files_are_served_under_a_strict_policy(path: str) -> None:
    with build().http.get(f"/ussd/phone{path}") as answer:  # it holds an open file
        assert (answer.status_code, answer.mimetype) == (200, FILES[path])
        assert answer.data
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in policy} == {"'none'", "'self'"}
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("name", ["phone.html", "x", "..", "../phone.py", "..%2fphone.py", "%2e%2e%2fphone.py"])
def test_no_other_file_is(name: str) -> None:
    assert_problem(build().http.get(f"/ussd/phone/{name}"), 404, "not_found")


@pytest.mark.parametrize("path", FILES)
def test_elsewhere_than_on_the_embedded_default_there_is_no_phone(path: str) -> None:
    house = build(store_url="mongodb://x", ussd_key="a key")

    assert_problem(house.http.get(f"/ussd/phone{path}"), 404, "not_found")


def test_it_is_not_for_writing() -> None:
    assert_problem(build().http.post("/ussd/phone"), 405, "method_not_allowed")


INBOX = "/ussd/phone/inbox"


def test_the_inbox_has_the_sms_to_a_number_as_sent_and_the_newest_first(tmp_path: Path) -> None:
    house = build()
    worker, awa = Worker(house, tmp_path), Phone(house).register()
    for amount in ("500", "700"):
        awa.dial()
        awa.type("00", "6", amount, "2589")
    assert house.http.get(INBOX, query_string={"msisdn": awa.msisdn}).json == {"messages": []}
    worker.run()
    found = house.http.get(INBOX, query_string={"msisdn": awa.msisdn})
    texts = [sms["text"] for sms in found.json["messages"]]
    assert sorted(texts) == sorted(worker.sms(awa.msisdn))
    assert ["700" in text for text in texts] == [True, False]
    assert found.headers["Cache-Control"] == "no-store"
    for other in (Phone(house).msisdn, "", "?"):
        assert house.http.get(INBOX, query_string={"msisdn": other}).json == {"messages": []}


@pytest.mark.parametrize(
    ("changes", "sms", "status"),
    [
        ({"store_url": "mongodb://x", "ussd_key": "a key"}, MessagesSettings("file", ""), 404),
        ({"api_host": "0.0.0.0"}, MessagesSettings("file", ""), 404),
        ({"trusted_proxies": 1}, MessagesSettings("file", ""), 404),
        ({"trusted_hosts": ["pay.example"]}, MessagesSettings("file", ""), 404),
        ({"api_host": "0.0.0.0", "allow_open": True}, MessagesSettings("file", ""), 204),
        ({"store_url": "mongodb://x", "allow_open": True}, MessagesSettings("file", ""), 204),
        ({"ussd_key": "a key"}, MessagesSettings("file", ""), 204),
        ({}, MessagesSettings("http", "https://sms.example"), 204),
        ({}, MessagesSettings("africastalking", "https://api.africastalking.com"), 204),
        ({}, MessagesSettings("http", "http://127.0.0.1:8090/sms"), 200),
    ],
    ids=str,
)
def test_a_strangers_sms_are_shown_nowhere(changes: dict[str, Any], sms: MessagesSettings, status: int) -> None:
    """Only on this machine, without a key, and where nothing is sent to phones."""
    answer = build(None, None, sms, **changes).http.get(INBOX, query_string={"msisdn": "+2250707000001"})
    assert answer.status_code == status
    assert answer.data == b"" if status == 204 else True
