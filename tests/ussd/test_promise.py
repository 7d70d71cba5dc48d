"""The last screen promises an SMS only where one reaches the phone; elsewhere it says how to learn the outcome."""

import pytest

from core.installed import DEFAULT, Installed
from core.notices.languages import LANGUAGES
from core.notices.port import NoNotifier
from core.operation import short_reference
from products.messages.contract import MessagesSettings
from tests.api.kit import House, build, move_in
from tests.ussd.kit import PIN, Phone, Worker, said

BY_SMS, BY_DIAL = "Accepted. Ref {ref}. You will get an SMS.", "Accepted. Ref {ref}. Dial again for the result."
WITHOUT_MESSAGES = Installed(tuple(name for name in DEFAULT.packages if name != "products.messages"))


def paid(house: House, language: str = "en") -> tuple[Phone, str]:
    """A phone that has asked for a top-up, and the last screen without its reference."""
    phone = Phone(house).register(language)
    shown = phone.type("6", "500", PIN)
    (operation,) = phone.operations()
    return phone, shown.replace(short_reference(operation.id), "{ref}")


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_notifier_the_screen_says_to_dial_again(language: str) -> None:
    house = move_in(build(installed=WITHOUT_MESSAGES))
    assert isinstance(house.core.notifier, NoNotifier)

    phone, shown = paid(house, language)

    assert shown == said(language, BY_DIAL, ref="{ref}")
    assert said(language, "Top-up") in phone.dial()
    house.store.close()


def test_with_a_notifier_it_promises_an_sms_and_keeps_the_promise(house: House, worker: Worker) -> None:
    phone, shown = paid(house)

    assert shown == BY_SMS
    worker.run()
    assert len(worker.sms(phone.msisdn)) == 1


@pytest.mark.parametrize(
    ("store_url", "sender", "reaches"),
    [
        ("sqlite://", "file", True),
        ("sqlite://", "console", True),
        ("mongodb://x", "file", False),
        ("mongodb://x", "console", False),
        ("mongodb://x", "http", True),
        ("mongodb://x", "africastalking", True),
        ("mongodb://x", "infobip", True),
        ("mongodb://x", "orange", True),
    ],
)
def test_a_file_stands_for_a_phone_on_the_embedded_default_only(store_url: str, sender: str, reaches: bool) -> None:
    house = build(None, None, MessagesSettings(sender, "http://sms.invalid"), store_url=store_url)

    assert house.core.notifier.reaches_phones(house.settings) is reaches
    house.store.close()
