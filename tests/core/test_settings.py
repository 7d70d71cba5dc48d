import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from core.settings import BadSettings, read_settings
from ops.stack import ROOT


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE_URL", "BROKER_URL", "VAR_DIR", "MOCK_PORT", "ADMIN_TOKEN", "OPERATOR_URL", "SETTLE_WINDOW_S"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_has_to_be_set() -> None:
    settings = read_settings()
    assert settings.store_url == f"sqlite:///{Path('var').absolute() / 'quittance.sqlite'}"
    assert (settings.broker_url, settings.api_port) == ("", 8080)
    assert settings.operator_url == "http://127.0.0.1:8090/operator"


def test_all_that_is_wrong_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "API_PORT": "0",
        "PARTNER_TIMEOUT_S": "soon",
        "CURRENCIES": "XOF,EURO",
        "OPERATOR_URL": "nowhere",
        "STORE_URL": "redis://here",
        "BROKER_URL": "amqp://here:port",
    }
    for name, value in wrong.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadSettings) as caught:
        read_settings()
    assert all(name in str(caught.value) for name in wrong)


def test_a_settle_window_within_the_timeout_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SETTLE_WINDOW_S", "15")
    with pytest.raises(BadSettings, match="SETTLE_WINDOW_S"):
        read_settings()


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("s3cret\n")
    monkeypatch.setenv("ADMIN_TOKEN_FILE", str(tmp_path / "token"))
    assert read_settings().admin_token == "s3cret"


def test_a_file_that_cannot_be_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_TOKEN_FILE", "/nowhere")
    with pytest.raises(BadSettings, match="ADMIN_TOKEN_FILE"):
        read_settings()


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = read_settings()
    for name in ("VAR_DIR", "STORE_URL", "API_PORT", "MOCK_PORT", "OPERATOR_URL", "CURRENCIES", "ADMIN_TOKEN"):
        monkeypatch.setenv(name, "")
    assert read_settings() == plain


def test_the_containers_settings_are_good_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    service = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]["api"]
    for name, value in service["environment"].items():
        default = re.sub(r"\$\{\w+:-(.*)\}", r"\1", value)
        monkeypatch.setenv(name, default.replace("/run/secrets", str(ROOT / "deploy/secrets")))
    settings = read_settings()
    assert settings.operator_url == "http://mock_api:8090/operator"
    assert settings.broker_url.startswith("amqp://quittance:")
    assert settings.admin_token


def test_the_sandboxs_port_moves_the_partners_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_PORT", "9999")
    assert read_settings().registry_url == "http://127.0.0.1:9999/registry"
