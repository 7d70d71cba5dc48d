"""The process of a fine payment: its stages, what undoes them, and how much a refund gives back."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from core.claims import claim
from core.errors import StoreUnavailable
from core.operation import Operation
from core.steps import StepRecord, StepState
from core.store.port import Document, Store
from products.fines.contract import FINE_PAYMENT, REFUND_STEP, RESERVED, Fine, FinePayment, settle_step
from products.fines.process import fine_payment
from products.fines.words import details
from tests.doubles import FakeClock, PlayedDialect, new_operation
from worker.partners.operators.port import Demand
from worker.partners.port import Confirmed, Declined, Reply, Unavailable
from worker.policy import PAUSED
from worker.process import AFTER_MONEY_S, Process, Refusal, Step

PHONE = "+2250707000001"
REQUEST = FinePayment(PHONE, "XOF", 45, (Fine("A", 10), Fine("B", 15), Fine("C", 20)))


class PlayedRegistry:
    breaker = None


@pytest.fixture
def dialect() -> PlayedDialect:
    return PlayedDialect()


@pytest.fixture
def process(store: Store, dialect: PlayedDialect) -> Process:
    return fine_payment(store, FakeClock(), dialect.operators(), PlayedRegistry())  # type: ignore[arg-type]


def payment(states: Mapping[str, StepState] | None = None) -> Operation:
    """The payment with some steps in these states."""
    operation = new_operation(kind=FINE_PAYMENT.kind, request=REQUEST.to_json())
    for name, state in (states or {}).items():
        operation = operation.with_step(name, replace(operation.step(name), state=state))
    return operation


def test_fines_are_reserved_and_checked_before_the_debit_and_settled_after_it(process: Process) -> None:
    names = [[step.name for step in stage] for stage in process.stages(payment())]
    assert names == [
        ["claim"],
        ["check:A", "check:B", "check:C"],
        ["debit"],
        ["settle:A", "settle:B", "settle:C"],
    ]


def test_what_is_taken_is_given_back_within_a_day(process: Process) -> None:
    steps = [step for stage in process.stages(payment()) for step in stage]
    undone = {step.name: step.undo.name for step in steps if step.undo}
    assert undone == {"claim": "release", "debit": "refund"}
    assert all(step.undo.obligation.deadline_s == AFTER_MONEY_S for step in steps if step.undo)


def test_one_refused_fine_does_not_stop_the_others(process: Process) -> None:
    *_, settlements = process.stages(payment())
    assert {step.obligation.refusal for step in settlements} == {Refusal.SKIP}
    assert all("already_paid" in step.ambiguous_on_retry for step in settlements)


@pytest.mark.parametrize(
    ("settled", "minor"), [((), 45), (("A",), 35), (("A", "C"), 15), (("A", "B", "C"), 0)], ids=str
)
def test_a_refund_is_of_what_is_not_settled(
    process: Process, dialect: PlayedDialect, settled: tuple[str, ...], minor: int
) -> None:
    operation = payment({settle_step(fine): StepState.DONE for fine in settled})
    (debit,) = process.stages(operation)[2]
    assert debit.undo
    debit.undo.submit(operation)
    ((verb, demand),) = dialect.asked
    assert (verb, demand.reference, demand.phone) == ("refund", operation.reference(REFUND_STEP), REQUEST.msisdn)
    assert (demand.minor, demand.currency) == (minor, "XOF")
    assert demand.debit
    assert (demand.debit.reference, demand.debit.minor) == (operation.reference("debit"), 45)


def test_the_operator_is_asked_for_the_whole_amount_once_under_one_reference(
    process: Process, dialect: PlayedDialect
) -> None:
    operation = payment()
    (debit,) = process.stages(operation)[2]
    for _ in range(2):
        debit.submit(operation)
    asked = ("debit", Demand("op-1:debit", REQUEST.msisdn, 45, "XOF", "Amendes A, B, C"))
    assert dialect.asked == [asked, asked]


class Settling(PlayedRegistry):
    """A registry that settles, and remembers what."""

    def __init__(self) -> None:
        self.settled: list[str] = []

    def settle(self, reference: str, fine: str, *_: object) -> Reply:
        self.settled.append(fine)
        return Confirmed()


def settlement(store: Store, clock: FakeClock, registry: Settling, fine: str) -> Step:
    process = fine_payment(store, clock, PlayedDialect().operators(), registry)  # type: ignore[arg-type]
    (found,) = (step for stage in process.stages(payment()) for step in stage if step.name == settle_step(fine))
    return found


def test_a_fine_that_another_payer_has_by_now_is_not_settled(store: Store) -> None:
    # Given fines of which another payment has taken one, as the debit came too late
    clock, registry = FakeClock(), Settling()
    other = replace(payment({"debit": StepState.DONE}), id="op-2", fingerprint="g")
    store.insert("operations", other.to_document())
    store.insert("claims", claim(f"{RESERVED}A", "op-2"))

    replies = [settlement(store, clock, registry, fine).submit(payment()) for fine in ("A", "B")]

    assert replies == [Declined("fine_taken_over", {"claimed": "A", "by": "op-2"}), Confirmed()]
    assert registry.settled == ["B"]


def test_a_settlement_is_not_sent_after_a_long_look_at_the_reservation(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, registry = FakeClock(), Settling()
    step = settlement(store, clock, registry, "A")

    def slow(collection: str, id: str) -> Document | None:
        clock.tick(4)
        return get(collection, id)

    get = store.get
    monkeypatch.setattr(store, "get", slow)

    assert step.submit(payment()) == PAUSED
    assert registry.settled == []


def test_without_our_store_a_settlement_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    registry = Settling()
    step = settlement(store, FakeClock(), registry, "A")

    def away(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(store, "get", away)
    reply = step.submit(payment())

    assert isinstance(reply, Unavailable)
    assert not reply.called
    assert registry.settled == []


@pytest.mark.parametrize(
    ("code", "result", "said"),
    [
        ("fine_amount_mismatch", {"due": "15"}, "A : montant du ticket incorrect : 10 XOF au lieu de 15 XOF."),
        ("fine_amount_mismatch", {}, "A : montant du ticket incorrect."),
        ("fine_amount_mismatch", {"due": "1.5"}, "A : montant du ticket incorrect."),
        ("fine_cancelled", {}, "A : annulée."),
        ("some_other_code", {}, "A."),
    ],
    ids=str,
)
def test_an_sms_says_in_words_why_a_fine_was_refused(code: str, result: Mapping[str, str], said: str) -> None:
    request = FinePayment(PHONE, "XOF", 10, (Fine("A", 10),))
    record = StepRecord("op-1:check:A", StepState.DECLINED, result=result, last_error=code)
    operation = new_operation(kind=FINE_PAYMENT.kind, request=request.to_json(), steps={"check:A": record})

    assert details(operation, "fr") == said


def test_an_sms_names_few_of_many_fines() -> None:
    request = FinePayment(PHONE, "XOF", 50, tuple(Fine(f"AM-{number}", 10) for number in range(5)))
    operation = new_operation(kind=FINE_PAYMENT.kind, request=request.to_json(), error={"code": "insufficient_funds"})

    assert details(operation, "en").startswith("AM-0: not enough money; ")
    assert details(operation, "en").endswith("; and 2 more.")
