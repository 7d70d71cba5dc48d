"""Whatever is sent, no answer is a 5xx; however a payment is spelled, it is one payment."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.api.kit import House, body, build

pytestmark = pytest.mark.slow
MANY = settings(max_examples=100, deadline=None, database=None)

NUMBER = st.from_regex(r"\A-?(0|[1-9][0-9]{0,30})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,25})?\Z")
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(), max_size=8), inner, max_size=4)
    ),
    max_leaves=10,
)
FIELDS = st.sampled_from(["msisdn", "currency", "amount", "amendes", "x"])
FINE_FIELDS = st.sampled_from(["id", "amount", "status", "motif", "date", "immatriculation", "x"])


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    house = build()
    with capture_logs():  # the test reports a bug that it finds; a traceback for each example would take minutes
        yield house
    house.store.close()


@MANY
@given(content=VALUES)
def test_any_json_value(house: House, content: Any) -> None:
    assert house.post(content).status_code in (400, 422)


@MANY
@given(content=st.binary(max_size=200))
def test_any_bytes(house: House, content: bytes) -> None:
    assert house.post(content).status_code in (400, 422)


@MANY
@given(
    changes=st.dictionaries(FIELDS, VALUES, min_size=1),
    fines=st.lists(st.dictionaries(FINE_FIELDS, VALUES) | VALUES, max_size=4),
)
def test_any_value_in_any_field(house: House, changes: dict[str, Any], fines: list[Any]) -> None:
    listed = [{"id": "AM-1", "amount": 25000}, *fines]

    assert house.post(body(**changes)).status_code in (202, 422)
    assert house.post(body(**{"amendes": listed, **changes})).status_code in (202, 422)
    assert house.post(body(amendes=listed)).status_code in (202, 422)


@MANY
@given(total=NUMBER, fine=NUMBER, currency=st.sampled_from(["XOF", "EUR", "KWD"]))
def test_any_number_that_json_can_write(house: House, total: str, fine: str, currency: str) -> None:
    # Given any two numbers, as text: a total and a single fine
    fines = f'[{{"id": "AM-1", "amount": {fine}}}]'
    text = f'{{"msisdn": "0707000001", "currency": "{currency}", "amount": {total}, "amendes": {fines}}}'

    # I expect never a 5xx
    assert house.post(text).status_code in (202, 422)


@MANY
@given(
    key=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=300),
    prefer=st.text(st.characters(max_codepoint=255, exclude_characters="\r\n=")),
)
def test_any_header(house: House, key: str, prefer: str) -> None:
    headers = {
        "Idempotency-Key": key,
        "Prefer": prefer,
        "Authorization": prefer,
        "If-None-Match": prefer,
        "traceparent": prefer,
    }

    assert house.post({}, headers).status_code in (400, 422)
    assert house.http.get("/amendes/payments/x", headers=headers).status_code == 404
    assert house.http.get("/amendes/payments/", headers=headers).status_code == 401


@MANY
@given(
    query=st.dictionaries(
        st.sampled_from(["status", "limit", "msisdn", "cursor", "x"]), st.text(st.characters(exclude_categories=["Cs"]))
    )
)
def test_any_query(house: House, query: dict[str, str]) -> None:
    answer = house.http.get("/amendes/payments/", query_string=query, headers={"Authorization": "Bearer sesame"})

    assert answer.status_code in (200, 422)


@st.composite
def spelled_amounts(draw: st.DrawFn, minor: int, decimals: int) -> str:
    """The amount as JSON text, in one of the ways that mean the same."""
    digits = f"{minor:0{decimals + 1}d}"
    plain = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    longer = f"{plain}{'' if decimals else '.'}{'0' * draw(st.integers(1, 5))}"
    shifted = f"{minor * 10 ** draw(st.integers(0, 3))}"
    scientific = f"{shifted}e{len(str(minor)) - len(shifted) - decimals:+d}"
    return draw(st.sampled_from([plain, longer, scientific, f'"{plain}"', f'"{longer}"', f'"00{plain}"']))


@st.composite
def spelled_payments(draw: st.DrawFn) -> tuple[str, str]:
    """The same payment twice, each time in a spelling of its own."""
    currency, decimals = draw(st.sampled_from([("XOF", 0), ("EUR", 2), ("KWD", 3)]))
    ids = draw(st.lists(st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z"), min_size=1, max_size=5, unique=True))
    fines = {id: draw(st.integers(1, 10**11)) for id in ids}
    digits = f"07{draw(st.integers(0, 99_999_999)):08d}"

    def spelling() -> str:
        def amount(minor: int) -> str:
            return draw(spelled_amounts(minor, decimals))

        pairs = [digits[n : n + 2] for n in range(0, 10, 2)]
        prefix, gap = draw(st.sampled_from(["+225", "00225", "225", ""])), draw(st.sampled_from(["", " ", "-", "."]))
        phone = prefix + (gap if prefix else "") + gap.join(pairs)
        listed = [f'{{"id": "{id}", "amount": {amount(fines[id])}}}' for id in draw(st.permutations(ids))]
        members = [
            f'"msisdn": "{phone}"',
            f'"currency": "{currency}"',
            f'"amount": {amount(sum(fines.values()))}',
            f'"amendes": [{", ".join(listed)}]',
        ]
        return "{" + ", ".join(draw(st.permutations(members))) + "}"

    return spelling(), spelling()


@MANY
@given(spelled=spelled_payments())
def test_the_same_payment_in_any_two_spellings(house: House, spelled: tuple[str, str]) -> None:
    first, again = (house.post(text) for text in spelled)

    assert (first.status_code, again.status_code) == (202, 202), (first.text, again.text)
    assert first.json["id"] == again.json["id"]
