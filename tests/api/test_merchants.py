"""Admins create merchants; anybody who enters a merchant's code withdraws there."""

from typing import Any

import pytest

from core.identity.people import Role
from products.merchants.register import Merchants
from tests.api.kit import PHONE, Caller, House, assert_problem, wrong_fields

URL = "/v1/merchants/"


@pytest.fixture
def admin(house: House) -> Caller:
    return house.person("root", Role.ADMIN)


@pytest.fixture
def awa(house: House) -> Caller:
    return house.person("Awa", msisdn=PHONE)


def create(admin: Caller, name: Any = "Kiosk", owner: Any = "awa", **fields: Any) -> Any:
    return admin.post(URL, {"name": name, "owner": owner, **fields})


def kept(house: House) -> list[Any]:
    return house.store.find("merchants", {})


def test_somebody_becomes_a_merchant(house: House, admin: Caller, awa: Caller) -> None:
    answer = create(admin, "Kiosk at the port")

    assert answer.status_code == 201, answer.text
    code = answer.json["code"]
    assert answer.json == {"code": code, "name": "Kiosk at the port", "owner": "Awa"}

    # I expect the code to be one that people can type, and to lead to the owner's wallet
    assert len(code) == 6
    assert 100000 <= int(code) <= 999999
    found = Merchants(house.store, house.clock).get(code)
    assert found is not None
    assert (found.name, found.owner) == ("Kiosk at the port", awa.id)


@pytest.mark.parametrize("owner", ["AWA", PHONE, "07 07 00 00 01"])
def test_the_owner_is_found_by_name_and_by_phone(admin: Caller, awa: Caller, owner: str) -> None:
    assert create(admin, owner=owner).json["owner"] == "Awa"


def test_an_owner_without_a_username_is_shown_by_a_masked_phone(house: House, admin: Caller) -> None:
    house.core.people.register(None, None, PHONE, phone_proven=True)

    created = create(admin, owner=PHONE)

    assert created.status_code == 201
    assert created.json["owner"] == "+225*******001"


def test_one_person_may_have_several(house: House, admin: Caller, awa: Caller) -> None:
    codes = {create(admin, name).json["code"] for name in ("Kiosk", "Kiosk", "Market")}

    assert len(codes) == 3
    assert {merchant["owner"] for merchant in kept(house)} == {awa.id}


@pytest.mark.parametrize("owner", ["nobody", "+2250707000009", "07070000", "tel 0707000001", "?", " "])
def test_an_unknown_owner_is_refused(house: House, admin: Caller, awa: Caller, owner: str) -> None:
    assert wrong_fields(create(admin, owner=owner)) == {"/owner"}
    assert kept(house) == []


@pytest.mark.parametrize("owner", ["", "x" * 65, "\ud800", None, 5, True, ["awa"], {}])
def test_what_is_no_owner_is_refused(admin: Caller, awa: Caller, owner: Any) -> None:
    assert wrong_fields(create(admin, owner=owner)) == {"/owner"}


@pytest.mark.parametrize("name", ["", " ", " x", "x\n", "two\nlines", "x" * 101, "\ud800", None, 5, ["x"]])
def test_what_is_no_name_is_refused(house: House, admin: Caller, awa: Caller, name: Any) -> None:
    assert wrong_fields(create(admin, name)) == {"/name"}
    assert kept(house) == []


def test_all_that_is_wrong_at_once(admin: Caller) -> None:
    assert wrong_fields(admin.post(URL, {"code": "123456"})) == {"/name", "/owner", "/code"}


def test_only_admins_make_merchants(house: House, admin: Caller, awa: Caller) -> None:
    body = {"name": "Kiosk", "owner": "awa"}

    assert_problem(house.post(body, path=URL), 401, "unauthorized")
    for caller in (awa, house.person("desk", Role.OPERATOR)):
        assert_problem(caller.post(URL, body), 403, "forbidden")
    assert kept(house) == []
    assert house.caller().post(URL, body).status_code == 201
    assert_problem(admin.get(URL), 405, "method_not_allowed")


def test_people_withdraw_at_the_new_merchant(house: House, admin: Caller, awa: Caller) -> None:
    # Given somebody with money and a PIN
    code = create(admin, "Kiosk at the port").json["code"]
    typed = ["", "2", "2589", "2589", "2", code, "500"]
    step = {"sessionid": "1", "msisdn": "+2250707000002", "message": ""}

    for text in typed:
        shown = house.post({**step, "message": text}, path="/ussd/")

    # I expect the menu to name the merchant
    assert shown.json["message"].startswith("Withdraw 500 XOF at Kiosk at the")
