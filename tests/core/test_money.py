from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidAmount, UnknownCurrency
from core.money import MAX_MINOR, exponent, format_minor, to_minor, to_number


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("25000", "XOF", 25000),
        (Decimal("25000.0"), "XOF", 25000),
        (Decimal("2.5E+4"), "XOF", 25000),
        ("12.5", "BRL", 1250),
        ("0.01", "EUR", 1),
        ("1.001", "KWD", 1001),
        (MAX_MINOR, "XOF", MAX_MINOR),
    ],
)
def test_main_units_become_minor_units(amount: Decimal | str | int, currency: str, minor: int) -> None:
    assert to_minor(amount, currency) == minor


@pytest.mark.parametrize(
    ("amount", "currency"),
    [
        ("0.5", "XOF"),
        ("1.005", "EUR"),
        ("0", "XOF"),
        ("-1", "XOF"),
        ("-0", "XOF"),
        ("NaN", "XOF"),
        ("Infinity", "XOF"),
        ("1e400", "XOF"),
        ("1e-400", "XOF"),
        (2**70, "XOF"),
        (MAX_MINOR + 1, "XOF"),
        (MAX_MINOR, "EUR"),
        ("ten", "XOF"),
        ("", "XOF"),
    ],
)
def test_what_is_no_amount_is_refused(amount: str | int, currency: str) -> None:
    with pytest.raises(InvalidAmount):
        to_minor(amount, currency)


@pytest.mark.parametrize("code", ["XYZ", "xof", "", "XAU"])
def test_what_is_no_currency_is_refused(code: str) -> None:
    with pytest.raises(UnknownCurrency):
        exponent(code)


@given(st.integers(1, MAX_MINOR), st.sampled_from(["XOF", "EUR", "KWD", "BRL"]))
def test_money_survives_the_way_out_and_back(minor: int, currency: str) -> None:
    assert to_minor(format_minor(minor, currency), currency) == minor
    assert round(to_number(minor, currency) * 10 ** exponent(currency)) == minor
