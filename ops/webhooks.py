"""`quittance webhooks`: a receiver for trials, and messages that are sent again."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import click
import requests
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook, WebhookVerificationError

from core.ids import is_id
from core.operation import Operation
from core.store.port import OPERATIONS
from ops.people_store import people_store
from ops.security import note
from products.webhooks.contract import WEBHOOK, resending
from products.webhooks.endpoints import EndpointOff, Endpoints

FORWARD_WITHIN_S = 10
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
