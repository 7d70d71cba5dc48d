"""BROKER_URL: one host or several, with TLS or without."""

import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.broker.rabbitmq.addresses import HEARTBEAT_S, addresses
from core.broker.rabbitmq.dead import requeue
from core.settings import BadSettings, read_settings
from devtools.rabbit import Rabbit
from tests.broker.kits import RabbitKit, Work


def hosts(url: str) -> list[tuple[str, int]]:
    return [(address.host, address.port) for address in addresses(url)]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://h1", [("h1", 5672)]),
        ("amqp://user:password@h1:1,h2:2/vhost", [("h1", 1), ("h2", 2)]),
        ("amqp://user:p%40ss,word@h1,h2:2,[::1]:3/%2F", [("h1", 5672), ("h2", 2), ("::1", 3)]),
        ("amqps://user:password@h1,h2:2/", [("h1", 5671), ("h2", 2)]),
    ],
)
def test_every_host_is_an_address(monkeypatch: pytest.MonkeyPatch, url: str, expected: list[tuple[str, int]]) -> None:
    assert hosts(url) == expected
    monkeypatch.setenv("BROKER_URL", url)
    assert read_settings().broker_url == url


def test_all_else_is_the_same_for_every_host() -> None:
    one, other = addresses("amqp://user:p%40ss,word@h1,h2/shop%2Feast?socket_timeout=2")
    for address in (one, other):
        assert (address.virtual_host, address.socket_timeout, address.heartbeat) == ("shop/east", 2, HEARTBEAT_S)
        assert vars(address.credentials)["password"] == "p@ss,word"
    (beating,) = addresses("amqp://h1?heartbeat=60")
    assert beating.heartbeat == 60


@pytest.mark.parametrize(
    "url",
    ["amqp://u:p@h1,,h2/", "amqp://u:p@h1,/", "amqp://,h2", "amqp://h1:one,h2", "amqp://h1:1,h2:70000", "h1,h2"],
)
def test_what_names_no_hosts_is_said_when_the_settings_are_read(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("BROKER_URL", url)
    with pytest.raises(BadSettings, match="BROKER_URL: must"):
        read_settings()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://h1", "begins with amqp"),
        ("amqp://user@h1", "no password"),
        ("amqp://h1?cacertfile=/ca.pem", "is for amqps"),
        ("amqps://h1?cacertfile=/nowhere", "/nowhere"),
        ("amqp://h1?hartbeat=1", "hartbeat"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        addresses(url)


def test_certificates_are_verified_by_default_and_with_a_file_of_ones_own() -> None:
    file = ssl.get_default_verify_paths().openssl_cafile
    urls = ["amqps://h1"] + ([f"amqps://h1?cacertfile={file}"] if Path(file).exists() else [])
    for url in urls:
        (address,) = addresses(url)
        assert address.ssl_options is not None
        context = address.ssl_options.context
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.fixture
def half_dead(rabbit: Rabbit) -> Iterator[RabbitKit]:
    """Two addresses, of which nobody answers at one."""
    there = urlsplit(rabbit.url)
    kit = RabbitKit(f"amqp://guest:guest@127.0.0.1:1,{there.hostname}:{there.port}{there.path}")
    yield kit
    kit.close()


@pytest.mark.xdist_group("rabbitmq")
def test_a_host_that_is_away_is_passed_over(half_dead: RabbitKit) -> None:
    work = Work(half_dead)
    for _ in range(3):  # the first address is drawn
        half_dead.broker().consume(["fine"], work, 1)
    half_dead.ring("fine", "f")
    work.wait_ended("f")
    assert requeue(half_dead.url, half_dead.name) == []
