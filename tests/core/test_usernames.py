"""Names that pass for somebody else's are refused, and people's own names are not."""

import pytest

from core.identity.guesses import fingerprint, network
from core.identity.usernames import is_misleading

OPERATORS = ("mtn-ci", "orange-cm")


@pytest.mark.parametrize(
    "name",
    [
        "admin",
        "support_ci",
        "momo2024",
        "ádmin",
        "\u0251dmin",  # Latin alpha
        "adm\u0131n",  # dotless i
        "\u1d00dmin",  # small capital A
        "w\u0251ve",
        "\u017fupport",  # long s
        "w\u0430ve",  # Cyrillic a
        "0range-money",
        "r00t",
        "he1p",
        "ADMlN",
        "adrnin",
    ],
)
def test_what_looks_like_the_name_of_a_service_is_refused(name: str) -> None:
    assert is_misleading(name, OPERATORS)


@pytest.mark.parametrize(
    "name",
    ["awa", "kofi.mensah", "françois", "Ọlá", "Nguyễn", "łukasz", "marie1", "m\u0251rie", "helping", "жанна", "田中"],
)
def test_the_names_of_people_are_not(name: str) -> None:
    assert not is_misleading(name, OPERATORS)


def test_an_ipv4_address_in_the_form_of_ipv6_is_one_customers() -> None:
    assert network("::ffff:41.202.17.9") == network("41.202.17.9") == "41.202.17.9"
    assert fingerprint("::ffff:41.202.17.9", "key") != fingerprint("::ffff:41.202.17.10", "key")
    assert network("2001:db8::1") == network("2001:db8::2")
