"""Accounts that name a caller's phone: which of them become the caller's, and which stay with their owner."""

import pytest

from core.identity.people import Role
from core.identity.second_factor import SecondFactor
from core.store.port import OPERATIONS
from products.merchants.register import Merchants
from tests.api.kit import PASSWORD, Caller, House
from tests.api.test_phone_proof import CODE, PROOF, code_for, register
from tests.ussd.kit import PIN, Phone, Worker, balance, people

KEPT = "An account made on 2026-01-01 names this phone. A call does not open it."
PROVE = "To use it here, hang up and prove the phone there, by a code."
NEW = "1 New account"


@pytest.fixture
def phone(house: House) -> Phone:
    """Of somebody who has never dialled."""
    return Phone(house)


@pytest.fixture
def awa(house: House, phone: Phone) -> Caller:
    """Who has registered by HTTP and mistyped a digit: it is somebody else's phone."""
    return register(house, "awa", phone.msisdn)


def assert_kept(house: House, phone: Phone, awa: Caller, *hints: str) -> None:
    """The caller gets an account of their own, and the other one loses nothing but the phone."""
    phone.dial()
    assert phone.type("2") == "\n".join([KEPT, *hints, NEW])
    phone.type("1", PIN, PIN)
    assert phone.person.id != awa.id
    assert balance(phone) == 0
    found = people(house).get(awa.id)
    assert found is not None
    assert (found.msisdn, found.username, found.epoch) == (None, "awa", 0)
    assert house.core.credentials.authenticate("awa", PASSWORD) == found
    assert awa.get("/v1/wallets/me").status_code == 200


def test_money_stays_with_an_account_that_only_named_the_phone(house: House, phone: Phone, awa: Caller) -> None:
    house.fund(awa.id, 900)
    assert_kept(house, phone, awa, PROVE)
    assert awa.get("/v1/wallets/me").json["balance"] == "900"


def test_an_account_that_had_money_stays_with_its_owner(
    house: House, phone: Phone, awa: Caller, worker: Worker
) -> None:
    house.fund(awa.id, 900)
    house.person("kofi")
    assert awa.post("/v1/wallets/transfers", {"to": "kofi", "amount": 900}).status_code == 202
    worker.run()
    assert awa.get("/v1/wallets/me").json["balance"] == "0"
    assert_kept(house, phone, awa, PROVE)


def test_money_on_its_way_comes_to_who_asked_for_it(house: House, phone: Phone, awa: Caller, worker: Worker) -> None:
    assert awa.post("/v1/wallets/top-up", {"amount": 900}).status_code == 202
    assert len(house.store.find(OPERATIONS, {"client": awa.id, "kind": "wallet_top_up"})) == 1
    assert_kept(house, phone, awa, PROVE)
    worker.run()
    assert awa.get("/v1/wallets/me").json["balance"] == "900"


def test_an_account_that_a_merchant_is_paid_into_stays_with_its_owner(house: House, phone: Phone, awa: Caller) -> None:
    house.core.of(Merchants).create("Kiosk", awa.id)
    assert_kept(house, phone, awa, PROVE)


def test_the_top_of_the_menu_is_no_way_round_the_registration(house: House, phone: Phone) -> None:
    people(house).register("awa", PASSWORD, phone.msisdn, Role.OPERATOR, phone_proven=True)
    languages = phone.dial()
    assert phone.type("2").startswith(KEPT)
    assert phone.type("00") == languages


def test_money_that_somebody_sends_meanwhile_is_seen(house: House, phone: Phone, awa: Caller) -> None:
    phone.dial()
    assert phone.type("2").endswith("1 Yes\n2 No")
    phone.type("1", PIN)
    house.fund(awa.id, 900)
    assert phone.type(PIN) == f"{KEPT}\n{PROVE}\n{NEW}"
    assert people(house).of_phone(phone.msisdn) is None


@pytest.mark.parametrize("proven", [False, True])
@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_no_phone_gives_a_role_away(house: House, phone: Phone, role: Role, proven: bool) -> None:
    made = people(house).register("awa", PASSWORD, phone.msisdn, role, phone_proven=proven)
    awa = Caller(house, house.app.extensions["tokens"].issue(made.id), made)
    assert_kept(house, phone, awa)


def test_no_phone_opens_an_account_with_a_second_factor(house: House, phone: Phone) -> None:
    awa = house.person("awa", msisdn=phone.msisdn, balance=900)
    factor = SecondFactor(house.store, house.clock)
    document = house.store.get("people", awa.id) or {}
    factor.begin(awa.id)
    document = house.store.get("people", awa.id) or {}
    house.store.replace("people", {**document, "factor": {**document["factor"], "confirmed": True}})
    assert_kept(house, phone, awa)


def test_an_owner_who_proves_the_phone_finds_the_money_by_dialling(
    house: House, phone: Phone, awa: Caller, worker: Worker
) -> None:
    house.fund(awa.id, 900)
    assert awa.post(PROOF, {"code": code_for(awa, worker, phone.msisdn)}).status_code == 200
    phone.dial()
    phone.type("2", "1", PIN, PIN)
    assert phone.type("5") == "Balance: 900 XOF"


def test_the_owner_of_the_old_account_proves_another_phone(house: House, phone: Phone, awa: Caller) -> None:
    house.fund(awa.id, 900)
    phone.dial()
    phone.type("2", "1", PIN, PIN)
    given = {"msisdn": "+2250707000077", "current_password": PASSWORD}
    assert awa.send("PUT", "/v1/auth/phone", given).status_code == 200
    assert awa.post(CODE, {}).status_code == 202
