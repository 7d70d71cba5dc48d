"""Simulated refunds: payments that have ended, and clerks who give back more of them than there is, all at once."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from core.accept import Command
from core.dialects import Way
from core.given_back import PartState, given_minor, parts_of
from core.ledger import MOBILE_MONEY, SETTLE_STEP, SYSTEM, Ledger, Movement
from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from core.store.port import OPERATIONS, Store
from products.fines.contract import DEBIT_STEP, FINE_PAYMENT, Fine, FinePayment, settle_step
from products.fines.process import reopening
from products.refunds.contract import REFUND_KIND, RETURN_STEP, RefundRequest, reopen_step, wanted
from products.refunds.process import refund
from products.wallets.contract import TOP_UP, TopUp
from proof.ledger import examine_ledger
from proof.simulation.scenario import Scenario
from proof.simulation.summary import Summary
from proof.simulation.world import World
from worker.partners.registry import Registry
from worker.process import Processes

CURRENCY, PHONE, WALLET = "XOF", "+2250707000001", "wallet"
FINES = {"AM-1": 700, "AM-2": 300}
PAID = sum(FINES.values())
AMOUNTS = 150, 300, 350, 500, 700
"""Some two or three of them add up to all that was paid; others to more."""
ASKED_EACH = 3
"""Refunds of one payment: together they ask for more than was paid, as a rule."""
AMOUNT_SHARE, ONE_ITEM_SHARE = 0.6, 0.3
"""How many name an amount, and how many one fine; the others want all that is left."""
WITHIN_S = 30
GIVEN = PartState.GIVEN


class RefundsScenario(Scenario):
    """Every second payment is of fines, the others are top-ups, whose money has to be taken out of the wallet first."""

    kind = REFUND_KIND.kind

    def __init__(self, world: World, payments: int) -> None:
        super().__init__(world)
        self._moved: Counter[str] = Counter()
        self._minor: dict[str, int] = {}
        self._reopened: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        """By payment and fine: the references that reopened it."""
        # Where single faults are planted everywhere, one fine shows what there is to see.
        self._amounts = FINES if world.chance.faults else {"AM-1": PAID}
        self._operators = self.operators(lambda reference, minor: None, self._return, self._return)
        self._registry = self.partner(self._reopen, Registry.REASONS)
        self._ledger = Ledger(world.store, world)
        self._ledger.open(WALLET, CURRENCY)
        world.inhabit(self.processes)
        each = ASKED_EACH if world.chance.faults else 1
        made = [self._top_up() if number % 2 else self._fines() for number in range(1 + (payments - 1) // each)]
        self._payments = [payment.id for payment in made]
        for number in range(payments):
            self._ask(made[number // each], f"refund {number}")

    def processes(self, store: Store) -> Processes:
        contracts = self.world.installed.contracts
        afters = {FINE_PAYMENT.kind: reopening(Registry(self._registry, self.world.breaker("registry"), CURRENCY))}
        ledger = Ledger(store, self.world, SYSTEM, self.world.turns())
        return {self.kind: refund(store, self.world, ledger, self._operators(store), contracts, afters)}

    def effects(self) -> tuple[int, int, int]:
        return 0, len(self._moved), self._moved.total()

    def wrong(self, operation: Operation) -> list[tuple[str, str]]:
        reference, request = operation.reference(RETURN_STEP), REFUND_KIND.read(operation)
        moved, stuck = self._moved[reference], operation.status is Status.NEEDS_REVIEW
        wrong = [("double", f"was given back {moved} times")] if moved > 1 else []
        ended_well = operation.status in (Status.SUCCEEDED, Status.PARTIALLY_SUCCEEDED)
        if not stuck and bool(moved) != ended_well:
            wrong.append(("unexplained", f"{operation.status}: was given back {moved} times"))
        if moved and self._minor[reference] != request.amount:
            wrong.append(("unexplained", f"gave back {self._minor[reference]} instead of {request.amount}"))
        part = parts_of(self._payment(request.payment)).get(operation.id)
        if not stuck and (part is not None and part.state is PartState.GIVEN) != bool(moved):
            wrong.append(("lost", f"was given back {moved} times, and its part is {part}"))
        if not stuck and part is not None and part.state is PartState.TAKEN:
            wrong.append(("lost", "has ended, and keeps its part"))
        return wrong

    def summarize(self) -> Summary:
        summary = super().summarize()
        for id in self._payments:
            payment = self._payment(id)
            back = sum(
                self._minor[f"{part}:{RETURN_STEP}"] * self._moved[f"{part}:{RETURN_STEP}"] for part in self._parts(id)
            )
            if back > PAID:
                summary.report("double", f"{back} of {PAID} paid was given back of {id}")
            if (payment.fingerprint is None) != (given_minor(payment) == PAID):
                summary.report("unexplained", f"{id}: {given_minor(payment)} given back, {payment.fingerprint}")
            self._examine_items(payment, summary)
        for kind, what in examine_ledger(self.world.store, self.world.installed.contracts):
            summary.report("unexplained", f"{what} ({kind})")
        return summary

    def _examine_items(self, payment: Operation, summary: Summary) -> None:
        """Each fine is reopened once its money is back, or all of the payment's, and once only."""
        for fine in self._amounts if payment.kind == FINE_PAYMENT.kind else ():
            references = self._reopened[payment.id, fine]
            holders = [id for id, part in parts_of(payment).items() if fine in part.items and part.state is GIVEN]
            expected = [f"{id}:{reopen_step(fine)}" for id in holders if not self._needs_person(id)]
            if set(references) - {f"{id}:{reopen_step(fine)}" for id in holders}:
                summary.report("unexplained", f"{fine} of {payment.id} was reopened before its money was back")
            if len(holders) > 1 or len(references) > 1:
                summary.report("double", f"{fine} of {payment.id} was reopened by {references}, given by {holders}")
            if (expected and references != expected) or (given_minor(payment) == PAID and not holders):
                summary.report("lost", f"{fine} of {payment.id} was reopened by {references} and not by {holders}")

    def _needs_person(self, id: str) -> bool:
        return self._payment(id).status is Status.NEEDS_REVIEW

    def _payment(self, id: str) -> Operation:
        document = self.world.store.get(OPERATIONS, id)
        assert document is not None
        return Operation.from_document(document)

    def _parts(self, id: str) -> list[str]:
        return [part for part in parts_of(self._payment(id)) if f"{part}:{RETURN_STEP}" in self._minor]

    def _fines(self) -> Operation:
        fines = tuple(Fine(id, amount) for id, amount in self._amounts.items())
        settled = [settle_step(fine) for fine in self._amounts]
        return self._paid(FINE_PAYMENT.kind, FinePayment(PHONE, CURRENCY, PAID, fines).to_json(), *settled)

    def _top_up(self) -> Operation:
        payment = self._paid(TOP_UP.kind, TopUp(WALLET, PHONE, PAID, CURRENCY).to_json(), SETTLE_STEP)
        self._ledger.settle(Movement(payment.id, MOBILE_MONEY, WALLET, PAID, CURRENCY, TOP_UP.kind))
        return payment

    def _paid(self, kind: str, request: Mapping[str, Any], *done: str) -> Operation:
        """A payment that has succeeded."""
        id, now = self.world.new_id(), self.world.now()
        steps = {
            name: StepRecord(f"{id}:{name}", StepState.DONE, result={"receipt": "R-1"}) for name in (DEBIT_STEP, *done)
        }
        payment = Operation(
            id, kind, request, now, now, subject=PHONE, fingerprint=id, status=Status.SUCCEEDED, steps=steps
        )
        self.world.store.insert(OPERATIONS, payment.to_document())
        return payment

    def _ask(self, payment: Operation, key: str) -> None:
        chance, contract = self.world.chance, self.world.installed.contracts[payment.kind]
        assert contract.refunding is not None
        paid, asked = contract.refunding.paid(payment), contract.read(payment)
        minor = chance.random.choice(AMOUNTS) if chance.faults and chance.random.random() < AMOUNT_SHARE else None
        one = chance.faults and "AM-1" in paid and chance.random.random() < ONE_ITEM_SHARE
        item = [chance.random.choice(sorted(self._amounts))] if one else []
        amount, items = wanted(payment, paid, None if item else minor, item)
        source, target = contract.refunding.legs(asked) if contract.refunding.legs else (None, None)
        parties = PHONE, Way.REFUND, source, target, sorted(filter(None, paid))
        request = RefundRequest(payment.id, payment.kind, amount, CURRENCY, items, "a mistake", "clerk", *parties)
        command = Command(
            self.kind, request.to_json(), "clerk", counterparty=payment.id, idempotency_key=key, repeatable=True
        )
        self.ask_at(chance.between(0, WITHIN_S), command)

    def _return(self, reference: str, minor: int) -> str | None:
        if self.world.chance.strikes("declined"):
            return "LIMIT_EXCEEDED"
        self._moved[reference] += 1
        self._minor[reference] = minor
        return None

    def _reopen(self, path: str, body: Mapping[str, Any]) -> str | None:
        if self.world.chance.strikes("declined"):
            return "NOT_PAID"
        self._reopened[body["payment_id"], path.split("/")[2]].append(body["request_id"])
        return None


SCENARIOS = {REFUND_KIND.kind: RefundsScenario}
