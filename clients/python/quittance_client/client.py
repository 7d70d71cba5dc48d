"""The client: one attribute for each product."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import uuid4

from requests import Session

from quittance_client.answers import (
    ENDED,
    Charge,
    Consultation,
    Event,
    FinePayment,
    FoundOperation,
    Operation,
    Payout,
    PublishedEvent,
    Refund,
)
from quittance_client.connection import Connection, Retries

View = TypeVar("View", bound=Operation)
MAX_WAIT_S = 30
"""What the API waits at most for one request."""
POLL_S = 2.0
"""Between two requests, when the API does not hold its answer because many wait already."""


def new_key() -> str:
    """A new Idempotency-Key. Store it with your order before the first attempt."""
    return str(uuid4())


def written(amount: Decimal | int) -> str:
    """An amount as the API reads it. Raises TypeError for a float, which is no amount of money."""
    if isinstance(amount, float):
        raise TypeError("an amount of money is a Decimal or an int, not a float")
    return f"{Decimal(amount):f}"


def _moment(moment: datetime | None) -> str | None:
    """RFC 3339. Raises ValueError for a time without a zone."""
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a time needs a zone, such as datetime.UTC")
    return None if moment is None else moment.isoformat()


class Resource:
    """The routes of one product below a path."""

    def __init__(self, connection: Connection, path: str, plural: str) -> None:
        self._connection, self._path, self._plural = connection, path, plural

    def _get(self, *parts: str, wait_s: int = 0, path: str | None = None) -> Any:
        return self._connection.request("GET", "/".join([path or self._path, *map(_quoted, parts)]), wait_s=wait_s)

    def _post(self, path: str, body: Mapping[str, Any], key: str | None, wait_s: int = 0) -> Any:
        known = {name: value for name, value in body.items() if value is not None}
        return self._connection.request("POST", path, body=known, key=key or new_key(), wait_s=wait_s)

    def _list(self, query: Mapping[str, Any]) -> Iterator[Any]:
        return self._connection.items(self._path, self._plural, query)


def _quoted(part: str) -> str:
    return quote(part, safe="")


class Kind(Resource, Generic[View]):
    """The routes that payments, payouts and refunds have in common."""

    def get(self, id: str, *, wait_s: int = 0) -> View:
        """wait_s: the API may hold its answer so long, at most 30 s, until the operation has ended. Raises Problem."""
        found: View = self._get(id, wait_s=wait_s)
        return found

    def follow(self, id: str, *, within_s: float) -> View:
        """The operation once it has ended, or as it is after `within_s` seconds. Raises Problem."""
        connection = self._connection
        until = connection.clock() + within_s
        while True:
            began = connection.clock()
            found = self.get(id, wait_s=max(0, min(MAX_WAIT_S, int(until - began))))
            if found["status"] in ENDED or connection.clock() >= until:
                return found
            if connection.clock() - began < POLL_S:
                connection.sleep(POLL_S)


class Fines(Kind[FinePayment]):
    def pay(
        self,
        msisdn: str,
        currency: str,
        fines: Mapping[str, Decimal | int],
        *,
        operator: str | None = None,
        callback_url: str | None = None,
        key: str | None = None,
        wait_s: int = 0,
    ) -> FinePayment:
        """fines: the amount of each fine in main units, by its id. Raises Problem."""
        listed = [{"id": id, "amount": written(amount)} for id, amount in fines.items()]
        total = written(sum(map(Decimal, fines.values())))
        body = {"msisdn": msisdn, "currency": currency, "amount": total, "amendes": listed, "operator": operator}
        body["callback_url"] = callback_url
        payment: FinePayment = self._post(self._path, body, key, wait_s)
        return payment

    def list(self, *, status: str | None = None, msisdn: str | None = None) -> Iterator[FinePayment]:
        """Newest first. Raises Problem."""
        return self._list({"status": status, "msisdn": msisdn})


class Payouts(Kind[Payout]):
    def create(
        self,
        msisdn: str,
        amount: Decimal | int,
        currency: str,
        *,
        text: str | None = None,
        operator: str | None = None,
        key: str | None = None,
        wait_s: int = 0,
    ) -> Payout:
        """Pays a phone. Above the limit of its currency it stays `open` until a second person approves it."""
        body = {"msisdn": msisdn, "amount": written(amount), "currency": currency, "text": text, "operator": operator}
        payout: Payout = self._post(self._path, body, key, wait_s)
        return payout

    def list(self, *, status: str | None = None) -> Iterator[Payout]:
        """Newest first. Raises Problem."""
        return self._list({"status": status})


class Refunds(Kind[Refund]):
    def create(
        self,
        payment: str,
        reason: str,
        *,
        amount: Decimal | int | None = None,
        items: Sequence[str] = (),
        key: str | None = None,
        wait_s: int = 0,
    ) -> Refund:
        """Gives back a payment. amount: None for all that is left; items: ids of fines that are given back whole."""
        body = {"reason": reason, "items": [*items], "amount": None if amount is None else written(amount)}
        refund: Refund = self._post(f"/v1/operations/{_quoted(payment)}/refunds", body, key, wait_s)
        return refund

    def list(self, *, status: str | None = None, payment: str | None = None) -> Iterator[Refund]:
        """Newest first. Raises Problem."""
        return self._list({"status": status, "payment": payment})


class Consultations(Resource):
    def start(
        self, physician_id: str, patient_id: str, *, start_date: datetime | None = None, key: str | None = None
    ) -> Consultation:
        """start_date: default: now. Raises Problem."""
        body = {"physician_id": physician_id, "patient_id": patient_id, "start_date": _moment(start_date)}
        started: Consultation = self._post(f"{self._path}/start", body, key)
        return started

    def end(self, id: str, *, end_date: datetime | None = None) -> Consultation:
        """From then on it is charged. The same end again is the same answer. end_date: default: now."""
        ended: Consultation = self._post(f"{self._path}/end", {"id": id, "end_date": _moment(end_date)}, None)
        return ended

    def get(self, id: str) -> Consultation:
        found: Consultation = self._get(id)
        return found

    def list(
        self, *, status: str | None = None, physician_id: str | None = None, patient_id: str | None = None
    ) -> Iterator[Consultation]:
        """Newest first. Raises Problem."""
        return self._list({"status": status, "physician_id": physician_id, "patient_id": patient_id})

    def charge(self, id: str, *, wait_s: int = 0) -> Charge:
        """What an ended consultation costs, and the status of its charge."""
        charge: Charge = self._get(id, path="/v1/charges", wait_s=wait_s)
        return charge


class Events(Resource):
    def publish(
        self,
        topic: tuple[str, str, str],
        data: Mapping[str, Any],
        *,
        cloud_event: Mapping[str, str] | None = None,
        key: str | None = None,
        wait_s: int = 0,
    ) -> Event:
        """topic: solution, model, action. cloud_event: headers such as `ce-type`. Raises Problem."""
        key = key or new_key()
        event: Event = self._connection.request(
            "POST", self._topic(topic), body=data, headers=cloud_event, key=key, wait_s=wait_s
        )
        return event

    def get(self, event_uid: str, *, wait_s: int = 0) -> PublishedEvent:
        found: PublishedEvent = self._get(event_uid, wait_s=wait_s)
        return found

    def list(self, topic: tuple[str, str, str], *, status: str | None = None) -> Iterator[PublishedEvent]:
        """Of a topic, newest first. Raises Problem."""
        return self._connection.items(self._topic(topic), self._plural, {"status": status})

    def _topic(self, topic: tuple[str, str, str]) -> str:
        return "/".join([self._path, *map(_quoted, topic)])


class Operations(Resource):
    def find(
        self, *, since: datetime | None = None, until: datetime | None = None, **filters: str
    ) -> Iterator[FoundOperation]:
        """Operations of every kind, newest first. Raises Problem.

        filters: kind, status, partner, expand, and at most one of ref, reference, fine, plate and msisdn.
        """
        return self._list({**filters, "from": _moment(since), "to": _moment(until)})


class Client:
    """One API, for one thread.

    url: such as `https://pay.example`.
    credentials: the id and the text of an API key, which are exchanged for tokens of 15 minutes.
    token: an API key or a person's token, sent as it is. Of the two, name one or none.
    timeout_s: how long one attempt may take to connect, and to answer.
    """

    def __init__(
        self,
        url: str,
        *,
        credentials: tuple[str, str] | None = None,
        token: str | None = None,
        retries: Retries | None = None,
        timeout_s: float = 10,
        session: Session | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if credentials and token:
            raise ValueError("name credentials or a token, not both")
        how = (credentials, token, retries or Retries(), timeout_s, session or Session(), clock, sleep, chance)
        connection = Connection(url.rstrip("/"), *how)
        self.fines = Fines(connection, "/v1/fines/payments", "payments")
        self.payouts = Payouts(connection, "/v1/payouts", "payouts")
        self.refunds = Refunds(connection, "/v1/refunds", "refunds")
        self.consultations = Consultations(connection, "/v1/consultations", "consultations")
        self.events = Events(connection, "/v1/events", "events")
        self.operations = Operations(connection, "/v1/operations", "operations")
        self._session = connection.session

    def close(self) -> None:
        """Closes the connections that are kept open."""
        self._session.close()
