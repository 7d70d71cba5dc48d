"""Events over HTTP: stored as they are written, shown as they are stored, and never mistaken for one another."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from core.broker.port import Message
from core.errors import BrokerUnavailable
from core.identity.people import Role
from core.operation import Status
from products.events.process import event
from tests.answers import Answer
from tests.api.kit import House, assert_problem, build, move_in
from tests.doubles import START, FakeClock, lent_sql
from worker.engine import Engine
from worker.policy import Policy

URL = "/api/event/clinic/visit/opened"


@pytest.fixture
def house() -> Iterator[House]:
    """Without an ADMIN_TOKEN, events are open on the embedded default."""
    with lent_sql() as store:
        yield move_in(build(store, admin_token=""))


def tell(house: House, body: Any = None, path: str = URL, **headers: str) -> Answer:
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return house.post({"number": 1} if body is None else body, sent, path=path)


class Topics:
    """A broker that takes what is published, or says that it is away."""

    def __init__(self) -> None:
        self.taken: list[Message] = []
        self.away = False

    def publish(self, message: Message) -> None:
        if self.away:
            raise BrokerUnavailable(reason="away")
        self.taken.append(message)


def work(house: House, topics: Topics, id: str) -> None:
    engine = Engine(
        store=house.store,
        clock=house.clock,
        processes={"event": event(topics)},  # type: ignore[arg-type]
        policy=Policy(settle_window_s=30),
        worker="w",
        call_s=1,
        jitter=lambda: 1.0,
    )
    engine.advance(id)


def test_an_event_is_accepted_and_shown(house: House) -> None:
    answer = tell(house)

    uid = answer.json["event_uid"]
    assert answer.status_code == 202
    assert answer.json == {
        "event_uid": uid,
        "event_timestamp": "2026-01-01T12:00:00.000000Z",
        "event_data": {"number": 1},
    }
    shown = house.http.get(answer.headers["Location"]).json
    assert shown == {
        **answer.json,
        "solution": "clinic",
        "model": "visit",
        "action": "opened",
        "status": "accepted",
        "published": False,
        "published_at": None,
        "attempts": 0,
    }
    assert house.http.get(f"/api/event/{uid}/").json == shown


def test_it_is_published_once_the_broker_takes_it(house: House) -> None:
    clock, topics = house.clock, Topics()
    assert isinstance(clock, FakeClock)
    traced = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    uid = tell(house, traceparent=traced, ce_id="7", ce_type="opened").json["event_uid"]
    topics.away = True
    waits = []
    for _ in range(6):
        work(house, topics, uid)
        due_at = house.operation(uid).due_at
        assert due_at is not None
        waits.append(round((due_at - clock.now()).total_seconds(), 3))
        clock.tick(waits[-1])
    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4]
    assert house.http.get(f"/api/event/{uid}").json["status"] == "processing"
    topics.away = False
    work(house, topics, uid)

    shown = house.http.get(f"/api/event/{uid}").json
    assert (shown["status"], shown["published"], shown["attempts"]) == ("succeeded", True, 7)
    assert shown["published_at"] > shown["event_timestamp"]
    (message,) = topics.taken
    assert message == Message(
        ("clinic", "visit", "opened"), uid, b'{"number": 1}', {"ce-id": "7", "ce-type": "opened", "traceparent": traced}
    )


def test_a_broker_that_is_away_for_years_does_not_end_an_event(house: House) -> None:
    clock, topics = house.clock, Topics()
    assert isinstance(clock, FakeClock)
    uid, topics.away = tell(house).json["event_uid"], True
    for _ in range(50):
        work(house, topics, uid)
        clock.tick(20 * 24 * 3600)
    assert house.operation(uid).status is Status.PROCESSING


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"price":0.10,"huge":123456789012345678901234567890,"exponent":1e400}',
        '{"text": "\\ud800 \\u0000 é \U0001f600", "list": [null, true]}',
        '{ "NaN": "Infinity", "long": ' + "1" * 5000 + "}",
        '{"brackets": "' + "[{" * 100 + '\\""}',
        json.dumps({"x": "y" * (256 * 1024 - 9)}),
    ],
)
def test_data_is_kept_to_the_last_character(house: House, text: str) -> None:
    topics = Topics()
    answer = tell(house, text)

    assert answer.status_code == 202, answer.text
    uid = answer.json["event_uid"]
    work(house, topics, uid)
    assert topics.taken[0].body == text.encode()
    assert f'"event_data":{text}}}' in answer.get_data(as_text=True)
    assert f'"event_data":{text}}}' in house.http.get(f"/api/event/{uid}").get_data(as_text=True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b'"text"', 400, "bad_request"),
        (b"null", 400, "bad_request"),
        (b"{", 400, "bad_request"),
        (b'{"a": NaN}', 400, "bad_request"),
        (b'{"a": -Infinity}', 400, "bad_request"),
        (b'{"a": "\xff"}', 400, "bad_request"),
        (b'{"a":' + b"[" * 32 + b"]" * 32 + b"}", 422, "validation_failed"),
        (b'{"a":' * 100_00 + b"1" + b"}" * 100_00, 422, "validation_failed"),
        (b'{"x": "' + b"y" * (256 * 1024) + b'"}', 413, "request_too_large"),
        (b'{"a":' * 33 + b'"' + b'\\"' * 120_000, 422, "validation_failed"),
        (b'{"a":' + b"[]," * 40 + b'"' + b'\\"' * 120_000, 400, "bad_request"),
        (b'{"a": ' + b"1" * 5000 + b', "b": NaN}', 400, "bad_request"),
    ],
)
def test_a_body_that_is_no_event(house: House, body: bytes, status: int, code: str) -> None:
    assert_problem(tell(house, body), status, code)
    assert house.stored()["operations"] == 0


def test_thirty_two_levels_are_taken(house: House) -> None:
    assert tell(house, '{"a":' + "[" * 31 + "]" * 31 + "}").status_code == 202


@pytest.mark.parametrize("part", ["a b", "x" * 65, "a*", "*", "%2F", "%25", "a~b", "%E2%82%AC", "%0A", "%FF"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_parts_of_the_path(house: House, part: str, place: int) -> None:
    parts = ["clinic", "visit", "opened"]
    parts[place] = part
    path = "/api/event/" + "/".join(parts)

    answers = [tell(house, path=path), house.http.get(path)]

    for answer in answers:
        if answer.status_code == 404:  # an escaped slash makes another path
            assert "%2F" in part
        else:
            assert_problem(answer, 422, "validation_failed")
    assert house.stored()["operations"] == 0


OLD = "/api/event/MySolution/Order/Create"


def test_a_topic_may_have_capitals_dots_and_accents(house: House) -> None:
    topics = Topics()
    for path, parts, key in (
        (OLD, ("MySolution", "Order", "Create"), "MySolution.Order.Create"),
        ("/api/event/acme.fr/Résumé/v1.2", ("acme.fr", "Résumé", "v1.2"), "acme%2Efr.R%C3%A9sum%C3%A9.v1%2E2"),
    ):
        answer = tell(house, path=path)
        assert answer.status_code == 202, answer.text
        work(house, topics, answer.json["event_uid"])

        shown = house.http.get(answer.headers["Location"]).json
        assert (shown["solution"], shown["model"], shown["action"]) == parts
        assert (topics.taken[-1].topic, topics.taken[-1].routing_key) == (parts, key)
        (listed,) = house.http.get(path).json["events"]
        assert listed == shown


def test_topics_that_differ_in_capitals_or_dots_are_two(house: House) -> None:
    tell(house, path=OLD)
    tell(house, path="/api/event/a.b/c/d")

    assert house.http.get(OLD.lower().replace("mysolution", "MySolution")).json["events"] == []
    assert house.http.get("/api/event/a/b.c/d").json["events"] == []


def test_two_spellings_of_one_accent_are_one_topic(house: House) -> None:
    tell(house, path="/api/event/a/Re\u0301sume\u0301/b")

    (listed,) = house.http.get("/api/event/a/R\u00e9sum\u00e9/b").json["events"]
    assert listed["model"] == "R\u00e9sum\u00e9"


def test_a_topic_that_is_no_routing_key_is_refused(house: House) -> None:
    longest = "é" * 38  # 6 bytes each, once it is escaped: 228 of 238

    assert tell(house, path=f"/api/event/{longest}/abc/defgh").status_code == 202
    problem = assert_problem(tell(house, path=f"/api/event/{longest}/abc/defghi"), 422, "validation_failed")
    assert problem["detail"] == "The topic is longer than 238 bytes once it is escaped."


def test_equal_events_are_two_unless_they_have_one_key(house: House) -> None:
    assert tell(house).json["event_uid"] != tell(house).json["event_uid"]
    first, again = tell(house, Idempotency_Key="k"), tell(house, Idempotency_Key="k")
    assert again.json == first.json
    assert again.headers["Idempotency-Replayed"] == "true"
    assert_problem(tell(house, {"number": 2}, Idempotency_Key="k"), 422, "idempotency_key_reused")
    other = house.post({"number": 1}, {"Idempotency-Key": "k"}, path="/api/event/clinic/visit/ended")
    assert_problem(other, 422, "idempotency_key_reused")


def test_a_topic_lists_its_events_newest_first(house: House) -> None:
    uids = [tell(house, {"number": number}).json["event_uid"] for number in range(5)]
    tell(house, path="/api/event/clinic/visit/ended")

    first = house.http.get(f"{URL}?limit=3").json
    second = house.http.get(f"{URL}/?limit=3&cursor={first['next_cursor']}").json

    assert [shown["event_uid"] for shown in [*first["events"], *second["events"]]] == uids[::-1]
    assert [shown["event_data"]["number"] for shown in first["events"]] == [4, 3, 2]
    assert second["next_cursor"] is None
    assert house.http.get("/api/event/nobody/has/published").json == {"events": [], "next_cursor": None}


def test_a_replay_publishes_the_same_message_again(house: House) -> None:
    topics = Topics()
    uid = tell(house, ce_id="7").json["event_uid"]
    work(house, topics, uid)
    operator = {"Authorization": f"Bearer {house.person('desk', Role.OPERATOR).token}"}

    answer = house.http.post(f"/api/event/{uid}/replay", headers=operator)

    assert (answer.status_code, answer.json["event_uid"]) == (202, uid)
    replay = answer.headers["Location"].rpartition("/")[2]
    assert replay != uid
    work(house, topics, replay)
    assert topics.taken[0] == topics.taken[1]
    assert house.http.get(answer.headers["Location"]).json["published"] is True
    assert [shown["event_uid"] for shown in house.http.get(URL).json["events"]] == [uid]
    again = house.http.post(f"/api/event/{replay}/replay", headers=operator)
    assert again.json["event_uid"] == uid


def test_replays_are_the_operators(house: House) -> None:
    uid = tell(house).json["event_uid"]

    assert_problem(house.http.post(f"/api/event/{uid}/replay"), 401, "unauthorized")
    operator = {"Authorization": f"Bearer {house.person('desk', Role.OPERATOR).token}"}
    assert_problem(house.http.post("/api/event/nothing/replay", headers=operator), 404, "event_not_found")
    assert_problem(house.http.get("/api/event/nothing"), 404, "event_not_found")
    assert_problem(house.http.get(f"/api/event/{house.pay()}"), 404, "event_not_found")


@pytest.mark.parametrize("value", ["", "x" * 1025, "tab\there", "é"])
def test_a_cloud_event_header_that_cannot_be_forwarded(house: House, value: str) -> None:
    assert_problem(tell(house, ce_source=value), 400, "bad_request")


def test_waiting_for_the_publication(house: House) -> None:
    uid = tell(house).json["event_uid"]
    first = house.http.get(f"/api/event/{uid}")
    work(house, Topics(), uid)

    assert house.http.get(f"/api/event/{uid}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200
    assert first.headers["Retry-After"] == "2"
    assert house.operation(uid).created_at == START


def test_a_page_of_large_events_ends_early_and_none_is_left_out(house: House) -> None:
    large = "x" * 200_000
    ids = {house.caller().post(URL, {"number": number, "text": large}).json["event_uid"] for number in range(12)}

    pages = house.caller().pages(URL, "events", 100)

    assert [len(page) for page in pages] == [5, 5, 2]
    assert {event["event_uid"] for page in pages for event in page} == ids
