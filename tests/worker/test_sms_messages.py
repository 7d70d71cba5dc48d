"""Messages: which outcomes are notified, how often, and what follows when a gateway does not answer."""

import math
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta

import pytest

from core.broker.embedded import EmbeddedBroker
from core.errors import StoreUnavailable
from core.ids import new_id
from core.notices.outcome import Notification, receiver
from core.operation import Operation, Status
from core.steps import StepRecord, StepState
from core.store.port import OPERATIONS, Store
from products.messages.contract import SMS, SmsNotifier
from products.messages.process import sms
from tests.doubles import (
    LEASE_S,
    START,
    CutOff,
    FakeClock,
    ScriptedPartner,
    engine,
    insert,
    load,
    new_operation,
    process,
    step,
)
from worker.partners.breaker import Breaker
from worker.partners.port import Confirmed, Declined, NotFound, Reply, Unavailable, Unknown

PHONE = "+2250707000011"
NOTIFICATION = asdict(Notification(PHONE, "en", "Transfer", 2500, "XOF"))
DAY_S = 24 * 3600


class Phone:
    """A sender that gives scripted replies, and remembers what it sent."""

    def __init__(self, *replies: Reply) -> None:
        self.breaker: Breaker | None = None
        self.replies = list(replies)
        self.sent: list[tuple[str, str, str]] = []
        self.enquire: Callable[[str], Reply] | None = lambda reference: self.replies.pop(0)
        self.known_for_s = math.inf
        self.repeats = False

    def send(self, reference: str, to: str, text: str) -> Reply:
        self.sent.append((reference, to, text))
        return self.replies.pop(0) if self.replies else Confirmed()


def notify(store: Store, clock: FakeClock, operation: Operation | None = None) -> None:
    SmsNotifier(store, EmbeddedBroker(store, clock), clock, new_id).ended(operation or load(store))


def messages(store: Store) -> list[Operation]:
    return [Operation.from_document(document) for document in store.find(OPERATIONS, {"kind": SMS.kind})]


def message(store: Store) -> Operation:
    (found,) = messages(store)
    return found


def end(store: Store, status: Status = Status.SUCCEEDED) -> None:
    document = store.get(OPERATIONS, "op-1")
    assert document is not None
    store.replace(OPERATIONS, {**document, "status": status.value, "due_at": None})


@pytest.mark.parametrize(
    ("status", "language", "text"),
    [
        (Status.SUCCEEDED, "en", "Transfer 2,500 XOF: done. Ref op-1"),
        (Status.SUCCEEDED, "fr", "Transfert 2 500 XOF: réussi. Réf op-1"),
        (Status.REFUNDED, "en", "Transfer 2,500 XOF: failed, money given back. Ref op-1"),
        (Status.FAILED, "en", "Transfer 2,500 XOF: failed, no money taken. Ref op-1"),
        (Status.PARTIALLY_SUCCEEDED, "en", "Transfer 2,500 XOF: partly done, the rest given back. Ref op-1"),
    ],
)
def test_an_outcome_is_notified_once(store: Store, clock: FakeClock, status: Status, language: str, text: str) -> None:
    insert(store, status=status, due_at=None, notification={**NOTIFICATION, "language": language})
    notify(store, clock)
    phone = Phone()
    worker = engine(store, clock, sms(store, phone, clock))
    for _ in range(2):
        worker.advance(message(store).id)
        notify(store, clock)
    assert phone.sent == [(f"{message(store).id}:send", PHONE, text)]
    assert message(store).status is Status.SUCCEEDED


def test_nothing_is_notified_before_the_end(store: Store, clock: FakeClock) -> None:
    """It is called just before that is saved; what it waits for does not count against the sender."""
    insert(store, status=Status.PROCESSING, notification=NOTIFICATION)
    notify(store, clock)
    phone = Phone()
    phone.breaker = Breaker("sms", clock, 1)
    worker = engine(store, clock, sms(store, phone, clock))
    worker.advance(message(store).id)
    assert message(store).due_at == START + timedelta(seconds=0.1)
    for _ in range(20):
        clock.tick(60)
        worker.advance(message(store).id)
    assert phone.sent == []
    assert phone.breaker.open_until is None
    end(store)
    clock.tick(60)
    worker.advance(message(store).id)
    assert [text for *_, text in phone.sent] == ["Transfer 2,500 XOF: done. Ref op-1"]


def test_what_cannot_be_read_is_not_a_failure_of_the_sender(store: Store, clock: FakeClock) -> None:
    insert(store, status=Status.SUCCEEDED, due_at=None, notification=NOTIFICATION)
    notify(store, clock)
    phone = Phone()
    phone.breaker = Breaker("sms", clock, 1)
    engine(store, clock, sms(CutOff(store, 0), phone, clock)).advance(message(store).id)
    assert (phone.sent, message(store).step("send").state) == ([], StepState.WAITING)
    clock.tick(60)
    engine(store, clock, sms(store, phone, clock)).advance(message(store).id)
    assert len(phone.sent) == 1


def test_a_message_that_gave_up_waiting_is_asked_for_again_by_the_end(store: Store, clock: FakeClock) -> None:
    """An end that could not be saved, and a person who looked into it two days later."""
    insert(store, status=Status.PROCESSING, notification=NOTIFICATION)
    notify(store, clock)
    phone = Phone()
    worker = engine(store, clock, sms(store, phone, clock))
    worker.advance(message(store).id)
    clock.tick(DAY_S)
    worker.advance(message(store).id)
    assert message(store).status is Status.FAILED
    notify(store, clock)
    end(store)
    for operation in messages(store):
        worker.advance(operation.id)
    assert len(phone.sent) == 1


def test_a_message_may_be_a_text_of_its_own(store: Store, clock: FakeClock) -> None:
    insert(store, kind=SMS.kind, request={"to": PHONE, "about": None, "text": "Your PIN is locked."})
    phone = Phone()
    engine(store, clock, sms(store, phone, clock)).advance("op-1")
    assert phone.sent == [("op-1:send", PHONE, "Your PIN is locked.")]


@pytest.mark.parametrize("enquired", [Confirmed(), NotFound()])
def test_a_message_of_which_nothing_was_heard_is_looked_for(store: Store, clock: FakeClock, enquired: Reply) -> None:
    insert(store, kind=SMS.kind, request={"to": PHONE, "about": None, "text": "x"})
    phone = Phone(Unknown("HTTP 504"), enquired)
    worker = engine(store, clock, sms(store, phone, clock))
    worker.advance("op-1")
    clock.tick(60)
    worker.advance("op-1")
    assert len(phone.sent) == (1 if enquired == Confirmed() else 2)
    assert load(store).status is Status.SUCCEEDED


def lost(store: Store, clock: FakeClock, phone: Phone) -> Operation:
    """A message whose answer was lost, an hour later."""
    insert(store, kind=SMS.kind, request={"to": PHONE, "about": None, "text": "x"})
    worker = engine(store, clock, sms(store, phone, clock))
    for _ in range(60):
        worker.advance("op-1")
        clock.tick(60)
    return load(store)


def test_a_message_that_nobody_knows_of_is_given_up_without_a_person(store: Store, clock: FakeClock) -> None:
    phone = Phone(Unknown("HTTP 504"))
    phone.enquire = None

    operation = lost(store, clock, phone)

    assert operation.status is Status.FAILED
    assert operation.error == {"code": "outcome_unknown", "step": "send"}
    assert len(phone.sent) == 1


def test_a_worker_that_died_while_it_sent_such_a_message_does_not_send_it_again(store: Store, clock: FakeClock) -> None:
    class Death(BaseException):
        """Nothing that a process could catch."""

    def die(_: Operation) -> Reply:
        raise Death

    insert(store, kind=SMS.kind, request={"to": PHONE, "about": None, "text": "x"})
    phone = Phone()
    phone.enquire = None
    (stage,) = sms(store, phone, clock).stages(load(store))
    dying = process((replace(stage[0], submit=die),), kind=SMS.kind)
    with pytest.raises(Death):
        engine(store, clock, dying).advance("op-1")
    clock.tick(LEASE_S)

    engine(store, clock, sms(store, phone, clock)).advance("op-1")

    assert (load(store).status, phone.sent) == (Status.FAILED, [])


def test_where_two_messages_are_better_than_none_it_is_sent_again(store: Store, clock: FakeClock) -> None:
    phone = Phone(Unknown("HTTP 504"), Unknown("HTTP 504"))
    phone.enquire, phone.repeats = None, True

    assert lost(store, clock, phone).status is Status.SUCCEEDED
    assert [reference for reference, *_ in phone.sent] == ["op-1:send"] * 3


def test_a_refusal_by_a_gateway_that_cannot_be_asked_is_the_end(store: Store, clock: FakeClock) -> None:
    phone = Phone(Unavailable("HTTP 503"), Declined("no_credit"))
    phone.enquire = None

    assert lost(store, clock, phone).error == {"code": "no_credit", "step": "send"}
    assert len(phone.sent) == 2


@pytest.mark.parametrize(("hours", "sent", "status"), [(47, 2, Status.SUCCEEDED), (48, 1, Status.FAILED)])
def test_a_message_that_the_gateway_may_have_forgotten_is_not_sent_again(
    store: Store, clock: FakeClock, hours: int, sent: int, status: Status
) -> None:
    """All workers were down until then."""
    insert(store, kind=SMS.kind, request={"to": PHONE, "about": None, "text": "x"})
    phone = Phone(Unknown("HTTP 504"), NotFound())
    phone.known_for_s = 48 * 3600
    worker = engine(store, clock, sms(store, phone, clock))
    worker.advance("op-1")
    clock.tick(hours * 3600)

    worker.advance("op-1")

    assert (len(phone.sent), load(store).status) == (sent, status)


def test_a_number_of_nobody_ends_the_message_and_nothing_else(store: Store, clock: FakeClock) -> None:
    insert(store, status=Status.SUCCEEDED, due_at=None, notification=NOTIFICATION)
    notify(store, clock)
    engine(store, clock, sms(store, Phone(Declined("invalid_number")), clock)).advance(message(store).id)
    assert (message(store).status, load(store).status) == (Status.FAILED, Status.SUCCEEDED)


def test_an_operation_without_a_notification_sends_none(store: Store, clock: FakeClock) -> None:
    insert(store)
    notify(store, clock)
    assert messages(store) == []


def test_many_that_notify_of_an_end_at_once_notify_once(store: Store, clock: FakeClock) -> None:
    insert(store, notification=NOTIFICATION)
    operation, together = load(store), threading.Barrier(8, timeout=10)

    def run() -> None:
        together.wait()
        notify(store, clock, operation)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert message(store).request == {"to": PHONE, "about": "op-1", "text": None, "receiver": None}


def test_a_notification_that_broke_off_is_made_once_by_the_next(store: Store, clock: FakeClock) -> None:
    insert(store, notification=NOTIFICATION)
    operation, broken = load(store), 0
    for verbs in range(10):
        try:
            cut = CutOff(store, verbs)
            SmsNotifier(cut, EmbeddedBroker(store, clock), clock, new_id).ended(operation)
        except StoreUnavailable:
            broken += 1
    assert broken > 0
    assert len(messages(store)) == 1


def test_no_end_is_saved_whose_notification_failed(store: Store, clock: FakeClock) -> None:
    insert(store, notification=NOTIFICATION)
    partner, phone = ScriptedPartner(Confirmed(), Confirmed()), Phone()
    broker, cut = EmbeddedBroker(store, clock), [True]

    def announce(_: Operation, operation: Operation) -> None:
        if not operation.terminal:
            return
        reached = CutOff(store, 0) if cut.pop() else store
        SmsNotifier(reached, broker, clock, new_id).ended(operation)

    worker = engine(store, clock, process((step("one", partner),)), announce=announce)
    with pytest.raises(StoreUnavailable):
        worker.advance("op-1")
    assert not load(store).terminal
    cut.append(False)
    clock.tick(LEASE_S)
    worker.advance("op-1")
    assert load(store).status is Status.SUCCEEDED
    engine(store, clock, sms(store, phone, clock)).advance(message(store).id)
    assert len(phone.sent) == 1


RECEIVERS = (receiver("+2250707000012", "en", "You got 2,500 XOF from awa."),)


def test_who_got_money_is_notified_too(store: Store, clock: FakeClock) -> None:
    insert(store, status=Status.SUCCEEDED, due_at=None, notification=NOTIFICATION, receivers=RECEIVERS)
    for _ in range(2):
        notify(store, clock)
    phone = Phone()
    for each in messages(store):
        engine(store, clock, sms(store, phone, clock)).advance(each.id)

    assert sorted(text for _, _, text in phone.sent) == [
        "Transfer 2,500 XOF: done. Ref op-1",
        "You got 2,500 XOF from awa. Ref op-1",
    ]
    assert {to for _, to, _ in phone.sent} == {PHONE, "+2250707000012"}


def test_who_got_no_money_is_not(store: Store, clock: FakeClock) -> None:
    insert(store, status=Status.FAILED, due_at=None, receivers=RECEIVERS)
    notify(store, clock)
    assert messages(store) == []

    # If a worker announced an end that another one has saved otherwise
    notify(store, clock, replace(load(store), status=Status.SUCCEEDED))
    phone = Phone()
    engine(store, clock, sms(store, phone, clock)).advance(message(store).id)

    assert (phone.sent, message(store).error) == ([], {"code": "did_not_happen", "step": "wait"})


def test_the_outcome_of_a_kind_may_have_details(store: Store, clock: FakeClock) -> None:
    insert(store, status=Status.FAILED, due_at=None, notification=NOTIFICATION)
    notify(store, clock)
    phone = Phone()
    said = sms(store, phone, clock, {"test": lambda operation, language: f"Why, in {language}."})
    engine(store, clock, said).advance(message(store).id)

    assert phone.sent[0][2] == "Transfer 2,500 XOF: failed, no money taken. Why, in en. Ref op-1"


@pytest.mark.parametrize("same", ["receiver", "payer"])
def test_tiny_transfers_cause_few_messages(store: Store, clock: FakeClock, same: str) -> None:
    phone = Phone()
    for number in range(30):
        to, payer = (who if who == same else f"{who} {number}" for who in ("receiver", "payer"))
        told = receiver(to, "en", "You got 1 XOF from awa.")
        insert(store, id=f"op-{number}", status=Status.SUCCEEDED, due_at=None, fingerprint=None, receivers=(told,))
        operation = Operation.from_document(store.get(OPERATIONS, f"op-{number}") or {})
        operation = replace(operation, subject=payer)
        store.replace(OPERATIONS, operation.to_document())
        notify(store, clock, operation)
    for each in messages(store):
        engine(store, clock, sms(store, phone, clock)).advance(each.id)

    assert len(phone.sent) == 20
    assert {(each.error or {}).get("code") for each in messages(store)} == {None, "too_many_messages"}


def test_money_from_strangers_uses_up_no_messages_of_another_kind(store: Store, clock: FakeClock) -> None:
    phone = Phone()
    for number, (kind, most) in enumerate([("transfer", 20)] * 25 + [("withdrawal", 500)] * 30):
        told = receiver("merchant", "en", f"{kind}.", most)
        insert(store, id=f"op-{number}", kind=kind, status=Status.SUCCEEDED, due_at=None, fingerprint=None)
        stored = Operation.from_document(store.get(OPERATIONS, f"op-{number}") or {})
        operation = replace(stored, subject=f"payer {number}", receivers=(told,))
        store.replace(OPERATIONS, operation.to_document())
        notify(store, clock, operation)
    for each in messages(store):
        engine(store, clock, sms(store, phone, clock)).advance(each.id)

    assert Counter(text.partition(".")[0] for _, _, text in phone.sent) == {"transfer": 20, "withdrawal": 30}


@pytest.mark.parametrize(("attempts", "number"), [(0, 0), (1, 1)])
def test_a_phone_that_a_stranger_has_named_hears_nothing_until_it_was_asked(
    store: Store, clock: FakeClock, attempts: int, number: int
) -> None:
    named = {**NOTIFICATION, "once_asked": "debit"}
    operation = new_operation(status=Status.FAILED, due_at=None, notification=named)
    record = StepRecord(operation.reference("debit"), StepState.DECLINED, attempts=attempts)
    notify(store, clock, operation.with_step("debit", record))
    assert len(messages(store)) == number
