"""Messages: what senders answer; an outcome is notified once, not before it is certain, and no end is missed."""

import json
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from core.broker.embedded import EmbeddedBroker
from core.errors import Conflict, StoreUnavailable
from core.ids import new_id
from core.notices.outcome import Notification
from core.operation import TERMINAL, Operation, Status
from core.steps import StepState
from core.store.port import OPERATIONS, Document, Store
from devtools.stack import ROOT
from products.messages.contract import SMS, SmsNotifier
from products.messages.process import sms
from tests.answers import client_of
from tests.doubles import LEASE_S, START, CutOff, FakeClock, ScriptedPartner, engine, insert, load, process, step
from tests.sandbox import Sandbox
from worker.engine import Engine
from worker.partners.breaker import Breaker
from worker.partners.http import PartnerHttp
from worker.partners.port import Confirmed, Declined, NotFound, Pending, Reply, Unavailable, Unknown
from worker.partners.sms.generic import HttpSms
from worker.partners.sms.local import ConsoleSms, FileSms

PHONE = "+2250707000011"
MESSAGE = {"request_id": "m:send", "to": PHONE, "text": "Перевод: выполнено"}
NOTIFICATION = asdict(Notification(PHONE, "en", "Transfer", 2500, "XOF"))
DAY_S = 24 * 3600


def http(url: str) -> HttpSms:
    return HttpSms(PartnerHttp(url, 5, connections=1, reasons=HttpSms.REASONS), Breaker("sms", FakeClock(), 1))


@pytest.mark.parametrize(
    ("status", "answer", "expected"),
    [
        (200, {"status": "SUCCESSFUL", "transaction_id": "t"}, Confirmed({"transaction_id": "t"})),
        (
            200,
            {"status": "FAILED", "reason": "INVALID_NUMBER"},
            Declined("invalid_number", {"reason": "INVALID_NUMBER"}),
        ),
        (200, {"status": "FAILED", "reason": "NO_CREDIT"}, Declined("declined", {"reason": "NO_CREDIT"})),
        (202, {"status": "PENDING"}, Pending()),
        (503, {}, Unavailable("HTTP 503")),
        (504, {"status": "SUCCESSFUL"}, Unknown("HTTP 504")),
    ],
)
def test_what_a_gateway_answers(httpserver: HTTPServer, status: int, answer: dict[str, str], expected: Reply) -> None:
    body = {"request_id": "m:send", **answer}
    httpserver.expect_request("/messages", method="POST", json=MESSAGE).respond_with_json(body, status)
    httpserver.expect_request("/requests/m:send").respond_with_json(body, status)
    sender = http(httpserver.url_for(""))
    assert sender.enquire is not None
    assert (sender.send("m:send", PHONE, MESSAGE["text"]), sender.enquire("m:send")) == (expected, expected)


@pytest.mark.parametrize(("to", "reply"), [(PHONE, Confirmed), ("+2250707000099", Declined)])
def test_the_sandbox_is_understood(httpserver: HTTPServer, tmp_path: Path, to: str, reply: type[Reply]) -> None:
    sandbox = Sandbox(tmp_path)

    def play(request: Request) -> Response:
        client = client_of(sandbox.app)
        return client.open(request.path, method=request.method, data=request.data, content_type=request.content_type)

    httpserver.expect_request("/sms/messages").respond_with_handler(play)
    httpserver.expect_request("/sms/requests/m:send").respond_with_handler(play)
    sender = http(httpserver.url_for("/sms"))
    assert sender.enquire is not None
    assert sender.enquire("m:send") == NotFound()
    replies = [sender.send("m:send", to, "hello"), sender.send("m:send", to, "hello"), sender.enquire("m:send")]
    assert [type(said) for said in replies] == [reply] * 3
    assert sandbox.really("messages") == (["m:send"] if reply is Confirmed else [])


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines() if line]


def test_a_file_has_a_line_for_each_message_and_finds_it(tmp_path: Path) -> None:
    path = tmp_path / "sms.log"
    sender = FileSms(path)
    assert sender.enquire is not None
    assert sender.enquire("m:send") == NotFound()
    assert sender.send("m:send", PHONE, MESSAGE["text"]) == Confirmed()
    assert sender.send("n:send", PHONE, 'of "m:send" and "o:send"\n') == Confirmed()
    assert lines(path)[0] == MESSAGE
    found = [FileSms(path).enquire(reference) for reference in ("m:send", "n:send", "o:send", ":send")]  # type: ignore[misc]
    assert found == [Confirmed(), Confirmed(), NotFound(), NotFound()]


def test_a_folder_that_is_not_there_is_not_sent_to(tmp_path: Path) -> None:
    assert isinstance(FileSms(tmp_path / "nowhere" / "sms.log").send("m:send", PHONE, "x"), Unavailable)


@pytest.mark.parametrize("cut", [1, 3, 4, 20])
def test_a_line_that_was_cut_off_is_no_message_and_spoils_none(tmp_path: Path, cut: int) -> None:
    """1 leaves all but the end of the line: that is a message. 4 cuts a letter of two bytes in half."""
    path = tmp_path / "sms.log"
    sender = FileSms(path)
    assert sender.enquire is not None
    sender.send("m:send", PHONE, MESSAGE["text"])
    os.truncate(path, path.stat().st_size - cut)
    assert sender.enquire("m:send") == (Confirmed() if cut == 1 else NotFound())
    sender.send("n:send", PHONE, MESSAGE["text"])
    assert (sender.enquire("m:send"), sender.enquire("n:send")) == (
        Confirmed() if cut == 1 else NotFound(),
        Confirmed(),
    )
    sender.send("m:send", PHONE, MESSAGE["text"])
    assert sender.enquire("m:send") == Confirmed()
    assert json.loads(path.read_bytes().splitlines()[-1]) == MESSAGE


@pytest.mark.slow
def test_two_processes_share_a_file(tmp_path: Path) -> None:
    path, each = tmp_path / "sms.log", 200
    code = (
        "import sys; from pathlib import Path; from worker.partners.sms.local import FileSms;"
        "sender = FileSms(Path(sys.argv[1]));"
        f"[sender.send(f'{{sys.argv[2]}}-{{n}}', '{PHONE}', 'é' * n) for n in range({each})]"
    )
    command = [sys.executable, "-c", code, str(path)]
    processes = [subprocess.Popen([*command, name], cwd=ROOT) for name in ("one", "two")]
    assert [process.wait(60) for process in processes] == [0, 0]
    body = {line["request_id"]: line["text"] for line in lines(path)}
    assert body == {f"{name}-{n}": "é" * n for name in ("one", "two") for n in range(each)}


def test_the_console_sender_writes_and_answers_no_enquiry(capsys: pytest.CaptureFixture[str]) -> None:
    assert ConsoleSms().send("m:send", PHONE, MESSAGE["text"]) == Confirmed()
    assert json.loads(capsys.readouterr().out) == MESSAGE
    assert ConsoleSms.enquire is None


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
    assert message(store).request == {"to": PHONE, "about": "op-1", "text": None}


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


class Saves:
    """The store, and what happens instead of the first save of an end."""

    def __init__(self, store: Store, instead: Exception | None = None) -> None:
        self._store = store
        self._instead = instead

    def __getattr__(self, verb: str) -> Any:
        return getattr(self._store, verb)

    def replace(self, collection: str, document: Document) -> Document:
        if document["status"] in TERMINAL and self._instead:
            error, self._instead = self._instead, None
            raise error
        return self._store.replace(collection, document)


def ends(store: Store, clock: FakeClock, saves: Saves, partner: ScriptedPartner) -> tuple[Engine, list[Status]]:
    """A worker, and how the operation was stored whenever it was notified of the end."""
    seen: list[Status] = []

    def ending(operation: Operation) -> None:
        assert operation.terminal
        seen.append(load(store).status)

    insert(store)
    return engine(saves, clock, process((step("one", partner),)), ending=ending), seen


@pytest.mark.parametrize("reply", [Confirmed(), Declined("no")])
def test_the_notifier_is_called_before_an_end_is_saved_and_at_no_other_time(
    store: Store, clock: FakeClock, reply: Reply
) -> None:
    worker, seen = ends(store, clock, Saves(store), ScriptedPartner(Unavailable("HTTP 503"), reply))
    worker.advance("op-1")
    assert seen == []
    clock.tick(60)
    for _ in range(2):
        worker.advance("op-1")
    assert seen == [Status.PROCESSING]
    assert load(store).terminal


@pytest.mark.parametrize("instead", [Conflict(), StoreUnavailable()])
def test_an_end_that_could_not_be_saved_is_notified_again(store: Store, clock: FakeClock, instead: Exception) -> None:
    worker, seen = ends(store, clock, Saves(store, instead), ScriptedPartner(Confirmed(), Confirmed()))
    try:
        worker.advance("op-1")
    except StoreUnavailable:
        assert isinstance(instead, StoreUnavailable)
    assert not load(store).terminal
    clock.tick(LEASE_S)
    worker.advance("op-1")
    assert seen == [Status.PROCESSING] * 2
    assert load(store).status is Status.SUCCEEDED


def test_no_end_is_saved_whose_notification_failed(store: Store, clock: FakeClock) -> None:
    insert(store, notification=NOTIFICATION)
    partner, phone = ScriptedPartner(Confirmed(), Confirmed()), Phone()
    broker, cut = EmbeddedBroker(store, clock), [True]

    def ending(operation: Operation) -> None:
        reached = CutOff(store, 0) if cut.pop() else store
        SmsNotifier(reached, broker, clock, new_id).ended(operation)

    worker = engine(store, clock, process((step("one", partner),)), ending=ending)
    with pytest.raises(StoreUnavailable):
        worker.advance("op-1")
    assert not load(store).terminal
    cut.append(False)
    clock.tick(LEASE_S)
    worker.advance("op-1")
    assert load(store).status is Status.SUCCEEDED
    engine(store, clock, sms(store, phone, clock)).advance(message(store).id)
    assert len(phone.sent) == 1
