"""Sending money from one's own wallet to somebody else's."""

from typing import Any

import pytest

from core.ids import new_id
from core.ledger import Movement
from core.operation import Status
from products.services.contract import ACCOUNT
from tests.answers import client_of
from tests.api.kit import NO_ID, PHONE, Caller, House, assert_problem, build, wrong_fields
from tests.api.test_wallets import BAD_AMOUNTS
from tests.store.samples import at_once

URL = "/v1/wallets/transfers"


@pytest.fixture
def awa(house: House) -> Caller:
    return house.person("awa", balance=1000)


@pytest.fixture
def kofi(house: House) -> Caller:
    return house.person("Kofi", msisdn=PHONE)


@pytest.fixture(autouse=True)
def _both(awa: Caller, kofi: Caller) -> None:
    """Are there."""


def send(who: Caller, to: Any = "kofi", amount: Any = 100, key: str | None = None, **fields: Any) -> Any:
    headers = {} if key is None else {"Idempotency_Key": key}
    return who.post(URL, {"to": to, "amount": amount, **fields}, **headers)


def sent(who: Caller, *args: Any, **how: Any) -> str:
    answer = send(who, *args, **how)
    assert answer.status_code == 202, answer.text
    return str(answer.json["id"])


def spend(house: House, who: Caller, amount: int) -> None:
    ledger, move = (
        house.core.ledger,
        Movement(new_id(), who.id, ACCOUNT, amount, "XOF", "service_payment"),
    )
    ledger.hold(move)
    ledger.settle(move)


def test_a_transfer_is_accepted(house: House, awa: Caller, kofi: Caller) -> None:
    answer = send(awa, note="lunch")

    assert answer.status_code == 202
    shown = {name: answer.json[name] for name in ("status", "amount", "currency", "to", "note", "reason")}
    assert shown == {
        "status": "accepted", "amount": "100", "currency": "XOF", "to": "Kofi", "note": "lunch", "reason": None
    }  # fmt: skip
    assert answer.headers["Location"] == answer.json["status_url"]
    assert awa.get(answer.headers["Location"]).json == answer.json
    operation = house.operation(answer.json["id"])
    assert (operation.kind, operation.subject, operation.counterparty) == ("wallet_transfer", awa.id, kofi.id)
    assert operation.request["amount"] == 100

    # I expect no money to have moved: that is the worker's
    assert (awa.balance(), kofi.balance()) == ((1000, 0), (0, 0))


def test_the_recipient_is_found_by_name_and_by_phone(awa: Caller) -> None:
    for to in ("kofi", "KOFI", "\uff4b\uff4f\uff46\uff49", PHONE, "0707000001", "07 07 00 00 01", "00225 0707000001"):
        assert send(awa, to).json["to"] == "Kofi", to


def test_by_name_and_by_phone_is_the_same_transfer(awa: Caller) -> None:
    assert sent(awa, "kofi", key="k") == sent(awa, PHONE, key="k")
    assert sent(awa, "kofi") == sent(awa, "0707000001")


NOBODY = [
    "nobody", "0707000099", "123", "x", " kofi", "kofi\0", "\ud800", "call 0707000001", "call 0707000001x",
    "0707000001 ext 5", "0707000001;ext=5", "tel:+2250707000001", "0707000001/0707000002", "+2250707000001\0",
]  # fmt: skip


def test_an_unknown_recipient_is_refused(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        for to in NOBODY:
            assert wrong_fields(send(awa, to)) == {"/to"}, to


def test_a_recipient_has_to_be_text(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        for to in ("", "x" * 65, None, 707000001, ["kofi"], {"username": "kofi"}):
            assert wrong_fields(send(awa, to)) == {"/to"}, to


def test_a_transfer_to_oneself_is_refused(house: House, kofi: Caller) -> None:
    house.fund(kofi.id, 1000)
    with house.nothing_stored():
        for to in ("kofi", "KOFI", PHONE, "0707000001"):
            assert wrong_fields(send(kofi, to)) == {"/to"}, to


def test_a_suspended_recipient_is_as_good_as_none(house: House, awa: Caller, kofi: Caller) -> None:
    house.suspend(kofi)

    with house.nothing_stored():
        suspended, unknown = send(awa), send(awa, "nobody")
        assert wrong_fields(suspended) == {"/to"}
        assert suspended.data == unknown.data


def test_more_than_there_is_is_refused_at_once(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        assert_problem(send(awa, amount=1001), 422, "insufficient_funds")
        assert_problem(send(awa, amount=10**13), 422, "insufficient_funds")

    assert send(awa, amount=1000).status_code == 202


def test_what_is_held_may_come_back_in_time(house: House, awa: Caller) -> None:
    held = Movement(new_id(), awa.id, ACCOUNT, 900, "XOF", "service_payment")
    house.core.ledger.hold(held)

    assert send(awa, amount=1000).status_code == 202
    assert_problem(send(awa, amount=1001), 422, "insufficient_funds")


def test_what_is_no_amount_is_refused(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        for amount in BAD_AMOUNTS:
            assert wrong_fields(send(awa, amount=amount)) == {"/amount"}, amount


def test_as_many_decimals_as_the_currency_has() -> None:
    house = build(wallet_currency="EUR")
    awa, _ = house.person("awa", balance=1000), house.person("kofi")

    assert send(awa, amount="9.99").json["amount"] == "9.99"
    assert wrong_fields(send(awa, amount="9.999")) == {"/amount"}
    assert_problem(send(awa, amount=10.01), 422, "insufficient_funds")


def test_a_note_goes_with_it(awa: Caller) -> None:
    for note in (None, "", "x" * 140, "déjeuner 🍛", "two\nlines"):
        assert send(awa, note=note).json["note"] == note


def test_what_is_no_note_is_refused(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        for note in ("x" * 141, 5, True, ["x"], "\ud800", "lunch \udfff"):
            assert wrong_fields(send(awa, note=note)) == {"/note"}, note


def test_all_that_is_wrong_at_once(house: House, awa: Caller) -> None:
    with house.nothing_stored():
        assert wrong_fields(awa.post(URL, {"amount": 0, "note": 5, "from": "kofi"})) == {
            "/to",
            "/amount",
            "/note",
            "/from",
        }


def test_a_recipient_without_a_wallet_is_given_one(house: House, awa: Caller, kofi: Caller) -> None:
    # Given a recipient whose registration died before it made the wallet
    wallet = house.store.get("wallets", kofi.id)
    assert wallet is not None
    house.store.delete("wallets", kofi.id, wallet["version"])

    # If money is sent, I expect the worker to find a wallet to put it into
    sent(awa)
    assert house.store.get("wallets", kofi.id) is not None


def test_money_does_not_go_from_one_currency_to_another(house: House, awa: Caller) -> None:
    # Given a wallet from when the installation had another currency
    other = build(house.store, wallet_currency="EUR").person("ama", balance=5000)

    with house.nothing_stored():
        assert wrong_fields(send(awa, "ama")) == {"/to"}
        assert wrong_fields(send(other, "awa", 1)) == {"/to"}


def test_it_is_for_its_sender_alone(house: House, awa: Caller, kofi: Caller) -> None:
    id = sent(awa)

    for who in (kofi, house.person("ama")):
        assert_problem(who.get(f"{URL}/{id}"), 404, "transfer_not_found")
        assert who.get(URL).json == {"transfers": [], "next_cursor": None}


def test_a_transfer_that_is_not_there(awa: Caller) -> None:
    for id in (NO_ID, "x", NO_ID.upper()):
        assert_problem(awa.get(f"{URL}/{id}"), 404, "transfer_not_found")


@pytest.mark.parametrize(("total", "limit"), [(5, 2), (4, 2), (5, 5), (0, 1)])
def test_pages_have_no_gap_and_no_double(house: House, awa: Caller, kofi: Caller, total: int, limit: int) -> None:
    house.fund(kofi.id, 1000)
    made = []
    for amount in range(1, total + 1):
        made.append(sent(awa, amount=amount))
        sent(kofi, "awa", amount)

    pages = awa.pages(URL, "transfers", limit)

    assert [transfer["id"] for page in pages for transfer in page] == made[::-1]
    assert all(len(page) == limit for page in pages[:-1])


def test_the_list_filters_by_status_and_shows_each_as_its_own_page_does(house: House, awa: Caller) -> None:
    failed, _ = sent(awa, amount=1), sent(awa, amount=2)
    house.move(failed, Status.PROCESSING, Status.FAILED)

    assert awa.get(f"{URL}?status=failed").json["transfers"] == [awa.get(f"{URL}/{failed}").json]
    assert wrong_fields(awa.get(f"{URL}?status=nope")) == {"/status"}


def _money_gone(house: House, awa: Caller, kofi: Caller) -> None:
    spend(house, awa, 1000)


def _recipient_suspended(house: House, awa: Caller, kofi: Caller) -> None:
    house.suspend(kofi)


def _ended(house: House, awa: Caller, kofi: Caller) -> None:
    for document in house.store.find("operations", {}):
        house.move(document["id"], Status.PROCESSING, Status.FAILED)


@pytest.mark.parametrize("meanwhile", [_money_gone, _recipient_suspended, _ended])
@pytest.mark.parametrize("key", ["k", None])
def test_what_was_accepted_is_answered_again_whatever_came_since(
    house: House, awa: Caller, kofi: Caller, meanwhile: Any, key: str | None
) -> None:
    id = sent(awa, key=key)
    meanwhile(house, awa, kofi)

    answer = send(awa, key=key)

    assert (answer.status_code, answer.json["id"]) == (202, id)
    assert answer.headers["Idempotency-Replayed"] == "true"


def test_a_key_is_for_one_transfer(house: House, awa: Caller) -> None:
    house.person("ama")
    sent(awa, key="k")

    for other in ({"to": "ama"}, {"amount": 101}, {"note": "x"}):
        with house.nothing_stored():
            assert_problem(send(awa, key="k", **other), 422, "idempotency_key_reused")


def test_a_refused_transfer_leaves_its_key_free(house: House, awa: Caller) -> None:
    assert_problem(send(awa, amount=5000, key="k"), 422, "insufficient_funds")

    assert "Idempotency-Replayed" not in send(awa, amount=50, key="k").headers


def test_with_different_keys_they_are_two(awa: Caller) -> None:
    assert len({sent(awa, key="k"), sent(awa, key="l"), sent(awa)}) == 3


def test_without_a_key_they_are_one_for_ten_seconds(house: House, awa: Caller) -> None:
    first = sent(awa)
    house.tick(9.9)
    again, other = sent(awa), sent(awa, note="another")
    house.tick(0.1)
    later = sent(awa)
    house.tick(9.9)

    assert again == first
    assert len({first, other, later}) == 3
    assert sent(awa) == later


def test_keys_and_the_ten_seconds_are_each_ones_own(house: House, awa: Caller) -> None:
    ama = house.person("ama", balance=1000)

    assert len({sent(who, key=key) for who in (awa, ama) for key in ("k", None)}) == 4


@pytest.mark.parametrize("key", ["k", None])
def test_many_at_once_are_one(house: House, awa: Caller, key: str | None) -> None:
    app = house.app
    headers = {"Authorization": f"Bearer {awa.token}", **({"Idempotency-Key": key} if key else {})}

    def once(number: int) -> str:
        answer = client_of(app).post(URL, json={"to": "kofi", "amount": 5}, headers=headers)
        return str(answer.json["id"])

    assert len(set(at_once(once, 12))) == 1
    assert house.stored() == {"operations": 1, "idempotency_keys": 1}
