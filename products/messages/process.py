"""Sending messages: wait until what the message is about has ended, then send it."""

from collections.abc import Callable, Mapping

from core.clock import Clock
from core.errors import TooManyAttempts
from core.identity.windows import Window, count_all
from core.notices.outcome import outcome, received
from core.operation import Operation
from core.store.port import OPERATIONS, Store
from products.messages.contract import CAUSED_A_DAY, DAY_S, DONE, SEND_STEP, SMS, WAIT_STEP, Sms, text_of
from products.messages.mailing import email_of
from products.messages.senders import sender_of
from worker.partners.port import Confirmed, Declined, NotFound, Reply, Unavailable
from worker.partners.sms.port import SmsSender
from worker.process import AFTER_MONEY_S, REPEATABLE, REQUIRED, Enquirable, Process, Recovery, Stages, Step, Unaskable
from worker.products import WorkerServices

Details = Callable[[Operation, str], str]
"""What is said of an operation, in a language."""
NO_DETAILS: Mapping[str, Details] = {}
PATIENT = REQUIRED.within(AFTER_MONEY_S)
FIRST_LOOK_S = 0.1
"""A message is there a moment before the end that it is about."""


def processes(services: WorkerServices) -> tuple[Process, ...]:
    core = services.core
    texts = sms(core.store, sender_of(services), core.clock, core.settings.installed.details)
    return texts, email_of(services)


def sms(store: Store, sender: SmsSender, clock: Clock, details: Mapping[str, Details] = NO_DETAILS) -> Process:
    """details: by kind of what a message is about, what is said besides its outcome."""

    def count(about: Operation, request: Sms, number: int) -> None:
        """Raises TooManyAttempts: a transfer may be tiny, and a message is paid by the installation."""
        at_most = about.receivers[number]["at_most"]
        to_phone = Window(store, clock, f"sms received, {about.kind}", at_most, DAY_S)
        of_payer = Window(store, clock, "sms caused", CAUSED_A_DAY, DAY_S)
        count_all(((to_phone, request.to), (of_payer, about.subject or "")))

    def wait(operation: Operation) -> Reply:
        request = SMS.read(operation)
        document = store.get(OPERATIONS, str(request.about))
        about = Operation.from_document(document) if document else None
        if about is None or not about.terminal:
            return Unavailable("what it is about has not ended yet")
        if request.receiver is None:
            language = str((about.notification or {})["language"])
            say = details.get(about.kind)
            return Confirmed({"text": outcome(about, details=say(about, language) if say else "")})
        if about.status not in DONE:
            return Declined("did_not_happen")  # announced by a worker that did not come to save it
        try:
            count(about, request, request.receiver)
        except TooManyAttempts:
            return Declined("too_many_messages")
        return Confirmed({"text": received(about, request.receiver)})

    def send(operation: Operation) -> Reply:
        return sender.send(operation.reference(SEND_STEP), SMS.read(operation).to, text_of(operation))

    # A step of its own: the wait says nothing about the sender, whose breaker would count it.
    waiting = Step(
        WAIT_STEP,
        "waiting for the end",
        submit=wait,
        recovery=REPEATABLE,
        obligation=PATIENT,
        first_retry_s=FIRST_LOOK_S,
        saves_intent=False,
    )
    sending = Step(
        SEND_STEP,
        "sending the message",
        submit=send,
        recovery=_recovery(sender, clock),
        breaker=sender.breaker,
        obligation=PATIENT,
    )

    def stages(operation: Operation) -> Stages:
        return ((waiting,), (sending,)) if SMS.read(operation).text is None else ((sending,),)

    return Process(SMS.kind, stages)


def _recovery(sender: SmsSender, clock: Clock) -> Recovery:
    """What follows when a message may have been sent.

    A sender that can be asked is asked. Any other one sends the message again, or gives it up: nothing will ever be
    heard of it, and a message is not worth a person's work.
    """
    enquire = sender.enquire
    if enquire is not None:
        return Enquirable(lambda operation: _found(operation, enquire, sender.known_for_s, clock))
    return REPEATABLE if sender.repeats else Unaskable(lambda _: Declined("outcome_unknown"))


def _found(operation: Operation, enquire: Callable[[str], Reply], known_for_s: float, clock: Clock) -> Reply:
    """Returns what the sender knows. A message that it has forgotten may have been sent: it is not sent again."""
    reply = enquire(operation.reference(SEND_STEP))
    submitted_at = operation.step(SEND_STEP).submitted_at
    if isinstance(reply, NotFound) and submitted_at is not None:
        age_s = (clock.now() - submitted_at).total_seconds()
        return Declined("outcome_unknown", said=reply.said) if age_s >= known_for_s else reply
    return reply
