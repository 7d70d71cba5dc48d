"""E-mail by SMTP (RFC 5321), encrypted unless the server is on this machine."""

import smtplib
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import unquote, urlsplit

from core.clock import Clock
from core.hardening import is_loopback
from worker.partners.port import Confirmed, Declined, Reply, Unavailable, Unknown

WITHIN_S = 15
"""For the whole conversation with the server."""
TLS_PORT, SUBMISSION_PORT = 465, 587
PERMANENT = 500
"""The first of the codes by which a server refuses for good."""


class SmtpMail:
    """Sends e-mail through one server.

    url: `smtps://user:password@host:465`, with TLS from the beginning, or `smtp://host:587`, with STARTTLS, which a
        server on this machine need not offer.
    """

    def __init__(self, url: str, sender: str, clock: Clock, within_s: float = WITHIN_S) -> None:
        self._url = urlsplit(url)
        self._sender = sender
        self._clock = clock
        self._within_s = within_s

    def send(self, reference: str, to: Sequence[str], subject: str, text: str) -> Reply:
        """Sends a message. A repeated one has the same Message-ID, made of the reference, and so may be told."""
        message = EmailMessage(policy=SMTP)
        message["From"], message["To"], message["Subject"] = self._sender, ", ".join(to), subject
        message["Date"] = format_datetime(self._clock.now())
        message["Message-ID"] = f"<{reference.replace(':', '.')}@{self._sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday answers
        message.set_content(text)
        sent, give_up_at = False, time.monotonic() + self._within_s
        try:
            with closing(self._server()) as server, _deadline(server, give_up_at):
                self._begin(server)
                sent = True  # from here on the server may have it, whatever comes back
                refused = server.send_message(message)
                with suppress(OSError, smtplib.SMTPException):  # it has the message
                    server.quit()
        except smtplib.SMTPRecipientsRefused as error:
            return _refusal(max(code for code, _ in error.recipients.values()))
        except smtplib.SMTPResponseException as error:
            # What is wrong with the account here can be mended while the message waits.
            return _refusal(error.smtp_code) if sent else Unavailable(f"SMTP {error.smtp_code}")
        except (OSError, smtplib.SMTPException) as error:
            why = type(error).__name__
            return Unknown(why) if sent else Unavailable(why)
        return Confirmed(said={"refused": sorted(refused)} if refused else {})

    def _server(self) -> smtplib.SMTP:
        host, here = str(self._url.hostname), socket.gethostname()
        if self._url.scheme == "smtps":
            context = ssl.create_default_context()
            port = self._url.port or TLS_PORT
            return smtplib.SMTP_SSL(host, port, here, timeout=self._within_s / 3, context=context)
        return smtplib.SMTP(host, self._url.port or SUBMISSION_PORT, here, timeout=self._within_s / 3)

    def _begin(self, server: smtplib.SMTP) -> None:
        """Encrypts and signs in. Raises SMTPException for a server that does not encrypt."""
        server.ehlo()
        if self._url.scheme == "smtp" and (server.has_extn("starttls") or not is_loopback(str(self._url.hostname))):
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
        if self._url.username:
            server.login(unquote(self._url.username), unquote(self._url.password or ""))


def _refusal(code: int) -> Reply:
    said = {"smtp": code}
    return Declined("mail_refused", said=said) if code >= PERMANENT else Unavailable(f"SMTP {code}", said=said)


@contextmanager
def _deadline(server: smtplib.SMTP, at: float) -> Iterator[None]:
    """Cuts the connection when the time is over. at: of the monotonic clock, in seconds."""
    cut = threading.Timer(max(at - time.monotonic(), 0.1), _cut, (server,))
    cut.start()
    try:
        yield
    finally:
        cut.cancel()


def _cut(server: smtplib.SMTP) -> None:
    with suppress(OSError, AttributeError):  # it is closed already
        server.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
