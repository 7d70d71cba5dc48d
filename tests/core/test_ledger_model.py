"""The ledger beside a plain model: whatever verbs are called, in whatever order, cut off or repeated, both agree."""

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.contract import Request
from core.errors import AlreadyDecided, InsufficientFunds, StoreUnavailable
from core.installed import DEFAULT
from core.ledger import MOBILE_MONEY, SYSTEM, Ledger, Movement
from core.operation import Operation, Status
from core.store.memory import MemoryStore
from products.services.contract import ACCOUNT, SERVICE_PAYMENT, ServicePayment
from products.wallets.contract import TOP_UP, TRANSFER, TopUp, Transfer
from proof.ledger import examine_ledger
from proof.simulation.chance import Chance, Crash
from proof.simulation.turns import SimulatedTurns
from tests.doubles import CutOff, FakeClock, new_operation

pytestmark = pytest.mark.slow
WALLETS = ("awa", "kofi", "zoe")
NO_TURN = -1
CUTS = st.integers(NO_TURN, 12)
"""Where a worker dies: after so many verbs of the store, or while it waits for its turn at a wallet."""


class Waiting(Chance):
    """Decides whether a thread waits for its turn for ever."""

    forever = False

    def strikes(self, fault: str) -> bool:
        return self.forever


class LedgerMachine(RuleBasedStateMachine):
    """The model: what each wallet has, and the fate of each operation, as one would write it on paper."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.waiting = Waiting("model", faults=False)
        self.turns = SimulatedTurns(self.waiting, lambda save: save())
        self.ledger = Ledger(self.store, FakeClock(), SYSTEM | {ACCOUNT}, self.turns)
        self.has = dict.fromkeys(WALLETS, 0)
        self.fates: dict[str, str] = {}
        self.moves: dict[str, Movement] = {}

    @initialize()
    def open(self) -> None:
        for wallet in WALLETS:
            self.ledger.open(wallet, "XOF")

    @rule(wallet=st.sampled_from(WALLETS), amount=st.integers(1, 1000), cut_at=CUTS)
    def top_up(self, wallet: str, amount: int, cut_at: int) -> None:
        move = self._ask(TOP_UP.kind, MOBILE_MONEY, wallet, amount)
        self._twice(move, "settle", cut_at)
        self._spent(move)

    @rule(
        source=st.sampled_from(WALLETS),
        to=st.sampled_from((*WALLETS, ACCOUNT)),
        amount=st.integers(1, 600),
        cut_at=CUTS,
    )
    def hold(self, source: str, to: str, amount: int, cut_at: int) -> None:
        if source == to:
            return
        kind = SERVICE_PAYMENT.kind if to == ACCOUNT else TRANSFER.kind
        move = self._ask(kind, source, to, amount)
        refused = self._twice(move, "hold", cut_at)
        assert (refused is InsufficientFunds) == (amount > self.has[source])
        if refused:
            self._end(move, "refused", Status.FAILED)
        else:
            self.has[source] -= amount
            self.fates[move.operation] = "held"

    @precondition(lambda self: "held" in self.fates.values())
    @rule(data=st.data(), spend=st.booleans(), cut_at=CUTS)
    def decide(self, data: st.DataObject, spend: bool, cut_at: int) -> None:
        move = self._pick(data, "held")
        assert self._twice(move, "settle" if spend else "release", cut_at) is None
        if spend:
            self._spent(move)
        else:
            self.has[move.source] += move.amount
            self._end(move, "released", Status.FAILED)

    @precondition(lambda self: self.fates.keys() and not set(self.fates.values()) <= {"held"})
    @rule(data=st.data(), verb=st.sampled_from(("hold", "release", "settle")))
    def come_late(self, data: st.DataObject, verb: str) -> None:
        """A worker that was paused repeats what has long been decided."""
        move = self._pick(data, "refused", "released", "spent")
        if move.source in WALLETS or verb == "settle":
            with suppress(AlreadyDecided, InsufficientFunds):
                getattr(self.ledger, verb)(move)

    @invariant()
    def agree(self) -> None:
        held = {wallet: dict[str, int]() for wallet in WALLETS}
        for id, fate in self.fates.items():
            if fate == "held":
                held[self.moves[id].source][id] = self.moves[id].amount
        found = {wallet["id"]: wallet for wallet in self.store.find("wallets", {})}
        assert {id: (wallet["balance"], wallet["holds"]) for id, wallet in found.items()} == {
            wallet: (self.has[wallet], held[wallet]) for wallet in found
        }
        assert list(examine_ledger(self.store, DEFAULT.contracts)) == []

    def _ask(self, kind: str, source: str, target: str, amount: int) -> Movement:
        id = f"op-{len(self.moves):04d}"
        move = self.moves[id] = Movement(id, source, target, amount, "XOF", kind)
        request: Request = Transfer(source, target, target, amount, "XOF")
        if kind == TOP_UP.kind:
            request = TopUp(target, "+2250707000001", amount, "XOF")
        elif kind == SERVICE_PAYMENT.kind:
            request = ServicePayment(source, "service", source, "a service", amount, "XOF")
        operation = new_operation(
            id=id, kind=kind, request=request.to_json(), fingerprint=None, status=Status.PROCESSING
        )
        self.store.insert("operations", operation.to_document())
        self.fates[id] = "asked"
        return move

    def _twice(self, move: Movement, verb: str, cut_at: int) -> type[Exception] | None:
        """First by a worker that dies there, then by another. The audit bears the middle."""
        store = self.store if cut_at == NO_TURN else CutOff(self.store, cut_at)
        self.waiting.forever = cut_at == NO_TURN
        with suppress(StoreUnavailable, InsufficientFunds, Crash):
            getattr(Ledger(store, FakeClock(), SYSTEM | {ACCOUNT}, self.turns), verb)(move)
        self.waiting.forever = False
        assert list(examine_ledger(self.store, DEFAULT.contracts)) == []
        try:
            getattr(self.ledger, verb)(move)
        except InsufficientFunds as refused:
            return type(refused)
        return None

    def _spent(self, move: Movement) -> None:
        if move.target in WALLETS:
            self.has[move.target] += move.amount
        self._end(move, "spent", Status.SUCCEEDED)

    def _end(self, move: Movement, fate: str, status: Status) -> None:
        self.fates[move.operation] = fate
        document = self.store.get("operations", move.operation)
        assert document is not None
        ended = replace(Operation.from_document(document), status=status, due_at=None)
        self.store.replace("operations", ended.to_document())

    def _pick(self, data: st.DataObject, *fates: str) -> Movement:
        ids = sorted(id for id, fate in self.fates.items() if fate in fates)
        return self.moves[data.draw(st.sampled_from(ids))]


TestLedger = LedgerMachine.TestCase
TestLedger.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
