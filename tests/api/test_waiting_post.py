"""`Prefer: wait` on a POST: 200 with the end of the operation when it comes in time, and 202 when it does not."""

from collections.abc import Callable

import pytest

from api.http.waiting import POLL_S, WaitingRoom
from core.operation import Status
from core.store.port import OPERATIONS
from tests.answers import Answer
from tests.api.kit import PHONE, House, assert_problem, body

Ask = Callable[..., Answer]


class Naps:
    """Time passes at once. At the given nap, a worker ends the only operation that there is."""

    def __init__(self, house: House, ends_at: int | None, status: Status, seats: int = 8) -> None:
        self._house, self._ends_at, self._status = house, ends_at, status
        self.taken = 0
        house.app.extensions["waiting"] = WaitingRoom(seats, self)

    def __call__(self, seconds: float) -> None:
        assert seconds == POLL_S
        self.taken += 1
        if self.taken == self._ends_at:
            (found,) = self._house.store.find(OPERATIONS, {})
            self._house.move(found["id"], Status.PROCESSING, self._status)


@pytest.fixture(params=["fines", "top-up"])
def ask(house: House, request: pytest.FixtureRequest) -> Ask:
    """A POST with these headers."""
    if request.param == "fines":
        return lambda **headers: house.post(body(), {name.replace("_", "-"): text for name, text in headers.items()})
    awa = house.person("awa", msisdn=PHONE)
    return lambda **headers: awa.post("/v1/wallets/top-up", {"amount": 500}, **headers)


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
def test_an_end_within_the_wait_is_answered_200(house: House, ask: Ask, status: Status) -> None:
    naps = Naps(house, 7, status)

    answer = ask(Prefer="wait=5")

    assert (answer.status_code, answer.json["status"], naps.taken) == (200, status.value, 7)
    assert answer.headers["Preference-Applied"] == "wait=5"
    assert "Retry-After" not in answer.headers
    assert answer.json["status_url"] == answer.headers["Location"]


def test_an_end_that_does_not_come_in_time_is_answered_202(house: House, ask: Ask) -> None:
    naps = Naps(house, None, Status.SUCCEEDED)

    answer = ask(Prefer="wait=2")

    assert (answer.status_code, answer.json["status"], naps.taken) == (202, "accepted", 2 / POLL_S)
    assert (answer.headers["Preference-Applied"], answer.headers["Retry-After"]) == ("wait=2", "2")


@pytest.mark.parametrize("prefer", ["wait=0", "respond-async", ""])
def test_a_post_without_a_wait_is_answered_202_at_once(house: House, ask: Ask, prefer: str) -> None:
    naps = Naps(house, 1, Status.SUCCEEDED)

    answer = ask(Prefer=prefer)

    assert (answer.status_code, naps.taken) == (202, 0)
    assert "Preference-Applied" not in answer.headers


def test_a_repeat_of_what_has_ended_is_answered_200_at_once(house: House, ask: Ask) -> None:
    naps = Naps(house, 1, Status.SUCCEEDED)
    first = ask(Prefer="wait=5", Idempotency_Key="k")

    again = ask(Prefer="wait=5", Idempotency_Key="k")

    assert (again.status_code, again.json, naps.taken) == (200, first.json, 1)
    assert again.headers["Idempotency-Replayed"] == "true"
    # Without waiting it is what it always was
    assert ask(Idempotency_Key="k").status_code == 202


def test_a_wait_beyond_the_limit_is_answered_202_at_once(house: House, ask: Ask) -> None:
    naps = Naps(house, 1, Status.SUCCEEDED, seats=0)

    assert (ask(Prefer="wait=5").status_code, naps.taken) == (202, 0)


def test_a_refusal_waits_for_nothing(house: House) -> None:
    naps = Naps(house, None, Status.SUCCEEDED)

    assert_problem(house.post({}, {"Prefer": "wait=5"}), 422, "validation_failed")
    assert naps.taken == 0
