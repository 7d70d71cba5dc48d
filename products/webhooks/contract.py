"""Webhooks: each delivery is an operation, so none is lost, and each is tried again as often as the standard says.

Source: Standard Webhooks 1.0.0, https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import structlog
from environs import validate

from core.accept import Command, accept
from core.broker.port import Broker
from core.clock import Clock
from core.contract import Contract, Effect, EffectKind, Record, Request, effect_of
from core.environment import Env
from core.notices.port import Site
from core.operation import Operation
from core.sealing import BrokenSeal
from core.settings import Settings
from core.store.port import Store
from core.targets import Rules
from products.webhooks.endpoints import COLLECTION, EVERYBODY, Endpoint, Endpoints
from products.webhooks.messages import Message, messages
from products.webhooks.rights import SCOPE, SCOPE_ALL, Rights

log = structlog.get_logger()

WAIT_STEP, DELIVER_STEP = "wait", "deliver"
DID_NOT_HAPPEN = "did_not_happen"
"""Why a delivery fails whose status was announced, and then not saved."""
SAME_WITHIN_S = 10
"""The same request to resend a delivery within this time is a client that repeats it."""


@dataclass(frozen=True)
class Delivery(Request):
    """One message to one endpoint.

    endpoint: an id; url: where this message goes instead of the endpoint's URL, or None; message: its id.
    about: the operation, or None for a test; version: the operation's, before the status that is told was saved.
    status, at: the entry of the timeline that is told; body: JSON text; again: the delivery that it repeats.
    everybody: whether the endpoint gets the events of all clients.
    """

    endpoint: str
    url: str | None
    message: str
    type: str
    about: str | None
    version: int
    status: str
    at: str
    body: str
    again: str | None = None
    everybody: bool = False


def effects(operation: Operation) -> Iterator[Effect]:
    """The delivery, of which the receiver keeps a record, and not we."""
    return effect_of(operation, DELIVER_STEP, DELIVERED)


@dataclass(frozen=True)
class WebhookSettings:
    """webhook_timeout_s: for all of one attempt; allow_http_webhooks, allow_private_webhooks: what URLs may lead to."""

    webhook_timeout_s: float
    allow_http_webhooks: bool
    allow_private_webhooks: bool

    @classmethod
    def read(cls, env: Env) -> Self:
        return cls(
            env.float("WEBHOOK_TIMEOUT_S", 15, validate=validate.Range(1, 30)) or 15,
            env.bool("ALLOW_HTTP_WEBHOOKS", False),
            env.bool("ALLOW_PRIVATE_WEBHOOKS", False),
        )


def rules(settings: Settings) -> Rules:
    """Which URLs may be called. On one machine that only itself reaches, receivers are on it as well."""
    ours = settings.of(WebhookSettings)
    return Rules(http=ours.allow_http_webhooks or settings.local, private=ours.allow_private_webhooks or settings.local)


DELIVERED = EffectKind("delivery", "webhooks delivered", Record.NONE)
WEBHOOK = Contract("webhook", Delivery, frozenset(), (DELIVERED,), effects)
CONTRACTS = (WEBHOOK,)
COLLECTIONS = (COLLECTION,)
SETTINGS = (WebhookSettings,)
SCOPES = (SCOPE, SCOPE_ALL)


def delivery(endpoint: Endpoint, message: Message, about: Operation | None, url: str | None = None) -> Command:
    """The command of a delivery: one for each message, endpoint and URL."""
    return _command(
        endpoint.owner,
        Delivery(
            endpoint=endpoint.id,
            url=url,
            message=message.id,
            type=message.type,
            about=about.id if about else None,
            version=about.version if about else 0,
            status=message.status,
            at=message.at,
            body=message.body,
            everybody=endpoint.hears == EVERYBODY,
        ),
        about.trace if about else None,
    )


def redelivery(failed: Operation) -> Command:
    """The command that delivers the same message again: one, as long as no other delivery of it lives or succeeded."""
    return _command(failed.client or "", replace(WEBHOOK.read(failed), again=failed.id), failed.trace)


def resending(delivery: Operation) -> Command:
    """The command that delivers the same message again, whatever became of it before."""
    return replace(redelivery(delivery), repeatable=True, same_within_s=SAME_WITHIN_S)


def _command(owner: str, request: Delivery, trace: str | None) -> Command:
    return Command(
        WEBHOOK.kind,
        request.to_json(),
        owner,
        subject=request.endpoint,
        counterparty=request.about,
        trace=trace,
        # With the version: what was announced for a save that failed may be dropped, and announced again for the next.
        unique={
            "message": request.message,
            "endpoint": request.endpoint,
            "url": request.url,
            "version": request.version,
        },
    )


@dataclass(frozen=True)
class WebhookAnnouncer:
    """The Announcer port. ids: makes ids of operations."""

    store: Store
    broker: Broker
    clock: Clock
    ids: Callable[[], str]
    site: Site

    @cached_property
    def _rights(self) -> Rights:
        return Rights(self.store, self.clock, self.site.let_in)

    def changed(self, before: Operation, after: Operation) -> None:
        """Enqueues a delivery for each message and each endpoint that wants it.

        A delivery waits until what it tells is saved, so it may be enqueued before.
        """
        contract = self.site.contracts.get(after.kind)
        told = list(messages(contract, before, after, self.site.public_url)) if contract else []
        if not told:
            return
        endpoints = Endpoints(self.store, self.clock)
        wanting = [each for each in endpoints.hearing(after.client) if any(each.wants(one.type) for one in told)]
        hearing = [each for each in wanting if self._may_hear(each)]
        own = self._named(endpoints, after.report_to["endpoint"]) if after.report_to else None
        for message in told:
            for endpoint in hearing:
                if endpoint.wants(message.type):
                    self._accept(delivery(endpoint, message, before))
            if own is not None and after.report_to is not None:
                self._accept(delivery(own, message, before, after.report_to["url"]))

    def _may_hear(self, endpoint: Endpoint) -> bool:
        """Whether the endpoint's owner still may; if not, it is switched off."""
        try:
            if self._rights.may_hear(endpoint):
                return True
        except BrokenSeal:
            log.exception("webhook_owner_broken", endpoint=endpoint.id, client=endpoint.owner)
            return True  # no payment waits for it; the delivery does
        # Settings are read from here before the folder of the metrics is known, which this counts in.
        from products.webhooks.off import Switch, Why  # noqa: PLC0415

        Switch(self.store, self.clock, self.site.tell_operators).off(endpoint, Why.OWNER)
        return False

    def _named(self, endpoints: Endpoints, id: str) -> Endpoint | None:
        """The endpoint that an operation names; None if it is gone, or somebody has altered it: no payment waits."""
        try:
            return endpoints.get(id)
        except BrokenSeal:
            log.exception("webhook_endpoint_broken", endpoint=id)
            return None

    def _accept(self, command: Command) -> None:
        accept(self.store, self.broker, self.clock, command, self.ids)


announcer = WebhookAnnouncer
