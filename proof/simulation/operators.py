"""Simulated operators of every manner that dialects have, at the level of replies: their HTTP is not simulated."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.callbacks import Callbacks
from core.store.port import Store
from proof.simulation.partner import MAX_AWAY_S, MAX_LAG_S, MAX_LATE_S
from proof.simulation.world import World
from worker.partners.operators.port import Demand, Holder, Service
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown

Move = Callable[[str, int], str | None]
"""Moves money, given our reference and minor units. Returns why it was refused, or None."""

NAME = "operator"
SECRETS = ("a secret of the simulated world",)
PATIENCE_S = 60
"""The longest time until the payer confirms."""
MAX_CALLBACK_LATE_S = 120


@dataclass(frozen=True)
class Manner:
    """Where dialects differ.

    asked_by: whose id it can be asked by: `ours`, `theirs` or `nobody's`.
    idempotent: whether it knows a repeated reference; otherwise each request moves money.
    prepares: whether a first call gives a token, which the second needs.
    redirects: whether the payer confirms on a page of the operator.
    calls_back: whether it reports outcomes.
    """

    asked_by: str = "ours"
    idempotent: bool = True
    prepares: bool = False
    redirects: bool = False
    calls_back: bool = True


GENERIC = "generic"
"""Our own contract, whose HTTP is simulated too: see `proof.simulation.partner`."""
MANNERS: Mapping[str, Manner] = {
    "asked by our id": Manner(),
    "asked by our id, not idempotent": Manner(idempotent=False),
    "asked by their id only": Manner("theirs", idempotent=False),
    "cannot be asked": Manner("nobody's", idempotent=False),
    "two calls": Manner(prepares=True, calls_back=False),
    "redirects": Manner(redirects=True),
}


@dataclass
class Entry:
    """A request that has arrived. state: pending, done or failed."""

    demand: Demand
    their_id: str
    visible_at: datetime
    state: str = "pending"


@dataclass
class SimulatedOperator:
    """One operator of a world: a Dialect.

    debit, refund, pay_out: move the money.
    active: returns whether the account of a phone can pay.
    """

    world: World
    manner: Manner
    debit: Move
    refund: Move
    pay_out: Move
    active: Callable[[str], bool]
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    paid_out: set[str] = field(default_factory=set)
    away_until: datetime | None = None

    def __post_init__(self) -> None:
        prepare = self._prepare if self.manner.prepares else None
        self.debits = self._service(self._submit_debit, prepare)
        self.refunds: Service | None = self._service(self._submit_refund)
        self.payouts: Service | None = self._service(self._submit_payout)

    def holder(self, phone: str) -> Holder | Unavailable:
        refused = self._refused()
        self.world.point()
        return Holder(self.active(phone)) if refused is None else Unavailable("HTTP 503")

    def _service(self, submit: Callable[[Demand], Reply], prepare: Callable[[Demand], Reply] | None = None) -> Service:
        ask = None if self.manner.asked_by == "nobody's" else self._ask
        theirs = "their_id" if self.manner.asked_by == "theirs" else ""
        return Service(submit, ask, prepare, theirs, _read)

    def _prepare(self, demand: Demand) -> Reply:
        if refused := self._refused():
            return refused
        token = self.world.new_id()
        self.tokens.add(token)
        return Unknown("HTTP 504") if self._strikes("504 after") else Confirmed({"token": token})

    def _submit_debit(self, demand: Demand) -> Reply:
        if self.manner.prepares and demand.known.get("token") not in self.tokens:
            self.world.errors.append(f"{demand.reference} was sent without the token of its first call")
        return self._submit(demand)

    def _submit_refund(self, demand: Demand) -> Reply:
        if demand.debit is None or not demand.debit.known.get("receipt"):
            self.world.errors.append(f"{demand.reference} was sent without the evidence of its debit")
        return self._submit(demand)

    def _submit_payout(self, demand: Demand) -> Reply:
        self.paid_out.add(demand.reference)
        return self._submit(demand)

    def _submit(self, demand: Demand) -> Reply:
        if refused := self._refused():
            return refused
        if self._strikes("504 long after"):
            self.world.at(self.world.chance.between(0, MAX_LATE_S), lambda: self._arrive(demand))
            return Unknown("HTTP 504")
        entry = self._arrive(demand)
        self.world.point()
        if self._strikes("504 after") or self._strikes("reset"):
            return Unknown("HTTP 504")
        if self.manner.redirects:
            return Pending({"redirect": f"https://pay.invalid/{entry.their_id}"})
        return Pending({"their_id": entry.their_id} if self.manner.asked_by == "theirs" else {})

    def _refused(self) -> Reply | None:
        """Returns the answer to a request that does not arrive."""
        if self._away():
            return Unavailable("no connection")
        if self._strikes("429") or self._strikes("503"):
            return Unavailable("HTTP 503", self.world.chance.between(0, 10))
        return Unknown("HTTP 504") if self._strikes("504 before") else None

    def _away(self) -> bool:
        now = self.world.now()
        if (self.away_until is None or self.away_until <= now) and self._strikes("partner away"):
            self.away_until = now + timedelta(seconds=self.world.chance.between(10, MAX_AWAY_S))
        return self.away_until is not None and self.away_until > now

    def _arrive(self, demand: Demand) -> Entry:
        known = self.entries.setdefault(demand.reference, [])
        if known and self.manner.idempotent:
            return known[0]
        chance = self.world.chance
        lag_s = chance.between(0, MAX_LAG_S) if self._strikes("status lags") else 0
        entry = Entry(demand, self.world.new_id(), self.world.now() + timedelta(seconds=lag_s))
        known.append(entry)
        if self._strikes("callback early"):
            self._decide(entry)
        else:
            self.world.at(chance.between(0, PATIENCE_S), lambda: self._decide(entry))
        return entry

    def _decide(self, entry: Entry) -> None:
        reference = entry.demand.reference
        move = self.pay_out if reference in self.paid_out else self.debit if entry.demand.debit is None else self.refund
        entry.state = "done" if move(reference, entry.demand.minor) is None else "failed"
        if self.manner.calls_back and entry.demand.callback_url:
            self._call_back(entry, entry.demand.callback_url)

    def _call_back(self, entry: Entry, url: str) -> None:
        honest = _body(entry, entry.state == "done")
        if self._strikes("callback forged"):
            self._send(f"{url[:-4]}AAAA", _body(entry, True))  # the forger does not know the token
        if self._strikes("callback mangled"):
            self._send(url, _body(entry, True) | {"amount": entry.demand.minor + 1})
        if self._strikes("callback never"):
            return
        late_s = self.world.chance.between(0, MAX_CALLBACK_LATE_S) if self._strikes("callback late") else 0
        for _ in range(2 if self._strikes("callback twice") else 1):
            self.world.at(late_s, lambda: self._send(url, honest))

    def _send(self, url: str, body: Mapping[str, Any]) -> None:
        token = url.rpartition("/")[2]
        text = json.dumps(body).encode()

        def receive(store: Store) -> None:
            callbacks(self.world, store).receive(NAME, token, text)

        self.world.until_answered(receive)

    def _ask(self, demand: Demand) -> Reply:
        if self._away():
            return Unavailable("no connection")
        if self._strikes("status fails"):
            return Unavailable("HTTP 503") if self.world.chance.random.random() < 0.5 else Unknown("HTTP 504")
        self.world.point()
        known = self.entries.get(demand.reference, [])
        if self.manner.asked_by == "theirs":
            if not demand.known.get("their_id"):
                self.world.errors.append(f"{demand.reference} was asked about without the operator's id")
            known = [entry for entry in known if entry.their_id == demand.known.get("their_id")]
        if not known or known[0].visible_at > self.world.now():
            return NotFound()
        return _reply(known[0].state, known[0].their_id)

    def _strikes(self, fault: str) -> bool:
        return self.world.chance.strikes(fault)


def callbacks(world: World, store: Store) -> Callbacks:
    """Returns the callbacks of a world, as a process with this view of the store receives and reads them."""
    return Callbacks(store, world, world, SECRETS, world.new_id)


def _body(entry: Entry, succeeded: bool) -> dict[str, Any]:
    demand = entry.demand
    state = "done" if succeeded else "failed"
    return {"their_id": entry.their_id, "state": state, "amount": demand.minor, "phone": demand.phone}


def _read(demand: Demand, body: Mapping[str, Any]) -> Reply:
    """What a callback says: it decides only with the right amount and payer."""
    if (body.get("amount"), body.get("phone")) != (demand.minor, demand.phone):
        return Unknown("a callback about something else")
    return _reply(str(body.get("state")), str(body.get("their_id")))


def _reply(state: str, their_id: str) -> Reply:
    match state:
        case "done":
            return Confirmed({"receipt": their_id})
        case "failed":
            return Declined("not_approved")
        case _:
            return Pending()
