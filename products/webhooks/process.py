"""Delivering: wait until what is told is saved, then send it, in the attempts that the standard proposes."""

from collections.abc import Mapping
from typing import Protocol

from standardwebhooks.webhooks import Webhook

from core.clock import Clock, to_rfc3339
from core.operation import Operation
from core.store.port import OPERATIONS, Store
from products.webhooks.breakers import Breakers, EndpointBreaker, Places
from products.webhooks.contract import DELIVER_STEP, DID_NOT_HAPPEN, WAIT_STEP, WEBHOOK, WebhookSettings, rules
from products.webhooks.endpoints import Endpoint, State
from products.webhooks.off import Switch, Why
from products.webhooks.rights import Rights
from worker.partners.pinned import Heard, NotHeard, PinnedHttp
from worker.partners.port import Confirmed, Declined, Reply, Unavailable
from worker.process import FOREVER_S, REPEATABLE, REQUIRED, Process, Stages, Step
from worker.products import WorkerServices

PATIENT = REQUIRED.within(FOREVER_S)
"""A delivery has no deadline: it ends with its last planned attempt."""
FIRST_LOOK_S = 0.1
"""A delivery is there a moment before what it tells is saved."""
HOUR_S = 3600
RETRIES_S = (5, 5 * 60, 30 * 60, 2 * HOUR_S, 5 * HOUR_S, 10 * HOUR_S, 14 * HOUR_S, 20 * HOUR_S, 24 * HOUR_S)
"""The waits between ten attempts, 75 h 35 min in all: Standard Webhooks 1.0.0, "Retry schedule"."""
GONE = 410
SPARE_S = 1
"""What an attempt may take over its timeout."""


class Post(Protocol):
    """Posts a body to a URL of an owner."""

    def post(self, url: str, body: bytes, headers: Mapping[str, str], owner: str) -> Heard | NotHeard: ...


def processes(services: WorkerServices) -> tuple[Process, ...]:
    core = services.core
    timeout_s = core.settings.of(WebhookSettings).webhook_timeout_s
    http = PinnedHttp(core.clock, rules(core.settings), timeout_s)
    places = Places.of_worker(core.settings.worker_concurrency)
    breakers = Breakers(lambda client: EndpointBreaker(core.clock, client, places))
    rights = Rights(core.store, core.clock, core.settings.let_in)
    switch = Switch(core.store, core.clock, core.tell_operators)
    return (webhook(core.store, core.clock, http, breakers, rights, switch, timeout_s + SPARE_S),)


def webhook(
    store: Store,
    clock: Clock,
    http: Post,
    breakers: Breakers,
    rights: Rights,
    switch: Switch | None = None,
    call_s: float = 0,
) -> Process:
    """switch: one that tells nobody, by default."""
    switch = switch or Switch(store, clock)
    endpoints = switch.endpoints

    def wait(operation: Operation) -> Reply:
        return _saved(operation, store)

    def deliver(operation: Operation) -> Reply:
        request = WEBHOOK.read(operation)
        endpoint = endpoints.get(request.endpoint)
        if endpoint is None or endpoint.state is State.OFF:
            return Declined("endpoint_off", called=False)
        if not rights.may_hear(endpoint):
            switch.off(endpoint, Why.OWNER)
            return Declined("endpoint_off", called=False)
        body = request.body.encode()
        headers = _headers(endpoint, request.message, body, clock)
        heard = http.post(request.url or endpoint.url, body, headers, endpoint.owner)
        return _judge(switch, endpoint, heard)

    waiting = Step(
        WAIT_STEP,
        "waiting until it is saved",
        submit=wait,
        recovery=REPEATABLE,
        obligation=PATIENT,
        first_retry_s=FIRST_LOOK_S,
        saves_intent=False,
        is_lookup=True,
    )

    def stages(operation: Operation) -> Stages:
        request = WEBHOOK.read(operation)
        delivering = Step(
            DELIVER_STEP,
            "delivering",
            submit=deliver,
            recovery=REPEATABLE,
            breaker=breakers.of(request.endpoint, operation.client or ""),
            obligation=PATIENT,
            retries_s=RETRIES_S,
        )
        return ((waiting,), (delivering,)) if request.about else ((delivering,),)

    return Process(WEBHOOK.kind, stages, call_s)


def _saved(operation: Operation, store: Store) -> Reply:
    """Whether the operation has come to the status that is told, or never will in the way that is told."""
    request = WEBHOOK.read(operation)
    document = store.get(OPERATIONS, str(request.about))
    about = Operation.from_document(document) if document else None
    if about is None:
        return Declined(DID_NOT_HAPPEN)
    if any(entry.event == request.status and to_rfc3339(entry.at) == request.at for entry in about.moves()):
        return Confirmed()
    # A save that is still to come would need the version that the operation had.
    return Declined(DID_NOT_HAPPEN) if about.version > request.version else Unavailable("it is not saved yet")


def _headers(endpoint: Endpoint, message: str, body: bytes, clock: Clock) -> dict[str, str]:
    now = clock.now()  # in UTC, which the library takes for granted
    signatures = (Webhook(secret).sign(message, now, body.decode()) for secret in endpoint.secrets)
    return {
        "Content-Type": "application/json",
        "User-Agent": "Quittance",
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _judge(switch: Switch, endpoint: Endpoint, heard: Heard | NotHeard) -> Reply:
    """The reply, of which the endpoint takes note."""
    if isinstance(heard, Heard):
        said = {"http": heard.status, "body": heard.body.decode("utf-8", "replace")}
        if heard.status // 100 == 2:
            switch.endpoints.succeeded(endpoint)
            return Confirmed(said=said)
        if heard.status == GONE:
            switch.off(endpoint, Why.GONE)
            return Declined("endpoint_gone", said=said)
        why, retry_after_s = f"HTTP {heard.status}", heard.retry_after_s
    elif heard.not_now_s:
        return Unavailable(heard.why, heard.not_now_s, called=False)
    else:
        said, why, retry_after_s = {"failure": heard.why}, heard.why, 0
    if switch.endpoints.failed(endpoint):
        switch.off(endpoint, Why.FAILING)
    if isinstance(heard, NotHeard) and heard.refused:
        return Declined("target_refused", said=said)
    return Unavailable(why, retry_after_s, said=said)
