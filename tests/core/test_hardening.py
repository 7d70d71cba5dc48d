"""What is refused where others reach the installation, and the setting that allows each by name."""

import pytest

from core.hardening import PUBLISHED, SHARED_SECRETS
from core.settings import BadSettings, Settings, read_settings, setting_names

SECRET = "s" * 32
INFOBIP = {"SMS_SENDER": "infobip", "SMS_KEY": "k", "SMS_FROM": "City"}
KNOWN = "trying-only-known-to-everybody-0123456789"
REMOTE = {
    "STORE_URL": "postgresql://db/quittance",
    "OPERATORS": "mtn-ci",
    "MTN_CI_URL": "https://mtn.example",
    **{f"MTN_CI_{name}": SECRET for name in ("USER", "KEY", "SUBSCRIPTION_KEY")},
    **{f"{name}_URL": "https://partner.example" for name in ("REGISTRY", "FINANCE", "SCREENING", "BLACKLIST", "SMS")},
}
"""An installation that serves others, and names all its partners."""


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> Settings:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_an_installation_that_names_its_partners_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, **REMOTE, ADMIN_TOKEN=SECRET)
    assert (settings.local, settings.open) == (False, False)


def test_one_machine_may_do_everything_for_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, ADMIN_TOKEN="not-a-secret", REGISTRY_URL="http://registry.example")
    assert (settings.local, settings.open) == (True, True)


@pytest.mark.parametrize(
    "reached", [{"TRUSTED_PROXIES": "1"}, {"TRUSTED_HOSTS": "localhost,pay.example"}, {"API_HOST": "0.0.0.0"}]
)
def test_one_machine_that_others_reach_is_not_open(monkeypatch: pytest.MonkeyPatch, reached: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="ALLOW_SANDBOX=1"):
        read(monkeypatch, **reached)
    settings = read(monkeypatch, ALLOW_SANDBOX="1")
    assert (settings.embedded, settings.local, settings.open) == (True, False, False)
    assert read(monkeypatch, ALLOW_OPEN="1").open


def test_one_machine_may_name_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, TRUSTED_HOSTS="localhost,127.0.0.1,::1").open


@pytest.mark.parametrize(
    ("variables", "complaint", "allowance"),
    [
        ({"SECRET_KEY": KNOWN}, "SECRET_KEY: everybody knows", "PUBLISHED_SECRETS"),
        ({"SECRET_KEY": f"{SECRET} {KNOWN}"}, "SECRET_KEY: every", "PUBLISHED_SECRETS"),
        ({"PIN_PEPPER": "trying-only-known-to-everybody-pepper-0123"}, "PIN_PEPPER: every", "PUBLISHED_SECRETS"),
        ({"BROKER_URL": "amqp://quittance:not-a-secret@rabbitmq:5672/%2F"}, "BROKER_URL: every", "PUBLISHED_SECRETS"),
        ({"STORE_URL": "postgresql://root:not%2Da-secret@db/q"}, "STORE_URL: every", "PUBLISHED_SECRETS"),
        *(
            ({each.upper(): "s" * 31}, f"{each.upper()}: must have at least 32", "SHORT_SECRETS")
            for each in SHARED_SECRETS
        ),
        ({"REGISTRY_URL": "http://registry.example"}, "REGISTRY_URL: must begin with https://", "HTTP_PARTNERS"),
        ({"MTN_CI_URL": "http://mtn.example"}, "MTN_CI_URL: must begin with https://", "HTTP_PARTNERS"),
        (INFOBIP | {"SMS_URL": "http://sms.example"}, "SMS_URL: must", "HTTP_PARTNERS"),
        ({"MTN_CI_URL": ""}, "MTN_CI_URL: no partner is named", "SANDBOX"),
        ({"REGISTRY_URL": ""}, "REGISTRY_URL: no partner is named", "SANDBOX"),
        ({"REGISTRY_URL": "http://127.0.0.1:8090/registry"}, "REGISTRY_URL: no partner is named", "SANDBOX"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_what_gives_money_away_is_refused_unless_its_setting_allows_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], complaint: str, allowance: str
) -> None:
    with pytest.raises(BadSettings, match=complaint) as refused:
        read(monkeypatch, **REMOTE | variables)
    assert f"ALLOW_{allowance}=1" in str(refused.value)
    assert PUBLISHED.isdisjoint(str(refused.value).split())
    read(monkeypatch, **{f"ALLOW_{allowance}": "1"})


def test_everything_that_is_refused_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"ADMIN_TOKEN": "a", "USSD_KEY": "not-a-secret", "MTN_CI_URL": "", "FINANCE_URL": "http://finance.example"}
    with pytest.raises(BadSettings) as refused:
        read(monkeypatch, **REMOTE | wrong)
    assert all(f"{name}: " in str(refused.value) for name in wrong)


def test_a_partner_on_this_machine_needs_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("127.0.0.1", "localhost", "[::1]"):
        url = f"http://{host}:9000/registry"
        settings = read(monkeypatch, **REMOTE | {"REGISTRY_URL": url})
        assert (settings.local, settings.partners["REGISTRY_URL"]) == (False, url)


def test_the_sandbox_may_be_elsewhere_and_is_known_there(monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = REMOTE | {"SANDBOX_URL": "http://mock_api:8090/", "OPERATORS": ""}
    with pytest.raises(BadSettings, match=r"^OPERATOR_URL: no partner is named"):
        read(monkeypatch, **elsewhere)
    settings = read(monkeypatch, ALLOW_SANDBOX="1")
    assert settings.operators.operators[0].url == "http://mock_api:8090/operator"


@pytest.mark.parametrize(
    ("variables", "local", "is_open"),
    [
        ({}, True, True),
        ({"API_HOST": "::1"}, True, True),
        ({"API_HOST": "localhost"}, True, True),
        ({"API_HOST": "0.0.0.0", "ALLOW_SANDBOX": "1"}, False, False),
        ({"API_HOST": "::", "ALLOW_SANDBOX": "1"}, False, False),
        ({"API_HOST": "api.example", "ALLOW_SANDBOX": "1"}, False, False),
        ({"API_HOST": "0.0.0.0", "ALLOW_SANDBOX": "1", "ALLOW_OPEN": "1"}, False, True),
        ({"STORE_URL": "postgresql://db/q", "ALLOW_SANDBOX": "1"}, False, False),
    ],
)
def test_open_is_one_machine_that_nobody_else_reaches(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], local: bool, is_open: bool
) -> None:
    settings = read(monkeypatch, **variables)
    assert (settings.local, settings.open) == (local, is_open)


def test_the_image_without_settings_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettings, match="the sandbox would play it"):
        read(monkeypatch, API_HOST="0.0.0.0")
