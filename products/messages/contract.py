"""Text messages to people. Each is an operation: none is lost or sent twice, and none holds up a payment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Self

from environs import validate

from core.accept import Command, accept
from core.broker.port import Broker
from core.clock import Clock
from core.contract import Contract, Effect, EffectKind, Record, Request, effect_of
from core.environment import Env
from core.operation import Operation
from core.settings import Settings
from core.store.port import Store

WAIT_STEP, SEND_STEP = "wait", "send"


@dataclass(frozen=True)
class Sms(Request):
    """to: E.164; about: the operation whose outcome is the text, or None; text: the text, or None."""

    to: str
    about: str | None
    text: str | None


def effects(operation: Operation) -> Iterator[Effect]:
    """The message, which has no amount."""
    return effect_of(operation, SEND_STEP, MESSAGE)


@dataclass(frozen=True)
class MessagesSettings:
    """sms_sender: console, file or http; sms_url: where the http one sends."""

    sms_sender: str
    sms_url: str

    @classmethod
    def read(cls, env: Env) -> Self:
        sender = env.str("SMS_SENDER", "file", validate=validate.OneOf(["console", "file", "http"]))
        return cls(sender, env.partner("SMS_URL", "/sms"))


def _are_sent_by_http(settings: Settings) -> bool:
    return settings.of(MessagesSettings).sms_sender == "http"


MESSAGE = EffectKind("message", "messages sent", Record.PARTNER, _are_sent_by_http)
SMS = Contract("sms", Sms, frozenset(), (MESSAGE,), effects)
CONTRACTS = (SMS,)
SETTINGS = (MessagesSettings,)


@dataclass(frozen=True)
class SmsNotifier:
    """The Notifier port. ids: makes ids of operations."""

    store: Store
    broker: Broker
    clock: Clock
    ids: Callable[[], str]

    def ended(self, operation: Operation) -> None:
        """Enqueues one message with the outcome, for `operation.notification`.

        The message waits until the operation has ended, so it may be enqueued before that is saved.
        """
        if operation.notification is not None:
            to = operation.notification["msisdn"]
            request = Sms(to, about=operation.id, text=None)
            unique = {"about": operation.id}
            self._accept(Command(SMS.kind, request.to_json(), "worker", subject=to, unique=unique))

    def send(self, msisdn: str, text: str, client: str, key: str) -> None:
        request = Sms(msisdn, about=None, text=text)
        self._accept(Command(SMS.kind, request.to_json(), client, subject=msisdn, idempotency_key=key, repeatable=True))

    def reaches_phones(self, settings: Settings) -> bool:
        """When embedded, for trials, the console or the file stands for the phone."""
        return settings.embedded or _are_sent_by_http(settings)

    def _accept(self, command: Command) -> None:
        accept(self.store, self.broker, self.clock, command, self.ids)


notifier = SmsNotifier
