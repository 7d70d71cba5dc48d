"""Asking how a payment stands."""

from dataclasses import replace
from typing import Any

import pytest

from api.http.waiting import POLL_S, WaitingRoom
from core.accept import Command, accept
from core.identity.people import Role
from core.operation import Status
from core.steps import StepState
from tests.answers import client_of
from tests.api.kit import URL, House, assert_problem, body

DONE, DECLINED, SENT = StepState.DONE, StepState.DECLINED, StepState.SUBMITTED


def fine_states(house: House, id: str) -> list[tuple[str, str | None]]:
    return [(fine["status"], fine["reason"]) for fine in house.get(id).json["amendes"]]


def test_the_phone_is_masked_everywhere(house: House) -> None:
    text = house.get(house.pay()).text

    assert "+225*******001" in text
    assert "0707000001" not in text


@pytest.mark.parametrize("slash", ["", "/"])
def test_with_and_without_the_last_slash(house: House, slash: str) -> None:
    id = house.pay()

    answer = house.get(id + slash)

    assert (answer.status_code, answer.json["id"]) == (200, id)


@pytest.mark.parametrize(
    ("statuses", "steps", "refunded", "expected"),
    [
        ([], {}, False, ["pending", "pending"]),
        ([], {"f000123": SENT}, False, ["pending", "pending"]),
        ([], {"f000123": DONE}, False, ["paid", "pending"]),
        ([], {"f000123": DONE, "f000124": DECLINED}, False, ["paid", "refused"]),
        ([Status.IN_DOUBT], {"f000123": DONE, "f000124": SENT}, False, ["paid", "pending"]),
        ([Status.NEEDS_REVIEW], {"f000123": DONE, "f000124": DECLINED}, False, ["paid", "refused"]),
        ([Status.SUCCEEDED], {"f000123": DONE, "f000124": DONE}, False, ["paid", "paid"]),
        ([Status.PARTIALLY_SUCCEEDED], {"f000123": DONE, "f000124": DECLINED}, True, ["paid", "refunded"]),
        ([Status.REFUNDED], {"f000123": DECLINED, "f000124": DECLINED}, True, ["refunded", "refunded"]),
        ([Status.FAILED], {}, False, ["unpaid", "unpaid"]),
    ],
)
def test_each_fines_own_status(
    house: House, statuses: list[Status], steps: Any, refunded: bool, expected: list[str]
) -> None:
    # Given a payment at this point of its way
    id = house.pay()
    house.settle(id, *statuses, refunded=refunded, **steps)

    # I expect each fine's own status, with the registry's reason where it refused
    reasons = ["already_paid" if status in ("refused", "refunded") else None for status in expected]
    assert fine_states(house, id) == list(zip(expected, reasons, strict=True))
    assert house.get(id).json["status"] == (statuses or [Status.PROCESSING])[-1]


@pytest.mark.parametrize(
    ("steps", "refunded", "given_back"),
    [
        ({"f000123": DONE, "f000124": DECLINED}, False, 0),
        ({"f000123": DONE, "f000124": DECLINED}, True, 10000),
        ({"f000123": DECLINED, "f000124": DONE}, True, 15000),
        ({"f000123": DECLINED, "f000124": DECLINED}, True, 25000),
    ],
)
def test_how_much_was_given_back(house: House, steps: Any, refunded: bool, given_back: int) -> None:
    id = house.pay()
    house.settle(id, refunded=refunded, **steps)

    assert house.get(id).json["refunded"] == given_back


def test_a_failed_payment_shows_its_reason(house: House) -> None:
    # Given a payment that lost its fine to another one
    id, reason = (
        house.pay(),
        {"code": "fine_already_claimed", "step": "claim", "claimed": "AM-2026-000123", "by": "another"},
    )
    house.save(replace(house.operation(id), error=reason).moved(Status.PROCESSING, house.clock.now()))
    house.move(id, Status.FAILED)

    # I expect the other payment's id for operators only: with it, anybody could read that payment
    shown = {name: value for name, value in reason.items() if name != "by"}
    assert house.get(id).json["reason"] == shown
    assert house.get(id, Authorization=f"Bearer {house.person('awa').token}").json["reason"] == shown
    assert house.get(id, Authorization="Bearer of nobody").json["reason"] == shown
    for operator in (house.person("desk", Role.OPERATOR), house.caller()):
        assert operator.get(URL + id).json["reason"] == reason


def test_the_timeline_is_in_order(house: House) -> None:
    # Given a payment on which a worker has noted what happened
    id = house.pay()
    for second, event in enumerate(["claimed", "checked", "debited"], 1):
        house.clock.tick(1)  # type: ignore[attr-defined]
        house.save(house.operation(id).noted(house.clock.now(), event, f"text {second}", step=event))

    # I expect its timeline in order, with times in UTC, and the last one as the time of the update
    shown = house.get(id).json
    assert [entry["event"] for entry in shown["timeline"]] == ["accepted", "claimed", "checked", "debited"]
    assert [entry["at"] for entry in shown["timeline"]] == [f"2026-01-01T12:00:0{n}.000000Z" for n in range(4)]
    assert shown["timeline"][-1] == {
        "at": "2026-01-01T12:00:03.000000Z",
        "event": "debited",
        "step": "debited",
        "text": "text 3",
    }
    assert (shown["created_at"], shown["updated_at"]) == ("2026-01-01T12:00:00.000000Z", "2026-01-01T12:00:03.000000Z")


@pytest.mark.parametrize(
    "id",
    [
        "x", "-", "null", "%00", "%FF", "%2e%2e", "%20", "\u00e9", "%F0%9F%92%A9", "%ED%A0%80", "' OR 1=1--", "$ne",
        "a" * 5000, "1",
        "00000000-0000-0000-0000-000000000000", "01a1fb37-7851-74c6-b28a-58f4b87a2511", "[object Object]",
        "id%0d%0aX: y",
    ],
)  # fmt: skip
def test_unknown_and_malformed_ids(house: House, id: str) -> None:
    house.pay()

    assert_problem(house.get(id), 404, "payment_not_found")


def test_ids_that_are_nearly_right(house: House) -> None:
    id = house.pay()

    for near in (id[:-1], id + "0", f"{{{id}}}", f"%20{id}", f"{id}%20", f"{id}%00"):
        assert_problem(house.get(near), 404, "payment_not_found")


def test_operations_of_other_kinds_are_not_payments(house: House) -> None:
    # Given an operation of another product
    command = Command(kind="wallet_transfer", request={"amount": 1}, client="anonymous")
    id = accept(house.store, house.broker, house.clock, command).operation.id

    # I expect it to be neither shown nor listed here
    assert_problem(house.get(id), 404, "payment_not_found")
    assert house.list().json["payments"] == []


def test_the_etag_changes_with_the_payment(house: House) -> None:
    id = house.pay()
    first = house.get(id)

    # If nothing has happened, I expect 304 without a body
    same = house.get(id, If_None_Match=first.headers["ETag"])
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", first.headers["ETag"])

    # If something has happened, I expect the new state
    house.move(id, Status.PROCESSING)
    changed = house.get(id, If_None_Match=first.headers["ETag"])
    assert (changed.status_code, changed.json["status"]) == (200, "processing")
    assert changed.headers["ETag"] != first.headers["ETag"]


@pytest.mark.parametrize("tags", ["*", 'W/"v1"', '"x", "v1"', '"v0"', "junk", "", '"v1'])
def test_any_if_none_match_is_answered(house: House, tags: str) -> None:
    expected = 304 if tags in ("*", 'W/"v1"', '"x", "v1"') else 200

    assert house.get(house.pay(), If_None_Match=tags).status_code == expected


def test_only_what_still_moves_says_when_to_look_again(house: House) -> None:
    id = house.pay()
    assert int(house.get(id).headers["Retry-After"]) > 0

    house.move(id, Status.PROCESSING, Status.SUCCEEDED)
    assert "Retry-After" not in house.get(id).headers


def test_head_is_get_without_the_body(house: House) -> None:
    id = house.pay()

    head = house.http.head(URL + id)

    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["ETag"] == house.get(id).headers["ETag"]


class Sleep:
    """Time passes at once. At the given nap, something happens."""

    def __init__(self, house: House, seats: int = 8) -> None:
        self.naps = 0
        self.events: dict[int, Any] = {}
        house.app.extensions["waiting"] = WaitingRoom(seats, self)

    def __call__(self, seconds: float) -> None:
        assert seconds == POLL_S
        self.naps += 1
        self.events.get(self.naps, lambda: None)()

    @property
    def seconds(self) -> float:
        return round(self.naps * POLL_S, 1)


@pytest.mark.parametrize(
    ("prefer", "seconds"),
    [
        ("wait=1", 1), ("wait=3", 3), ("wait=30", 30), ("wait=31", 30), ("wait=99999999", 30),
        ("respond-async, wait=2", 2),
        ("wait=2; foo=bar", 2), ("Wait = 2", 2), ('wait="2"', 2), ("wait=0", 0), ("wait=", 0), ("wait", 0),
        ("wait=-5", 0),
        ("wait=x", 0), ("wait=1e3", 0), ("nowait=5", 0), ("", 0), ("\u00e9", 0), ("x" * 5000, 0),
    ],
)  # fmt: skip
def test_prefer_wait_waits_so_long_and_no_longer(house: House, prefer: str, seconds: int) -> None:
    # Given a payment that does not move
    id, sleep = house.pay(), Sleep(house)

    # If I prefer to wait
    answer = house.get(id, Prefer=prefer)

    # I expect the answer after so many seconds, at most 30
    assert (answer.status_code, answer.json["status"], sleep.seconds) == (200, "accepted", seconds)
    assert answer.headers.get("Preference-Applied") == (f"wait={seconds}" if seconds else None)


def test_wait_ends_with_the_payment(house: House) -> None:
    id, sleep = house.pay(), Sleep(house)
    sleep.events = {5: lambda: house.move(id, Status.PROCESSING), 9: lambda: house.move(id, Status.SUCCEEDED)}

    assert house.get(id, Prefer="wait=10").json["status"] == "succeeded"
    assert sleep.naps == 9


@pytest.mark.parametrize("tag", ["{}", "W/{}"])
def test_wait_with_an_etag_ends_with_the_first_news(house: House, tag: str) -> None:
    # Given a client that has seen the payment (its proxy may have made the tag weak)
    id, sleep = house.pay(), Sleep(house)
    sleep.events = {5: lambda: house.move(id, Status.PROCESSING)}
    seen = tag.format(house.get(id).headers["ETag"])

    # If it waits for a change
    answer = house.get(id, Prefer="wait=10", If_None_Match=seen)

    # I expect it as soon as it comes
    assert (answer.status_code, sleep.naps) == (200, 5)
    assert answer.json["status"] == "processing"


def test_wait_with_an_etag_and_no_news_is_304(house: House) -> None:
    id, sleep = house.pay(), Sleep(house)

    answer = house.get(id, Prefer="wait=2", If_None_Match=house.get(id).headers["ETag"])

    assert (answer.status_code, answer.data, sleep.seconds) == (304, b"", 2)


def test_a_wait_for_what_has_ended_is_answered_at_once(house: House) -> None:
    # Given a client with an old tag, or a payment that has ended, or no such payment
    id, sleep = house.pay(), Sleep(house)
    seen = house.get(id).headers["ETag"]
    house.move(id, Status.PROCESSING)

    assert house.get(id, Prefer="wait=10", If_None_Match=seen).json["status"] == "processing"
    house.move(id, Status.FAILED)
    assert house.get(id, Prefer="wait=10").json["status"] == "failed"
    assert house.get(id, Prefer="wait=10", If_None_Match=house.get(id).headers["ETag"]).status_code == 304
    assert house.get("x", Prefer="wait=10").status_code == 404
    assert sleep.naps == 0


def test_a_wait_beyond_the_limit_is_answered_at_once(house: House) -> None:
    id, sleep = house.pay(), Sleep(house, seats=1)
    inner: list[Any] = []
    sleep.events = {
        1: lambda: inner.append((client_of(house.app).get(URL + id, headers={"Prefer": "wait=5"}), sleep.naps))
    }

    # If one waits in the only seat and another one comes
    house.get(id, Prefer="wait=1")

    # I expect the other one not to wait, and the seat to be free again afterwards
    assert (inner[0][0].status_code, inner[0][1]) == (200, 1)
    assert sleep.naps == 10
    house.get(id, Prefer="wait=1")
    assert sleep.naps == 20


def test_a_payment_with_cents_is_shown_exactly(house: House) -> None:
    fines = [{"id": "AM-2026-000123", "amount": "0.10"}, {"id": "AM-2026-000124", "amount": "0.20"}]
    id = house.pay(body(currency="EUR", amount="0.30", amendes=fines))
    house.settle(id, f000123=DONE, f000124=DECLINED, refunded=True)

    assert b'"amount":0.3,' in house.get(id).data
    assert b'"refunded":0.2,' in house.get(id).data
