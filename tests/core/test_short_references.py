"""References in letters and digits alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ids import new_id
from core.short_references import lengthened, shortened


@given(st.uuids(), st.from_regex(r"[a-z]{1,24}", fullmatch=True))
def test_a_reference_comes_back(id: object, step: str) -> None:
    short = shortened(f"{id}:{step}")
    assert short is not None
    assert short.isalnum()
    assert len(short) <= 50
    assert lengthened(short) == f"{id}:{step}"


@pytest.mark.parametrize("step", ["debit", "payout"])
def test_the_references_of_products_are_short_enough_for_operators(step: str) -> None:
    assert len(shortened(f"{new_id()}:{step}") or "x" * 99) <= 36  # a UUID, which Airtel was seen to take


ID = "019ad3a4-5f0e-7c43-8a6b-0123456789ab"


@pytest.mark.parametrize("reference", ["op-1:debit", f"{ID}:settle:AM-1", ID, f"{ID.upper()}:debit", f"{ID}:", ""])
def test_others_cannot_be_written_so(reference: str) -> None:
    assert shortened(reference) is None


@given(st.text(max_size=60))
def test_any_other_text_is_no_reference(text: str) -> None:
    found = lengthened(text)
    assert found is None or shortened(found) == text


@pytest.mark.parametrize("text", ["", "A" * 26, "A" * 25 + "B" + "debit", "é" * 30, "a" * 26 + "debit"])
def test_texts_that_only_look_alike(text: str) -> None:
    assert lengthened(text) is None
