import pytest

from core.errors import InvalidPhone
from core.phone import mask, to_e164


@pytest.mark.parametrize(
    "spelling",
    ["+2250707000001", "+225 07 07 00 00 01", "00225 0707000001", "0707000001", "07-07-00-00-01", "2250707000001"],
)
def test_every_spelling_is_one_number(spelling: str) -> None:
    assert to_e164(spelling, "CI") == "+2250707000001"


@pytest.mark.parametrize("text", ["", "12", "+22507070000", "+2250707000001234", "letters", "+999123456789"])
def test_what_is_no_phone_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(InvalidPhone) as caught:
        to_e164(text, "CI")
    assert len(text) < 5 or text not in str(caught.value)


def test_a_mask_shows_the_ends_only() -> None:
    assert mask("+2250707000001") == "+225*******001"
    assert mask("12345") == "*****"
