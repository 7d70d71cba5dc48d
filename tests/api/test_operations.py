"""Operators and machines find operations of every kind by what they have of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.clock import to_rfc3339
from core.identity.api_keys import Grant
from core.ids import id_at
from core.operation_names import PARTNER, add_later, named
from core.store.port import OPERATIONS
from tests.api.kit import PHONE, URL, Caller, House, assert_problem, body, wrong_fields
from tests.doubles import START

PATH = "/v1/operations"


def key(house: House, *scopes: str) -> Caller:
    _, text = house.core.api_keys.create("shop", Grant(frozenset({"operations:read", "fines:pay", *scopes})))
    return house.caller(text)


def found(caller: Caller, query: str = "") -> list[str]:
    answer = caller.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json["operations"]]


def pay(caller: Caller, number: int, amount: int = 100, **headers: str) -> str:
    fine = {"id": f"AM-{number}", "amount": amount, "immatriculation": f"{number} AB 01"}
    paid = caller.post(URL, body(amount=amount, amendes=[fine]), **headers)
    assert paid.status_code == 202, paid.text
    return str(paid.json["id"])


def test_an_operation_is_found_by_each_filter(house: House) -> None:
    desk = house.caller()
    first, second = pay(desk, 1, Idempotency_Key="order-1"), pay(desk, 2)
    add_later(house.store, first, {"debit:id": named(PARTNER, "TXN-1")})

    assert found(desk) == found(desk, "kind=fine_payment&status=accepted") == [second, first]
    assert found(desk, f"msisdn={PHONE}") == [second, first]
    for query in ("fine=AM-1", "fine=am-1", "plate=1ab01", "reference=order-1", "reference=TXN-1"):
        assert found(desk, query) == [first], query
    assert found(desk, f"ref={first[-8:]}") == found(desk, f"reference={first}:debit") == [first]
    for query in ("fine=AM-", "reference=txn-1", "ref=00000000", "status=failed", "kind=event", "partner=nobody"):
        assert found(desk, query) == [], query
    assert found(desk, "fine=AM-1&status=succeeded") == []


def test_times_bound_a_list(house: House) -> None:
    """The ids of operations are ordered by time; those of the house are of its own clock here."""
    hour = [START + timedelta(hours=number) for number in range(4)]
    paid = house.operation(pay(house.caller(), 1))
    at = [f"{id_at(moment)}-7000-8000-000000000001" for moment in hour]
    for moment, id in zip(hour, at, strict=True):
        listed = replace(paid, id=id, created_at=moment, operator="mtn-ci")
        house.store.insert(OPERATIONS, listed.to_document())
    times = [to_rfc3339(moment) for moment in hour]
    desk, query = house.caller(), "partner=mtn-ci&"

    assert found(desk, query) == at[::-1]
    assert found(desk, f"{query}from={times[1]}") == at[:0:-1]
    assert found(desk, f"{query}to={times[2]}") == [at[1], at[0]]
    assert found(desk, f"{query}from={times[1]}&to={times[2]}") == [at[1]]
    assert found(desk, f"{query}from={times[3]}&to=2999-01-01T00:00:00Z") == [at[3]]


def test_a_machine_sees_its_own_and_with_the_wide_scope_all(house: House) -> None:
    shop, other, auditor = key(house), key(house), key(house, "operations:all")
    id = pay(shop, 1)

    for query in ("", "fine=AM-1", f"ref={id[-8:]}", f"reference={id}", f"msisdn={PHONE}"):
        assert found(shop, query) == found(auditor, query) == [id], query
        assert found(other, query) == [], query


def test_a_list_is_slim_and_shows_the_timeline_where_it_is_asked_for(house: House) -> None:
    id = pay(house.caller(), 1)

    [slim] = house.caller().get(PATH).json["operations"]
    [expanded] = house.caller().get(f"{PATH}?expand=timeline").json["operations"]

    assert (slim["short"], slim["kind"], slim["amount"]) == (id[-8:], "fine_payment", "100")
    assert slim["status_url"].endswith(f"/amendes/payments/{id}")
    assert "timeline" not in slim
    assert expanded["timeline"][0]["event"] == "accepted"


@pytest.mark.parametrize("query", ["", "&fine=AM-1", f"&msisdn={PHONE[1:]}", "&status=accepted"])
def test_pages_come_one_after_the_other(house: House, query: str) -> None:
    ids = [pay(house.caller(), 1, 100 + number) for number in range(5)]

    pages = house.caller().pages(f"{PATH}?kind=fine_payment{query}", "operations", limit=2)

    assert [[item["id"] for item in page] for page in pages] == [ids[:2:-1], ids[2:0:-1], ids[:1]]


def test_a_list_links_to_its_next_page(house: House) -> None:
    ids = [pay(house.caller(), number) for number in (1, 2)]

    first = house.caller().get(f"{PATH}?limit=1&kind=fine_payment")
    next_link, first_link = first.headers["Link"].split(", ")
    second = house.caller().get(next_link[1:].partition(">")[0])

    assert next_link.endswith('; rel="next"')
    assert first_link == f'<{PATH}?limit=1&kind=fine_payment>; rel="first"'
    assert [item["id"] for item in second.json["operations"]] == ids[:1]
    assert 'rel="next"' not in second.headers["Link"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("kind=lottery", "/kind"),
        ("fine=A&plate=B", "/plate"),
        ("ref=xyz", "/ref"),
        ("msisdn=12", "/msisdn"),
        ("from=yesterday", "/from"),
        ("expand=steps", "/expand"),
        ("reference=%00", "/reference"),
    ],
)
def test_a_filter_that_is_none_is_refused(house: House, query: str, pointer: str) -> None:
    assert wrong_fields(house.caller().get(f"{PATH}?{query}")) == {pointer}


def test_nobody_else_lists_operations(house: House) -> None:
    assert_problem(house.person("awa").get(PATH), 403, "forbidden")
    assert_problem(house.http.get(PATH), 401, "unauthorized")


def test_no_cursor_names_an_operation_of_another_client(house: House) -> None:
    fine = {"amount": 1, "amendes": [{"id": "AM-1", "amount": 1}]}
    theirs = {house.pay(body(msisdn=f"+22507000{number:05d}", **fine)) for number in range(20)}
    _, text = house.core.api_keys.create("bank", Grant(frozenset({"operations:read"})))

    answer = house.caller(text).get("/v1/operations?fine=AM-1&limit=1")

    assert len(theirs) == 20
    assert (answer.json["operations"], answer.json["next_cursor"]) == ([], None)
