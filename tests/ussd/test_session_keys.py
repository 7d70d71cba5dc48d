"""What hides the inputs of sessions in the store: a key for this alone, which may change while sessions are open."""

from dataclasses import replace

import pytest

from api.ussd.sessions import Delivery, Sessions, session_keys
from core.store.port import USSD_SESSIONS
from tests.api.kit import House
from tests.ussd.kit import PIN, Phone, new_number

SECRET, FORMER, PEPPER = "a secret", "a former secret", "a pepper"


def having(house: House, keys: tuple[str, ...]) -> Sessions:
    sessions: Sessions = house.app.extensions["ussd"]
    return replace(sessions, keys=keys)


def opened(sessions: Sessions, typed: str) -> tuple[Delivery, str]:
    """A new phone that has chosen its language. Returns what it typed, and what it saw."""
    dial = Delivery("session", new_number(), "*384#")
    sessions.answer(dial)
    delivery = replace(dial, text=typed)
    return delivery, sessions.answer(delivery).message


def test_the_pepper_of_pins_hides_no_input(house: House) -> None:
    # Given the same input under the same secret, with two peppers
    marks = set()
    for pepper in ("a pepper", "another pepper"):
        sessions = having(house, session_keys([SECRET], pepper))
        opened(sessions, "2")
        (known,) = [each for each in house.store.find(USSD_SESSIONS, {}) if each["last"]]
        marks.add(known["last"])
        house.store.delete(USSD_SESSIONS, known["id"], known["version"])

    assert len(marks) == 1


@pytest.mark.parametrize(
    "before",
    [
        pytest.param((PEPPER,), id="the key of earlier releases"),
        pytest.param(session_keys([FORMER], PEPPER), id="a secret that another one has replaced"),
    ],
)
def test_a_session_that_is_open_when_the_key_changes_goes_on(house: House, before: tuple[str, ...]) -> None:
    # Given somebody who chooses a PIN, while the release or the secret changes
    delivery, shown = opened(having(house, before), "2")
    changed = having(house, session_keys([SECRET, FORMER], PEPPER))

    # If the gateway delivers the last input again, it is understood as that
    assert changed.answer(delivery).message == shown

    # … and what is typed then leads on
    assert changed.answer(replace(delivery, text=PIN)).message not in ("", shown)


def test_a_phone_registers_and_is_known_under_the_keys_of_the_app(house: House) -> None:
    phone = Phone(house).register()

    assert phone.person.has_pin
