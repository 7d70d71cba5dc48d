"""How many debits of a phone anybody may ask for, and what a phone that is not proven is asked."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from core.identity.people import Role
from core.operation import Status
from core.operators import ONLY, OperatorSettings, OperatorTable
from core.steps import StepState
from tests.answers import Answer
from tests.api.kit import PASSWORD, PHONE, URL, Caller, House, assert_problem, body, build

THREE = OperatorTable(
    tuple(
        OperatorSettings(name, "generic", f"http://{name}.invalid", prefixes=prefixes)
        for name, prefixes in (("orange", ("+22507",)), ("moov", ("+22501",)), ("wave", ()))
    ),
    "orange",
)
SILENT = OperatorTable((OperatorSettings(ONLY, "generic", "http://operator.invalid", asks_payer=False),), ONLY)


@pytest.fixture
def house() -> Iterator[House]:
    house = build(open_debits_per_phone=3, debits_per_address=5)
    yield house
    house.store.close()


def fine(number: int, **changes: Any) -> dict[str, Any]:
    return body(amount=1, amendes=[{"id": f"AM-{number}", "amount": 1}], **changes)


def pay(house: House, content: Any, address: str = "10.0.0.1", **headers: str) -> Answer:
    return house.post(content, headers, environ_overrides={"REMOTE_ADDR": address})


def unproven(house: House, name: str = "mallory") -> Caller:
    person = house.core.people.register(name, PASSWORD, PHONE)
    house.fund(person.id, 0)
    return Caller(house, house.app.extensions["tokens"].issue(person.id), person)


def top_up(caller: Caller, amount: int) -> Answer:
    return caller.post("/v1/wallets/top-up", {"amount": amount})


def test_a_phone_has_three_open_debits(house: House) -> None:
    for number in range(3):
        assert pay(house, fine(number)).status_code == 202

    refused = pay(house, fine(3), "10.0.0.2")
    problem = assert_problem(refused, 429, "too_many_open_debits")
    assert refused.headers["Retry-After"] == "60"
    assert PHONE not in problem["detail"]
    # I expect a repeat to be answered, and another phone to be free of it
    assert pay(house, fine(0)).headers["Idempotency-Replayed"] == "true"
    assert pay(house, fine(4, msisdn="+2250707000002")).status_code == 202


def test_strangers_use_up_nothing_of_the_owners(house: House) -> None:
    awa = house.person("awa", msisdn=PHONE)
    for number in range(3):
        assert pay(house, fine(number)).status_code == 202
    assert_problem(pay(house, fine(3)), 429, "too_many_open_debits")

    # I expect the owner to have three of their own
    for amount in (100, 200, 300):
        assert top_up(awa, amount).status_code == 202
    assert_problem(top_up(awa, 400), 429, "too_many_open_debits")
    assert top_up(awa, 100).headers["Idempotency-Replayed"] == "true"


def test_a_phone_that_refuses_is_asked_only_so_often() -> None:
    house = build(open_debits_per_phone=3, debits_per_phone_per_hour=5)
    awa, desk = house.person("awa", msisdn=PHONE), house.person("desk", Role.OPERATOR)
    for number in range(5):
        refuse(house, pay(house, fine(number), f"10.0.0.{number}"))
        house.tick(60)

    # I expect no address and no other person to make it ring again within the hour
    refused = pay(house, fine(5), "10.0.0.9")
    assert_problem(refused, 429, "too_many_open_debits")
    assert refused.headers["Retry-After"] == "3301"
    assert_problem(desk.post(URL, fine(5)), 429, "too_many_open_debits")
    # and its owner to pay all the same, as well as another phone and a machine that may
    assert top_up(awa, 100).status_code == 202
    assert pay(house, fine(7, msisdn="+2250707000002")).status_code == 202
    _, key = house.core.api_keys.create("kiosk", frozenset({"fines:pay"}))
    assert pay(house, fine(8), Authorization=f"Bearer {key}").status_code == 202
    house.tick(3301)
    assert pay(house, fine(9)).status_code == 202
    house.store.close()


def test_an_address_that_asked_for_too_much_uses_up_nothing_of_a_phone() -> None:
    house = build(open_debits_per_phone=3, debits_per_phone_per_hour=2, debits_per_address=1)
    pay(house, fine(0, msisdn="+2250707000002"))
    for number in range(3):
        assert_problem(pay(house, fine(number)), 429, "too_many_open_debits")
    assert pay(house, fine(4), "10.0.0.2").status_code == 202
    house.store.close()


def refuse(house: House, asked: Answer) -> None:
    """The phone's owner refuses the debit."""
    assert asked.status_code == 202, asked.text
    operation = house.operation(asked.json["id"])
    house.save(replace(operation, steps={"debit": replace(ended(operation), submitted_at=house.clock.now())}))


def test_what_ends_before_the_phone_rings_uses_up_nothing() -> None:
    house = build(open_debits_per_phone=3, debits_per_phone_per_hour=5)
    for number in range(10):
        asked = pay(house, fine(number), f"10.0.0.{number}")
        house.move(asked.json["id"], Status.PROCESSING, Status.FAILED)
    for number in range(3):
        assert pay(house, fine(20 + number)).status_code == 202
    assert_problem(pay(house, fine(30)), 429, "too_many_open_debits")
    house.store.close()


def test_strangers_who_name_other_operators_neither_ring_nor_keep_out_the_owner() -> None:
    house = build(operators=THREE, open_debits_per_phone=3, debits_per_phone_per_hour=5)
    awa, eve = house.person("awa", msisdn=PHONE), house.person("eve", msisdn="+2250707000002")
    first = fine(1)
    # Given open debits at all other operators in turn, by nobody and by somebody with a token and another phone
    stuck = [pay(house, {**first, "operator": name}) for name in ("moov", "wave")]
    answers = [eve.post(URL, fine(10 + n, operator=("moov", "wave")[n % 2])).status_code for n in range(3)]
    assert ([each.status_code for each in stuck], answers) == ([202, 202], [202, 429, 429])

    # I expect the same fine at the phone's own operator to be a payment of its own, asked for by anybody
    own = pay(house, first)
    assert own.status_code == 202
    assert own.json["id"] not in {each.json["id"] for each in stuck}
    # and its owner to go on when strangers have made it ring as often as they may
    for number in range(20, 24):
        refuse(house, pay(house, fine(number)))
    assert_problem(pay(house, fine(30)), 429, "too_many_open_debits")
    assert_problem(eve.post(URL, fine(30)), 429, "too_many_open_debits")
    assert [awa.post(URL, fine(40 + n)).status_code for n in range(4)] == [202, 202, 202, 429]
    house.store.close()


def test_a_wrong_token_gives_nothing_of_the_owners(house: House) -> None:
    awa = house.person("awa", msisdn=PHONE)
    for number in range(3):
        assert pay(house, fine(number), Authorization="Bearer x").status_code == 202
    assert_problem(pay(house, fine(3), Authorization="Bearer x"), 429, "too_many_open_debits")
    clinic = house.core.api_keys.create("clinic", frozenset({"consultations"}))[1]
    assert_problem(pay(house, fine(3), Authorization=f"Bearer {clinic}"), 429, "too_many_open_debits")
    assert awa.post(URL, fine(3)).status_code == 202


def test_a_machine_that_may_pay_is_not_limited(house: House) -> None:
    _, text = house.core.api_keys.create("kiosk", frozenset({"fines:pay"}))
    for number in range(7):
        assert pay(house, fine(number), Authorization=f"Bearer {text}").status_code == 202
    assert house.operation(house.pay(fine(50, msisdn="+2250707000002"))).client == "anonymous"
    other = house.core.api_keys.create("clinic", frozenset({"consultations"}))[1]
    refused = [pay(house, fine(100 + n), Authorization=f"Bearer {other}").status_code for n in range(4)]
    assert refused == [202, 202, 202, 429]
    assert_problem(pay(house, fine(200), Authorization="Bearer qtk_x"), 401, "unauthorized")


def test_where_nobody_is_asked_only_a_machine_that_may_pay_debits_a_phone() -> None:
    house = build(operators=SILENT)
    assert_problem(pay(house, fine(1)), 403, "payer_not_asked")
    other = house.core.api_keys.create("clinic", frozenset({"consultations"}))[1]
    assert_problem(pay(house, fine(1), Authorization=f"Bearer {other}"), 403, "payer_not_asked")
    kiosk = house.core.api_keys.create("kiosk", frozenset({"fines:pay"}))[1]
    assert pay(house, fine(1), Authorization=f"Bearer {kiosk}").status_code == 202
    house.store.close()


def test_an_address_asks_for_so_many_debits_an_hour(house: House) -> None:
    phones = [f"+22507070001{number:02d}" for number in range(10)]
    for number in range(5):
        assert pay(house, fine(number, msisdn=phones[number])).status_code == 202

    assert_problem(pay(house, fine(6, msisdn=phones[6])), 429, "too_many_open_debits")
    assert pay(house, fine(7, msisdn=phones[7]), "10.0.0.2").status_code == 202
    # Behind a proxy that is not trusted, everybody has this machine's address
    for number in range(10, 20):
        assert pay(house, fine(number, msisdn=f"+22507070002{number}"), "127.0.0.1").status_code == 202
    house.tick(3601)
    assert pay(house, fine(6, msisdn=phones[6])).status_code == 202


def test_a_phone_that_is_not_proven_has_one_open_top_up_and_three_a_day(house: House) -> None:
    mallory = unproven(house)
    for number in (1, 2, 3):
        accepted = top_up(mallory, number)
        assert accepted.status_code == 202
        assert_problem(top_up(mallory, 10 + number), 429, "too_many_open_debits")
        id = accepted.json["id"]
        operation = house.operation(id)
        house.save(replace(operation, steps={"debit": ended(operation)}))
        house.tick(60)

    refused = top_up(mallory, 4)
    assert_problem(refused, 429, "too_many_open_debits")
    assert int(refused.headers["Retry-After"]) > 80_000
    # I expect another account that names the phone to have no more of it
    house.tick(60)
    assert_problem(top_up(unproven(house, "eve"), 5), 429, "too_many_open_debits")


def ended(operation: Any) -> Any:
    return replace(operation.step("debit"), state=StepState.DECLINED)


def test_a_phone_that_is_not_proven_is_not_debited_unasked() -> None:
    house = build(operators=SILENT)
    with house.nothing_stored():
        assert_problem(top_up(unproven(house), 100), 422, "phone_not_proven")
    assert top_up(house.person("awa", msisdn="+2250707000009"), 100).status_code == 202
    house.store.close()


def test_an_operator_is_a_person_with_limits(house: House) -> None:
    desk = house.person("desk", Role.OPERATOR)
    answers = [desk.post(URL, fine(number)).status_code for number in range(4)]

    assert answers == [202, 202, 202, 429]
