"""Consultations over HTTP: opened, ended, priced, listed, and charged exactly as they were priced."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from core.operation import Status
from products.consultations.contract import ConsultationSettings, price_of
from tests.answers import Answer
from tests.api.kit import TOKEN, House, assert_problem, build, move_in, wrong_fields
from tests.doubles import START, FakeClock, lent_sql

WHO = {"physician_id": "ea959b03-5577-45c9-b9f7-a45d3e77ce82", "patient_id": "86158d46-ec32-4d2d-9b22-8e0d3e8e0b3c"}
STARTED, TOLD = "2025-12-31 13:00:00", "2025-12-31T13:00:00Z"


@pytest.fixture
def house() -> Iterator[House]:
    """Without an ADMIN_TOKEN, consultations are open on the embedded default."""
    with lent_sql() as store:
        yield move_in(build(store, admin_token=""))


def start(house: House, headers: dict[str, str] | None = None, **changes: Any) -> Answer:
    return house.post({**WHO, "start_date": STARTED, **changes}, headers, path="/start")


def end(house: House, id: str, end_date: str | None = None) -> Answer:
    return house.post({"id": id} if end_date is None else {"id": id, "end_date": end_date}, path="/end")


def opened(house: House, **changes: Any) -> str:
    answer = start(house, **changes)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def test_a_consultation_is_opened(house: House) -> None:
    answer = start(house)

    assert answer.status_code == 201
    id = answer.json["id"]
    assert answer.json == {"id": id, "start_date": TOLD, "end_date": None, **WHO, "price": None}
    assert house.http.get(answer.headers["Location"]).json == answer.json
    assert house.operation(id).status is Status.OPEN
    assert house.operation(id).due_at is None


def test_ending_it_prices_it_and_makes_it_due(house: House) -> None:
    id = opened(house)

    answer = end(house, id, "2025-12-31 15:00:00")

    assert answer.status_code == 202
    whole = {"id": id, "start_date": TOLD, "end_date": "2025-12-31T15:00:00Z", **WHO, "price": 400.0}
    assert answer.json == whole
    assert house.http.get(f"/consultations/{id}/").json == whole
    operation = house.operation(id)
    assert (operation.status, operation.due_at, operation.fingerprint) == (Status.ACCEPTED, START, None)
    charge = house.http.get(f"/charges/{id}").json
    assert (charge["appointment_id"], charge["total_price"], charge["currency"]) == (id, 400.0, "BRL")
    assert charge["status"] == "accepted"
    assert house.http.get(answer.headers["Location"]).json == charge


def test_without_dates_it_is_from_now_to_now(house: House) -> None:
    clock = house.clock
    assert isinstance(clock, FakeClock)
    begun = start(house, start_date=None)
    clock.tick(1800.9)
    answer = end(house, begun.json["id"])

    assert begun.json["start_date"] == "2026-01-01T12:00:00Z"
    assert (answer.json["end_date"], answer.json["price"]) == ("2026-01-01T12:30:00Z", 100.0)


@pytest.mark.parametrize(
    ("start_date", "end_date", "shown", "price"),
    [
        ("2025-12-31T13:00:00Z", "2025-12-31 13:00:00", ("13:00:00", "13:00:00"), 0),
        ("2025-12-31 13:00:00", "2025-12-31T14:00:00+00:00", ("13:00:00", "14:00:00"), 200.0),
        ("2025-12-31T10:00:00-03:00", "2025-12-31 14:30:00", ("13:00:00", "14:30:00"), 300.0),
        ("2025-12-31t13:00:00.5z", "2025-12-31 13:00:09.4Z", ("13:00:00.500000", "13:00:09.400000"), 0.44),
        ("2025-12-31 13:00:00", "2025-12-31 13:59:59", ("13:00:00", "13:59:59"), 199.94),
    ],
)
def test_dates_are_answered_in_utc_however_they_came_in(
    house: House, start_date: str, end_date: str, shown: tuple[str, str], price: float
) -> None:
    id = opened(house, start_date=start_date)
    answer = end(house, id, end_date)

    assert answer.status_code == 202, answer.text
    assert (answer.json["start_date"], answer.json["end_date"]) == tuple(f"2025-12-31T{time}Z" for time in shown)
    assert float(answer.json["price"]) == price
    (listed,) = house.http.get("/consultations").json["consultations"]
    assert listed == answer.json
    # What is stored stays as it was written
    request = house.operation(id).request
    assert (request["start_date"], request["end_date"]) == (start_date, end_date)


EMPTY = {"id": None, "end_date": None, "price": None}


@pytest.mark.parametrize("empty", [EMPTY, {"id": "", "end_date": "", "price": ""}, {"price": 0}, {"price": 0.0}])
def test_a_start_may_be_a_whole_consultation_that_is_empty_where_we_fill_it_in(
    house: House, empty: dict[str, Any]
) -> None:
    key = {"Idempotency-Key": "k"}
    answer = start(house, key, **empty)

    assert answer.status_code == 201, answer.text
    assert (answer.json["end_date"], answer.json["price"]) == (None, None)
    # It is the same request as without these members
    assert start(house, key).headers["Idempotency-Replayed"] == "true"


def test_a_start_that_sets_our_fields_is_refused_and_the_answer_names_them(house: House) -> None:
    id = "5b8e7e33-0f66-4f0c-a1b1-8f1cf4e5f4aa"
    answer = start(house, id=id, end_date="2025-12-31 14:00:00", price=400)

    assert wrong_fields(answer) == {"/id", "/end_date", "/price"}
    assert wrong_fields(start(house, id=0, price=False, end_date=[])) == {"/id", "/end_date", "/price"}
    assert house.stored()["operations"] == 0


@pytest.mark.parametrize(
    ("seconds", "minor"), [(0, 0), (1, 6), (9, 50), (3600, 20000), (3601, 20006), (86400, 480000), (27, 150)]
)
def test_the_price_is_by_the_second_and_half_up(seconds: int, minor: int) -> None:
    assert price_of(20000, seconds) == minor


def test_half_a_cent_is_rounded_up() -> None:
    assert [price_of(rate, 1800) for rate in (1, 3, 5)] == [1, 2, 3]


def test_the_rate_is_the_one_in_force_at_the_start(house: House) -> None:
    id = opened(house)
    later = build(
        house.store, house.broker, ConsultationSettings("http://finance.invalid", "1000.000 KWD"), admin_token=""
    )

    answer = end(later, id, "2025-12-31 14:00:00")

    assert answer.json["price"] == 200.0
    assert later.http.get(f"/charges/{id}").json["currency"] == "BRL"


def test_ending_twice_with_one_date_is_one_answer(house: House) -> None:
    id = opened(house)
    first = end(house, id, "2025-12-31 15:00:00")

    assert end(house, id, "2025-12-31T15:00:00Z").json == first.json
    assert end(house, id).json == first.json
    assert end(house, id).status_code == 202
    assert_problem(end(house, id, "2025-12-31 15:00:01"), 409, "already_ended")
    assert house.operation(id).version == 2


def test_a_physician_is_in_one_consultation_at_a_time(house: House) -> None:
    id = opened(house)

    problem = assert_problem(start(house, patient_id="another"), 409, "physician_busy")
    assert id in problem["detail"]
    assert_problem(start(house), 409, "physician_busy")
    opened(house, physician_id="another")
    end(house, id, "2025-12-31 15:00:00")
    opened(house)


def test_a_start_with_a_key_is_replayed_even_when_it_has_ended(house: House) -> None:
    key = {"Idempotency-Key": "visit-1"}
    first = start(house, key, start_date=None)
    again = start(house, key, start_date=None)

    assert (again.status_code, again.json) == (201, first.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert_problem(start(house, key, patient_id="another"), 422, "idempotency_key_reused")
    assert_problem(start(house, {"Idempotency-Key": "visit-2"}), 409, "physician_busy")
    end(house, first.json["id"])
    assert start(house, key, start_date=None).json["id"] == first.json["id"]
    assert start(house, {"Idempotency-Key": "visit-2"}).status_code == 201


@pytest.mark.parametrize(
    ("end_date", "why"),
    [
        ("2025-12-31 12:59:59", "Before the start."),
        ("2026-01-01 12:00:01", "This time is in the future."),
        ("2025-12-31", "Not a time"),
        ("2025-12-31 14:00", "Not a time"),
        ("2025-12-31T14:00:00", "Not a time"),
        ("2025-13-31 14:00:00", "Not a time"),
        ("0001-01-01T00:00:00+14:00", "Not a time"),
        ("\uff12025-12-31 14:00:00", "Not a time"),
        ("", "Not a time"),
    ],
)
def test_an_end_that_cannot_be(house: House, end_date: str, why: str) -> None:
    id = opened(house)

    problem = assert_problem(end(house, id, end_date), 422, "validation_failed")

    assert problem["errors"][0]["pointer"] == "/end_date"
    assert problem["errors"][0]["detail"].startswith(why)
    assert house.operation(id).status is Status.OPEN


def test_an_end_of_our_own_is_never_before_the_start(house: House) -> None:
    clock = house.clock
    assert isinstance(clock, FakeClock)
    clock.tick(0.9)
    id = opened(house, start_date="2026-01-01T12:00:00.7Z")

    answer = end(house, id)

    assert (answer.status_code, answer.json["price"]) == (202, 0)
    assert answer.json["end_date"] == "2026-01-01T12:00:00.700000Z"


@pytest.mark.parametrize("query", ["physician_id=%00", "patient_id=a%20b", f"patient_id={'x' * 65}", "status=gone"])
def test_a_list_of_nobody(house: House, query: str) -> None:
    assert_problem(house.http.get(f"/consultations?{query}"), 422, "validation_failed")


def test_an_end_more_than_a_day_after_the_start(house: House) -> None:
    id = opened(house, start_date="2025-12-30 12:00:00")

    assert_problem(end(house, id, "2025-12-31 12:00:01"), 422, "validation_failed")
    assert_problem(end(house, id), 422, "validation_failed")
    assert end(house, id, "2025-12-31 12:00:00").json["price"] == 4800.0


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"physician_id": "a"},
        {**WHO, "physician_id": 5},
        {**WHO, "physician_id": ""},
        {**WHO, "patient_id": "a b"},
        {**WHO, "patient_id": "x" * 65},
        {**WHO, "start_date": "2026-01-01 12:00:01"},
        {**WHO, "start_date": 5},
        {**WHO, "doctor": "x"},
    ],
)
def test_a_start_that_is_none(house: House, body: dict[str, Any]) -> None:
    assert_problem(house.post(body, path="/start"), 422, "validation_failed")
    assert house.stored()["operations"] == 0


@pytest.mark.parametrize("id", ["nobody", "01a1fbfc-fec1-77dd-9a05-81eb620101f1", "../x"])
def test_unknown_ids(house: House, id: str) -> None:
    assert_problem(end(house, id), 404, "consultation_not_found")
    if "/" not in id:
        assert_problem(house.http.get(f"/consultations/{id}"), 404, "consultation_not_found")
        assert_problem(house.http.get(f"/charges/{id}"), 404, "charge_not_found")


def test_an_id_of_another_product_is_unknown(house: House) -> None:
    id = house.pay()

    assert_problem(end(house, id), 404, "consultation_not_found")
    assert_problem(house.http.get(f"/charges/{id}"), 404, "charge_not_found")
    assert_problem(house.get(opened(house)), 404, "payment_not_found")


def test_an_open_consultation_has_no_charge_yet(house: House) -> None:
    assert_problem(house.http.get(f"/charges/{opened(house)}"), 404, "charge_not_found")


def test_lists_are_by_physician_and_patient(house: House) -> None:
    ids = {
        (physician, patient): opened(house, physician_id=physician, patient_id=patient)
        for physician, patient in [("p1", "a"), ("p2", "a"), ("p3", "b")]
    }

    def listed(query: str) -> list[str]:
        answer = house.http.get(f"/consultations?{query}")
        assert answer.status_code == 200, answer.text
        return [item["id"] for item in answer.json["consultations"]]

    assert listed("patient_id=a") == [ids["p2", "a"], ids["p1", "a"]]
    assert listed("physician_id=p3") == [ids["p3", "b"]]
    assert listed("physician_id=p1&patient_id=b") == []
    assert len(listed("")) == 3
    assert listed("status=open&physician_id=p1") == [ids["p1", "a"]]


def test_charges_are_listed_without_what_is_still_open(house: House) -> None:
    charged = []
    for number in range(30):
        id = opened(house, physician_id=f"p{number}")
        if number % 3 == 0:
            end(house, id, "2025-12-31 14:00:00")
            charged.append(id)
    seen: list[str] = []
    cursor = ""
    for _ in range(4):
        page = house.http.get(f"/charges?limit=3{cursor}").json
        seen += [charge["appointment_id"] for charge in page["charges"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"

    assert seen == charged[::-1]
    assert page["next_cursor"] is None


PATHS = [
    ("POST", "/start"),
    ("POST", "/end"),
    ("GET", "/consultations"),
    ("GET", "/consultations/x"),
    ("GET", "/charges"),
    ("GET", "/charges/x"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_elsewhere_than_on_the_embedded_default_they_need_a_token(house: House, method: str, path: str) -> None:
    production = build(house.store, house.broker, store_url="mongodb://db/quittance")
    body: dict[str, Any] = {"json": {}} if method == "POST" else {}

    refused = production.http.open(path, method=method, **body)
    let_in = production.http.open(path, method=method, headers={"Authorization": f"Bearer {TOKEN}"}, **body)

    assert_problem(refused, 401, "unauthorized")
    assert let_in.status_code in (200, 404, 422)
    assert house.http.open(path, method=method, **body).status_code in (200, 404, 422)


def test_every_route_of_it_declares_its_scope(house: House) -> None:
    rules = {
        rule.rule
        for rule in house.app.url_map.iter_rules()
        if rule.endpoint.startswith("consultations.") and not rule.alias
    }
    access = [who for route, who in house.app.extensions["access"].items() if route.partition(" ")[2] in rules]
    assert len(rules) == len(PATHS)
    assert set(access) == {"scope consultations, open on one machine without ADMIN_TOKEN"}


def test_two_ends_at_once_are_one(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    id = opened(house)
    real = house.store.replace

    def beaten(collection: str, document: Any) -> Any:
        # between this request's look and its write, another one ends the consultation
        monkeypatch.setattr(house.store, "replace", real)
        assert end(house, id, "2025-12-31 14:00:00").status_code == 202
        return real(collection, document)

    monkeypatch.setattr(house.store, "replace", beaten)
    assert_problem(end(house, id, "2025-12-31 15:00:00"), 409, "already_ended")
    assert house.operation(id).request["price"] == 20000


def test_a_clock_that_goes_on_prices_the_whole_time(house: House) -> None:
    clock = house.clock
    assert isinstance(clock, FakeClock)
    id = opened(house, start_date=None)
    clock.tick(timedelta(hours=24).total_seconds())

    assert end(house, id).json["price"] == 4800.0
