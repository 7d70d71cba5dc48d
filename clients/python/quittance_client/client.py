"""The client: one attribute for each product."""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Unpack

from requests import Session

from quittance_client.answers import (
    Charge,
    Consultation,
    Event,
    Filters,
    FinePayment,
    FoundOperation,
    Payout,
    PublishedEvent,
    Refund,
)
from quittance_client.connection import Connection, Retries
from quittance_client.resource import Kind, Resource, moment_of, new_key, quoted, written


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
        refund: Refund = self._post(f"/v1/operations/{quoted(payment)}/refunds", body, key, wait_s)
        return refund

    def list(self, *, status: str | None = None, payment: str | None = None) -> Iterator[Refund]:
        """Newest first. Raises Problem."""
        return self._list({"status": status, "payment": payment})


class Consultations(Resource):
    def start(
        self, physician_id: str, patient_id: str, *, start_date: datetime | None = None, key: str | None = None
    ) -> Consultation:
        """start_date: default: now. Raises Problem."""
        body = {"physician_id": physician_id, "patient_id": patient_id, "start_date": moment_of(start_date)}
        started: Consultation = self._post(f"{self._path}/start", body, key)
        return started

    def end(self, id: str, *, end_date: datetime | None = None) -> Consultation:
        """From then on it is charged. The same end again is the same answer. end_date: default: now."""
        ended: Consultation = self._post(f"{self._path}/end", {"id": id, "end_date": moment_of(end_date)}, None)
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
        """Yields the events of a topic, newest first. Raises Problem."""
        return self._connection.items(self._topic(topic), self._plural, {"status": status})

    def _topic(self, topic: tuple[str, str, str]) -> str:
        return "/".join([self._path, *map(quoted, topic)])


class Operations(Resource):
    def find(
        self, *, since: datetime | None = None, until: datetime | None = None, **filters: Unpack[Filters]
    ) -> Iterator[FoundOperation]:
        """Operations of every kind, newest first; since: accepted then or later; until: before. Raises Problem."""
        return self._list({**filters, "from": moment_of(since), "to": moment_of(until)})


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
