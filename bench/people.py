"""People with money in their wallets to measure with, and what they send each other.

Their money comes from mobile money, as a top-up's does, so that the audit explains every unit.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from argon2 import PasswordHasher

from core.accept import Order, accept
from core.broker.embedded import EmbeddedBroker
from core.clock import SystemClock, to_text
from core.ids import new_id
from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.operation import Operation, Status, StepRecord, StepState
from core.passwords import Passwords
from core.people import People
from core.store.port import JOURNAL, OPERATIONS, Store
from core.store.sql import SqlStore
from ops.stack import Stack

TOP_UP, TRANSFER = "wallet_top_up", "wallet_transfer"
CURRENCY = "XOF"
OPENING, AMOUNT = 1_000_000, 100
CLIENTS = 32
CLOCK = SystemClock()

Given = TypeVar("Given")
Made = TypeVar("Made")


def open_store(running: Stack) -> SqlStore:
    """The store of a stack of which nothing may be started yet."""
    running.var_dir.mkdir(exist_ok=True)
    return SqlStore(f"sqlite:///{running.var_dir / 'quittance.sqlite'}")


def in_threads(make: Callable[[Given], Made], given: Iterable[Given]) -> list[Made]:
    """So that writes share commits."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(make, given))


def people(store: Store, number: int) -> list[str]:
    """The ids of so many people, each with OPENING in the wallet. Their passwords are cheap: nobody signs in."""
    known, ledger = People(store, CLOCK, Passwords(PasswordHasher(1, 8, 1))), Ledger(store, CLOCK)

    def enter(index: int) -> str:
        id = known.register(f"person-{index}", "correct horse battery").id
        ledger.open(id, CURRENCY)
        top_up = _succeeded(TOP_UP, {"wallet": id, "amount": OPENING, "currency": CURRENCY}, ["settle"])
        store.insert(OPERATIONS, top_up.to_document())
        ledger.settle(Movement(top_up.id, MOBILE_MONEY, id, OPENING, CURRENCY, TOP_UP))
        return id

    return in_threads(enter, range(number))


def ask(store: Store, payer: str, payee: str) -> None:
    """Has a transfer accepted, as the API does."""
    order = Order(
        TRANSFER, _request(payer, payee), payer, subject=payer, counterpart=payee, idempotency_key=new_id(),
        repeatable=True,
    )  # fmt: skip
    accept(store, EmbeddedBroker(store, CLOCK), CLOCK, order)


def enter_succeeded(store: Store, payer: str, payee: str) -> None:
    """Stores a transfer as it is when all of it is over, and its entries; balances are left as they are."""
    transfer = _succeeded(TRANSFER, _request(payer, payee), ["check", "hold", "settle"])
    store.insert(OPERATIONS, transfer.to_document())
    for leg, account, other, amount in (("out", payer, payee, -AMOUNT), ("in", payee, payer, AMOUNT)):
        entry = {"id": f"{transfer.id}:{leg}", "account": account, "operation": transfer.id, "amount": amount}
        told = {"currency": CURRENCY, "what": TRANSFER, "other": other, "at": to_text(transfer.updated_at)}
        store.insert(JOURNAL, {**entry, **told})


def _request(payer: str, payee: str) -> dict[str, Any]:
    return {"from": payer, "to": payee, "to_name": "somebody", "amount": AMOUNT, "currency": CURRENCY, "note": None}


def _succeeded(kind: str, request: dict[str, Any], steps: list[str]) -> Operation:
    """An operation with the timeline of one that nothing delayed."""
    now = CLOCK.now()
    operation = Operation(
        id=new_id(),
        kind=kind,
        request=request,
        client="bench",
        subject=request.get("from", request.get("wallet")),
        counterpart=request.get("to"),
        created_at=now,
        updated_at=now,
    ).noted(now, "accepted", "the request is stored and will be processed")
    operation = operation.moved(Status.PROCESSING, now)
    for step in steps:
        done = StepRecord(operation.reference(step), StepState.DONE, attempts=1, begun_at=now, submitted_at=now)
        operation = operation.noted(now, "step_begun", f"{step}: begun", step).with_step(step, done)
        operation = operation.noted(now, "step_done", f"{step}: done", step)
    return operation.moved(Status.SUCCEEDED, now)
