"""One's own wallet: what is in it, its statement, and topping it up."""

import base64
from decimal import Decimal
from typing import Any

import pytest

from core.ids import new_id
from core.ledger import Movement
from core.operation import Status
from products.services.contract import ACCOUNT
from tests.api.kit import NO_ID, PHONE, Caller, House, assert_problem, build, wrong_fields

ME, ENTRIES, TOP_UP = "/v1/wallets/me", "/v1/wallets/me/entries", "/v1/wallets/top-up"
LISTS = (ENTRIES, "/v1/wallets/transfers", "/v1/payments", "/v1/services/list")
BAD_AMOUNTS = [
    0, -1, -0.5, 0.0, "0", "-5", "0.00", 10**13 + 1, 10**400, "1e3", 1.5, "1.5", 0.1, "10000000000001", "", " 5", "5 ",
    "x", "0x10", "\u0665", None, True, False, [], [5], {}, {"amount": 5},
]  # fmt: skip


@pytest.fixture
def awa(house: House) -> Caller:
    return house.person("awa", msisdn=PHONE)


@pytest.fixture
def kofi(house: House) -> Caller:
    return house.person("kofi")


def pay(house: House, who: Caller, amount: int, settled: bool = True) -> str:
    """What a worker does to the wallet for a payment, which it settles or gives up."""
    ledger, move = (
        house.core.ledger,
        Movement(new_id(), who.id, ACCOUNT, amount, "XOF", "service_payment"),
    )
    ledger.hold(move)
    (ledger.settle if settled else ledger.release)(move)
    return move.operation


def amounts(entries: list[dict[str, Any]]) -> list[Decimal]:
    return [Decimal(entry["amount"]) for entry in entries]


def test_a_new_wallet_is_empty(awa: Caller) -> None:
    assert awa.get(ME).json == {"id": awa.id, "balance": "0", "held": "0", "currency": "XOF"}


def test_held_money_is_shown_apart_from_the_balance(house: House, awa: Caller) -> None:
    house.fund(awa.id, 1000)
    ledger, move = house.core.ledger, Movement(new_id(), awa.id, ACCOUNT, 300, "XOF", "service_payment")

    ledger.hold(move)
    assert awa.balance() == (700, 300)

    ledger.settle(move)
    assert awa.balance() == (700, 0)


def test_amounts_are_in_main_units() -> None:
    house = build(wallet_currency="EUR")
    awa = house.person("awa", balance=1234)

    assert awa.get(ME).json == {"id": awa.id, "balance": "12.34", "held": "0.00", "currency": "EUR"}
    assert amounts(awa.get(ENTRIES).json["entries"]) == [Decimal("12.34")]


def test_people_see_only_their_own_wallet(house: House, awa: Caller, kofi: Caller) -> None:
    house.fund(awa.id, 500)

    assert (awa.balance(), kofi.balance()) == ((500, 0), (0, 0))
    assert amounts(kofi.get(ENTRIES).json["entries"]) == []
    for path in (f"/v1/wallets/{awa.id}", f"/v1/wallets/{awa.id}/entries"):
        assert_problem(kofi.get(path), 404, "not_found")


@pytest.mark.parametrize("path", [ME, TOP_UP, "/v1/wallets/transfers", "/v1/payments/"])
def test_a_wallet_that_a_registration_did_not_come_to_is_made_late(house: House, awa: Caller, path: str) -> None:
    # Given a registration that died before it made the wallet
    wallet = house.store.get("wallets", awa.id)
    assert wallet is not None
    house.store.delete("wallets", awa.id, wallet["version"])

    # If anything is asked of it, I expect it to be there, and empty
    answer = awa.get(path) if path == ME else awa.post(path, {"amount": 5, "to": "nobody", "service_id": new_id()})
    assert answer.status_code in (200, 422)
    assert awa.balance() == (0, 0)


def test_the_statement_lists_what_came_in_and_went_out(house: House, awa: Caller) -> None:
    house.fund(awa.id, 1000)
    house.tick(60)
    operation = pay(house, awa, 300)

    entries = awa.get(ENTRIES).json["entries"]

    assert amounts(entries) == [-300, 1000]
    assert [entry["what"] for entry in entries] == ["service_payment", "wallet_top_up"]
    assert entries[0] == {
        "id": f"{operation}:out",
        "amount": "-300",
        "currency": "XOF",
        "what": "service_payment",
        "operation": operation,
        "at": "2026-01-01T12:01:00.000000Z",
        "other": None,
        "note": None,
    }
    assert sum(amounts(entries)) == Decimal(awa.get(ME).json["balance"])


def test_an_entry_shows_the_sender_and_the_note(house: House, awa: Caller) -> None:
    # Given a transfer with a note, that a worker has settled
    kofi = house.person("kofi")
    house.fund(awa.id, 1000)
    sent = awa.post("/v1/wallets/transfers", {"to": "kofi", "amount": 250, "note": "lunch"}).json
    move = Movement(sent["id"], awa.id, kofi.id, 250, "XOF", "wallet_transfer")
    ledger = house.core.ledger
    ledger.hold(move)
    ledger.settle(move)

    # I expect both to see the other one, and the note
    for reader, other in ((awa, "kofi"), (kofi, "awa")):
        entry = reader.get(ENTRIES).json["entries"][0]
        assert (entry["other"], entry["note"]) == (other, "lunch")


def test_what_was_held_and_given_back_is_no_entry(house: House, awa: Caller) -> None:
    house.fund(awa.id, 1000)

    pay(house, awa, 300, settled=False)

    assert amounts(awa.get(ENTRIES).json["entries"]) == [1000]
    assert awa.balance() == (1000, 0)


@pytest.mark.parametrize(("total", "limit"), [(5, 1), (5, 2), (4, 2), (5, 5), (5, 6), (0, 1), (25, 10)])
def test_pages_of_the_statement_have_no_gap_and_no_double(
    house: House, awa: Caller, kofi: Caller, total: int, limit: int
) -> None:
    for amount in range(1, total + 1):
        house.fund(awa.id, amount)
        house.fund(kofi.id, 7)

    pages = awa.pages(ENTRIES, "entries", limit)

    assert [amount for page in pages for amount in amounts(page)] == list(range(total, 0, -1))
    assert all(len(page) == limit for page in pages[:-1])
    assert pages[-1] or total == 0


def test_new_entries_do_not_shift_the_pages_of_a_cursor(house: House, awa: Caller) -> None:
    for amount in (1, 2, 3, 4):
        house.fund(awa.id, amount)
    first = awa.get(f"{ENTRIES}?limit=2").json

    house.fund(awa.id, 5)

    second = awa.get(f"{ENTRIES}?limit=2&cursor={first['next_cursor']}").json
    assert amounts(first["entries"]) + amounts(second["entries"]) == [4, 3, 2, 1]
    assert second["next_cursor"] is None


def _cursor(plain: str) -> str:
    return base64.urlsafe_b64encode(plain.encode()).decode()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=", "limit"), ("cursor=", "cursor"),
        ("cursor=x", "cursor"), ("cursor=%00", "cursor"), ("cursor=" + _cursor("v1:x"), "cursor"),
        ("cursor=" + _cursor(f"v2:{NO_ID}"), "cursor"), ("cursor=" + _cursor(f"v1:{NO_ID}:\0"), "cursor"),
        ("cursor=" + _cursor(f"v1:{NO_ID}:{'x' * 300}"), "cursor"), ("cursor=" + NO_ID, "cursor"),
    ],
)  # fmt: skip
def test_bad_parameters_of_every_list_are_named(awa: Caller, query: str, field: str) -> None:
    for path in LISTS:
        assert wrong_fields(awa.get(f"{path}?{query}")) == {f"/{field}"}, path


def test_the_cursor_of_another_list_is_harmless(awa: Caller) -> None:
    for path in LISTS:
        for plain in (NO_ID, f"{NO_ID}:in", f"{NO_ID}:out"):
            assert awa.get(f"{path}?cursor={_cursor(f'v1:{plain}')}").status_code == 200, path


def test_a_top_up_is_accepted_and_credits_nothing_yet(house: House, awa: Caller) -> None:
    answer = awa.post(TOP_UP, {"amount": "2500"})

    assert answer.status_code == 202
    assert (answer.json["status"], answer.json["amount"], answer.json["currency"]) == ("accepted", "2500", "XOF")
    assert answer.headers["Location"] == answer.json["status_url"]
    assert int(answer.headers["Retry-After"]) > 0
    assert awa.get(answer.headers["Location"]).json == answer.json
    operation = house.operation(answer.json["id"])
    assert operation.kind == "wallet_top_up"
    assert operation.request == {"wallet": awa.id, "msisdn": PHONE, "amount": 2500, "currency": "XOF"}
    assert awa.balance() == (0, 0)


def test_a_top_up_does_not_show_the_phone(awa: Caller) -> None:
    assert PHONE[4:] not in awa.post(TOP_UP, {"amount": 5}).text


def test_what_is_no_amount_is_refused(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        for amount in BAD_AMOUNTS:
            assert wrong_fields(awa.post(TOP_UP, {"amount": amount})) == {"/amount"}, amount


def test_what_is_one_is_taken(awa: Caller) -> None:
    for amount in (1, 10**13, "1", "10000000000000", 5.0, "5.00"):
        assert awa.post(TOP_UP, {"amount": amount}).json["amount"] == str(int(float(amount)))


def test_a_top_up_request_has_the_amount_and_no_other_field(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        for field in ("msisdn", "wallet", "currency", "to"):
            assert wrong_fields(awa.post(TOP_UP, {"amount": 5, field: "x"})) == {f"/{field}"}


def test_without_a_phone_there_is_nothing_to_debit(house: House, kofi: Caller) -> None:
    with house.nothing_stored():
        assert_problem(kofi.post(TOP_UP, {"amount": 5}), 422, "no_phone")


def test_another_ones_top_up_is_not_there(house: House, awa: Caller, kofi: Caller) -> None:
    id = awa.post(TOP_UP, {"amount": 5}).json["id"]
    admin = house.person("root", msisdn="+2250707000009")

    for who in (kofi, admin):
        assert_problem(who.get(f"{TOP_UP}/{id}"), 404, "top_up_not_found")
        assert_problem(who.get(f"{TOP_UP}/{id}", Prefer="wait=5"), 404, "top_up_not_found")


def test_a_top_up_that_is_not_there(awa: Caller) -> None:
    for id in (NO_ID, "x", "0", NO_ID.upper()):
        assert_problem(awa.get(f"{TOP_UP}/{id}"), 404, "top_up_not_found")


def test_a_top_up_is_no_payment_and_no_transfer(awa: Caller) -> None:
    id = awa.post(TOP_UP, {"amount": 5}).json["id"]

    assert_problem(awa.get(f"/v1/wallets/transfers/{id}"), 404, "transfer_not_found")
    assert_problem(awa.get(f"/v1/payments/{id}"), 404, "payment_not_found")
    assert_problem(awa.get(f"/amendes/payments/{id}"), 404, "payment_not_found")


def test_a_key_stands_for_its_top_up_for_good(house: House, awa: Caller) -> None:
    first = awa.post(TOP_UP, {"amount": 5}, Idempotency_Key="k")
    house.move(first.json["id"], Status.PROCESSING, Status.FAILED)
    house.tick(86400 / 25)

    again = awa.post(TOP_UP, {"amount": "5.0"}, Idempotency_Key="k")

    assert (again.status_code, again.json["id"], again.json["status"]) == (202, first.json["id"], "failed")
    assert again.headers["Idempotency-Replayed"] == "true"
    assert_problem(awa.post(TOP_UP, {"amount": 6}, Idempotency_Key="k"), 422, "idempotency_key_reused")
    assert house.stored() == {"operations": 1, "idempotency_keys": 1}


def test_the_same_top_up_without_a_key_is_one_for_ten_seconds(house: House, awa: Caller) -> None:
    first = awa.post(TOP_UP, {"amount": 5})
    house.tick(9.9)
    again = awa.post(TOP_UP, {"amount": 5})
    other = awa.post(TOP_UP, {"amount": 6})
    house.tick(0.1)
    later = awa.post(TOP_UP, {"amount": 5})

    assert again.json["id"] == first.json["id"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len({answer.json["id"] for answer in (first, other, later)}) == 3
    assert "Idempotency-Replayed" not in later.headers


def test_the_key_of_one_is_not_that_of_another(house: House, awa: Caller) -> None:
    kofi = house.person("yao", msisdn="+2250707000002")

    first, second = (who.post(TOP_UP, {"amount": 5}, Idempotency_Key="k") for who in (awa, kofi))
    third = kofi.post(TOP_UP, {"amount": 6}, Idempotency_Key="l")

    assert len({answer.json["id"] for answer in (first, second, third)}) == 3
    assert house.operation(second.json["id"]).subject == kofi.id


def test_a_body_that_is_no_object_is_refused_as_everywhere(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        for body in ("[]", "5", "null", "{", '"x"'):
            assert_problem(awa.post(TOP_UP, body), 400, "bad_request")
        assert_problem(awa.post(TOP_UP, {"amount": 5}, Idempotency_Key=""), 400, "bad_idempotency_key")
