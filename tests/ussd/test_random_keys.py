"""Whatever three phones type for 2,000 steps: there is always a page that fits, and no money appears or vanishes."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from core.ids import new_id
from core.installed import DEFAULT
from core.operation import TERMINAL, Operation, Status, short_reference
from core.store.memory import MemoryStore
from core.store.port import OPERATIONS, scan
from products.services.catalogue import Catalogue
from tests.api.kit import House, build, move_in
from tests.doubles import CutOff
from tests.ussd.kit import FORMATS, PIN, Phone, Worker, assert_sound, deliver, merchant, neighbour
from worker.partners.port import Declined, Unavailable

KINDS = {
    "wallet_top_up",
    "wallet_transfer",
    "wallet_withdrawal",
    "service_payment",
    "fine_payment",
    "fine_lookup",
    "sms",
}
STEPS, AUDITED_EVERY = 2000, 100
ABSURD = (
    *("", " ", "*", "**", "#*", "x" * 10_000, "9" * 200, "\U0001f600", "\x00" * 6, "\u202e00", "\t0", "0\n", "Ё" * 80),
    *("0.5", "-5", "00000", str(10**15), "1e9", "+", "12:34", "null", "' OR 1", "{name}", "%s"),
)
REFERENCE = r"(?:Accepted|Accepté|Aceite|Принято)\. (?:Ref|Réf|Код) ([0-9a-f]{8})\. "


def no_sleep(_: float) -> None:
    """What others have claimed here is never done while one waits."""


@dataclass
class Somebody:
    """Types what the plan says, mostly, and something else in between. plan: what comes next."""

    phone: Phone
    plan: list[str] = field(default_factory=list)


@pytest.fixture
def house() -> Iterator[House]:
    house = move_in(build(MemoryStore(DEFAULT.collections)), no_sleep)
    offered = Catalogue(house.store, house.clock)
    for number in range(20):
        offered.create(f"Service {number}", 100 + number, "XOF")
    yield house
    house.store.close()


def plans(chance: Random, people: list[Somebody], shop: str) -> list[str]:
    """The keys of one flow, from the main menu, with values that make sense, or nearly."""
    amount = chance.choice(["100", "250", "2580", "5 000", "70000", str(10**13)])
    pin = PIN if chance.random() < 0.9 else "9753"
    to = chance.choice([*(each.phone.msisdn for each in people), "kofi", "nobody"])
    fine = f"AM-{chance.randrange(30)}"
    again = "#" * chance.randrange(4)
    return chance.choice(
        [
            ["1", to, amount, pin],
            ["2", shop, amount, pin],
            ["3", *again, str(chance.randrange(1, 22)), pin],
            ["4", "2", fine, amount, pin],
            ["5", "0", "7", "#", "00"],
            ["6", amount, pin],
            ["6", amount, pin],
            ["8", "1", pin, PIN, PIN],
            ["8", "2", str(chance.randrange(1, 5))],
            ["8", "0", "0"],
        ]
    )


def act(chance: Random, somebody: Somebody, people: list[Somebody], shop: str) -> None:
    phone = somebody.phone
    if chance.random() < 0.12 and phone.session:
        phone.again()
    elif phone.over or chance.random() < 0.04:
        phone.gateway = chance.choice(FORMATS)
        somebody.plan = plans(chance, people, shop)
        if chance.random() < 0.2:  # the first choice comes with the dial
            phone.session, phone.typed = new_id(), []
            phone.type(somebody.plan.pop(0))
        else:
            phone.dial()
        if phone.message.startswith("1 Français\n2 English"):
            somebody.plan = [str(chance.randrange(1, 5)), PIN, PIN, *somebody.plan]
        elif re.match(r".*\n1 [^\n]+\n2 [^\n]+$", phone.message):  # whether to go on
            somebody.plan = [chance.choice("12"), *somebody.plan]
    elif somebody.plan and chance.random() < 0.95:
        phone.type(somebody.plan.pop(0))
    elif chance.random() < 0.5:
        phone.type("00")
        somebody.plan = plans(chance, people, shop)
    else:
        plausible = ("0", "00", "#", *"123456789", PIN, "9753", "kofi", shop, "500")
        phone.type(chance.choice(ABSURD if chance.random() < 0.4 else plausible))


def pass_time(chance: Random, house: House, worker: Worker) -> None:
    worker.partner.replies = {
        verb: reply
        for verb in ("debit", "check", "settle")
        if (reply := chance.choice([None, None, None, Declined("no"), Unavailable("down")]))
    }
    house.tick(chance.choice([0, 0.5, 2, 10, 60, 119, 200, 1800]))
    worker.run()


def lose(chance: Random, house: House, phone: Phone) -> None:
    """A step in which the store goes away; the gateway brings it again, sooner or later."""
    failing = House(CutOff(house.store, chance.randrange(16)), house.broker, house.clock, house.settings)
    phone.typed.append(PIN)
    answer = deliver(move_in(failing, no_sleep), phone.gateway, phone.session, phone.msisdn, phone.typed)
    assert answer.status_code in (200, 503), answer.text
    move_in(house, no_sleep).tick(chance.choice([0, 6]))


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "losing"), [(1, False), (2, False), (3, True)])
def test_random_keys_break_nothing(house: House, tmp_path: Path, seed: int, losing: bool) -> None:
    chance, worker = Random(seed), Worker(house, tmp_path)
    shop = merchant(house, neighbour(house, "kofi")).code
    people = [Somebody(Phone(house)) for _ in range(3)]
    promised: set[str] = set()
    for number in range(STEPS):
        somebody = chance.choice(people)
        act(chance, somebody, people, shop)
        promised |= set(re.findall(REFERENCE, somebody.phone.message))
        if losing and chance.random() < 0.05 and not somebody.phone.over:
            lose(chance, house, somebody.phone)
        if chance.random() < 0.06:
            pass_time(chance, house, worker)
        if number % AUDITED_EVERY == 0:
            assert_sound(house.store)

    worker.partner.replies.clear()
    for _ in range(20):
        house.tick(600)
        worker.run()
    assert_sound(house.store)
    accepted = [Operation.from_document(found) for found in scan(house.store, OPERATIONS, {})]
    assert {operation.status for operation in accepted} <= TERMINAL | {Status.NEEDS_REVIEW}
    assert {operation.kind for operation in accepted} == KINDS
    # What a screen has promised is there, nothing else is, and one SMS reported each; who got money has one too
    paid = [operation for operation in accepted if operation.notification]
    assert len(paid) > 40
    assert promised == {short_reference(operation.id) for operation in paid} or losing
    assert promised <= {short_reference(operation.id) for operation in paid}
    texts = {each.phone.msisdn: worker.sms(each.phone.msisdn) for each in people}
    for operation in paid:
        told = [operation.notification] if operation.status in TERMINAL else []
        told += operation.receivers if operation.status is Status.SUCCEEDED else ()
        expected = Counter(each["msisdn"] for each in told if each and each["msisdn"] in texts)
        ref = short_reference(operation.id)
        found = Counter(msisdn for msisdn, sent in texts.items() for text in sent if text.endswith(ref))
        assert found == expected, operation
