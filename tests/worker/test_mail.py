"""E-mail to operators: each notice is an operation, which waits for the server, and nobody waits for it."""

import smtplib
import socket
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope

from core.broker.embedded import EmbeddedBroker
from core.ids import new_id
from core.operation import Operation, Status
from core.settings import BadSettings, read_settings
from core.store.port import OPERATIONS, Store
from devtools.servers import free_ports
from products.messages.contract import EMAIL, MailSettings, SmsNotifier
from products.messages.mailing import email
from tests.doubles import FakeClock, engine
from worker.partners.breaker import Breaker
from worker.partners.mail import SmtpMail
from worker.partners.port import Confirmed, Declined, Unavailable, Unknown

SENDER, CITY = "quittance@city.example", "operations@city.example"


class Server:
    """Takes mail on a free port. says: what it answers to the text of a message; unknown: whom it does not know."""

    def __init__(self) -> None:
        self.got: list[Message] = []
        self.says = "250 OK"
        self.unknown: set[str] = set()
        self.users: list[tuple[bytes, bytes]] = []
        (port,) = free_ports(1)
        self.url = f"smtp://city:se%40same@127.0.0.1:{port}"
        self.controller = Controller(self, "127.0.0.1", port, authenticator=self._knows, auth_require_tls=False)

    def _knows(self, server: Any, session: Any, envelope: Any, mechanism: str, user: Any) -> AuthResult:
        self.users.append((user.login, user.password))
        return AuthResult(success=True)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Envelope, address: str, options: Any) -> str:  # noqa: N802 - aiosmtpd calls it
        if address in self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        if self.says.startswith("250"):
            self.got.append(message_from_bytes(envelope.content or b""))  # type: ignore[arg-type]  # it is bytes
        return self.says


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    server.controller.start()
    yield server
    server.controller.stop()


def send(url: str, to: tuple[str, ...] = (CITY,), within_s: float = 15) -> Any:
    return SmtpMail(url, SENDER, FakeClock(), within_s).send("op-1:send", to, "An endpoint is off", "Söil.\n.\nEnd")


def test_a_message_arrives_as_it_was_written(server: Server) -> None:
    assert send(server.url, (CITY, "second@city.example")) == Confirmed(said={})
    assert send(server.url) == Confirmed(said={})
    first, again = server.got
    assert (first["From"], first["To"]) == (SENDER, f"{CITY}, second@city.example")
    assert (first["Subject"], first["Auto-Submitted"]) == ("An endpoint is off", "auto-generated")
    assert first["Message-ID"] == again["Message-ID"] == "<op-1.send@city.example>"
    text = first.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert text.decode().split() == ["Söil.", ".", "End"]
    assert server.users[0] == (b"city", b"se@same")


@pytest.mark.parametrize(
    ("says", "reply"),
    [
        ("451 later", Unavailable("SMTP 451", said={"smtp": 451})),
        ("554 no", Declined("mail_refused", said={"smtp": 554})),
    ],
)
def test_what_the_server_says_decides(server: Server, says: str, reply: Any) -> None:
    server.says = says
    assert send(server.url) == reply
    assert server.got == []


def test_one_address_that_is_refused_keeps_the_message_from_no_other(server: Server) -> None:
    server.unknown = {CITY}
    assert send(server.url, (CITY, "second@city.example")) == Confirmed(said={"refused": [CITY]})
    assert send(server.url) == Declined("mail_refused", said={"smtp": 550})


def test_only_a_server_on_this_machine_may_do_without_encryption(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.partners.mail.is_loopback", lambda host: False)
    assert send(server.url) == Unavailable("SMTPNotSupportedError")
    assert (server.got, server.users) == ([], [])


def test_a_server_that_is_away_or_silent_got_nothing() -> None:
    assert isinstance(send("smtp://127.0.0.1:9"), Unavailable)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert isinstance(send(f"smtp://127.0.0.1:{silent.getsockname()[1]}", within_s=0.3), Unavailable)


def test_what_may_have_arrived_is_unknown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*_: Any) -> Any:
        raise smtplib.SMTPServerDisconnected("lost")

    monkeypatch.setattr(smtplib.SMTP, "data", lost)
    assert isinstance(send(server.url), Unknown)


def test_a_notice_is_sent_once_for_each_key_when_the_server_is_back(store: Store, clock: FakeClock) -> None:
    notifier = SmsNotifier(store, EmbeddedBroker(store, clock), clock, new_id)
    for key in ("one", "one", "two"):
        notifier.tell_operators([CITY], "Off", "It is off.", key)
    notifier.tell_operators([], "Off", "It is off.", "three")
    server = Server()
    process = email(SmtpMail(server.url, SENDER, clock, 2), Breaker("mail", clock, 2))
    worker = engine(store, clock, process)

    def waiting() -> list[Operation]:
        found = map(Operation.from_document, store.find(OPERATIONS, {"kind": EMAIL.kind}))
        return [operation for operation in found if not operation.terminal]

    def work() -> None:
        for operation in waiting():
            worker.advance(operation.id)

    work()
    assert len(waiting()) == 2
    server.controller.start()
    clock.tick(60)
    work()
    server.controller.stop()
    assert waiting() == []
    assert len({message["Message-ID"] for message in server.got}) == len(server.got) == 2


def test_without_a_server_any_more_a_notice_ends(store: Store, clock: FakeClock) -> None:
    SmsNotifier(store, EmbeddedBroker(store, clock), clock, new_id).tell_operators([CITY], "Off", "It is off.", "one")
    (found,) = store.find(OPERATIONS, {"kind": EMAIL.kind})
    engine(store, clock, email(None, Breaker("mail", clock, 2))).advance(found["id"])
    (ended,) = map(Operation.from_document, store.find(OPERATIONS, {"kind": EMAIL.kind}))
    assert (ended.status, ended.error and ended.error["code"]) == (Status.FAILED, "no_mail_server")


def test_who_wants_notices_names_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTICES_TO", f"{CITY},second@city.example")
    with pytest.raises(BadSettings, match=r"MAIL_FROM.*SMTP_URL|SMTP_URL.*MAIL_FROM"):
        read_settings()
    monkeypatch.setenv("SMTP_URL", "smtps://mail.city.example")
    monkeypatch.setenv("MAIL_FROM", SENDER)
    settings = read_settings()
    assert settings.notices_to == [CITY, "second@city.example"]
    assert settings.of(MailSettings) == MailSettings("smtps://mail.city.example", SENDER)
    for bad in ("city", "a@b", "a b@city.example", "a@city.example\nBcc: b@city.example", "x@y@city.example"):
        monkeypatch.setenv("MAIL_FROM", bad)
        with pytest.raises(BadSettings, match="MAIL_FROM"):
            read_settings()
