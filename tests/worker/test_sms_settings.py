"""Which sender the settings choose, what it needs, and that all mistakes are named at once."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.bootstrap import Core
from core.broker.embedded import EmbeddedBroker
from core.settings import BadSettings, read_settings
from core.store.port import Store
from products.messages.contract import NEEDS, MessagesSettings
from products.messages.senders import sender_of
from tests.api.kit import SETTINGS
from tests.doubles import FakeClock
from worker.partners.sms.africastalking import AfricasTalkingSms
from worker.partners.sms.generic import HttpSms
from worker.partners.sms.infobip import InfobipSms
from worker.partners.sms.local import ConsoleSms, FileSms
from worker.partners.sms.orange import OrangeSms
from worker.partners.sms.port import SmsSender
from worker.products import WorkerServices

ACCOUNTS = {
    "console": {},
    "file": {},
    "http": {"SMS_URL": "https://sms.example"},
    "africastalking": {"SMS_USER": "quittance", "SMS_KEY": "k"},
    "infobip": {"SMS_URL": "https://x.api.infobip.com", "SMS_KEY": "k", "SMS_FROM": "City"},
    "orange": {"SMS_CLIENT_ID": "me", "SMS_CLIENT_SECRET": "s", "SMS_FROM": "tel:+2250000"},
}
CLASSES: dict[str, type[SmsSender]] = {
    "console": ConsoleSms,
    "file": FileSms,
    "http": HttpSms,
    "africastalking": AfricasTalkingSms,
    "infobip": InfobipSms,
    "orange": OrangeSms,
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in {"SMS_URL", "SMS_NAME", "SMS_REPEAT"}.union(*NEEDS.values()):
        monkeypatch.delenv(name, raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> MessagesSettings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings().of(MessagesSettings)


@pytest.mark.parametrize("sender", ACCOUNTS)
def test_each_sender_is_chosen_by_its_name(
    monkeypatch: pytest.MonkeyPatch, store: Store, clock: FakeClock, sender: str
) -> None:
    section = read(monkeypatch, SMS_SENDER=sender, **ACCOUNTS[sender])
    settings = replace(SETTINGS.having(section), partner_calls=1)
    core = Core(settings, clock, store, EmbeddedBroker(store, clock))

    assert type(sender_of(WorkerServices(core))) is CLASSES[sender]


@pytest.mark.parametrize(
    ("sender", "url"), [("africastalking", "https://api.africastalking.com"), ("orange", "https://api.orange.com")]
)
def test_the_url_is_the_vendors_own_unless_it_is_set(monkeypatch: pytest.MonkeyPatch, sender: str, url: str) -> None:
    assert read(monkeypatch, SMS_SENDER=sender, **ACCOUNTS[sender]).sms_url == url

    proxy = "https://api.sandbox.africastalking.com"
    assert read(monkeypatch, SMS_URL=proxy).sms_url == proxy


@pytest.mark.parametrize(("sender", "missing"), [(sender, name) for sender in NEEDS for name in sorted(NEEDS[sender])])
def test_what_a_sender_needs_has_to_be_set(monkeypatch: pytest.MonkeyPatch, sender: str, missing: str) -> None:
    variables = {name: value for name, value in ACCOUNTS[sender].items() if name != missing}
    with pytest.raises(BadSettings, match=missing):
        read(monkeypatch, SMS_SENDER=sender, **variables)


def test_all_that_is_missing_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettings) as caught:
        read(monkeypatch, SMS_SENDER="infobip", SMS_REPEAT="never", API_PORT="0")

    assert all(name in str(caught.value) for name in ("SMS_URL", "SMS_KEY", "SMS_FROM", "SMS_REPEAT", "API_PORT"))
    assert "SMS_USER" not in str(caught.value)


@pytest.mark.parametrize("sender", ["console", "file", "http"])
def test_the_others_need_nothing_of_that(monkeypatch: pytest.MonkeyPatch, sender: str) -> None:
    section = read(monkeypatch, SMS_SENDER=sender)
    assert section == MessagesSettings(sender, "http://127.0.0.1:8090/sms")
    assert section.sms_repeat == "once"


@pytest.mark.parametrize("address", ["City", "+2250000", "tel:2250000", "tel:+0", "tel:+225 0000", "tel:+٢٢٥"])
def test_orange_needs_a_sender_address(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with pytest.raises(BadSettings, match="SMS_FROM: must be a senderAddress such as tel:"):
        read(monkeypatch, SMS_SENDER="orange", **{**ACCOUNTS["orange"], "SMS_FROM": address})


@pytest.mark.parametrize("url", ["nowhere", "ftp://sms.example"])
def test_a_url_has_to_be_one(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    with pytest.raises(BadSettings, match="SMS_URL"):
        read(monkeypatch, SMS_SENDER="africastalking", **{**ACCOUNTS["africastalking"], "SMS_URL": url})


def test_an_unknown_sender_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettings, match="SMS_SENDER"):
        read(monkeypatch, SMS_SENDER="pigeon")


def test_a_key_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cret\n")
    section = read(monkeypatch, SMS_SENDER="africastalking", SMS_USER="quittance", SMS_KEY_FILE=str(tmp_path / "key"))
    assert section.sms_key == "s3cret"


@pytest.mark.parametrize(("repeat", "repeats"), [("once", False), ("again", True)])
@pytest.mark.parametrize("sender", ["africastalking", "orange"])
def test_whether_a_message_may_be_sent_twice_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, store: Store, clock: FakeClock, sender: str, repeat: str, repeats: bool
) -> None:
    section = read(monkeypatch, SMS_SENDER=sender, SMS_REPEAT=repeat, **ACCOUNTS[sender])
    core = Core(SETTINGS.having(section), clock, store, EmbeddedBroker(store, clock))

    assert sender_of(WorkerServices(core)).repeats is repeats
