"""Endpoints of webhooks over HTTP."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.identity.people import Role
from core.look_ups import LookUps
from devtools.stack import ROOT
from products.webhooks import routes
from products.webhooks.endpoints import Endpoint, Endpoints
from tests.answers import Answer
from tests.api.kit import NO_ID, House, assert_problem, build, wrong_fields
from tests.api.webhook_kit import DELIVERIES, ENDPOINTS, HOOK, Postman, announce, made, shop
from tests.ussd.kit import Worker


@pytest.fixture
def postman(worker: Worker) -> Postman:
    return Postman(worker)


def test_an_endpoint_is_made_shown_and_listed(house: House) -> None:
    caller = shop(house)
    answer = caller.post(ENDPOINTS, {"url": HOOK, "types": ["payment.*"], "description": "orders"})
    assert answer.headers["Location"] == f"http://localhost{ENDPOINTS}/{answer.json['id']}"
    view = dict(answer.json)
    assert view.pop("secret").startswith("whsec_")
    assert view | {"id": "", "created_at": ""} == {
        "id": "",
        "url": HOOK,
        "types": ["payment.*"],
        "description": "orders",
        "everybody": False,
        "owner": house.core.api_keys.all()[0].client,
        "state": "on",
        "failing_since": None,
        "why_off": None,
        "created_at": "",
    }
    # The secret is shown this once
    shown = caller.get(f"{ENDPOINTS}/{answer.json['id']}")
    assert shown.json == view
    assert caller.get(ENDPOINTS).json == {"endpoints": [shown.json], "next_cursor": None}


def test_endpoints_come_in_pages(house: House) -> None:
    caller = shop(house)
    ids = [made(caller)["id"] for _ in range(5)]
    pages = caller.pages(ENDPOINTS, "endpoints", 2)
    assert [endpoint["id"] for page in pages for endpoint in page] == ids[::-1]


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://203.0.114.1/", "begins with https://"),
        ("https://127.0.0.1/", "not public"),
        ("https://[::1]/", "not public"),
        ("https://10.1.2.3/", "not public"),
        ("https://169.254.169.254/latest/meta-data", "not public"),
        ("https://awa:sesame@203.0.114.1/", "password"),
        ("https://203.0.114.1/#x", "fragment"),
        ("https:///x", "https://"),
        ("nonsense", "https://"),
    ],
)
def test_a_url_that_must_not_be_called_is_refused(url: str, why: str) -> None:
    house = build(store_url="mongodb://x")
    answer = shop(house).post(ENDPOINTS, {"url": url})
    assert wrong_fields(answer) == {"/url"}
    assert why in answer.json["errors"][0]["detail"]
    assert list(house.store.find("webhook_endpoints", {})) == []
    house.store.close()


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house that calls public addresses only, where it finds the names that `find` knows."""
    routes.look_ups.cache_clear()
    monkeypatch.setattr(routes, "LookUps", partial(LookUps, find))
    house = build(store_url="mongodb://x")
    yield house
    house.store.close()
    routes.look_ups.cache_clear()


def find(host: str, port: int) -> list[str]:
    if host.startswith("nowhere"):
        raise OSError("not found")
    return ["8.8.8.8", "10.0.0.1" if host.startswith("inside") else "1.1.1.1"]


def test_a_name_is_looked_up_when_it_is_named_and_every_address_is_checked(strict: House) -> None:
    caller = shop(strict)
    endpoint = made(caller, url="https://client.example:8443/")
    for host, why in (("inside.example", "not public"), ("nowhere.example", "without an address")):
        for answer in (
            caller.post(ENDPOINTS, {"url": f"https://{host}/"}),
            caller.patch(f"{ENDPOINTS}/{endpoint['id']}", {"url": f"https://{host}/"}),
        ):
            assert wrong_fields(answer) == {"/url"}
            assert why in answer.json["errors"][0]["detail"]


def test_a_client_whose_names_are_slow_is_asked_to_wait(strict: House, monkeypatch: pytest.MonkeyPatch) -> None:
    late = Event()

    def slow(host: str, port: int) -> list[str]:
        assert late.wait(30)
        return ["8.8.8.8"]

    monkeypatch.setattr(routes, "LookUps", partial(LookUps, slow))
    monkeypatch.setattr(routes, "LOOK_UP_S", 0.01)
    caller = shop(strict)
    assert wrong_fields(caller.post(ENDPOINTS, {"url": "https://one.example/"})) == {"/url"}
    busy = caller.post(ENDPOINTS, {"url": "https://other.example/"})
    assert_problem(busy, 429, "names_busy")
    assert busy.headers["Retry-After"] == "5"
    late.set()


def test_names_that_hang_hold_up_neither_payments_nor_sign_ins() -> None:
    """In a process with greenlets, as gunicorn makes it."""
    program = Path(__file__).with_name("hanging_names.py")
    done = subprocess.run([sys.executable, program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "202 200 4 of 16", done.stderr


def test_on_one_machine_a_receiver_may_be_on_it(house: House) -> None:
    assert made(shop(house), url="http://127.0.0.1:9000/hook")["url"] == "http://127.0.0.1:9000/hook"
    refused = shop(house).post(ENDPOINTS, {"url": "http://169.254.169.254/"})
    assert wrong_fields(refused) == {"/url"}


def test_types_have_to_be_in_the_catalogue(house: House) -> None:
    caller = shop(house)
    for good in ("*", "payment.*", "payment.failed", "event.published", "webhook.test"):
        made(caller, types=[good])
    for bad in ("payment", "payment.open", "pay*", "event.failed", "Payment.failed"):
        assert wrong_fields(caller.post(ENDPOINTS, {"url": HOOK, "types": ["*", bad]})) == {"/types/1"}
    for bad_list in ([], [""], ["*"] * 51, "payment.failed", [1], None):
        assert caller.post(ENDPOINTS, {"url": HOOK, "types": bad_list}).status_code == 422


def test_a_client_has_twenty_endpoints_at_most(house: House) -> None:
    caller = shop(house)
    ids = [made(caller)["id"] for _ in range(20)]
    assert_problem(caller.post(ENDPOINTS, {"url": HOOK}), 409, "too_many_endpoints")
    made(shop(house))
    assert caller.send("DELETE", f"{ENDPOINTS}/{ids[3]}").status_code == 204
    made(caller)


def test_not_even_at_one_moment_has_a_client_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = shop(house)
    for _ in range(19):
        made(caller)
    create = Endpoints.create

    def with_another(self: Endpoints, *arguments: Any) -> Endpoint:
        """Another request makes one after both have looked."""
        create(self, *arguments)
        return create(self, *arguments)

    monkeypatch.setattr(Endpoints, "create", with_another)
    assert_problem(caller.post(ENDPOINTS, {"url": HOOK}), 409, "too_many_endpoints")
    assert len(caller.get(f"{ENDPOINTS}?limit=100").json["endpoints"]) == 20


def test_only_who_may_see_everybodys_is_told_of_everybodys(house: House) -> None:
    answer = shop(house).post(ENDPOINTS, {"url": HOOK, "everybody": True})
    assert "webhooks:all" in assert_problem(answer, 403, "forbidden")["detail"]
    assert made(shop(house, "webhooks:all"), everybody=True)["everybody"] is True
    assert made(house.person("olga", Role.OPERATOR), everybody=True)["everybody"] is True
    assert [each.hears for each in Endpoints(house.store, house.clock).page(None, 10, None)] == ["*", "*"]


def test_an_endpoint_is_changed_and_switched_off_and_on(house: House) -> None:
    caller = shop(house)
    path = f"{ENDPOINTS}/{made(caller)['id']}"
    changed = caller.patch(path, {"url": f"{HOOK}2", "types": ["charge.*"], "on": False}).json
    assert (changed["url"], changed["types"], changed["state"]) == (f"{HOOK}2", ["charge.*"], "off")
    assert changed["why_off"] == "its owner switched it off"
    again = caller.patch(path, {"on": True}).json
    assert (again["url"], again["state"], again["why_off"]) == (f"{HOOK}2", "on", None)
    assert wrong_fields(caller.patch(path, {"types": ["nothing"]})) == {"/types/0"}
    assert wrong_fields(caller.patch(path, {"url": "https://169.254.169.254"})) == {"/url"}
    for nothing in ({}, {"everybody": True}, {"state": "on"}, {"on": "yes"}):
        assert_problem(caller.patch(path, nothing), 422, "validation_failed")
    assert caller.get(path).json == again


def test_a_new_secret_signs_beside_the_old_one(house: House) -> None:
    caller = shop(house)
    first = made(caller)
    second = caller.send("POST", f"{ENDPOINTS}/{first['id']}/secret").json
    assert second["secret"] != first["secret"]
    kept = Endpoints(house.store, house.clock).get(first["id"])
    assert kept is not None
    assert kept.secrets == (second["secret"], first["secret"])


def test_what_changes_an_endpoint_is_in_the_security_log(house: House) -> None:
    caller = shop(house)
    with capture_logs() as logs:
        path = f"{ENDPOINTS}/{made(caller)['id']}"
        caller.patch(path, {"on": False})
        caller.send("POST", f"{path}/secret")
        caller.send("DELETE", path)
        caller.get(ENDPOINTS)
    assert [line["what"] for line in logs if line["event"] == "security"] == [
        "webhook endpoint made",
        "webhook endpoint changed",
        "webhook secret rotated",
        "webhook endpoint deleted",
    ]


def test_what_is_not_there_is_404(house: House) -> None:
    caller = shop(house)
    change: dict[str, Callable[[str], Answer]] = {
        "get": caller.get,
        "patch": lambda path: caller.patch(path, {"on": True}),
        "delete": lambda path: caller.send("DELETE", path),
        "secret": lambda path: caller.send("POST", f"{path}/secret"),
        "test": lambda path: caller.send("POST", f"{path}/test"),
    }
    for ask in change.values():
        for id in (NO_ID, "x"):
            assert_problem(ask(f"{ENDPOINTS}/{id}"), 404, "endpoint_not_found")
    paid = announce(house, caller, 1)
    for id in (NO_ID, "x", paid):
        assert_problem(caller.get(f"{DELIVERIES}/{id}"), 404, "delivery_not_found")
