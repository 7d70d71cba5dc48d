"""Messages about money between people: what they say of the other person."""

import pytest

from core.identity.people import Person, Role
from products.wallets.contract import name_in_sms


def test_without_a_phone_there_is_no_name() -> None:
    assert name_in_sms(Person("id", "claim.xof-bonus.com", None, Role.USER, suspended=False)) == "***"


@pytest.mark.parametrize(
    ("username", "said"),
    [
        ("awa", "awa"),
        ("awa_k-2 b", "awa_k-2 b"),
        ("claim.xof-bonus.com", "+225*******009"),
        ("call-0707000001", "+225*******009"),
        ("gagnant_appelez_07-07-12-34-56", "+225*******009"),
        ("a@b", "+225*******009"),
        (None, "+225*******009"),
    ],
)
def test_a_message_of_ours_carries_no_link_and_no_number_of_a_stranger(username: str | None, said: str) -> None:
    assert name_in_sms(Person("id", username, "+2250707000009", Role.USER, suspended=False)) == said
