"""Callbacks of operators: kept as evidence, and a reason to ask the operator now. What they say is not trusted.

The URL that we give an operator ends in a token, which names the operation and the step, and which only we can make
(HMAC-SHA256): most operators sign nothing, and some leave out our reference.
"""

import base64
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from core.broker.port import Broker
from core.clock import Clock, from_rfc3339, to_rfc3339
from core.errors import Conflict
from core.ids import new_id
from core.operation import Operation, Status
from core.steps import StepState
from core.store.port import CALLBACKS, OPERATIONS, Document, Store, update

MAX_BODY_BYTES = 64 * 1024
MAX_KEPT = 20
"""Callbacks of one step that are kept and followed. An operator sends one or two."""
SIGNATURE_BYTES = 16
WAITS = frozenset({Status.PROCESSING, Status.IN_DOUBT})
"""Statuses in which an operation may wait for an operator's answer."""

log = structlog.get_logger()


class Callbacks:
    """Receives callbacks, and finds those of a step.

    secrets: the first one signs new tokens; all of them verify, so that a secret can be rotated.
    """

    def __init__(
        self, store: Store, broker: Broker, clock: Clock, secrets: Sequence[str], ids: Callable[[], str] = new_id
    ) -> None:
        self._store, self._broker, self._clock = store, broker, clock
        self._secrets = [secret.encode() for secret in secrets]
        self._ids = ids

    def token(self, operator: str, reference: str) -> str:
        """Returns the last part of the URL that is given to an operator.

        reference: `<operation id>:<step>`.
        """
        return f"{reference}.{_sign(self._secrets[0], operator, reference)}"

    def url(self, host: str, operator: str, reference: str) -> str | None:
        """Returns the URL that is given to an operator; None where it cannot reach us.

        host: the base URL of this installation as the operator reaches it, or "".
        """
        return f"{host}/callbacks/{operator}/{self.token(operator, reference)}" if host else None

    def receive(self, operator: str, token: str, body: bytes) -> bool:
        """Keeps a callback and makes the operation's next enquiry due. Returns False for a token that is not ours.

        body: as it was sent; only the first MAX_BODY_BYTES are kept.
        Raises StoreUnavailable.
        """
        reference, _, signature = token.rpartition(".")
        expected = (_sign(secret, operator, reference) for secret in self._secrets)
        if not any(hmac.compare_digest(right.encode(), signature.encode()) for right in expected):
            return False
        self.keep(operator, reference, body)
        return True

    def keep(self, operator: str, reference: str, body: bytes) -> None:
        """Keeps a callback that the operator has sent, and makes the operation's next enquiry due.

        What names a step at another operator is not kept: nobody speaks for others.

        reference: `<operation id>:<step>`. Raises StoreUnavailable.
        """
        operation = self._store.get(OPERATIONS, reference.partition(":")[0])
        if operation is not None and operation["operator"] not in (None, operator):
            log.warning("callback_of_another_operator", reference=reference, operator=operator)
            return
        known = self._store.find(CALLBACKS, {"reference": reference}, limit=MAX_KEPT)
        if len(known) == MAX_KEPT:
            log.warning("callback_dropped", reference=reference, operator=operator)
            return
        self._store.insert(
            CALLBACKS,
            {
                "id": self._ids(),
                "reference": reference,
                "operator": operator,
                "body": body[:MAX_BODY_BYTES].decode("utf-8", "replace"),
                "at": to_rfc3339(self._clock.now()),
            },
        )
        self._bring_forward(reference)

    def about(self, operator: str, reference: str) -> list[dict[str, Any]]:
        """Returns the JSON objects that an operator's callbacks about a step have carried, as they arrived.

        Raises StoreUnavailable.
        """
        found = self._store.find(CALLBACKS, {"reference": reference}, limit=MAX_KEPT)
        theirs = (_json(document["body"]) for document in found if document["operator"] == operator)
        return [body for body in theirs if isinstance(body, dict)]

    def _bring_forward(self, reference: str) -> None:
        id, _, step = reference.partition(":")
        try:
            document = update(self._store, OPERATIONS, id, lambda document: self._due_now(document, step))
        except Conflict:
            return  # It changes all the time: somebody works on it, and asks by themselves.
        if document is not None:
            self._broker.ring(document["kind"], id)

    def _due_now(self, document: Document, step: str) -> Document | None:
        """Returns the operation with the step's next enquiry due now; None when it waits for none, or is in hand."""
        record = document["steps"].get(step, {})
        if document["status"] not in WAITS or record.get("state") != StepState.SUBMITTED:
            return None
        now = self._clock.now()
        if document["lease"] and from_rfc3339(document["lease"]["until"]) > now:
            return None
        operation = Operation.from_document(document).to_document()
        operation["steps"][step]["next_at"] = operation["due_at"] = to_rfc3339(now)
        return operation


def _sign(secret: bytes, operator: str, reference: str) -> str:
    digest = hmac.digest(secret, f"callback|{operator}|{reference}".encode(), "sha256")
    return base64.urlsafe_b64encode(digest[:SIGNATURE_BYTES]).decode().rstrip("=")


def _json(text: str) -> object:
    try:
        found: object = json.loads(text)
        json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair cannot be stored
    except (ValueError, RecursionError):
        return None
    return found
