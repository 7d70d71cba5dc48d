"""The process of a refund: what it takes, how the money goes back, and what follows."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from core.dialects import Way
from core.given_back import MAX_PARTS, PartState, parts_of, taken
from core.installed import DEFAULT
from core.ledger import MOBILE_MONEY, Ledger, Movement
from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from core.store.port import OPERATIONS, Store
from products.fines.contract import FINE_PAYMENT, Fine, FinePayment, settle_step
from products.fines.process import reopening
from products.refunds.contract import REFUND_KIND, RefundRequest, given_items
from products.refunds.process import refund
from products.services.contract import ACCOUNT, SERVICE_PAYMENT, ServicePayment
from products.wallets.contract import TOP_UP, TopUp
from tests.doubles import FakeClock, PlayedDialect, engine, new_operation
from worker.partners.port import Confirmed, Declined, Reply, Unknown
from worker.policy import Context, Policy
from worker.review import Decision, NotReviewable, review

PHONE, WALLET = "+2250707000001", "wallet-1"
FINES = FinePayment(PHONE, "XOF", 30, (Fine("A", 10), Fine("B", 20)))


@dataclass
class PlayedRegistry:
    breaker = None
    replies: dict[str, Reply] = field(default_factory=dict)
    reopened: list[tuple[str, str, str]] = field(default_factory=list)

    def reopen(self, reference: str, fine: str, payment: str) -> Reply:
        self.reopened.append((reference, fine, payment))
        return self.replies.get(fine, Confirmed())


@dataclass
class House:
    store: Store
    clock: FakeClock
    dialect: PlayedDialect
    registry: PlayedRegistry

    def paid(self, kind: str, request: Any, *done: str) -> Operation:
        """A payment that has succeeded, with these steps done besides the debit."""
        record = StepRecord("pay-1:debit", StepState.DONE, result={"receipt": "R-1"})
        steps = {"debit": record, **{name: StepRecord(f"pay-1:{name}", StepState.DONE) for name in done}}
        payment = new_operation(
            id="pay-1", kind=kind, request=request.to_json(), status=Status.SUCCEEDED, steps=steps, due_at=None
        )
        self.store.insert(OPERATIONS, payment.to_document())
        return payment

    def ask(self, kind: str = FINE_PAYMENT.kind, id: str = "op-1", **changes: Any) -> None:
        whole = kind == FINE_PAYMENT.kind and "amount" not in changes
        items = ["A", "B"] if whole else []
        all_items = ["A", "B"] if kind == FINE_PAYMENT.kind else []
        values = {
            "amount": 30,
            "items": items,
            "msisdn": PHONE,
            "way": Way.REFUND,
            "payment_items": all_items,
            **changes,
        }
        request = RefundRequest("pay-1", kind, currency="XOF", reason="a mistake", requested_by="clerk", **values)
        operation = new_operation(id=id, kind=REFUND_KIND.kind, request=request.to_json(), fingerprint=None)
        self.store.insert(OPERATIONS, operation.to_document())

    def run(self, id: str = "op-1") -> Operation:
        ledger = Ledger(self.store, self.clock, frozenset({MOBILE_MONEY, ACCOUNT}))
        afters = {FINE_PAYMENT.kind: reopening(self.registry)}  # type: ignore[arg-type]
        process = refund(self.store, self.clock, ledger, self.dialect.operators(), DEFAULT.contracts, afters)
        engine(self.store, self.clock, process).advance(id)
        return self.load(id)

    def load(self, id: str = "op-1") -> Operation:
        document = self.store.get(OPERATIONS, id)
        assert document is not None
        return Operation.from_document(document)

    @property
    def state(self) -> PartState | None:
        part = parts_of(self.load("pay-1")).get("op-1")
        return part.state if part else None

    @property
    def asked(self) -> list[tuple[str, str, int]]:
        return [(verb, demand.reference, demand.minor) for verb, demand in self.dialect.asked]


@pytest.fixture
def house(store: Store) -> House:
    return House(store, FakeClock(), PlayedDialect(), PlayedRegistry())


def fines(house: House) -> Operation:
    return house.paid(FINE_PAYMENT.kind, FINES, settle_step("A"), settle_step("B"))


def test_the_phone_gets_the_money_by_its_debit_and_the_fines_are_reopened(house: House) -> None:
    fines(house)
    house.ask(items=["A", "B"])

    assert house.run().status is Status.SUCCEEDED

    ((verb, demand),) = house.dialect.asked
    assert (verb, demand.reference, demand.phone, demand.minor) == ("refund", "op-1:refund", PHONE, 30)
    assert demand.debit is not None
    assert (demand.debit.reference, demand.debit.minor, demand.debit.known) == ("pay-1:debit", 30, {"receipt": "R-1"})
    assert sorted(house.registry.reopened) == [("op-1:reopen:A", "A", "pay-1"), ("op-1:reopen:B", "B", "pay-1")]
    payment = house.load("pay-1")
    assert (house.state, payment.fingerprint) == (PartState.GIVEN, None)
    assert payment.history[-1].text == "30 XOF given back by refund op-1"


def test_a_part_reopens_nothing_and_leaves_the_payment_as_it_is(house: House) -> None:
    payment = fines(house)
    house.ask(amount=5)

    assert house.run().status is Status.SUCCEEDED

    assert (house.asked, house.registry.reopened) == ([("refund", "op-1:refund", 5)], [])
    assert house.load("pay-1").fingerprint == payment.fingerprint


@pytest.mark.parametrize(("way", "verb"), [(Way.REFUND, "refund"), (Way.PAYOUT, "pay out")])
def test_the_money_goes_back_in_the_way_that_was_chosen_whatever_the_operator_offers_later(
    house: House, way: Way, verb: str
) -> None:
    fines(house)
    house.ask(way=way)
    house.dialect.replies[verb] = Unknown("HTTP 504")
    house.run()
    house.clock.tick(3600)

    assert house.run().status is Status.SUCCEEDED

    assert [asked for asked, *_ in house.asked] == [verb, "ask"]
    kinds = [effect.kind.name for effect in REFUND_KIND.effects(house.load())]
    assert kinds == ["payout" if way is Way.PAYOUT else "refund", "reopening", "reopening"]


def test_where_there_is_no_payout_either_a_person_gives_the_money_back(house: House) -> None:
    fines(house)
    house.ask(way=Way.BY_HAND)

    assert house.run().status is Status.NEEDS_REVIEW

    assert (house.asked, house.state) == ([], PartState.TAKEN)
    assert _review(house, Decision.CONFIRM).status is Status.SUCCEEDED
    assert house.state is PartState.GIVEN
    assert [effect.kind.name for effect in REFUND_KIND.effects(house.load()) if effect.certain] == ["reopening"] * 2


def test_a_refusal_puts_the_part_back(house: House) -> None:
    fines(house)
    house.ask()
    house.dialect.replies["refund"] = Declined("limit_exceeded")

    operation = house.run()

    assert (operation.status, operation.error and operation.error["code"]) == (Status.FAILED, "limit_exceeded")
    assert (house.state, house.registry.reopened) == (PartState.RELEASED, [])


def test_together_they_give_back_no_more_than_was_paid(house: House) -> None:
    fines(house)
    ids = [f"op-{number}" for number in range(5)]
    for id in ids:
        house.ask(id=id, amount=12)

    statuses = [house.run(id).status for id in ids]

    assert statuses == [Status.SUCCEEDED] * 2 + [Status.FAILED] * 3
    assert sum(minor for _, _, minor in house.asked) == 24
    assert house.load("op-4").error == {"code": "refund_exceeds_payment", "step": "take"}


def test_an_item_is_given_back_once(house: House) -> None:
    fines(house)
    for id in ("op-1", "op-2"):
        house.ask(id=id, amount=10, items=["A"])

    assert [house.run(id).status for id in ("op-1", "op-2")] == [Status.SUCCEEDED, Status.FAILED]
    assert (house.load("op-2").error or {})["code"] == "already_refunded"


def test_a_payment_has_a_limited_number_of_refunds(house: House) -> None:
    payment = house.paid(FINE_PAYMENT.kind, replace(FINES, amount=9999, amendes=(Fine("A", 9999),)), settle_step("A"))
    for number in range(MAX_PARTS):
        payment = taken(payment, f"r-{number}", {"A": 9999}, 1, [])
    house.store.replace(OPERATIONS, replace(payment, version=1).to_document())
    house.ask(amount=1)

    assert (house.run().error or {})["code"] == "too_many_refunds"


def test_a_registry_that_does_not_reopen_needs_a_person_and_the_money_stays_back(house: House) -> None:
    fines(house)
    house.ask(items=["A", "B"])
    house.registry.replies["B"] = Declined("reopen_not_supported")

    assert house.run().status is Status.NEEDS_REVIEW
    assert house.state is PartState.GIVEN

    # If the person gives it up
    ended = _review(house, Decision.DECLINE)

    assert ended.status is Status.PARTIALLY_SUCCEEDED
    assert (house.state, len(house.asked)) == (PartState.GIVEN, 1)


def _review(house: House, decision: Decision) -> Operation:
    ledger = Ledger(house.store, house.clock)
    afters = {FINE_PAYMENT.kind: reopening(house.registry)}  # type: ignore[arg-type]
    process = refund(house.store, house.clock, ledger, house.dialect.operators(), DEFAULT.contracts, afters)
    operation = house.load()
    context = Context(process.stages(operation), Policy(settle_window_s=30), house.clock.now(), 1.0)
    house.store.replace(OPERATIONS, review(context, operation, decision, "ann", "told the city").to_document())
    return house.run()


def test_a_top_up_is_taken_out_of_the_wallet_before_the_phone_gets_it(house: House) -> None:
    ledger = Ledger(house.store, house.clock)
    ledger.open(WALLET, "XOF")
    house.paid(TOP_UP.kind, TopUp(WALLET, PHONE, 700, "XOF"), "settle")
    ledger.settle(Movement("pay-1", MOBILE_MONEY, WALLET, 700, "XOF", TOP_UP.kind))
    accounts = {"source": WALLET, "target": MOBILE_MONEY}
    house.ask(TOP_UP.kind, amount=300, **accounts)
    house.ask(TOP_UP.kind, id="op-2", amount=400, **accounts)

    assert house.run().status is Status.SUCCEEDED
    ledger.hold(Movement("spent", WALLET, "x", 1, "XOF", "test"))
    assert house.run("op-2").status is Status.FAILED

    assert house.asked == [("refund", "op-1:refund", 300)]
    assert (house.load("op-2").error or {})["code"] == "insufficient_funds"
    assert ledger.open(WALLET, "XOF")["balance"] == 399


def test_a_service_is_given_back_to_the_wallet(house: House) -> None:
    ledger = Ledger(house.store, house.clock)
    ledger.open(WALLET, "XOF")
    house.paid(SERVICE_PAYMENT.kind, ServicePayment(WALLET, "s-1", "awa", "Permit", 50, "XOF"), "settle")
    house.ask(SERVICE_PAYMENT.kind, amount=50, msisdn=None, way=None, source=ACCOUNT, target=WALLET)

    assert house.run().status is Status.SUCCEEDED

    assert (house.asked, ledger.open(WALLET, "XOF")["balance"], house.state) == ([], 50, PartState.GIVEN)


def test_a_worker_that_was_paused_takes_no_part_that_was_released(house: House) -> None:
    fines(house)
    house.ask()
    house.dialect.replies["refund"] = Declined("limit_exceeded")
    before = house.load()
    house.run()

    process_of = refund(
        house.store, house.clock, Ledger(house.store, house.clock), house.dialect.operators(), DEFAULT.contracts, {}
    )
    (take,), *_ = process_of.stages(before)

    assert take.submit(before) == Declined("refund_released")
    assert house.state is PartState.RELEASED


def test_the_refund_with_the_last_of_the_money_reopens_what_no_other_has(house: House) -> None:
    fines(house)
    house.ask(amount=7)
    house.ask(id="op-2", amount=10, items=["A"])
    house.ask(id="op-3", amount=13)

    assert [house.run(id).status for id in ("op-1", "op-2", "op-3")] == [Status.SUCCEEDED] * 3

    assert house.registry.reopened == [("op-2:reopen:A", "A", "pay-1"), ("op-3:reopen:B", "B", "pay-1")]
    assert [given_items(house.load(id)) for id in ("op-1", "op-2", "op-3")] == [[], ["A"], ["B"]]
    assert house.load("pay-1").fingerprint is None
    assert not any("reopen" in (entry.step or "") for entry in house.load("op-1").history)


def test_a_refund_of_an_earlier_release_reopens_what_it_has_named(house: House) -> None:
    fines(house)
    house.ask(payment_items=[])

    assert house.run().status is Status.SUCCEEDED
    assert sorted(fine for _, fine, _ in house.registry.reopened) == ["A", "B"]


def test_money_that_may_be_at_the_phone_is_not_given_back_to_the_wallet_too(house: House) -> None:
    ledger = Ledger(house.store, house.clock)
    ledger.open(WALLET, "XOF")
    house.paid(TOP_UP.kind, TopUp(WALLET, PHONE, 700, "XOF"), "settle")
    ledger.settle(Movement("pay-1", MOBILE_MONEY, WALLET, 700, "XOF", TOP_UP.kind))
    house.ask(TOP_UP.kind, amount=700, source=WALLET, target=MOBILE_MONEY, way=Way.BY_HAND)
    assert house.run().status is Status.NEEDS_REVIEW

    with pytest.raises(NotReviewable, match="nothing gives back the money of refund"):
        _review(house, Decision.REFUND)


def test_an_operator_that_is_not_configured_any_more_holds_up_no_refund_by_hand(house: House) -> None:
    fines(house)
    house.ask(way=Way.BY_HAND)
    operation = house.load()
    house.store.replace(OPERATIONS, replace(operation, operator="gone").to_document())

    assert house.run().status is Status.NEEDS_REVIEW


def test_the_rest_reopens_no_fine_while_another_refund_may_still_fail(house: House) -> None:
    # Given a refund of nearly all, of which the operator has not said what became of it
    fines(house)
    house.ask(amount=29)
    house.dialect.replies["refund"] = Unknown("HTTP 504")
    house.run()

    # If somebody gives back the rest
    del house.dialect.replies["refund"]
    house.ask(id="op-2", amount=1)
    assert house.run("op-2").status is Status.SUCCEEDED
    assert house.registry.reopened == []

    # Then the first one reopens the fines, once it is done
    house.clock.tick(3600)
    assert house.run().status is Status.SUCCEEDED
    assert sorted(reference for reference, _, _ in house.registry.reopened) == ["op-1:reopen:A", "op-1:reopen:B"]


def test_fines_are_not_reopened_for_less_than_they_cost(house: House) -> None:
    fines(house)
    house.ask(amount=1, items=["A", "B"])

    assert house.run().status is Status.SUCCEEDED
    assert (house.registry.reopened, given_items(house.load())) == ([], [])
