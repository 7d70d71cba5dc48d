"""`quittance webhooks`: a receiver for trials, messages that are sent again or as examples, and what is sent now."""

import json
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import click
import requests
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from core.bootstrap import Core
from core.clock import to_rfc3339
from core.ids import is_id, new_id
from core.operation import Operation
from core.store.port import OPERATIONS
from ops.following import Following, line
from ops.people_store import people_store
from ops.security import note
from products.webhooks.catalogue import example_message
from products.webhooks.contract import WEBHOOK, delivery, resending
from products.webhooks.endpoints import Endpoint, EndpointOff, Endpoints
from products.webhooks.messages import event_types
from products.webhooks.shown import delivery_with_attempts

FORWARD_WITHIN_S = 10
LOOK_EVERY_S = 0.5
MAX_BODY_BYTES = 64 * 1024
FORWARDED = ("Content-Type", "webhook-id", "webhook-timestamp", "webhook-signature")


@click.command()
@click.option("--secret", envvar="WEBHOOK_SECRET", required=True, help="The endpoint's secret, or WEBHOOK_SECRET.")
@click.option("--forward-to", "forward_to", help="A URL that gets each verified event, and whose status is answered.")
@click.option("--port", default=9000, type=click.IntRange(0, 65535), help="The port of this machine; 0: any free one.")
def listen(secret: str, forward_to: str | None, port: int) -> None:
    """Receive webhooks on this machine: verify, print and forward them, until Ctrl-C."""
    try:
        server = receiver(secret, forward_to, port)
    except (ValueError, EmptyWebhookSecretError):
        raise click.BadParameter("this is no secret: it begins with whsec_", param_hint="--secret") from None
    except OSError as error:
        raise click.ClickException(f"port {port} cannot be used: {error.strerror}") from None
    click.echo(f"Listening at http://127.0.0.1:{server.server_port}/", err=True)
    with server:
        server.serve_forever()


@click.command()
@click.argument("id")
def resend(id: str) -> None:
    """Send the message of a delivery again, under the same webhook-id. A worker does it."""
    with people_store() as core:
        document = core.store.get(OPERATIONS, id) if is_id(id) else None
        if document is None or document["kind"] != WEBHOOK.kind:
            raise click.ClickException(f"there is no delivery {id}")
        sent = Operation.from_document(document)
        try:
            core.of(Endpoints).require_on(WEBHOOK.read(sent).endpoint)
        except EndpointOff:
            raise click.ClickException("the endpoint is off, or was deleted") from None
        made = core.accept(resending(sent)).operation
        note(core, "webhook resent", made.id)
    click.echo(f"It is delivery {made.id}.")


@click.command()
@click.argument("type")
@click.option("--endpoint", "ids", multiple=True, help="An endpoint that gets it; may be given several times.")
@click.option("--client", help="A client, all of whose endpoints that want the type get it.")
def trigger(type: str, ids: tuple[str, ...], client: str | None) -> None:
    """Send an example of an event of TYPE, such as payment.succeeded. Its data has "test": true.

    Without an endpoint or a client, a trial on one machine sends it to every endpoint that wants the type.
    """
    with people_store() as core:
        known = {each.name: each for each in event_types(core.settings.installed.contracts.values())}
        if type not in known:
            raise click.BadParameter(f"no event has the type {type}: see docs/reference/webhooks.md", param_hint="TYPE")
        sent = 0
        for endpoint in _chosen(core, ids, client):
            if ids or endpoint.wants(type):
                message = example_message(known[type], new_id(), to_rfc3339(core.clock.now()))
                made = core.accept(replace(delivery(endpoint, message, None), repeatable=True)).operation
                note(core, "webhook test sent", made.id)
                click.echo(f"It is delivery {made.id} to {endpoint.url}")
                sent += 1
    if not sent:
        raise click.ClickException("no endpoint that is on wants this type")


def _chosen(core: Core, ids: tuple[str, ...], client: str | None) -> list[Endpoint]:
    """The endpoints that the options of `trigger` name. Raises ClickException."""
    endpoints = core.of(Endpoints)
    if ids:
        try:
            return [endpoints.require_on(id) for id in ids]
        except EndpointOff:
            raise click.ClickException("an endpoint is off, or there is none of this id") from None
    if client is None and not core.settings.local:
        raise click.UsageError("Name an --endpoint or a --client: other clients' systems would get the test too.")
    return endpoints.all() if client is None else endpoints.of(client)


@click.command()
@click.option("--endpoint", help="Only deliveries to this endpoint.")
@click.option("--json", "as_json", is_flag=True, help="Print a line of JSON for each.")
def tail(endpoint: str | None, as_json: bool) -> None:
    """Print deliveries as they are made and tried, until Ctrl-C."""
    with people_store() as core:
        following = Following(core, endpoint)
        while True:
            for delivered in following.look():
                view = delivery_with_attempts(delivered, is_owner=True)
                click.echo(json.dumps(view) if as_json else line(delivered))
            time.sleep(LOOK_EVERY_S)


def receiver(secret: str, forward_to: str | None, port: int) -> ThreadingHTTPServer:
    """A server that is not served yet.

    Raises ValueError or EmptyWebhookSecretError for what is no secret, and OSError for a port that is taken.
    """
    key = Webhook(secret)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            size = int(length) if length.isascii() and length.isdigit() else MAX_BODY_BYTES + 1
            self.send_response_only(413 if size > MAX_BODY_BYTES else self._take(self.rfile.read(size)))
            self.end_headers()

        def _take(self, body: bytes) -> int:
            try:
                event: dict[str, Any] = key.verify(body, dict(self.headers))
            except (WebhookVerificationError, ValueError) as error:
                click.echo(f"not verified: {error}", err=True)
                return 400
            click.echo(f"{event['type']} {self.headers['webhook-id']} {body.decode()}")
            return self._forward(body) if forward_to else 204

        def _forward(self, body: bytes) -> int:
            headers = {name: self.headers[name] for name in FORWARDED if name in self.headers}
            try:
                status = requests.post(
                    str(forward_to), data=body, headers=headers, timeout=FORWARD_WITHIN_S, allow_redirects=False
                ).status_code
            except requests.RequestException as error:
                click.echo(f"not forwarded: {type(error).__name__}", err=True)
                return 502
            click.echo(f"forwarded: {status}", err=True)
            return status

    return ThreadingHTTPServer(("127.0.0.1", port), Handler)
