"""Publishing events: the broker confirms each, and until it does the worker tries again."""

from core.broker.port import Broker, Message
from core.errors import BrokerUnavailable
from core.operation import Operation
from products.events.contract import EVENT, PUBLISH_STEP, event_uid
from worker.partners.port import Confirmed, Reply, Unavailable
from worker.process import OWED, REPEATABLE, Process, Stages, Step
from worker.products import WorkerServices

FIRST_RETRY_S = 0.2
"""Doubled each time: five attempts in the first three seconds, and then on."""


def processes(services: WorkerServices) -> tuple[Process, ...]:
    return (event(services.core.broker),)


def event(broker: Broker) -> Process:
    def publish(operation: Operation) -> Reply:
        request = EVENT.read(operation)
        trace = {"traceparent": operation.trace} if operation.trace else {}
        message = Message(
            topic=request.topic,
            id=event_uid(operation),
            body=request.data.encode(),
            headers={**request.headers, **trace},
        )
        try:
            broker.publish(message)
        except BrokerUnavailable as error:
            return Unavailable(str(error.details.get("reason", "")))
        return Confirmed()

    publishing = Step(
        PUBLISH_STEP,
        "publishing",
        submit=publish,
        recovery=REPEATABLE,
        obligation=OWED,
        first_retry_s=FIRST_RETRY_S,
        saves_intent=False,
    )

    def stages(_: Operation) -> Stages:
        return ((publishing,),)

    return Process(EVENT.kind, stages)
