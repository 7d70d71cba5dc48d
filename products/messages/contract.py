"""Text messages to people, and e-mail to operators. Each is an operation: none is lost, and none holds up a payment.

No SMS is sent twice, unless its gateway cannot be asked what became of a message: see SMS_REPEAT.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlsplit

from environs import validate
from marshmallow import ValidationError

from core.accept import Command, accept
from core.broker.port import Broker
from core.clock import Clock
from core.contract import Contract, Effect, EffectKind, Record, Request, effect_of
from core.environment import Env, is_mail_address, url_of
from core.hardening import is_loopback
from core.notices.outcome import concerns_phone
from core.notices.port import SentText
from core.operation import Operation, Status
from core.settings import Settings
from core.store.port import OPERATIONS, Store

DONE = (Status.SUCCEEDED, Status.PARTIALLY_SUCCEEDED)
"""The ends of which receivers are notified."""
DAY_S, CAUSED_A_DAY = 24 * 3600, 20
"""How many messages a day there are to those who get money of one payer."""
WAIT_STEP, SEND_STEP = "wait", "send"


@dataclass(frozen=True)
class Sms(Request):
    """to: E.164; about: the operation that it tells of, or None; text: the text, where it tells of none.

    receiver: the number of the receiver of the operation, where the text is for one; None for the outcome.
    """

    to: str
    about: str | None
    text: str | None
    receiver: int | None = None


@dataclass(frozen=True)
class Email(Request):
    """to: addresses; text: plain text."""

    to: list[str]
    subject: str
    text: str


def text_of(operation: Operation) -> str:
    """The text of a message, once what it is about has ended."""
    text = SMS.read(operation).text
    return str(operation.step(WAIT_STEP).result["text"]) if text is None else text


def effects(operation: Operation) -> Iterator[Effect]:
    """The message, which has no amount."""
    return effect_of(operation, SEND_STEP, MESSAGE)


def email_effects(operation: Operation) -> Iterator[Effect]:
    """The e-mail, of which nobody keeps a record for us."""
    return effect_of(operation, SEND_STEP, MAILED)


OURS = ("console", "file", "http")
"""The senders that need no credentials."""
HOSTS = {"africastalking": "https://api.africastalking.com", "infobip": "", "orange": "https://api.orange.com"}
"""The vendors' gateways: the base URL of each, or "" where each account has its own."""
NEEDS = {
    "africastalking": {"SMS_USER", "SMS_KEY"},
    "infobip": {"SMS_KEY", "SMS_FROM"},
    "orange": {"SMS_CLIENT_ID", "SMS_CLIENT_SECRET", "SMS_FROM"},
}
"""The settings without which a vendor's gateway cannot be called."""
SENDER_ADDRESS = re.compile(r"tel:\+[1-9][0-9]{2,14}", re.ASCII)


@dataclass(frozen=True)
class MessagesSettings:
    """sms_sender: console, file, http or a vendor; sms_url: the gateway's base URL; the others: of vendors only.

    sms_user, sms_key, sms_client_id, sms_client_secret: credentials.
    sms_from, sms_name: who the message says has sent it.
    sms_repeat: `again` when a message that may have been sent is sent again; else `once`.
    """

    sms_sender: str
    sms_url: str
    sms_user: str = ""
    sms_key: str = ""
    sms_from: str = ""
    sms_name: str = ""
    sms_client_id: str = ""
    sms_client_secret: str = ""
    sms_repeat: str = "once"

    @classmethod
    def read(cls, env: Env) -> Self:
        sender = env.str("SMS_SENDER", "file", validate=validate.OneOf([*OURS, *HOSTS])) or ""
        is_address = [_sender_address] if sender == "orange" else []

        def account(name: str, **checks: Any) -> str:
            return env.str(name, *([] if name in NEEDS.get(sender, ()) else [""]), **checks) or ""

        return cls(
            sender,
            _url(env, sender),
            account("SMS_USER"),
            account("SMS_KEY"),
            account("SMS_FROM", validate=is_address),
            account("SMS_NAME"),
            account("SMS_CLIENT_ID"),
            account("SMS_CLIENT_SECRET"),
            env.str("SMS_REPEAT", "once", validate=validate.OneOf(["once", "again"])),
        )


@dataclass(frozen=True)
class MailSettings:
    """smtp_url: the server for e-mail, or ""; mail_from: the address that it comes from."""

    smtp_url: str = field(default="", repr=False)
    mail_from: str = ""

    @classmethod
    def read(cls, env: Env) -> Self:
        optional = [] if env.list("NOTICES_TO", []) else [""]
        return cls(
            env.str("SMTP_URL", *optional, validate=url_of(("smtps", "smtp"))) or "",
            env.str("MAIL_FROM", *optional, validate=is_mail_address) or "",
        )


def _url(env: Env, sender: str) -> str:
    """The base URL: by default the vendor's own, or that of the sandbox, which speaks our contract only."""
    if sender not in HOSTS:
        return env.partner("SMS_URL", "/sms")
    defaults = [HOSTS[sender]] if HOSTS[sender] else []
    return env.partner_url("SMS_URL", *defaults)


def _sender_address(text: str) -> None:
    if not SENDER_ADDRESS.fullmatch(text):
        raise ValidationError("must be a senderAddress such as tel:+2250000.")


def _are_on_record(settings: Settings) -> bool:
    """Whether the gateway keeps a record in our contract."""
    return settings.of(MessagesSettings).sms_sender == "http"


MESSAGE = EffectKind("message", "messages sent", Record.PARTNER, _are_on_record)
SMS = Contract("sms", Sms, frozenset(), (MESSAGE,), effects)
MAILED = EffectKind("email", "e-mails sent", Record.NONE)
EMAIL = Contract("email", Email, frozenset(), (MAILED,), email_effects)
CONTRACTS = (SMS, EMAIL)
SETTINGS = (MessagesSettings, MailSettings)


@dataclass(frozen=True)
class SmsNotifier:
    """The Notifier port. ids: makes ids of operations."""

    store: Store
    broker: Broker
    clock: Clock
    ids: Callable[[], str]

    def ended(self, operation: Operation) -> None:
        """Enqueues one message with the outcome, for `operation.notification`, and one for each receiver.

        A message waits until the operation has ended, so it may be enqueued before that is saved.
        """
        if operation.notification is not None and concerns_phone(operation):
            to = operation.notification["msisdn"]
            request = Sms(to, about=operation.id, text=None)
            self._announce(request, {"about": operation.id})
        for number, receiver in enumerate(operation.receivers if operation.status in DONE else ()):
            request = Sms(receiver["msisdn"], about=operation.id, text=None, receiver=number)
            self._announce(request, {"about": operation.id, "receiver": number})

    def send(self, msisdn: str, text: str, client: str, key: str) -> None:
        request = Sms(msisdn, about=None, text=text)
        self._accept(Command(SMS.kind, request.to_json(), client, subject=msisdn, idempotency_key=key, repeatable=True))

    def tell_operators(self, to: Sequence[str], subject: str, text: str, key: str) -> None:
        if to:
            request = Email(list(to), subject, text)
            self._accept(Command(EMAIL.kind, request.to_json(), "worker", idempotency_key=key, repeatable=True))

    def reaches_phones(self, settings: Settings) -> bool:
        """When embedded, for trials, the console or the file stands for the phone."""
        return settings.embedded or settings.of(MessagesSettings).sms_sender not in ("console", "file")

    def inbox(self, settings: Settings, msisdn: str, limit: int) -> Sequence[SentText] | None:
        """None unless a file, the console or a gateway on this machine, as the sandbox is, stands for the phone."""
        sms = settings.of(MessagesSettings)
        played = sms.sms_sender == "http" and is_loopback(urlsplit(sms.sms_url).hostname or "")
        if not played and sms.sms_sender not in ("console", "file"):
            return None
        where = {"kind": SMS.kind, "subject": msisdn}
        newest = map(Operation.from_document, self.store.find(OPERATIONS, where, order="-id", limit=limit))
        sent = [found for found in newest if found.status is Status.SUCCEEDED]
        return [SentText(found.id, found.updated_at, text_of(found)) for found in sent]

    def _announce(self, request: Sms, unique: Mapping[str, Any]) -> None:
        self._accept(Command(SMS.kind, request.to_json(), "worker", subject=request.to, unique=unique))

    def _accept(self, command: Command) -> None:
        accept(self.store, self.broker, self.clock, command, self.ids)


notifier = SmsNotifier
