"""Sending messages: wait until what the message is about has ended, then send it."""

from core.notices.outcome import outcome
from core.operation import Operation
from core.store.port import OPERATIONS, Store
from products.messages.contract import SEND_STEP, SMS, WAIT_STEP, MessagesSettings
from worker.partners.port import Confirmed, Reply, Unavailable
from worker.partners.sms import ConsoleSms, FileSms, HttpSms, SmsSender
from worker.process import AFTER_MONEY_S, REPEATABLE, REQUIRED, Enquirable, Process, Recovery, Stages, Step
from worker.products import WorkerServices

PATIENT = REQUIRED.within(AFTER_MONEY_S)
FIRST_LOOK_S = 0.1
"""A message is there a moment before the end that it is about."""


def processes(services: WorkerServices) -> tuple[Process, ...]:
    return (sms(services.core.store, _sender(services)),)


def _sender(services: WorkerServices) -> SmsSender:
    settings = services.core.settings.of(MessagesSettings)
    if settings.sms_sender == "http":
        return HttpSms(*services.partners.connect("sms", settings.sms_url, HttpSms.REASONS))
    return FileSms(services.core.settings.var_dir / "sms.log") if settings.sms_sender == "file" else ConsoleSms()


def sms(store: Store, sender: SmsSender) -> Process:
    def wait(operation: Operation) -> Reply:
        document = store.get(OPERATIONS, str(SMS.read(operation).about))
        about = Operation.from_document(document) if document else None
        if about is None or not about.terminal:
            return Unavailable("what it is about has not ended yet")
        return Confirmed({"text": outcome(about)})

    def send(operation: Operation) -> Reply:
        request = SMS.read(operation)
        text = operation.step(WAIT_STEP).result["text"] if request.text is None else request.text
        return sender.send(operation.reference(SEND_STEP), request.to, text)

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
        recovery=_recovery(sender),
        breaker=sender.breaker,
        obligation=PATIENT,
    )

    def stages(operation: Operation) -> Stages:
        return ((waiting,), (sending,)) if SMS.read(operation).text is None else ((sending,),)

    return Process(SMS.kind, stages)


def _recovery(sender: SmsSender) -> Recovery:
    """A sender that cannot be asked sends the message again: two messages do less harm than none."""
    enquire = sender.enquire
    return REPEATABLE if enquire is None else Enquirable(lambda operation: enquire(operation.reference(SEND_STEP)))
