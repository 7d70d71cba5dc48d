"""The list of payments, for the operator's eyes."""

import base64
from typing import Any

import pytest

from core.operation import Status
from tests.api.kit import TOKEN, URL, House, assert_problem, body, build, wrong_fields


def pay(house: House, number: int, **changes: Any) -> str:
    return house.pay(body(amount=number, amendes=[{"id": f"AM-{number}", "amount": number}], **changes))


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [payment["id"] for payment in answer.json["payments"]]


def pages(house: House, query: str = "") -> list[list[str]]:
    """All pages, by following the cursors."""
    found: list[list[str]] = []
    cursor: str | None = ""
    while cursor is not None:
        assert len(found) < 50
        answer = house.list(f"{query}&cursor={cursor}" if cursor else query)
        found.append(ids(answer))
        cursor = answer.json["next_cursor"]
    return found


@pytest.mark.parametrize(
    "authorization",
    [
        None, "", TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN.upper()}",
        f"Bearer {TOKEN} x",
        f"Bearer a={TOKEN}", f"Token {TOKEN}", f"Basic {TOKEN}",
        "Basic " + base64.b64encode(f":{TOKEN}".encode()).decode(),
        "Basic " + base64.b64encode(f"Bearer:{TOKEN}".encode()).decode(), "Basic %%", 'Digest username="x"',
        "Bearer \u00e9", "Bearer \0",
    ],
)  # fmt: skip
def test_others_are_not_let_in(house: House, authorization: str | None) -> None:
    # Given a payment, and somebody without the operator's token
    house.pay()
    headers = {} if authorization is None else {"Authorization": authorization}

    # If they ask for the list, even with parameters that are wrong
    for query in ("", "?limit=x"):
        answer = house.http.get(URL + query, headers=headers)

        # I expect to learn nothing but how to identify oneself, or that what was given does not (RFC 6750, section 3.1)
        assert_problem(answer, 401, "unauthorized")
        given = (authorization or "").startswith("Bearer")
        assert answer.headers["WWW-Authenticate"] == ('Bearer error="invalid_token"' if given else "Bearer")


@pytest.mark.parametrize("given", ["", TOKEN, "None", "null"])
def test_without_a_token_set_nobody_is_let_in(given: str) -> None:
    house = build(admin_token="")

    assert_problem(house.list(token=given), 401, "unauthorized")


def test_the_token_in_the_query_is_not_taken(house: House) -> None:
    assert_problem(house.http.get(f"{URL}?access_token={TOKEN}"), 422, "validation_failed")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_operator_is_let_in(house: House, scheme: str) -> None:
    id = house.pay()

    assert ids(house.http.get(URL, headers={"Authorization": f"{scheme} {TOKEN}"})) == [id]


def test_an_empty_list(house: House) -> None:
    assert house.list().json == {"payments": [], "next_cursor": None}


def test_the_list_is_newest_first_and_shows_each_payment_as_its_own_page_does(house: House) -> None:
    made = [pay(house, number) for number in range(1, 6)]

    answer = house.list()

    assert ids(answer) == made[::-1]
    assert answer.json["next_cursor"] is None
    assert answer.json["payments"] == [house.get(id).json for id in made[::-1]]
    assert "0707000001" not in answer.text


def test_filters(house: House) -> None:
    # Given payments of two phones, of which one has failed
    other = "+2250707000002"
    a, b, c = pay(house, 1), pay(house, 2, msisdn=other), pay(house, 3)
    house.move(c, Status.PROCESSING, Status.FAILED)

    # I expect each filter to do what it says, alone and together, with the phone in any spelling
    assert ids(house.list("status=failed")) == [c]
    assert ids(house.list("status=accepted")) == [b, a]
    assert ids(house.list("status=refunded")) == []
    for spelling in ("%2B2250707000001", "+2250707000001", "0707000001", "07%2007%2000%2000%2001"):
        assert ids(house.list(f"msisdn={spelling}")) == [c, a]
    assert ids(house.list("msisdn=0707000001&status=accepted")) == [a]
    assert ids(house.list("msisdn=0707000003")) == []


@pytest.mark.parametrize(("total", "limit"), [(5, 1), (5, 2), (4, 2), (5, 5), (5, 6), (0, 1), (25, 10)])
def test_pages_have_no_gap_and_no_double(house: House, total: int, limit: int) -> None:
    made = [pay(house, number) for number in range(1, total + 1)]

    found = pages(house, f"limit={limit}")

    assert [id for page in found for id in page] == made[::-1]
    assert all(len(page) == limit for page in found[:-1])
    assert found[-1] or total == 0


def test_a_page_has_20_items_by_default_and_at_most_100(house: House) -> None:
    for number in range(1, 103):
        pay(house, number)

    assert [len(page) for page in pages(house)] == [20, 20, 20, 20, 20, 2]
    assert [len(page) for page in pages(house, "limit=100")] == [100, 2]


def test_new_payments_do_not_shift_the_pages_of_a_cursor(house: House) -> None:
    # Given somebody on the first page
    made = [pay(house, number) for number in range(1, 5)]
    first = house.list("limit=2")

    # If a payment comes in, and one changes
    pay(house, 9)
    house.move(made[0], Status.PROCESSING)

    # I expect the next page to go on where the first one ended
    second = house.list(f"limit=2&cursor={first.json['next_cursor']}")
    assert ids(first) + ids(second) == made[::-1]


def test_pages_of_a_filtered_list(house: House) -> None:
    made = [pay(house, number) for number in range(1, 10)]
    failed = made[::2]
    for id in failed:
        house.move(id, Status.PROCESSING, Status.FAILED)

    assert pages(house, "status=failed&limit=2") == [failed[:2:-1], failed[2:0:-1], failed[:1]]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("status=", "status"), ("status=nope", "status"), ("status=FAILED", "status"), ("status=failed%00", "status"),
        ("limit=", "limit"), ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=101", "limit"), ("limit=x", "limit"),
        ("limit=1.5", "limit"), ("limit=1e1", "limit"), ("limit=0x10", "limit"), ("limit=" + "9" * 5000, "limit"),
        ("limit=NaN", "limit"), ("limit=true", "limit"), ("msisdn=", "msisdn"), ("msisdn=x", "msisdn"), ("msisdn=%00",
        "msisdn"),
        ("msisdn=" + "1" * 300, "msisdn"), ("cursor=", "cursor"), ("cursor=x", "cursor"), ("cursor=%00", "cursor"),
        ("cursor=%FF", "cursor"), ("cursor=djE6eA", "cursor"), ("cursor=djI6eA==", "cursor"), ("cursor=" + "a" * 9999,
        "cursor"),
        ("cursor=01a1fb37-7851-74c6-b28a-58f4b87a2511", "cursor"), ("cursor=\u00e9", "cursor"),
    ],
)  # fmt: skip
def test_bad_parameters_are_named(house: House, query: str, field: str) -> None:
    assert wrong_fields(house.list(query)) == {f"/{field}"}


def test_all_bad_parameters_at_once(house: House) -> None:
    wrong = wrong_fields(house.list("status=x&limit=x&msisdn=x&cursor=x"))

    assert wrong == {"/status", "/limit", "/msisdn", "/cursor"}


@pytest.mark.parametrize("plain", ["v1:", "v1:x", "v1:\0", "v1:zzzz", "v1:" + "f" * 500, "v1:' OR 1=1"])
def test_a_forged_cursor_is_harmless(house: House, plain: str) -> None:
    house.pay()
    cursor = base64.urlsafe_b64encode(plain.encode()).decode()

    assert house.list(f"cursor={cursor}").status_code in (200, 422)
