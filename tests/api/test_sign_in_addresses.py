"""The addresses from which people have signed in: how they are remembered, and for how long."""

import hashlib

import pytest

from core.identity.guesses import ACCOUNT
from tests.api.kit import PHONE, House, build, move_in
from tests.api.test_sign_in import MAX_WRONG, many_wrong, sign_in, wrong


@pytest.fixture(autouse=True)
def _awa(house: House) -> None:
    house.person("awa", msisdn=PHONE)


def test_who_has_only_the_store_does_not_learn_where_people_are(house: House) -> None:
    """There are few addresses: one can hash them all, unless the hash has a key."""
    address = "41.202.17.9"
    assert sign_in(house, address=address).status_code == 200
    wrong(house, 1, address=address)
    found = house.core.people.named("awa")
    assert found is not None
    assert len(found.addresses) == 1
    plain = hashlib.sha256(address.encode()).hexdigest()[:16]
    counted = {
        hashlib.sha256(f"{what}\n{name}".encode()).hexdigest()
        for what, name in (("sign-in", f"awa\n{address}"), ("sign-in address", address))
    }
    assert plain not in found.addresses
    assert counted.isdisjoint(each["id"] for each in house.store.find("attempts", {}))


def test_an_address_stays_known_when_the_key_is_rotated(house: House) -> None:
    assert sign_in(house, address="10.0.0.2").status_code == 200
    rotated = move_in(build(house.store, secret_key=f"{'new' * 11} {house.settings.secret_key}"))
    many_wrong(rotated)
    assert sign_in(rotated, address="10.0.0.3").status_code == 429
    assert sign_in(rotated, address="10.0.0.2").status_code == 200


def test_the_last_ten_addresses_of_an_account_are_known(house: House) -> None:
    for number in range(11):
        house.tick(24 * 3600)
        assert sign_in(house, address=f"10.0.0.{number}").status_code == 200
    for number in range(ACCOUNT[0]):
        wrong(house, 1, address=f"10.1.{number}.1")

    assert sign_in(house, address="10.0.0.0").status_code == 429
    assert sign_in(house, address="10.0.0.1").status_code == 200


def test_addresses_of_one_ipv6_network_are_one(house: House) -> None:
    for number in range(MAX_WRONG):
        wrong(house, 1, address=f"2001:db8:0:7::{number + 1:x}")
    assert sign_in(house, address="2001:db8:0:7:ffff::1").status_code == 429
    assert sign_in(house, address="2001:db8:0:8::1").status_code == 200
