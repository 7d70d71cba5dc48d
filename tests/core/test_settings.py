import base64
import os
import re
from itertools import pairwise
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from core.sealing import Keys
from core.settings import NO_DOTENV, BadSettings, read_settings, setting_names
from devtools.stack import ROOT, Stack
from ops.secret_files import make
from products.fines.contract import FinesSettings

KEY, OTHER_KEY, INDEX_KEY = (base64.b64encode(letter * 32).decode() for letter in (b"k", b"o", b"i"))


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STORE_URL", "BROKER_URL", "VAR_DIR", "MOCK_PORT", "ADMIN_TOKEN", "OPERATOR_URL", "SETTLE_WINDOW_S"):
        monkeypatch.delenv(name, raising=False)


def test_nothing_has_to_be_set() -> None:
    settings = read_settings()
    assert settings.store_url == f"sqlite:///{Path('var').absolute() / 'quittance.sqlite'}"
    assert (settings.broker_url, settings.api_port) == ("", 8080)
    assert settings.operators.operators[0].url == "http://127.0.0.1:8090/operator"


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


@pytest.mark.parametrize(
    ("data", "index", "why"),
    [
        ("dG9vIHNob3J0", KEY, "DATA_KEYS: must be 32 bytes in base64: make one with `openssl rand -base64 32`"),
        (KEY, "dG9vIHNob3J0", "DATA_INDEX_KEY: must be 32 bytes"),
        (KEY, "", "set both or none"),
        (KEY, KEY, "each key must be another one"),
    ],
)
def test_keys_that_cannot_be_used_are_named(monkeypatch: pytest.MonkeyPatch, data: str, index: str, why: str) -> None:
    monkeypatch.setenv("DATA_KEYS", data)
    monkeypatch.setenv("DATA_INDEX_KEY", index)
    with pytest.raises(BadSettings, match=why) as caught:
        read_settings()
    assert KEY not in str(caught.value)


def test_keys_come_from_files_and_are_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{OTHER_KEY},\n{KEY}\n")
    (tmp_path / "index").write_text(f"{INDEX_KEY}\n")
    monkeypatch.setenv("DATA_KEYS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("DATA_INDEX_KEY_FILE", str(tmp_path / "index"))
    settings = read_settings()
    assert settings.keys == Keys((b"o" * 32, b"k" * 32), b"i" * 32)
    assert all(text not in repr((settings, settings.keys)) for text in (KEY, OTHER_KEY, INDEX_KEY, "kkkk"))


def test_an_unreadable_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_TOKEN_FILE", "/nowhere")
    with pytest.raises(BadSettings, match="ADMIN_TOKEN_FILE"):
        read_settings()


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = read_settings()
    for name in ("VAR_DIR", "STORE_URL", "API_PORT", "MOCK_PORT", "OPERATOR_URL", "CURRENCIES", "ADMIN_TOKEN"):
        monkeypatch.setenv(name, "")
    assert read_settings() == plain


@pytest.mark.parametrize(
    ("url", "right"),
    [
        ("postgresql+asyncpg://user:secret@db/quittance", "postgresql://"),
        ("postgresql+psycopg_async://db/quittance", "postgresql://"),
        ("mysql+aiomysql://db/quittance", "mysql://"),
        ("mysql+asyncmy://db/quittance", "mysql://"),
        ("mariadb+asyncmy://db/quittance", "mariadb://"),
        ("sqlite+aiosqlite:///x.sqlite", "sqlite://"),
    ],
)
def test_an_asynchronous_driver_is_refused_with_the_url_to_write(
    monkeypatch: pytest.MonkeyPatch, url: str, right: str
) -> None:
    monkeypatch.setenv("STORE_URL", url)
    with pytest.raises(BadSettings, match=f"^STORE_URL: .* write {right}") as caught:
        read_settings()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", ["postgresql+psycopg://db/q", "mysql+pymysql://db/q", "mongodb+srv://db/q"])
def test_other_drivers_are_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("STORE_URL", url)
    monkeypatch.setenv("ALLOW_SANDBOX", "1")
    assert read_settings().store_url == url


@pytest.fixture
def dotenv(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A `.env` that is to be written, in the working directory."""
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv(NO_DOTENV)
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


def test_a_dotenv_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, dotenv: Path) -> None:
    dotenv.write_text("API_PORT=8181\nADMIN_TOKEN='from the file'\nLOG_LEVEL=DEBUG\n")
    monkeypatch.setenv("API_PORT", "8282")
    monkeypatch.setenv("LOG_LEVEL", "")

    settings = read_settings()

    assert (settings.api_port, settings.admin_token, settings.log_level) == (8282, "from the file", "INFO")
    assert "ADMIN_TOKEN" not in os.environ


def test_a_dotenv_file_of_a_folder_above_is_not_read(monkeypatch: pytest.MonkeyPatch, dotenv: Path) -> None:
    dotenv.write_text("API_PORT=8181\n")
    (dotenv.parent / "below").mkdir()
    monkeypatch.chdir("below")

    assert read_settings().api_port == 8080


def test_mistakes_in_a_dotenv_file_are_named(dotenv: Path) -> None:
    dotenv.write_text("API_PORT=0\n")
    with pytest.raises(BadSettings, match="API_PORT"):
        read_settings()
    dotenv.unlink()
    dotenv.mkdir()
    with pytest.raises(BadSettings, match="filename"):
        read_settings()


def test_tests_read_no_dotenv_file(monkeypatch: pytest.MonkeyPatch, dotenv: Path) -> None:
    dotenv.write_text("API_PORT=8181\n")
    monkeypatch.setenv(NO_DOTENV, "1")

    assert read_settings().api_port == 8080
    assert Stack(dotenv.parent).environment[NO_DOTENV] == "1"


def test_the_example_lists_every_setting_with_its_default_and_what_it_is(dotenv: Path) -> None:
    plain, lines = read_settings(), (ROOT / ".env.example").read_text().splitlines()
    listed = [match for line in lines if (match := re.fullmatch(r"#(\w+)=(.*)", line))]

    # Nothing is set in it, so that a copy of it changes nothing
    assert all(not line or line.startswith("#") for line in lines)
    assert {match[1] for match in listed} == {*setting_names(), "MOCK_PORT"}
    for before, line in pairwise(lines):
        assert not re.match(r"#\w+=", line) or before.startswith("# "), line

    dotenv.write_text("\n".join(f"{match[1]}={match[2]}" for match in listed))
    assert read_settings() == plain


def containers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, **variables: str) -> None:
    """The environment of the container of the API, with these variables for Compose."""
    make(tmp_path)
    service = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())["services"]["api"]
    for name, value in service["environment"].items():
        given = re.sub(r"\$\{(\w+):-(.*)\}", lambda found: variables.get(found[1], found[2]), str(value))
        monkeypatch.setenv(name, given.replace("/run/secrets", str(tmp_path)))


def test_the_containers_settings_are_good_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    containers(monkeypatch, tmp_path, ALLOW_SANDBOX="1")
    settings = read_settings()
    assert settings.operators.operators[0].url == "http://mock_api:8090/operator"
    assert settings.broker_url.startswith("amqp://quittance:")
    assert settings.store_url.startswith("mongodb://quittance:")
    assert settings.ussd_key != settings.ussd_africastalking_key


def test_the_containers_do_not_start_without_partners(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    containers(monkeypatch, tmp_path)
    with pytest.raises(BadSettings, match="the sandbox would play it"):
        read_settings()


def test_the_sandboxs_port_moves_the_partners_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOCK_PORT", "9999")
    assert read_settings().of(FinesSettings).registry_url == "http://127.0.0.1:9999/registry"


@pytest.mark.parametrize("pattern", ["AM-2026", "#" * 21, "/##", "AM ##", "-##"])
def test_a_pattern_of_fine_numbers_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, pattern: str) -> None:
    monkeypatch.setenv("FINE_NUMBER_PATTERN", "AM-####-######")
    assert read_settings().of(FinesSettings).fine_number_pattern == "AM-####-######"
    monkeypatch.setenv("FINE_NUMBER_PATTERN", pattern)
    with pytest.raises(BadSettings, match="FINE_NUMBER_PATTERN"):
        read_settings()


@pytest.mark.parametrize(("concurrency", "calls"), [("1", 1), ("8", 6), ("64", 48), ("128", 104), ("1000", 976)])
def test_one_partner_gets_nearly_all_calls_and_leaves_some_threads(
    monkeypatch: pytest.MonkeyPatch, concurrency: str, calls: int
) -> None:
    monkeypatch.setenv("WORKER_CONCURRENCY", concurrency)
    assert read_settings().partner_calls == calls


@pytest.mark.parametrize(("cores", "threads"), [(1, 32), (2, 64), (8, 256), (64, 256)])
def test_the_threads_of_a_worker_follow_the_cores(monkeypatch: pytest.MonkeyPatch, cores: int, threads: int) -> None:
    monkeypatch.delenv("WORKER_CONCURRENCY", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert read_settings().worker_concurrency == threads


def test_a_wrong_number_of_threads_is_the_only_thing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKER_CONCURRENCY", "many")
    with pytest.raises(BadSettings, match=r"^WORKER_CONCURRENCY: [^;]*$"):
        read_settings()
