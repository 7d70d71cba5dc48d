"""People with money in their wallets, and transfers between them.

Their money comes from mobile money, like a top-up's, so that the audit can explain every unit.
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from argon2 import PasswordHasher

from core.accept import Command, accept
from core.bootstrap import embedded_broker
from core.clock import SystemClock, to_rfc3339
from core.contract import Request
from core.identity.passwords import Passwords
from core.identity.people import People
from core.ids import new_id
from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from core.store.port import JOURNAL, OPERATIONS, Store
from devtools.stack import Stack
from products.wallets.contract import TOP_UP, TRANSFER, TopUp, Transfer

CURRENCY, PHONE = "XOF", "+2250700000000"
OPENING_MINOR, AMOUNT_MINOR = 1_000_000, 100
CLIENTS = 32
CLOCK = SystemClock()

Item = TypeVar("Item")
Result = TypeVar("Result")


def open_store(running: Stack) -> Store:
    """Opens the store of a stack, whose processes may not be started yet."""
    running.var_dir.mkdir(exist_ok=True)
    return running.open_store()


def in_threads(make: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Calls `make` for each item in concurrent threads, so that writes share commits. Returns the results in order."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return list(clients.map(make, items))


def people(store: Store, number: int) -> list[str]:
    """Registers people with OPENING_MINOR in their wallets, and returns their ids.

    number: of people. Their passwords are hashed cheaply, as none of them signs in.
    """
    accounts, ledger = People(store, CLOCK, Passwords(PasswordHasher(1, 8, 1))), Ledger(store, CLOCK)

    def register(index: int) -> str:
        id = accounts.register(f"person-{index}", "correct horse battery").id
        ledger.open(id, CURRENCY)
        ledger.settle(_topped_up(store, id, OPENING_MINOR))
        return id

    return in_threads(register, range(number))


def credit_one(store: Store, credits: int) -> float:
    """Credits one wallet by many threads, as a worker's do, and returns how long that took, in seconds."""
    ledger, (merchant,) = Ledger(store, CLOCK), people(store, 1)
    moves = in_threads(lambda _: _topped_up(store, merchant, AMOUNT_MINOR), range(credits))
    began = time.perf_counter()
    in_threads(ledger.settle, moves)
    return time.perf_counter() - began


def accept_transfer(store: Store, payer: str, payee: str) -> None:
    """Accepts a transfer, as the API does."""
    request = _request(payer, payee).to_json()
    command = Command(TRANSFER.kind, request, payer, subject=payer, counterparty=payee, repeatable=True)
    accept(store, embedded_broker(store, CLOCK), CLOCK, replace(command, idempotency_key=new_id()))


def store_succeeded(store: Store, payer: str, payee: str) -> None:
    """Stores a succeeded transfer and its journal entries. Balances are not changed."""
    transfer = _succeeded(TRANSFER.kind, payer, payee, _request(payer, payee), ["check", "hold", "settle"])
    store.insert(OPERATIONS, transfer.to_document())
    for leg, account, other, amount in (("out", payer, payee, -AMOUNT_MINOR), ("in", payee, payer, AMOUNT_MINOR)):
        entry = {"id": f"{transfer.id}:{leg}", "account": account, "operation": transfer.id, "amount": amount}
        rest = {"currency": CURRENCY, "what": TRANSFER.kind, "other": other, "at": to_rfc3339(transfer.updated_at)}
        store.insert(JOURNAL, {**entry, **rest})


def _request(payer: str, payee: str) -> Transfer:
    return Transfer(payer, payee, "payee", AMOUNT_MINOR, CURRENCY)


def _topped_up(store: Store, wallet: str, amount: int) -> Movement:
    """Stores a succeeded top-up, and returns its movement, which is still to be settled.

    amount: minor units.
    """
    top_up = _succeeded(TOP_UP.kind, wallet, None, TopUp(wallet, PHONE, amount, CURRENCY), ["settle"])
    store.insert(OPERATIONS, top_up.to_document())
    return Movement(top_up.id, MOBILE_MONEY, wallet, amount, CURRENCY, TOP_UP.kind)


def _succeeded(kind: str, subject: str, counterparty: str | None, request: Request, steps: list[str]) -> Operation:
    """Returns a succeeded operation with the timeline of one without delays.

    steps: the names of its steps.
    """
    now = CLOCK.now()
    operation = Operation(
        id=new_id(),
        kind=kind,
        request=request.to_json(),
        client="bench",
        subject=subject,
        counterparty=counterparty,
        created_at=now,
        updated_at=now,
    ).noted(now, "accepted", "the request is stored and will be processed")
    operation = operation.moved(Status.PROCESSING, now)
    for step in steps:
        done = StepRecord(operation.reference(step), StepState.DONE, attempts=1, begun_at=now, submitted_at=now)
        operation = operation.noted(now, "step_begun", f"{step}: started", step).with_step(step, done)
        operation = operation.noted(now, "step_done", f"{step}: done", step)
    return operation.moved(Status.SUCCEEDED, now)
