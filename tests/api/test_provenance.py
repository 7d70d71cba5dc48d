"""Which hosts, pages and proxies the API believes."""

from typing import Any

import pytest
from flask import request

from tests.api.kit import build

DIAL = {"sessionId": "s1", "phoneNumber": "+2250505887310", "text": "", "serviceCode": "*1#", "networkCode": "62001"}
EVIL = {"Origin": "https://evil.example"}


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://localhost.evil.example", "null", "http://localhost:81", "http://[", ""]
)
def test_a_page_of_another_site_drives_no_open_installation(origin: str) -> None:
    client = build(admin_token="").app.test_client()
    refused = client.post("/ussd/africastalking", data=DIAL, headers={"Origin": origin})
    assert (refused.status_code, refused.get_json()["code"]) == (403, "forbidden")
    assert client.post("/ussd/africastalking", data=DIAL, headers={"Origin": "http://localhost"}).status_code == 200
    assert client.post("/ussd/africastalking", data=DIAL).status_code == 200


def test_a_page_of_another_site_may_read_what_anyone_may_read() -> None:
    assert build(admin_token="").app.test_client().get("/healthz", headers=EVIL).status_code == 200


def test_an_installation_that_knows_its_callers_asks_them_and_not_their_pages() -> None:
    house = build(store_url="mongodb://x", ussd_africastalking_key="k" * 32)
    client = house.app.test_client()
    assert client.post("/ussd/africastalking", data=DIAL, headers=EVIL).status_code == 401
    assert client.post("/ussd/africastalking", data=DIAL, headers=EVIL | {"X-Gateway-Key": "k" * 32}).status_code == 200


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "evil.example", 400),
        ({}, "localhost:8080", 200),
        ({}, "127.0.0.1:8080", 200),
        ({"trusted_hosts": ["pay.example"]}, "pay.example", 200),
        ({"trusted_hosts": ["pay.example"]}, "localhost", 200),
        ({"trusted_hosts": ["pay.example"], "store_url": "mongodb://x"}, "evil.example", 400),
        ({"trusted_hosts": [".pay.example"], "store_url": "mongodb://x"}, "www.pay.example", 200),
        ({"store_url": "mongodb://x"}, "api:8080", 200),
        ({"api_host": "::1"}, "[::1]:8080", 200),
    ],
)
def test_only_trusted_hosts_are_served(settings: dict[str, Any], host: str, status: int) -> None:
    answer = build(**settings).app.test_client().get("/healthz", headers={"Host": host})
    assert answer.status_code == status, answer.text
    if status == 400:
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("proxies", "address", "scheme"), [(0, "10.0.0.9", "http"), (1, "2.2.2.2", "https"), (2, "1.1.1.1", "http")]
)
def test_as_many_proxies_are_believed_as_the_settings_count(proxies: int, address: str, scheme: str) -> None:
    app = build(trusted_proxies=proxies).app
    app.add_url_rule("/who", view_func=lambda: {"address": request.remote_addr, "scheme": request.scheme})
    headers = {"X-Forwarded-For": "1.1.1.1, 2.2.2.2", "X-Forwarded-Proto": "http, https"}
    answer = app.test_client().get("/who", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.9"})
    assert answer.get_json() == {"address": address, "scheme": scheme}
