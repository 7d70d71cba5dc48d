"""Codes by SMS: strangers neither use up nor end what the owner of a phone needs, and cannot guess."""

from collections.abc import Iterator
from contextlib import suppress

import pytest

from core.errors import TooManyAttempts
from core.identity.code_budget import OF_ACCOUNT, OF_ADDRESS, CodeBudget
from core.identity.codes import (
    LIFETIME_S,
    MAX_CODES,
    MAX_CODES_KNOWN,
    MAX_CODES_TO_PHONE,
    MAX_TRIES,
    TRIES,
    TRIES_OF_PHONE,
    Codes,
)
from core.store.port import Store
from tests.doubles import FakeClock, lent_sql

PHONE, HOME = "+2250707000001", "10.0.0.1"
RIGHT, WRONG = "042917", "000000"


@pytest.fixture
def store() -> Iterator[Store]:
    with lent_sql() as store:
        yield store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def codes(store: Store, clock: FakeClock) -> Codes:
    return Codes(store, clock, "key", "password", lambda: RIGHT)


def strangers(number: int) -> list[str]:
    return [f"10.66.0.{last}" for last in range(number)]


def test_a_purpose_uses_up_nothing_of_another(store: Store, clock: FakeClock, codes: Codes) -> None:
    for address in strangers(MAX_CODES_TO_PHONE):
        codes.new(PHONE, "", address)

    assert Codes(store, clock, "key", "phone").new(PHONE, "awa")


def test_an_asker_uses_up_nothing_of_another(codes: Codes) -> None:
    for _ in range(MAX_CODES):
        codes.new(PHONE, "", "10.66.0.1")
    with pytest.raises(TooManyAttempts):
        codes.new(PHONE, "", "10.66.0.1")

    assert codes.new(PHONE, "", HOME)


def test_a_phone_gets_only_so_many_codes_but_from_where_its_owner_is_known(clock: FakeClock, codes: Codes) -> None:
    for address in strangers(MAX_CODES_TO_PHONE):
        codes.new(PHONE, "", address)
    with pytest.raises(TooManyAttempts):
        codes.new(PHONE, "", HOME)

    for _ in range(MAX_CODES_KNOWN):
        assert codes.new(PHONE, "", HOME, known=True)
    with pytest.raises(TooManyAttempts):
        codes.new(PHONE, "", HOME, known=True)
    clock.tick(3600)
    assert codes.new(PHONE, "", HOME)


def test_what_the_phone_refuses_uses_up_nothing_of_the_asker(clock: FakeClock, codes: Codes) -> None:
    for address in strangers(MAX_CODES_TO_PHONE):
        codes.new(PHONE, "", address)
    clock.tick(1800)
    for _ in range(MAX_CODES):
        with pytest.raises(TooManyAttempts):
            codes.new(PHONE, "", HOME)
    clock.tick(1800)

    assert codes.new(PHONE, "", HOME)


def test_a_strangers_guesses_do_not_end_the_owners_code(codes: Codes) -> None:
    codes.new(PHONE, "", HOME)
    for _ in range(MAX_TRIES):
        assert not codes.use(PHONE, "", WRONG, "10.66.0.1")
    with pytest.raises(TooManyAttempts):
        codes.use(PHONE, "", RIGHT, "10.66.0.1")

    assert codes.use(PHONE, "", RIGHT, HOME)
    assert not codes.use(PHONE, "", RIGHT, HOME)


def guesses(codes: Codes, address: str, tries: int = MAX_TRIES) -> int:
    """How many wrong tries of the present code are looked at."""
    for number in range(tries):
        try:
            codes.use(PHONE, "", WRONG, address)
        except TooManyAttempts:
            return number
    return tries


def test_from_all_addresses_there_are_only_so_many_guesses(clock: FakeClock, codes: Codes) -> None:
    (an_hour, _), (a_day, _) = TRIES
    looked_at = []
    for hour in range(24):
        codes.new(PHONE, "", f"10.66.{hour}.1")
        looked_at.append(sum(guesses(codes, f"10.66.{hour}.{last}") for last in range(10)))
        clock.tick(3599)
    assert max(looked_at) == an_hour
    assert sum(looked_at) == a_day

    # I expect the owner to be known, and to guess no more than others
    codes.new(PHONE, "", HOME)
    with pytest.raises(TooManyAttempts):
        codes.use(PHONE, "", RIGHT, HOME)
    assert codes.use(PHONE, "", RIGHT, HOME, known=True)


def test_a_known_address_guesses_only_so_often_too(clock: FakeClock, codes: Codes) -> None:
    (_, _), (a_day, _) = TRIES
    total = 0
    for _ in range(24):
        codes.new(PHONE, "", HOME, known=True)
        for _ in range(MAX_TRIES):
            try:
                codes.use(PHONE, "", WRONG, HOME, known=True)
                total += 1
            except TooManyAttempts:
                break
        clock.tick(3599)
    assert total == a_day


def test_right_codes_are_no_guesses(clock: FakeClock, codes: Codes) -> None:
    (_, _), (a_day, _) = TRIES
    for _ in range(a_day + 1):
        codes.new(PHONE, "", HOME, known=True)
        assert codes.use(PHONE, "", RIGHT, HOME)
        clock.tick(1200)


def test_many_accounts_that_name_a_phone_have_no_more_tries_than_one(store: Store, clock: FakeClock) -> None:
    codes = Codes(store, clock, "key", "phone", lambda: RIGHT)
    looked_at = 0
    for account in range(24):
        with suppress(TooManyAttempts):
            codes.new(PHONE, f"account {account}")
            for _ in range(MAX_TRIES):
                looked_at += not codes.use(PHONE, f"account {account}", WRONG)
        clock.tick(3600)

    # I expect another phone to be free of it, and a right one to use up nothing
    assert looked_at == TRIES_OF_PHONE[0] == 50
    for _ in range(2 * TRIES_OF_PHONE[0]):
        codes.new(PHONE[:-1] + "2", "awa")
        assert codes.use(PHONE[:-1] + "2", "awa", RIGHT)
        clock.tick(1300)


def test_a_code_of_the_release_before_keeps_its_tries(store: Store, clock: FakeClock, codes: Codes) -> None:
    codes.new(PHONE, "", HOME)
    (sent,) = (each for each in store.find("attempts", {}) if "code" in each)
    store.replace("attempts", {**{k: v for k, v in sent.items() if k != "tries_of"}, "tries": MAX_TRIES})

    with pytest.raises(TooManyAttempts):
        codes.use(PHONE, "", RIGHT, HOME)
    clock.tick(LIFETIME_S)
    assert not codes.use(PHONE, "", RIGHT, HOME)


def test_what_the_budget_refuses_counts_nowhere_and_leaves_the_code_before_good(codes: Codes) -> None:
    def refuse() -> bool:
        raise TooManyAttempts(1)

    for known in (False, True):
        assert codes.new(PHONE, "", HOME, known) == RIGHT
        for _ in range(MAX_CODES_TO_PHONE):
            with pytest.raises(TooManyAttempts):
                codes.new(PHONE, "", HOME, known, refuse)
        assert codes.use(PHONE, "", RIGHT, HOME)


def test_a_code_that_is_not_sent_leaves_the_one_before_good_and_counts(codes: Codes) -> None:
    assert codes.new(PHONE, "", HOME) == RIGHT
    for _ in range(MAX_CODES - 1):
        assert codes.new(PHONE, "", HOME, spend=lambda: False) == ""
    with pytest.raises(TooManyAttempts):
        codes.new(PHONE, "", HOME)
    assert codes.use(PHONE, "", RIGHT, HOME)


def test_what_an_asker_is_refused_is_not_spent(codes: Codes) -> None:
    spent = []

    def spend() -> bool:
        spent.append(1)
        return True

    for _ in range(MAX_CODES):
        codes.new(PHONE, "", HOME, spend=spend)
    with pytest.raises(TooManyAttempts):
        codes.new(PHONE, "", HOME, spend=spend)
    assert len(spent) == MAX_CODES


def budget(store: Store, clock: FakeClock, most: int = 1000, what: str = "phone") -> CodeBudget:
    return CodeBudget(store, clock, what, most, ["CI"], ["+23324"])


@pytest.mark.parametrize(("account", "most"), [("mallory", OF_ACCOUNT[0]), ("", OF_ADDRESS[0])])
def test_an_account_and_an_address_have_only_so_many_sent(
    store: Store, clock: FakeClock, account: str, most: int
) -> None:
    for _ in range(most):
        budget(store, clock).spend(HOME, account)
    with pytest.raises(TooManyAttempts):
        budget(store, clock).spend(HOME, account)
    budget(store, clock).spend("10.0.0.2", "awa")
    # An account cannot change its address to get more
    with pytest.raises(TooManyAttempts):
        budget(store, clock).spend("" if account else HOME, account)


def test_what_strangers_have_sent_from_an_address_keeps_out_nobody_we_know(store: Store, clock: FakeClock) -> None:
    for _ in range(OF_ADDRESS[0]):
        budget(store, clock, what="password").spend(HOME)
    with pytest.raises(TooManyAttempts):
        budget(store, clock, what="password").spend(HOME)
    budget(store, clock, what="password").spend(HOME, known=True)
    budget(store, clock).spend(HOME, "awa")


def test_the_installation_sends_only_so_many_and_says_so(
    store: Store, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        budget(store, clock, 3).spend("", known=True)
    assert "no_more_codes_this_hour" not in capsys.readouterr().out
    with pytest.raises(TooManyAttempts):
        budget(store, clock, 3).spend("", known=True)
    assert "no_more_codes_this_hour" in capsys.readouterr().out
    clock.tick(3600)
    budget(store, clock, 3).spend("", known=True)


def test_strangers_leave_a_third_to_people_whom_we_know(
    store: Store, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    of_all = budget(store, clock, 9)
    for _ in range(6):
        of_all.spend("")
    # What is refused uses up nothing
    for _ in range(9):
        with pytest.raises(TooManyAttempts):
            of_all.spend("10.66.0.1", "mallory")
    assert "no_more_codes_this_hour" in capsys.readouterr().out
    for _ in range(3):
        of_all.spend("", known=True)
    with pytest.raises(TooManyAttempts):
        of_all.spend("", known=True)
    clock.tick(3600)
    for _ in range(6):
        of_all.spend("10.66.0.1", "mallory")


@pytest.mark.parametrize(
    ("phone", "reached"),
    [("+2250707000001", True), ("+233241234567", True), ("+233501234567", False), ("+33612345678", False)],
)
def test_only_phones_of_the_regions_and_of_the_operators_get_codes(
    store: Store, clock: FakeClock, phone: str, reached: bool
) -> None:
    assert budget(store, clock).reaches(phone) is reached
