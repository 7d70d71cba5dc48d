"""Deliveries of webhooks over HTTP, and `callback_url`."""

from typing import Any

import pytest

from core.operation import Status
from products.webhooks.endpoints import Endpoints
from tests.answers import Answer
from tests.api.kit import NO_ID, Caller, House, assert_problem, body, build, wrong_fields
from tests.api.webhook_kit import DELIVERIES, ENDPOINTS, HOOK, Postman, announce, made, shop
from tests.ussd.kit import Worker
from worker.partners.pinned import Heard, NotHeard


@pytest.fixture
def postman(worker: Worker) -> Postman:
    return Postman(worker)


def trial_of(caller: Caller) -> tuple[str, Answer]:
    """An endpoint, and a test of it."""
    id = made(caller)["id"]
    answer = caller.send("POST", f"{ENDPOINTS}/{id}/test")
    assert answer.status_code == 202, answer.text
    return id, answer


def test_a_test_is_a_delivery_with_its_attempts(house: House, postman: Postman) -> None:
    caller = shop(house)
    endpoint, answer = trial_of(caller)
    assert (answer.json["type"], answer.json["state"]) == ("webhook.test", "pending")
    postman.answers = [Heard(503, b"try later" * 500, 60), NotHeard("no connection")]
    postman.run()
    waiting = caller.get(answer.headers["Location"]).json
    assert (waiting["state"], waiting["attempts_made"]) == ("pending", 1)
    assert waiting["next_attempt_at"] > waiting["attempts"][0]["at"]
    for _ in range(2):
        house.tick(24 * 3600)
        postman.run()

    shown = caller.get(answer.headers["Location"]).json

    assert (shown["endpoint"], shown["state"], shown["next_attempt_at"]) == (endpoint, "delivered", None)
    tries = [(each["status"], each["failure"]) for each in shown["attempts"]]
    assert tries == [(503, None), (None, "no connection"), (204, None)]
    assert shown["attempts"][0]["answer"].startswith("try later")
    assert {(body.decode(), id) for _, body, id in postman.sent} == {(shown["body"], shown["message"])}


def test_a_test_with_a_key_is_one_delivery(house: House) -> None:
    caller = shop(house)
    path = f"{ENDPOINTS}/{made(caller)['id']}/test"
    first = caller.send("POST", path, Idempotency_Key="1")
    house.tick(5)
    second = caller.send("POST", path, Idempotency_Key="1")
    assert (second.json["id"], second.headers["Idempotency-Replayed"]) == (first.json["id"], "true")
    assert caller.send("POST", path).json["id"] != first.json["id"]


def test_an_endpoint_that_is_off_gets_nothing(house: House) -> None:
    caller = shop(house)
    id, answer = trial_of(caller)
    caller.patch(f"{ENDPOINTS}/{id}", {"on": False})
    since = {"since": "2020-01-01T00:00:00Z"}
    assert_problem(caller.send("POST", f"{ENDPOINTS}/{id}/test"), 409, "endpoint_off")
    assert_problem(caller.post(f"{ENDPOINTS}/{id}/recover", since), 409, "endpoint_off")
    assert_problem(caller.send("POST", f"{DELIVERIES}/{answer.json['id']}/resend"), 409, "endpoint_off")
    assert caller.post(f"{ENDPOINTS}/{id}/recover", {**since, "dry_run": True}).json["failed"] == 0


def types(listed: Answer) -> list[str]:
    assert listed.status_code == 200, listed.text
    return sorted(each["type"] for each in listed.json["deliveries"])


def test_deliveries_are_found_by_what_they_are(house: House, postman: Postman) -> None:
    caller = shop(house)
    one, other = made(caller)["id"], made(caller, types=["payment.failed"])["id"]
    postman.answers = [Heard(410, b"", 0)]
    paid = announce(house, caller, 1, Status.PROCESSING, Status.SUCCEEDED)
    house.tick(60)
    middle = house.clock.now().isoformat().replace("+00:00", "Z")
    failed = announce(house, caller, 2, Status.PROCESSING, Status.FAILED)
    for query, expected in [
        ("", ["accepted", "accepted", "failed", "failed", "processing", "processing", "succeeded"]),
        (f"?endpoint={other}", ["failed"]),
        (f"?endpoint={one}&type=payment.failed", ["failed"]),
        ("?type=payment.succeeded", ["succeeded"]),
        (f"?operation={paid}", ["accepted", "processing", "succeeded"]),
        (f"?operation={failed}&endpoint={other}", ["failed"]),
        (f"?since={middle}&endpoint={one}", ["accepted", "failed", "processing"]),
        ("?state=delivered", []),
        (f"?endpoint={NO_ID}", []),
    ]:
        assert types(caller.get(DELIVERIES + query)) == [f"payment.{name}" for name in expected], query
    postman.run()
    assert len(types(caller.get(f"{DELIVERIES}?state=failed&limit=100"))) >= 1
    for wrong in ("endpoint=x", "state=off", "since=x", "operation=7", "colour=red"):
        assert caller.get(f"{DELIVERIES}?{wrong}").status_code == 422


def test_a_rare_type_is_found_over_short_pages(house: House) -> None:
    caller = shop(house)
    endpoint = Endpoints(house.store, house.clock).get(made(caller)["id"])
    assert endpoint is not None
    rare = announce(house, caller, 1, Status.PROCESSING, Status.FAILED)
    for number in range(2, 34):
        announce(house, caller, number, Status.PROCESSING)
    pages = caller.pages(f"{DELIVERIES}?type=payment.failed", "deliveries", 1)
    assert [each["operation"] for page in pages for each in page] == [rare]
    assert len(pages) > 1


def failing(house: House, postman: Postman, caller: Caller, number: int) -> str:
    """A payment whose end nobody took."""
    id = announce(house, caller, number, Status.PROCESSING, Status.SUCCEEDED)
    postman.answers = [NotHeard("the URL leads inside", refused=True)]
    postman.run()
    house.tick(1)
    return id


def test_a_delivery_is_sent_again_as_often_as_somebody_asks(house: House, postman: Postman) -> None:
    caller = shop(house)
    made(caller, types=["payment.succeeded"])
    failing(house, postman, caller, 1)
    (lost,) = caller.get(f"{DELIVERIES}?state=failed").json["deliveries"]
    assert lost["reason"] == {"code": "target_refused"}
    again = caller.send("POST", f"{DELIVERIES}/{lost['id']}/resend")
    assert (again.status_code, again.json["resends"]) == (202, lost["id"])
    assert (again.json["message"], again.json["operation"]) == (lost["message"], lost["operation"])
    # A client that repeats its request within seconds is one request
    assert caller.send("POST", f"{DELIVERIES}/{lost['id']}/resend").json["id"] == again.json["id"]
    postman.run()
    assert caller.get(again.headers["Location"]).json["state"] == "delivered"
    assert len({(text, id) for _, text, id in postman.sent}) == 1

    # It may be sent again although it was delivered
    house.tick(11)
    third = caller.send("POST", f"{DELIVERIES}/{again.json['id']}/resend")
    assert third.json["id"] not in (lost["id"], again.json["id"])


def test_what_failed_since_is_sent_again_once(house: House, postman: Postman) -> None:
    caller = shop(house)
    id = made(caller, types=["payment.succeeded"])["id"]
    early = failing(house, postman, caller, 1)
    since = {"since": house.clock.now().isoformat()}
    late = [failing(house, postman, caller, number) for number in (2, 3)]
    path = f"{ENDPOINTS}/{id}/recover"
    sent = len(postman.sent)

    end = {"more": False, "next_cursor": None}
    assert caller.post(path, {**since, "dry_run": True}).json == {"failed": 2, "resent": 0, **end}
    assert caller.post(path, since).json == {"failed": 2, "resent": 2, **end}
    assert caller.post(path, since).json == {"failed": 0, "resent": 0, **end}
    postman.run()
    assert caller.post(path, since).json == {"failed": 0, "resent": 0, **end}

    assert len(postman.sent) == sent + 2
    told = [each["operation"] for each in caller.get(f"{DELIVERIES}?state=delivered").json["deliveries"]]
    assert (sorted(told), early in told) == (sorted(late), False)


def test_what_did_not_happen_is_not_recovered(house: House, postman: Postman) -> None:
    caller = shop(house)
    id = made(caller, types=["payment.succeeded"])["id"]
    paid = announce(house, caller, 1)
    before = house.operation(paid)
    after = before.moved(Status.PROCESSING, house.clock.now()).moved(Status.SUCCEEDED, house.clock.now())
    house.core.announcements.changed(before, after)
    house.save(before.moved(Status.PROCESSING, house.clock.now()))  # another worker was faster
    house.tick(1)
    postman.run()
    (dropped,) = caller.get(f"{DELIVERIES}?endpoint={id}").json["deliveries"]
    assert dropped["reason"] == {"code": "did_not_happen"}
    assert caller.post(f"{ENDPOINTS}/{id}/recover", {"since": "2020-01-01T00:00:00Z"}).json["failed"] == 0
    assert postman.sent == []


def test_recovery_has_a_limit_and_says_so(house: House, postman: Postman, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = shop(house)
    id = made(caller, types=["payment.succeeded"])["id"]
    for number in range(3):
        failing(house, postman, caller, number)
    limit_recovery(monkeypatch, 2)
    path, since = f"{ENDPOINTS}/{id}/recover", {"since": "2020-01-01T00:00:00Z"}
    first = caller.post(path, since).json
    assert (first["failed"], first["resent"], first["more"]) == (2, 2, True)
    rest = caller.post(path, {**since, "cursor": first["next_cursor"]}).json
    assert rest == {"failed": 1, "resent": 1, "more": False, "next_cursor": None}


def limit_recovery(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    for name in ("RECOVERED_AT_ONCE", "RECOVERY_PAGE"):
        monkeypatch.setattr(f"products.webhooks.deliveries.{name}", most)


def test_recovery_counts_what_it_only_looks_at(house: House, postman: Postman, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a request would walk over all failed tests that an endpoint ever had."""
    caller = shop(house)
    id = made(caller)["id"]
    postman.answers = [NotHeard("the URL leads inside", refused=True)] * 3
    for _ in range(3):
        caller.send("POST", f"{ENDPOINTS}/{id}/test")
        house.tick(1)
    postman.run()
    limit_recovery(monkeypatch, 2)
    path, since = f"{ENDPOINTS}/{id}/recover", {"since": "2020-01-01T00:00:00Z"}
    first = caller.post(path, since).json
    assert (first["failed"], first["more"]) == (0, True)
    rest = caller.post(path, {**since, "cursor": first["next_cursor"]}).json
    assert rest == {"failed": 0, "resent": 0, "more": False, "next_cursor": None}
    assert wrong_fields(caller.post(path, {**since, "cursor": "x"})) == {"/cursor"}


def paid_with(caller: Caller, url: Any, **changes: Any) -> Answer:
    return caller.post("/amendes/payments", {**body(**changes), "callback_url": url})


def test_a_payment_is_told_to_a_url_of_its_own(house: House, postman: Postman) -> None:
    caller = shop(house)
    id = made(caller, types=["charge.*"])["id"]
    paid = paid_with(caller, f"{HOOK}/order-7?x=1")
    assert paid.status_code == 202, paid.text
    before = house.operation(paid.json["id"])
    assert before.report_to == {"endpoint": id, "url": f"{HOOK}/order-7?x=1"}
    after = before.moved(Status.PROCESSING, house.clock.now())
    house.core.announcements.changed(before, after)
    house.save(after)
    told = caller.get(f"{DELIVERIES}?endpoint={id}").json["deliveries"]
    assert {each["url"] for each in told} == {f"{HOOK}/order-7?x=1"}
    # The same payment with another URL, or none, is the same payment
    assert paid_with(caller, f"{HOOK}/order-8").json["id"] == before.id
    assert caller.post("/amendes/payments", body()).json["id"] == before.id


@pytest.mark.parametrize(
    "url",
    [
        "https://203.0.114.2/hook",
        "https://203.0.114.1:444/",
        "http://203.0.114.1/",
        "x",
        "",
        7,
        "https://" + "x" * 2000,
    ],
)
def test_a_payment_is_told_only_where_its_client_has_an_endpoint(house: House, url: Any) -> None:
    caller = shop(house)
    made(caller)
    made(shop(house), url="https://203.0.114.2/")
    with house.nothing_stored():
        assert wrong_fields(paid_with(caller, url)) == {"/callback_url"}


def test_a_payment_is_not_told_at_an_endpoint_that_is_off(house: House) -> None:
    caller = shop(house)
    caller.patch(f"{ENDPOINTS}/{made(caller)['id']}", {"on": False})
    assert wrong_fields(paid_with(caller, HOOK)) == {"/callback_url"}


def test_nobody_without_a_key_names_a_url(house: House) -> None:
    answer = house.post({**body(), "callback_url": HOOK})
    assert wrong_fields(answer) == {"/callback_url"}


def test_in_the_open_set_up_no_key_is_needed() -> None:
    house = build(admin_token="")
    made = house.post({"url": "http://127.0.0.1:9000/", "everybody": True}, path=ENDPOINTS)
    assert made.status_code == 201
    paid = house.post({**body(), "callback_url": "http://127.0.0.1:9000/mine"})
    assert house.operation(paid.json["id"]).report_to == {
        "endpoint": made.json["id"],
        "url": "http://127.0.0.1:9000/mine",
    }
    assert len(house.http.get(ENDPOINTS).json["endpoints"]) == 1
    house.store.close()
