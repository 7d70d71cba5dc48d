"""The catalogue of services: open to read, an admin's to change."""

from typing import Any

import pytest

from core.identity.people import Role
from core.installed import DEFAULT
from core.store.port import Document
from core.store.sql import SqlStore
from tests.api.kit import NO_ID, Caller, House, assert_problem, build, wrong_fields

LIST, CREATE = "/v1/services/list", "/v1/services/create"
BAD_NAMES: list[Any] = ["", " ", " x", "\n", "x\n", "two\nlines", "x" * 101, "\ud800", None, 5, True, ["x"], {}]
BAD_PRICES = [0, -1, "0", 10**13 + 1, 1.5, "1.5", "free", "", None, True, [], {}]


@pytest.fixture
def admin(house: House) -> Caller:
    return house.person("root", Role.ADMIN)


def create(admin: Caller, name: Any = "Permit", price: Any = 5000, **fields: Any) -> Any:
    return admin.post(CREATE, {"name": name, "price": price, **fields})


def made(admin: Caller, *args: Any, **fields: Any) -> str:
    answer = create(admin, *args, **fields)
    assert answer.status_code == 201, answer.text
    return str(answer.json["id"])


def change(admin: Caller, id: str, **fields: Any) -> Any:
    return admin.patch(f"/v1/services/{id}", fields)


def names(house: House, query: str = "") -> list[str]:
    return [service["name"] for service in house.http.get(f"{LIST}?{query}").json["services"]]


def test_a_service_is_offered(house: House, admin: Caller) -> None:
    answer = create(admin, "Parking permit", 5000)

    assert answer.status_code == 201
    whole = {"id": answer.json["id"], "name": "Parking permit", "price": "5000", "currency": "XOF", "retired": False}
    assert answer.json == whole

    # I expect everybody to see it, where the answer says and in the list
    assert house.http.get(answer.headers["Location"]).json == whole
    assert house.http.get(LIST).json == {"services": [whole], "next_cursor": None}


def test_an_empty_catalogue(house: House) -> None:
    assert house.http.get(LIST).json == {"services": [], "next_cursor": None}


def test_a_price_is_in_the_currency_that_is_named(admin: Caller) -> None:
    answer = create(admin, price="19.99", currency="EUR").json

    assert (answer["price"], answer["currency"]) == ("19.99", "EUR")
    assert create(admin, price="1.250", currency="KWD").json["price"] == "1.250"


def test_a_currency_has_to_be_an_accepted_one(house: House, admin: Caller) -> None:
    for currency in ("USD", "eur", "XXX", "", 5):
        assert wrong_fields(create(admin, price=1, currency=currency)) == {"/currency"}, currency
    assert names(house) == []


def test_what_is_no_name_is_refused(house: House, admin: Caller) -> None:
    id = made(admin)
    for name in BAD_NAMES:
        assert wrong_fields(create(admin, name)) == {"/name"}, name
        assert wrong_fields(change(admin, id, name=name)) == {"/name"}, name
    assert names(house) == ["Permit"]


def test_what_is_no_price_is_refused(house: House, admin: Caller) -> None:
    id = made(admin)
    for price in BAD_PRICES:
        assert wrong_fields(create(admin, price=price)) == {"/price"}, price
        assert wrong_fields(change(admin, id, price=price)) == {"/price"}, price
    assert house.http.get(LIST).json["services"] == [house.http.get(f"/v1/services/{id}").json]


def test_names_as_people_write_them(house: House, admin: Caller) -> None:
    for name in ("x", "x" * 100, "Carte grise n° 2 — été", "🚗", "a  b", "<b>"):
        id = made(admin, name)
        assert house.http.get(f"/v1/services/{id}").json["name"] == name


def test_all_that_is_wrong_at_once(admin: Caller) -> None:
    answer = admin.post(CREATE, {"name": "", "currency": "x", "id": NO_ID, "retired": True})

    assert wrong_fields(answer) == {"/name", "/price", "/currency", "/id", "/retired"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "Pass"}, {"name": "Pass"}),
        ({"price": 6000}, {"price": "6000"}),
        ({"price": "6000", "name": "Pass"}, {"price": "6000", "name": "Pass"}),
        ({"retired": True}, {"retired": True}),
        ({"retired": False}, {}),
    ],
)
def test_a_service_is_renamed_repriced_and_retired(house: House, admin: Caller, changes: Any, expected: Any) -> None:
    before = create(admin).json

    answer = change(admin, before["id"], **changes)

    assert (answer.status_code, answer.json) == (200, {**before, **expected})
    assert house.http.get(f"/v1/services/{before['id']}").json == answer.json


@pytest.mark.parametrize("value", [0, 1, 1.0, "true", "", None])
def test_only_true_retires_a_service(house: House, admin: Caller, value: Any) -> None:
    permit = made(admin)
    assert wrong_fields(change(admin, permit, retired=value)) == {"/retired"}
    assert house.http.get(f"/v1/services/{permit}").json["retired"] is False


@pytest.mark.parametrize(("path", "methods"), [(CREATE, {"POST"}), (LIST, {"GET", "HEAD"})])
def test_the_paths_beside_a_service_allow_their_own_methods_only(house: House, path: str, methods: set[str]) -> None:
    allowed = house.http.open(path, method="OPTIONS").headers["Allow"]
    assert set(allowed.split(", ")) == {*methods, "OPTIONS"}


def test_a_retired_service_is_not_listed_and_may_come_back(house: House, admin: Caller) -> None:
    permit, _ = made(admin), made(admin, "Pass")

    change(admin, permit, retired=True)
    assert names(house) == ["Pass"]
    assert house.http.get(f"/v1/services/{permit}").json["retired"] is True

    change(admin, permit, retired=False)
    assert names(house) == ["Pass", "Permit"]


def test_a_change_of_nothing_is_refused(house: House, admin: Caller) -> None:
    before = create(admin).json

    for nothing in (
        {},
        {"currency": "EUR"},
        {"id": NO_ID},
        {"retired": None},
        {"retired": "yes"},
        {"state": "offered"},
    ):
        assert_problem(admin.patch(f"/v1/services/{before['id']}", nothing), 422, "validation_failed")
    assert house.http.get(f"/v1/services/{before['id']}").json == before


def test_of_a_change_that_is_partly_wrong_nothing_is_done(house: House, admin: Caller) -> None:
    before = create(admin).json

    assert wrong_fields(change(admin, before["id"], name="Pass", price="0.5")) == {"/price"}
    assert house.http.get(f"/v1/services/{before['id']}").json == before


def test_a_new_price_is_in_the_services_own_currency(admin: Caller) -> None:
    id = made(admin, price=1, currency="EUR")

    assert change(admin, id, price="2.50").json["price"] == "2.50"


@pytest.mark.parametrize("id", [NO_ID, "x", NO_ID.upper(), "..", "%00"])
def test_a_service_that_is_not_there(house: House, admin: Caller, id: str) -> None:
    for answer in (house.http.get(f"/v1/services/{id}"), change(admin, id, name="x")):
        assert answer.status_code == 404, answer.text
        assert answer.mimetype == "application/problem+json"


class Overtaken(SqlStore):
    """A store in which somebody else makes a change right after the next look at a service but one."""

    looks, change = 0, staticmethod(lambda: None)

    def get(self, collection: str, id: str) -> Document | None:
        found = super().get(collection, id)
        if collection == "services" and self.looks:
            self.looks -= 1
            if not self.looks:
                self.change()
        return found


def test_of_two_changes_at_once_both_are_made() -> None:
    # Given somebody who changes the price while somebody else changes the name
    store = Overtaken("sqlite://", collections=DEFAULT.collections)
    house = build(store)
    admin = house.person("root", Role.ADMIN)
    id = made(admin)
    store.change, store.looks = lambda: change(admin, id, price=6000), 2

    assert change(admin, id, name="Pass").status_code == 200

    shown = house.http.get(f"/v1/services/{id}").json
    assert (shown["name"], shown["price"]) == ("Pass", "6000")
    store.close()


@pytest.mark.parametrize(("total", "limit"), [(5, 2), (4, 2), (5, 5), (0, 1), (25, 10)])
def test_pages_have_no_gap_and_no_double(house: House, admin: Caller, total: int, limit: int) -> None:
    for number in range(total):
        made(admin, f"Service {number}")
        change(admin, made(admin, "Gone"), retired=True)

    pages = house.caller("").pages(LIST, "services", limit)

    assert [service["name"] for page in pages for service in page] == [f"Service {n}" for n in reversed(range(total))]
    assert all(len(page) == limit for page in pages[:-1])


def test_a_page_has_20_items_by_default(house: House, admin: Caller) -> None:
    for number in range(21):
        made(admin, f"Service {number}")

    assert len(names(house)) == 20
    assert len(names(house, "limit=100")) == 21
