"""What a partner said is kept as evidence: short, without phones, and with its ids."""

import pytest

from worker.partners.words import MAX_TEXT_CHARS, without_phones, words

REQUEST = {"msisdn": "+2250707000001", "payee": {"phone": "+22670112233"}, "amount": 100}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"partyId": "2250707000001"}', '{"partyId": "***********01"}'),
        ('{"payer": "0707000001"}', '{"payer": "********01"}'),
        ("no account for +2250707000001.", "no account for ************01."),
        ("sent to 70112233", "sent to ******33"),
        ('{"subscriberMsisdn":"237655000111"}', '{"subscriberMsisdn":"**********11"}'),
        ('{"PhoneNumber": 254708374149}', '{"PhoneNumber": **********49}'),
        ('{"financialTransactionId": "1947913865"}', '{"financialTransactionId": "1947913865"}'),
        (
            '{"id": "MP210603.1234.L06941", "n": "22507070000012"}',
            '{"id": "MP210603.1234.L06941", "n": "22507070000012"}',
        ),
    ],
)
def test_phones_are_masked_and_ids_are_not(text: str, kept: str) -> None:
    assert without_phones({"http": 200, "body": text}, REQUEST) == {"http": 200, "body": kept}


def test_a_request_without_a_phone_masks_only_what_is_named_as_one() -> None:
    said = {"body": '{"msisdn": "2250707000001", "id": "2250707000001"}'}
    assert without_phones(said, {"price": 5}) == {"body": '{"msisdn": "***********01", "id": "2250707000001"}'}


def test_long_words_are_cut_and_bad_bytes_are_no_error() -> None:
    assert words(502, b"x" * 10**6)["body"] == "x" * MAX_TEXT_CHARS
    assert words(200, "é".encode() * 10**5)["body"] == "é" * MAX_TEXT_CHARS
    assert words(200, b"\xff\xfe")["body"] == "\ufffd\ufffd"
