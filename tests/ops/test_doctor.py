"""`quittance doctor`: what it sees, what it calls wrong, and what it says is to be done."""

import base64
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pika
import pytest
from click.testing import CliRunner

from core.broker.rabbitmq.check import check
from core.broker.rabbitmq.topology import Topology
from core.clock import SystemClock
from core.settings import Settings, setting_names
from core.store.migration import State
from devtools.rabbit import Rabbit
from ops.commands import cli
from ops.doctor.command import exit_code
from ops.doctor.findings import Finding, Level
from ops.doctor.servers import check_broker, check_partners, check_store
from ops.doctor.setup import check_modes, check_python, check_secrets, check_settings, check_space, check_tls
from tests.api.kit import SETTINGS
from tests.doubles import KEYS

GIB = 1024**3
REMOTE = replace(
    SETTINGS,
    store_url="postgresql://db/quittance?sslmode=verify-full",
    broker_url="amqps://rabbit/",
    admin_token="",
    trusted_proxies=1,
    trusted_hosts=["pay.example"],
    require_second_factor=True,
    data_keys=base64.b64encode(KEYS.data[0]).decode(),
    data_index_key=base64.b64encode(KEYS.index).decode(),
)
"""A set-up that serves others, and to which there is nothing to say."""


def levels(found: list[Finding]) -> dict[str, Level]:
    return {each.about: each.level for each in found}


def worst(found: list[Finding]) -> set[Level]:
    return {each.level for each in found} - {Level.OK}


def test_every_finding_that_is_not_ok_says_what_to_do() -> None:
    careless = replace(REMOTE, trusted_proxies=0, trusted_hosts=[], require_second_factor=False, allow_sandbox=True)
    found = [*check_settings(careless), *check_tls(replace(careless, store_url="mongodb://db/q"))]
    assert all(bool(each.to_do) == (each.level is not Level.OK) for each in found)


@pytest.mark.parametrize(
    ("change", "about"),
    [
        ({"allow_sandbox": True}, "settings"),
        ({"trusted_proxies": 0}, "proxies"),
        ({"data_keys": "", "data_index_key": ""}, "data at rest"),
        ({"trusted_hosts": []}, "hosts"),
        ({"require_second_factor": False}, "second factor"),
        ({"admin_token": "s" * 32}, "ADMIN_TOKEN"),
    ],
)
def test_each_careless_setting_is_warned_of(change: dict[str, object], about: str) -> None:
    assert worst([*check_settings(REMOTE)]) == set()
    found = [*check_settings(replace(REMOTE, **change))]  # type: ignore[arg-type]
    assert {each.about for each in found if each.level is Level.WARNING} == {about}


def test_a_trial_on_one_machine_is_not_bothered() -> None:
    assert worst([*check_settings(SETTINGS)]) == set()


@pytest.mark.parametrize(
    ("change", "level"),
    [
        ({}, None),
        ({"store_url": "postgresql://db/q"}, Level.WARNING),
        ({"store_url": "postgresql://127.0.0.1/q"}, None),
        ({"store_url": "mongodb://a:1,b:2/q?tls=true"}, None),
        ({"store_url": "mongodb+srv://cluster/q"}, None),
        ({"broker_url": "amqp://rabbit/"}, Level.WARNING),
        ({"broker_url": ""}, None),
    ],
)
def test_what_leaves_the_machine_without_tls_is_seen(change: dict[str, str], level: Level | None) -> None:
    found = [*check_tls(replace(REMOTE, **change))]  # type: ignore[arg-type]
    assert worst(found) == ({level} if level else set())


def test_callbacks_without_tls_are_wrong() -> None:
    operator = replace(REMOTE.operators.operators[0], callback_host="http://pay.example")
    table = replace(REMOTE.operators, operators=(operator,))
    assert worst([*check_tls(replace(REMOTE, operators=table))]) == {Level.WRONG}


@pytest.mark.parametrize(("version", "level"), [((3, 10, 14), Level.WRONG), ((3, 11, 0), Level.OK)])
def test_an_old_python_is_wrong(version: tuple[int, int, int], level: Level) -> None:
    assert check_python(version).level is level


@pytest.mark.parametrize(("free", "level"), [(10 * GIB, Level.OK), (GIB, Level.WARNING), (GIB // 100, Level.WRONG)])
def test_a_disk_that_gets_full_is_seen(tmp_path: Path, free: int, level: Level) -> None:
    assert check_space(tmp_path, free).level is level


def test_files_that_others_can_read_are_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "quittance.sqlite").touch(0o644)
    [found] = check_modes(tmp_path)
    assert (found.level, "quittance.sqlite" in found.said) == (Level.WARNING, True)
    tmp_path.chmod(0o700)
    [found] = check_modes(tmp_path)
    assert found.level is Level.OK


def test_a_store_that_needs_its_migration_or_does_not_answer_is_wrong(tmp_path: Path, postgresql: object) -> None:
    away = replace(REMOTE, var_dir=tmp_path, store_url=f"postgresql://127.0.0.1:{closed_port()}/q")
    [found] = check_store(away)
    assert found.level is Level.WRONG
    empty = replace(REMOTE, var_dir=tmp_path, store_url=postgresql.url)  # type: ignore[attr-defined]
    [found] = check_store(empty)
    assert found.level in (Level.OK, Level.WRONG)
    assert (found.to_do == "run `quittance migrate`") == (found.level is Level.WRONG)


@pytest.mark.parametrize(("pending", "level"), [((), Level.OK), (("add a table",), Level.WRONG)])
def test_a_store_of_an_earlier_release_is_wrong(
    monkeypatch: pytest.MonkeyPatch, pending: tuple[str, ...], level: Level
) -> None:
    class Fixed:
        def state(self) -> State:
            return State("0001", "0002", pending)

        def close(self) -> None: ...

    monkeypatch.setattr("ops.doctor.servers.open_migration", lambda _: Fixed())
    found = next(check_store(REMOTE))
    assert (found.level, found.to_do) == (level, "run `quittance migrate`" if pending else "")


def test_queues_with_other_arguments_are_named(rabbit: Rabbit) -> None:
    kinds, name = ["fine_payment", "sms"], "doctor"
    assert check(rabbit.url, kinds, name) == []
    assert check(rabbit.url, kinds, name) == []
    topology = Topology(name)
    with pika.BlockingConnection(pika.URLParameters(rabbit.url)) as connection:
        channel = connection.channel()
        channel.queue_delete(topology.queue("sms"))
        channel.queue_declare(topology.queue("sms"), durable=True)
    assert check(rabbit.url, kinds, name) == [topology.queue("sms")]


@pytest.mark.parametrize(("differing", "level"), [([], Level.OK), (["sms"], Level.WRONG)])
def test_a_broker_with_such_queues_is_wrong(
    monkeypatch: pytest.MonkeyPatch, differing: list[str], level: Level
) -> None:
    monkeypatch.setattr("ops.doctor.servers.check_queues", lambda *_: differing)
    [found] = check_broker(REMOTE)
    assert found.level is level
    assert all(name in found.said for name in differing)


def test_a_broker_that_is_away_is_wrong_and_none_is_none() -> None:
    [found] = check_broker(replace(REMOTE, broker_url=f"amqp://127.0.0.1:{closed_port()}/"))
    assert found.level is Level.WRONG
    [found] = check_broker(replace(REMOTE, broker_url=""))
    assert found.level is Level.OK


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def partner(offset_s: float) -> Iterator[str]:
    """A partner whose clock is off by so many seconds: its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(404)
            self.end_headers()

        def date_time_string(self, timestamp: float | None = None) -> str:
            return format_datetime(datetime.now(UTC) + timedelta(seconds=offset_s), usegmt=True)

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/registry"
        server.shutdown()
        serving.join()


@pytest.mark.parametrize(("offset_s", "level"), [(0, Level.OK), (600, Level.WRONG), (-600, Level.WRONG)])
def test_a_clock_that_is_off_is_wrong(offset_s: float, level: Level) -> None:
    with partner(offset_s) as url:
        found = [*check_partners(replace(REMOTE, partners={"REGISTRY_URL": url}), SystemClock())]
    assert levels(found) == {"REGISTRY_URL": Level.OK, "clock": level}


def test_a_partner_that_is_not_reached_is_away() -> None:
    settings = replace(REMOTE, partners={"REGISTRY_URL": f"http://127.0.0.1:{closed_port()}/registry"})
    found = [*check_partners(settings, SystemClock())]
    assert levels(found) == {"REGISTRY_URL": Level.AWAY, "clock": Level.WARNING}
    assert "REGISTRY_URL" in found[0].to_do


@pytest.mark.parametrize(
    ("levels", "code"),
    [
        (set(), 0),
        ({Level.OK, Level.WARNING}, 0),
        ({Level.OK, Level.AWAY}, 3),
        ({Level.WRONG}, 1),
        ({Level.AWAY, Level.WRONG}, 1),
    ],
)
def test_the_exit_code_tells_a_broken_setup_from_a_partner_that_is_away(levels: set[Level], code: int) -> None:
    assert exit_code(levels) == code


@pytest.mark.parametrize("name", ["secret_key", "pin_pepper"])
def test_a_secret_that_the_api_needs_and_does_not_have_is_wrong(name: str) -> None:
    assert check_secrets(REMOTE).level is Level.OK
    found = check_secrets(replace(REMOTE, **{name: ""}))  # type: ignore[arg-type]
    assert (found.level, name.upper() in found.said) == (Level.WRONG, True)


def test_one_machine_makes_its_own_secrets(tmp_path: Path) -> None:
    assert check_secrets(replace(SETTINGS, var_dir=tmp_path, secret_key="", pin_pepper="")).level is Level.OK
    assert [*tmp_path.iterdir()] == []


def test_the_command_exits_3_for_a_partner_and_names_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("MOCK_PORT", str(closed_port()))
    done = CliRunner().invoke(cli, ["doctor", "--json"])
    found = {each["about"]: each["level"] for each in json.loads(done.stdout)}
    assert done.exit_code == 3
    assert (found["store"], found["broker"], found["OPERATOR_URL"]) == ("ok", "ok", "away")
    assert [path.name for path in tmp_path.iterdir()] == ["var"]

    alone = CliRunner().invoke(cli, ["doctor", "--no-partners", "--json"])
    assert alone.exit_code == 0
    assert found.keys() - {each["about"] for each in json.loads(alone.stdout)} >= {"OPERATOR_URL", "clock"}

    monkeypatch.setenv("STORE_URL", "postgresql://db/quittance")
    refused = CliRunner().invoke(cli, ["doctor"])
    assert refused.exit_code == 1
    assert "ALLOW_SANDBOX" in refused.stdout


def test_settings_know_the_urls_of_partners(monkeypatch: pytest.MonkeyPatch) -> None:
    from core.settings import read_settings  # noqa: PLC0415

    for name in setting_names():
        monkeypatch.delenv(name, raising=False)
    settings: Settings = read_settings()
    assert settings.partners["REGISTRY_URL"] == "http://127.0.0.1:8090/registry"
