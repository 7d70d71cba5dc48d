"""Paying for services from one's own wallet."""

from collections.abc import Callable
from typing import Any

import pytest

from core.ids import new_id
from core.ledger import Movement
from core.operation import Status
from products.services.catalogue import RETIRED, Catalogue
from products.services.contract import ACCOUNT
from tests.answers import client_of
from tests.api.kit import NO_ID, Caller, House, assert_problem, wrong_fields
from tests.store.samples import at_once

URL = "/v1/payments/"


@pytest.fixture
def awa(house: House) -> Caller:
    return house.person("Awa", balance=10000)


@pytest.fixture
def permit(house: House) -> str:
    return catalogue(house).create("Permit", 5000, "XOF").id


def catalogue(house: House) -> Catalogue:
    return Catalogue(house.store, house.clock)


def pay(who: Caller, service: Any, key: str | None = None) -> Any:
    headers = {} if key is None else {"Idempotency_Key": key}
    return who.post(URL, {"service_id": service}, **headers)


def paid(who: Caller, service: str, key: str | None = None) -> str:
    answer = pay(who, service, key)
    assert answer.status_code == 202, answer.text
    return str(answer.json["payment_id"])


def test_a_payment_is_accepted(house: House, awa: Caller, permit: str) -> None:
    answer = pay(awa, permit)

    assert answer.status_code == 202
    shown = {name: answer.json[name] for name in ("service_id", "service", "amount", "currency", "status", "reason")}
    assert shown == {
        "service_id": permit, "service": "Permit", "amount": "5000", "currency": "XOF", "status": "accepted",
        "reason": None,
    }  # fmt: skip
    assert "id" not in answer.json
    assert answer.headers["Location"] == answer.json["status_url"]
    assert int(answer.headers["Retry-After"]) > 0
    assert awa.get(answer.headers["Location"]).json == answer.json
    operation = house.operation(answer.json["payment_id"])
    assert (operation.kind, operation.subject, operation.status) == ("service_payment", awa.id, Status.ACCEPTED)
    assert operation.request == {
        "wallet": awa.id, "service": permit, "username": "Awa", "name": "Permit", "amount": 5000, "currency": "XOF"
    }  # fmt: skip

    # I expect no money to have moved: that is the worker's
    assert awa.balance() == (10000, 0)


def test_a_payment_keeps_the_price_and_the_name_that_it_was_accepted_with(
    house: House, awa: Caller, permit: str
) -> None:
    id = paid(awa, permit)

    house.caller().patch(f"/v1/services/{permit}", {"price": 9000, "name": "Pass", "retired": True})

    shown = awa.get(f"{URL}{id}").json
    assert (shown["amount"], shown["service"]) == ("5000", "Permit")
    assert house.operation(id).request["amount"] == 5000


def test_the_next_payment_is_at_the_new_price(house: House, awa: Caller, permit: str) -> None:
    catalogue(house).change(permit, price=6000)

    assert pay(awa, permit).json["amount"] == "6000"


def test_an_unknown_service_is_refused(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        for service in (NO_ID, "x", "", "list", "\ud800", "\0", None, 5, ["x"]):
            assert wrong_fields(pay(awa, service)) == {"/service_id"}, service


def test_a_payment_request_has_the_service_and_no_other_field(house: House, awa: Caller, permit: str) -> None:
    with house.nothing_stored():
        for field in ("amount", "price", "wallet", "username"):
            assert wrong_fields(awa.post(URL, {"service_id": permit, field: 1})) == {f"/{field}"}
        assert wrong_fields(awa.post(URL, {})) == {"/service_id"}


def test_a_retired_service_is_refused(house: House, awa: Caller, permit: str) -> None:
    catalogue(house).change(permit, state=RETIRED)

    with house.nothing_stored():
        assert_problem(pay(awa, permit), 422, "service_retired")


def test_a_service_in_another_currency_is_refused(house: House, awa: Caller) -> None:
    service = catalogue(house).create("Permit", 5, "EUR")

    with house.nothing_stored():
        assert_problem(pay(awa, service.id), 422, "other_currency")


def test_a_payment_beyond_the_balance_is_refused_at_once(house: House, permit: str) -> None:
    poor, exact = house.person("kofi", balance=4999), house.person("ama", balance=5000)

    with house.nothing_stored():
        assert_problem(pay(poor, permit), 422, "insufficient_funds")
        assert_problem(pay(poor, permit, "k"), 422, "insufficient_funds")
    assert pay(exact, permit).status_code == 202


def test_what_is_held_may_come_back_in_time(house: House, awa: Caller, permit: str) -> None:
    house.core.ledger.hold(Movement(new_id(), awa.id, ACCOUNT, 9000, "XOF", "service_payment"))

    assert awa.balance() == (1000, 9000)
    assert pay(awa, permit).status_code == 202


def test_a_refused_payment_leaves_its_key_free(house: House, permit: str) -> None:
    kofi = house.person("kofi", balance=100)
    assert_problem(pay(kofi, permit, "k"), 422, "insufficient_funds")
    house.fund(kofi.id, 5000)

    answer = pay(kofi, permit, "k")

    assert answer.status_code == 202
    assert "Idempotency-Replayed" not in answer.headers


def test_another_ones_payment_is_not_there(house: House, awa: Caller, permit: str) -> None:
    id = paid(awa, permit)

    for who in (house.person("kofi"), house.person("nosy")):
        assert_problem(who.get(f"{URL}{id}"), 404, "payment_not_found")
        assert_problem(who.get(f"{URL}{id}", Prefer="wait=5"), 404, "payment_not_found")
        assert_problem(who.get(f"{URL}{id}", If_None_Match='"v1"'), 404, "payment_not_found")
        assert who.get(URL).json == {"payments": [], "next_cursor": None}


def test_a_payment_that_is_not_there(house: House, awa: Caller) -> None:
    fine = house.pay()
    for id in (NO_ID, NO_ID.upper(), "x", "0", fine):
        assert_problem(awa.get(f"{URL}{id}"), 404, "payment_not_found")


def test_a_payment_of_a_service_is_no_payment_of_fines(house: House, awa: Caller, permit: str) -> None:
    # Those are open to whoever knows the id
    assert_problem(house.get(paid(awa, permit)), 404, "payment_not_found")
    assert house.list().json["payments"] == []


def test_an_unchanged_etag_is_answered_304(house: House, awa: Caller, permit: str) -> None:
    id = paid(awa, permit)
    first = awa.get(f"{URL}{id}")

    assert awa.get(f"{URL}{id}", If_None_Match=first.headers["ETag"]).status_code == 304
    house.move(id, Status.PROCESSING)
    assert awa.get(f"{URL}{id}", If_None_Match=first.headers["ETag"]).json["status"] == "processing"


@pytest.mark.parametrize(("total", "limit"), [(5, 1), (5, 2), (4, 2), (5, 5), (0, 1), (25, 10)])
def test_pages_have_no_gap_and_no_double(house: House, awa: Caller, total: int, limit: int) -> None:
    # Given payments of somebody, and as many of somebody else
    kofi = house.person("kofi", balance=10000)
    made = []
    for number in range(total):
        service = catalogue(house).create(f"Service {number}", 1, "XOF").id
        made.append(paid(awa, service))
        paid(kofi, service)

    pages = awa.pages(URL, "payments", limit)

    assert [payment["payment_id"] for page in pages for payment in page] == made[::-1]
    assert all(len(page) == limit for page in pages[:-1])


def test_the_list_filters_by_status_and_shows_each_as_its_own_page_does(house: House, awa: Caller, permit: str) -> None:
    failed, _ = paid(awa, permit, "1"), paid(awa, permit, "2")
    house.move(failed, Status.PROCESSING, Status.FAILED)

    assert awa.get(f"{URL}?status=failed").json["payments"] == [awa.get(f"{URL}{failed}").json]
    assert [payment["status"] for payment in awa.get(URL).json["payments"]] == ["accepted", "failed"]
    assert wrong_fields(awa.get(f"{URL}?status=nope")) == {"/status"}


def _money_gone(house: House, awa: Caller, permit: str) -> None:
    ledger, move = (
        house.core.ledger,
        Movement(new_id(), awa.id, ACCOUNT, 10000, "XOF", "service_payment"),
    )
    ledger.hold(move)
    ledger.settle(move)


def _retired(house: House, awa: Caller, permit: str) -> None:
    catalogue(house).change(permit, state=RETIRED)


def _dearer(house: House, awa: Caller, permit: str) -> None:
    catalogue(house).change(permit, price=10**9, name="Pass")


def _failed(house: House, awa: Caller, permit: str) -> None:
    for document in house.store.find("operations", {}):
        house.move(document["id"], Status.PROCESSING, Status.FAILED)


@pytest.mark.parametrize("meanwhile", [_money_gone, _retired, _dearer, _failed])
@pytest.mark.parametrize("key", ["k", None])
def test_what_was_accepted_is_answered_again_whatever_came_since(
    house: House, awa: Caller, permit: str, meanwhile: Callable[[House, Caller, str], None], key: str | None
) -> None:
    first = pay(awa, permit, key)
    meanwhile(house, awa, permit)

    again = pay(awa, permit, key)

    assert again.status_code == 202
    assert again.headers["Idempotency-Replayed"] == "true"
    assert {**again.json, "status": 0, "timeline": 0} == {**first.json, "status": 0, "timeline": 0}
    assert house.stored() == {"operations": 1, "idempotency_keys": 1}


def test_a_key_holds_for_good(house: House, awa: Caller, permit: str) -> None:
    id = paid(awa, permit, "k")
    house.tick(3000)

    assert paid(awa, permit, "k") == id


def test_a_key_is_for_one_service(house: House, awa: Caller, permit: str) -> None:
    other = catalogue(house).create("Pass", 5000, "XOF").id
    paid(awa, permit, "k")

    with house.nothing_stored():
        assert_problem(pay(awa, other, "k"), 422, "idempotency_key_reused")


def test_a_key_is_not_for_a_payment_and_a_transfer(house: House, awa: Caller, permit: str) -> None:
    house.person("kofi")
    paid(awa, permit, "k")

    answer = awa.post("/v1/wallets/transfers", {"to": "kofi", "amount": 5000}, Idempotency_Key="k")
    assert_problem(answer, 422, "idempotency_key_reused")


def test_with_different_keys_they_are_two(awa: Caller, permit: str) -> None:
    assert len({paid(awa, permit, "k"), paid(awa, permit, "l"), paid(awa, permit)}) == 3


def test_without_a_key_they_are_one_for_ten_seconds(house: House, awa: Caller, permit: str) -> None:
    first = paid(awa, permit)
    house.tick(9.9)
    again = pay(awa, permit)
    house.tick(0.1)
    later = pay(awa, permit)

    assert (again.json["payment_id"], again.headers["Idempotency-Replayed"]) == (first, "true")
    assert later.json["payment_id"] != first
    assert "Idempotency-Replayed" not in later.headers


def test_the_ten_seconds_begin_with_the_first_and_not_anew_with_each(house: House, awa: Caller, permit: str) -> None:
    ids = []
    for _ in range(4):
        ids.append(paid(awa, permit))
        house.tick(6)

    # At 0, 6, 12 and 18 seconds
    assert ids[0] == ids[1] != ids[2] == ids[3]


def test_another_service_in_the_ten_seconds_is_another_payment(house: House, awa: Caller, permit: str) -> None:
    other = catalogue(house).create("Permit", 5000, "XOF").id

    assert paid(awa, permit) != paid(awa, other)


def test_keys_and_the_ten_seconds_are_each_ones_own(house: House, awa: Caller, permit: str) -> None:
    kofi = house.person("kofi", balance=10000)

    ids = {paid(who, permit, key) for who in (awa, kofi) for key in ("k", None)}

    assert len(ids) == 4
    assert [house.operation(id).subject for id in sorted(ids)] == [awa.id, awa.id, kofi.id, kofi.id]


@pytest.mark.parametrize("key", ["k", None])
def test_many_at_once_are_one(house: House, awa: Caller, permit: str, key: str | None) -> None:
    app = house.app
    headers = {"Authorization": f"Bearer {awa.token}", **({"Idempotency-Key": key} if key else {})}

    def once(number: int) -> str:
        return str(client_of(app).post(URL, json={"service_id": permit}, headers=headers).json["payment_id"])

    assert len(set(at_once(once, 12))) == 1
    assert house.stored() == {"operations": 1, "idempotency_keys": 1}


def test_a_suspended_person_pays_nothing(house: House, awa: Caller, permit: str) -> None:
    house.suspend(awa)

    with house.nothing_stored():
        assert_problem(pay(awa, permit), 401, "unauthorized")
