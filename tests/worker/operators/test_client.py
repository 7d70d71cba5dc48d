"""What several dialects need: texts, phones and amounts as operators take them."""

import pytest

from worker.partners.operators.client import national, plain, whole_amount


@pytest.mark.parametrize(
    ("text", "characters", "expected"),
    [
        ("Amende AM-2026-000123", 50, "Amende AM-2026-000123"),
        ("  L'été, n°1:\n«à»  ", 50, "L ete, n 1: a"),
        ("Amende AM-12", 7, "Amende"),
        ("Штраф", 50, ""),
    ],
)
def test_texts_for_people(text: str, characters: int, expected: str) -> None:
    assert plain(text, characters) == expected


@pytest.mark.parametrize(("phone", "expected"), [("+260977123456", "977123456"), ("+2250707000001", "0707000001")])
def test_national_numbers(phone: str, expected: str) -> None:
    assert national(phone) == expected


@pytest.mark.parametrize(
    ("minor", "currency", "expected"),
    [(15000, "XOF", 15000), (100000, "ZMW", 1000), (100001, "ZMW", None), (50, "ZMW", None)],
)
def test_whole_amounts(minor: int, currency: str, expected: int | None) -> None:
    assert whole_amount(minor, currency) == expected
