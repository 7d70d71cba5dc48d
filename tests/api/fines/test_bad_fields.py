"""Fields that cannot be: 422 with every field's error at once, and nothing stored."""

import json
from typing import Any

import pytest

from tests.api.kit import House, body, one_fine, without, written, wrong_fields

ALL = {"/msisdn", "/currency", "/amount", "/amendes"}

BAD_AMOUNTS = [
    "0", "-0", "-0.0", "0.0", "0e9", "-1", "-25000", "0.5", "25000.5", "1e-400", "1e400", "1e14", "10000000000001",
    str(2**70), str(-(2**70)), "9" * 31, "9" * 5000, "-" + "9" * 5000, "NaN", "Infinity", "-Infinity",
    "1e999999999999999999999", "1e-999999999999999999999", "-1e999999999999999999999", "true", "false", "null",
    "[]", "[25000]", "{}", '{"amount": 25000}', '""', '" "', '"0"', '"0.00"', '"-1"', '"+25000"', '"1_000"', '" 5"',
    '"5 "',
    '"0x10"', '"1e3"', '"25,000"', '"25 000"', '"25000."', '".5"', '"25000\\n"', '"25000\\u0000"', '"\\ud800"', '"NaN"',
    '"Infinity"', '"\u0662\u0665"', '"\uff12\uff15"', '"\u00bd"', '"XOF 5"', '"true"', '"' + "9" * 5000 + '"',
]  # fmt: skip


@pytest.mark.parametrize("literal", BAD_AMOUNTS)
def test_bad_amounts(house: House, literal: str) -> None:
    # Given an amount that is none, written exactly so
    # If I ask for it, in the total or in a fine
    total = house.post(written(amount=literal))
    fine = house.post(written(amendes=f'[{{"id": "AM-1", "amount": {literal}}}]'))

    # I expect the very field to be named, and nothing stored
    assert "/amount" in wrong_fields(total)
    assert "/amendes/0/amount" in wrong_fields(fine)
    assert house.stored() == {"operations": 0, "idempotency_keys": 0}


@pytest.mark.parametrize(
    ("currency", "literal"),
    [
        ("XOF", "0.1"),
        ("XOF", "25000.0000000001"),
        ("XOF", '"25000.0000000001"'),
        ("EUR", "0.001"),
        ("EUR", "1.005"),
        ("EUR", '"12.345"'),
        ("KWD", "0.0001"),
        ("XOF", "25000.0000000000000000000000000000000001"),
        ("EUR", "12.500000000000000000000000000000000001"),
        ("KWD", "9999999999.9999999999999999999999999999"),
    ],
)
def test_more_decimals_than_the_currency_has(house: House, currency: str, literal: str) -> None:
    # Given an amount that is finer than the currency, by however little
    text = json.dumps(one_fine("@", currency)).replace('"@"', literal)

    # I expect both amounts refused: nothing is rounded
    assert wrong_fields(house.post(text)) == {"/amount", "/amendes/0/amount"}
    assert house.stored()["operations"] == 0


def test_a_fine_is_not_rounded_to_fit_the_sum(house: House) -> None:
    content = written(amount="25000", amendes='[{"id": "AM-1", "amount": 25000.00000000000000000000000000001}]')

    assert "/amendes/0/amount" in wrong_fields(house.post(content))


@pytest.mark.parametrize(
    "phone",
    [
        "", " ", "+", "+225", "0", "112", "225", "junk", "070700000", "+22507070000010", "+2259999999999",
        "+0000000000",
        "+999123456789", "1" * 300, "+" * 100, "0707000001/0707000002", "0707000001,0707000002", "07070000O1", "\ud800",
        "\0", "+225\x000707000001", "\U0001f4de", "x" * 20_000, None, True, 2250707000001, 1.5, [], ["+2250707000001"],
        {}, {"phone": "+2250707000001"},
    ],
)  # fmt: skip
def test_bad_phones(house: House, phone: Any) -> None:
    assert wrong_fields(house.post(body(msisdn=phone))) == {"/msisdn"}
    assert house.stored()["operations"] == 0


@pytest.mark.parametrize(
    "phone",
    [
        "abc+2250707000001",
        "+2250707000001\0",
        "\0+2250707000001",
        "+2250707000001\ud800",
        "pay +2250707000001",
        "<b>0707000001",
    ],
)
def test_a_number_within_other_text_is_no_phone_number(house: House, phone: str) -> None:
    assert wrong_fields(house.post(body(msisdn=phone))) == {"/msisdn"}


@pytest.mark.parametrize(
    "currency",
    ["", "xof", "XO", "XOFF", "XXX", "XAU", "ZZZ", "JPY", "USD", " XOF", "XOF ", "XOF\0", "\ud800", "952", None, 952,
    True, [], {}, ["XOF"]],
)  # fmt: skip
def test_bad_currencies(house: House, currency: Any) -> None:
    assert wrong_fields(house.post(body(currency=currency))) == {"/currency"}
    assert house.stored()["operations"] == 0


@pytest.mark.parametrize(
    "id",
    [
        "", " ", " AM-1", "AM-1 ", "AM-1\n", "AM 1", "-AM", ".", "..", "../AM-1", "AM/1", "AM:1", "AM$1", "A" * 65,
        "A" * 20_000,
        "AM-1\0", "\0", "\ud800", "AM-é", "\u202eAM-1", "\uff11", None, True, 1, 1.5, [], {},
    ],
)  # fmt: skip
def test_bad_fine_ids(house: House, id: Any) -> None:
    answer = house.post(body(amount=5, amendes=[{"id": id, "amount": 5}]))

    assert wrong_fields(answer) == {"/amendes/0/id"}
    assert house.stored()["operations"] == 0


@pytest.mark.parametrize("currency", ["GNF", "xof", "", 952, [], {}])
def test_a_fine_in_another_currency_than_the_payment(house: House, currency: Any) -> None:
    fines = [{"id": "AM-1", "amount": 25000, "currency": currency}]
    assert wrong_fields(house.post(body(amendes=fines))) == {"/amendes/0/currency"}


@pytest.mark.parametrize("fines", [None, "AM-1", 1, True, {}, {"id": "AM-1", "amount": 25000}, []])
def test_fines_that_are_no_list_or_none(house: House, fines: Any) -> None:
    assert wrong_fields(house.post(body(amendes=fines))) == {"/amendes"}


@pytest.mark.parametrize("fine", [None, "AM-1", 1, True, [], ["AM-1", 25000]])
def test_a_fine_that_is_no_object(house: House, fine: Any) -> None:
    assert "/amendes/1" in wrong_fields(house.post(body(amendes=[{"id": "AM-1", "amount": 25000}, fine])))


@pytest.mark.parametrize("count", [51, 100, 1000])
def test_more_than_fifty_fines(house: House, count: int) -> None:
    fines = [{"id": f"AM-{n}", "amount": 1} for n in range(count)]

    assert wrong_fields(house.post(body(amount=count, amendes=fines))) == {"/amendes"}


@pytest.mark.parametrize("amounts", [(10000, 15000), (12500, 12500), (12500, "12500.0")])
def test_a_fine_listed_twice(house: House, amounts: tuple[Any, Any]) -> None:
    fines = [{"id": "AM-1", "amount": amount} for amount in amounts]

    assert wrong_fields(house.post(body(amendes=fines))) == {"/amendes/1/id"}


@pytest.mark.parametrize("total", [24999, 25001, 1, 10**13, "25000.00000001"])
def test_not_the_sum_of_the_fines(house: House, total: Any) -> None:
    assert wrong_fields(house.post(body(amount=total))) == {"/amount"}


def test_a_sum_that_is_too_large(house: House) -> None:
    # Given fines that are each within the limit, and together are not
    fines = [{"id": f"AM-{n}", "amount": 9 * 10**12} for n in range(2)]

    assert wrong_fields(house.post(body(amount=18 * 10**12, amendes=fines))) == {"/amount"}


@pytest.mark.parametrize("field", ["msisdn", "currency", "amount", "amendes"])
def test_missing_fields(house: House, field: str) -> None:
    assert wrong_fields(house.post(without(field))) == {f"/{field}"}


@pytest.mark.parametrize("field", ["id", "amount"])
def test_missing_fields_of_a_fine(house: House, field: str) -> None:
    fine = {"id": "AM-1", "amount": 25000}
    del fine[field]

    assert wrong_fields(house.post(body(amendes=[fine]))) == {f"/amendes/0/{field}"}


@pytest.mark.parametrize(
    "name", ["extra", "MSISDN", "msisdn ", "id", "status", "motif", "__proto__", "$where", "client", "\0"]
)
def test_unknown_fields(house: House, name: str) -> None:
    assert wrong_fields(house.post(body(**{name: 1}))) == {f"/{name}"}
    assert house.stored()["operations"] == 0


@pytest.mark.parametrize("name", ["extra", "statut", "ID", "Motif", "msisdn", "amendes"])
def test_unknown_fields_of_a_fine(house: House, name: str) -> None:
    assert wrong_fields(house.post(one_fine(5, "XOF", **{name: 1}))) == {f"/amendes/0/{name}"}


@pytest.mark.parametrize("name", ["json", "query", "_schema"])
def test_an_unknown_field_is_named_whatever_its_name(house: House, name: str) -> None:
    assert wrong_fields(house.post(body(**{name: 1}))) == {f"/{name}"}


@pytest.mark.parametrize(("name", "pointer"), [("a/b", "/a~1b"), ("a~b", "/a~0b"), ("", "/"), ("\ud800", "/\ud800")])
def test_pointers_are_escaped_as_rfc_6901_says(house: House, name: str, pointer: str) -> None:
    assert wrong_fields(house.post(body(**{name: 1}))) == {pointer}


def test_every_error_at_once(house: House) -> None:
    assert wrong_fields(house.post({})) == ALL
    assert wrong_fields(house.post(dict.fromkeys(body(), None))) == ALL
    assert wrong_fields(house.post({"msisdn": 1, "currency": "ZZZ", "amount": -1, "amendes": [], "x": 1})) == {
        *ALL,
        "/x",
    }


def test_every_error_of_every_fine_at_once(house: House) -> None:
    # Given three fines, each wrong in its own way, and a wrong phone
    fines = [{"id": "", "amount": 1}, {"id": "AM-2", "amount": 0}, {"id": "AM-3", "amount": 1.5, "x": 1}, {}]

    answer = house.post(body(msisdn="x", amendes=fines))

    # I expect each of them to be named
    assert {
        "/msisdn", "/amendes/0/id", "/amendes/1/amount", "/amendes/2/amount", "/amendes/2/x", "/amendes/3/id",
        "/amendes/3/amount",
    } <= wrong_fields(answer)  # fmt: skip


def test_listed_twice_and_too_fine_and_not_the_sum_at_once(house: House) -> None:
    fines = [{"id": "AM-1", "amount": 1.5}, {"id": "AM-1", "amount": 1}]

    assert wrong_fields(house.post(body(amount=3, amendes=fines))) == {"/amendes/1/id", "/amendes/0/amount", "/amount"}


def test_a_fine_that_is_null_does_not_shift_the_others(house: House) -> None:
    fines = [None, {"id": "AM-1", "amount": 25000}, {"id": "AM-2", "amount": 0.5}]

    assert {"/amendes/0", "/amendes/2/amount"} <= (wrong := wrong_fields(house.post(body(amendes=fines))))
    assert "/amendes/1/amount" not in wrong


def test_a_refused_request_does_not_use_up_its_key(house: House) -> None:
    # Given a refusal with a key
    wrong_fields(house.post(body(amount=1), {"Idempotency-Key": "k"}))
    assert house.stored() == {"operations": 0, "idempotency_keys": 0}

    # If the mistake is mended under the same key, I expect it to be accepted
    assert house.post(body(), {"Idempotency-Key": "k"}).status_code == 202
