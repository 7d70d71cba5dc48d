"""The ledger beside a plain model: whatever is asked of it, in whatever order, cut off or repeated, both agree."""

from contextlib import suppress
from dataclasses import replace

from doubles import CutOff, FakeClock, new_operation
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core.errors import AlreadyDecided, InsufficientFunds, StoreUnavailable
from core.ledger import MOBILE_MONEY, SERVICES, Ledger, Movement
from core.operation import Operation, Status
from core.store.memory import MemoryStore
from ops.audit.ledger import examine_ledger

WALLETS = ("awa", "kofi", "zoe")


class LedgerMachine(RuleBasedStateMachine):
    """The model: what each wallet has, and the fate of each operation, as one would write it on paper."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.ledger = Ledger(self.store, FakeClock())
        self.has = dict.fromkeys(WALLETS, 0)
        self.fates: dict[str, str] = {}
        self.moves: dict[str, Movement] = {}

    @initialize()
    def open(self) -> None:
        for wallet in WALLETS:
            self.ledger.open(wallet, "XOF")

    @rule(wallet=st.sampled_from(WALLETS), amount=st.integers(1, 1000), cut_at=st.integers(0, 12))
    def top_up(self, wallet: str, amount: int, cut_at: int) -> None:
        move = self._ask("wallet_top_up", MOBILE_MONEY, wallet, amount)
        self._twice(move, "settle", cut_at)
        self._spent(move)

    @rule(
        source=st.sampled_from(WALLETS),
        to=st.sampled_from((*WALLETS, SERVICES)),
        amount=st.integers(1, 600),
        cut_at=st.integers(0, 12),
    )
    def hold(self, source: str, to: str, amount: int, cut_at: int) -> None:
        if source == to:
            return
        kind = "service_payment" if to == SERVICES else "wallet_transfer"
        move = self._ask(kind, source, to, amount)
        refused = self._twice(move, "hold", cut_at)
        assert (refused is InsufficientFunds) == (amount > self.has[source])
        if refused:
            self._end(move, "refused", Status.FAILED)
        else:
            self.has[source] -= amount
            self.fates[move.operation] = "held"

    @precondition(lambda self: "held" in self.fates.values())
    @rule(data=st.data(), spend=st.booleans(), cut_at=st.integers(0, 12))
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
        assert list(examine_ledger(self.store)) == []

    def _ask(self, kind: str, source: str, target: str, amount: int) -> Movement:
        id = f"op-{len(self.moves):04d}"
        move = self.moves[id] = Movement(id, source, target, amount, "XOF", kind)
        request = {"from": source, "to": target, "amount": amount, "currency": "XOF"}
        request["wallet"] = target if kind == "wallet_top_up" else source
        operation = new_operation(id=id, kind=kind, request=request, fingerprint=None, status=Status.PROCESSING)
        self.store.insert("operations", operation.to_document())
        self.fates[id] = "asked"
        return move

    def _twice(self, move: Movement, verb: str, cut_at: int) -> type[Exception] | None:
        """First by a worker that dies after some verbs of the store, then by another. The audit bears the middle."""
        with suppress(StoreUnavailable, InsufficientFunds):
            getattr(Ledger(CutOff(self.store, cut_at), FakeClock()), verb)(move)  # type: ignore[arg-type]
        assert list(examine_ledger(self.store)) == []
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
