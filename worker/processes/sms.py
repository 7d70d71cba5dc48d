"""Telling people by SMS: a message is an operation of its own: not lost, not sent twice, and it holds up nothing."""

from collections.abc import Callable

from core.accept import Order, accept
from core.broker.port import Broker
from core.clock import Clock
from core.ids import new_id
from core.operation import Operation
from core.outcomes import outcome
from core.store.port import OPERATIONS, Store
from worker.partners.port import Confirmed, Reply, Unavailable
from worker.partners.sms import SmsSender
from worker.process import AFTER_MONEY_S, Process, Stages, Step

KIND = "sms"
FIRST_LOOK_S = 0.1
"""A message is there a moment before the end that it tells of."""


def announce(store: Store, broker: Broker, clock: Clock, operation: Operation, ids: Callable[[], str] = new_id) -> None:
    """Has it told how the operation ended, to whom it may concern. To be called just before that end is saved.

    Once, whoever calls it and how often: the message names the operation, and is written when that has ended.
    """
    if operation.tell is None:
        return
    request = {"to": operation.tell["msisdn"], "about": operation.id, "text": None}
    order = Order(KIND, request, "worker", subject=operation.tell["msisdn"], unique={"about": operation.id})
    accept(store, broker, clock, order, ids)


def sms(store: Store, sender: SmsSender) -> Process:
    """request: to (E.164), and about (the id of an operation, whose outcome is told) or a text."""

    def wait(operation: Operation) -> Reply:
        document = store.get(OPERATIONS, operation.request["about"])
        told = Operation.from_document(document) if document else None
        if told is None or not told.terminal:
            return Unavailable("what it tells of has not ended yet")
        return Confirmed({"text": outcome(told)})

    def send(operation: Operation) -> Reply:
        asked = operation.request
        text = operation.step("wait").result["text"] if asked["text"] is None else asked["text"]
        return sender.send(operation.reference("send"), asked["to"], text)

    # A step of its own: that others are slow says nothing about the sender, whose guard would count it.
    waiting = Step(
        "wait", "waiting for the end", submit=wait, first_retry_s=FIRST_LOOK_S, deadline_s=AFTER_MONEY_S, brief=True
    )
    sending = Step(
        "send",
        "sending the message",
        submit=send,
        enquire=sender.enquire,
        guard=sender.guard,
        deadline_s=AFTER_MONEY_S,
    )

    def stages(operation: Operation) -> Stages:
        return ((waiting,), (sending,)) if operation.request["text"] is None else ((sending,),)

    return Process(KIND, stages)
