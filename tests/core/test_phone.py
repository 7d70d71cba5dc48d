import random

import phonenumbers
import pytest

from core.errors import InvalidPhone
from core.phone import is_plain_e164, mask, to_e164


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


def test_a_number_that_is_taken_as_it_is_is_what_the_library_makes_of_it() -> None:
    chance, taken = random.Random(7), 0
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        examples = [phonenumbers.example_number_for_type(regions[0], kind) for kind in range(11)]
        for example in filter(None, examples):
            for _ in range(20):
                digits = list(str(example.national_number))
                for place in chance.sample(range(len(digits)), chance.randint(0, 3)):
                    digits[place] = str(chance.randrange(10))
                text = f"+{code}{'0' * chance.choice((0, 0, 1))}{''.join(digits)}{chance.choice(('', '', '', '0'))}"
                if is_plain_e164(text):
                    taken += 1
                    number = phonenumbers.parse(text, None)
                    assert phonenumbers.is_valid_number(number), text
                    assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == text
    assert taken > 1000


@pytest.mark.parametrize("text", ["+2250707000001", "+221771234567", "+237670000000", "+351912345678"])
def test_numbers_of_mobile_money_are_taken_as_they_are(text: str) -> None:
    assert is_plain_e164(text)


@pytest.mark.parametrize(
    "text", ["2250707000001", "+225 0707000001", "+2250707", "+33612345678", "+225\u0660707000001"]
)
def test_any_other_spelling_is_left_to_the_library(text: str) -> None:
    assert not is_plain_e164(text)
