"""amqps: a real server with a certificate of a CA that this test makes."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.broker.port import Message
from core.broker.rabbitmq.dead import requeue
from core.errors import BrokerUnavailable
from devtools.rabbit import PrivateNode
from devtools.servers import free_ports
from tests.broker.kits import RabbitKit, Work, eventually

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("rabbitmq")]


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True, timeout=60)


def key_and(folder: Path, name: str, *arguments: str) -> None:
    openssl(folder, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", *arguments)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ca.pem, another.pem that signed nothing, and server.pem for localhost with server.key."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ca", "another"):
        key_and(folder, name, "-x509", "-days", "2", "-subj", f"/CN=test {name}", "-out", f"{name}.pem")
    key_and(folder, "server", "-subj", "/CN=localhost", "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=DNS:localhost\n")
    signed = ["-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "server.pem"]
    openssl(folder, "x509", "-req", "-days", "2", "-extfile", "names", *signed)
    return folder


@pytest.fixture(scope="module")
def tls_port(certificates: Path, binaries: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    files = {"cacertfile": "ca.pem", "certfile": "server.pem", "keyfile": "server.key"}
    config = [f"listeners.ssl.1 = 127.0.0.1:{port}"]
    config += [f"ssl_options.{option} = {certificates / file}" for option, file in files.items()]
    with PrivateNode(binaries, config="\n".join(config)) as node:
        node.start()
        yield port


def test_rings_and_events_go_over_tls(tls_port: int, certificates: Path) -> None:
    kit = RabbitKit(f"amqps://guest:guest@localhost:{tls_port}/%2F?cacertfile={certificates / 'ca.pem'}")
    work = Work(kit)
    broker = kit.broker()
    broker.consume(["fine"], work, 1)
    kit.ring("fine", "f")
    work.wait_ended("f")
    eventually(broker.connected)
    broker.publish(Message(("tests", "tls", "sent"), "id-1", b"{}", {}))
    assert requeue(kit.url, kit.name) == []
    kit.close_brokers()


@pytest.mark.parametrize(
    ("host", "ca_file"),
    [("localhost", "another.pem"), ("127.0.0.1", "ca.pem")],
    ids=["of another CA", "for another name"],
)
def test_a_server_that_is_not_the_one_is_not_spoken_to(
    tls_port: int, certificates: Path, host: str, ca_file: str
) -> None:
    url = f"amqps://guest:guest@{host}:{tls_port}/%2F?cacertfile={certificates / ca_file}"
    with pytest.raises(BrokerUnavailable, match="certificate verify failed"):
        requeue(url)
