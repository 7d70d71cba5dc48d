"""Publishing events: at least once, however long the broker is away."""

from core.broker.port import Broker, Message
from core.errors import BrokerUnavailable
from core.operation import Operation
from worker.partners.port import Confirmed, Reply, Unavailable
from worker.process import FOR_EVER_S, Process, Stages, Step

KIND = "event"
FIRST_RETRY_S = 0.2
"""Doubled each time: five attempts in the first three seconds, and then on."""


def event(broker: Broker) -> Process:
    """request: topic (its parts), data (JSON text), headers (texts by name), and replay_of: the event it repeats."""

    def publish(operation: Operation) -> Reply:
        request = operation.request
        trace = {"traceparent": operation.trace} if operation.trace else {}
        message = Message(
            topic=tuple(request["topic"]),
            id=request["replay_of"] or operation.id,
            body=request["data"].encode(),
            headers={**request["headers"], **trace},
        )
        try:
            broker.publish(message)
        except BrokerUnavailable as error:
            return Unavailable(str(error.details.get("reason", "")))
        return Confirmed()

    publishing = Step(
        "publish",
        "publishing",
        submit=publish,
        deadline_s=FOR_EVER_S,
        first_retry_s=FIRST_RETRY_S,
        owed=True,
        brief=True,
    )

    def stages(_: Operation) -> Stages:
        return ((publishing,),)

    return Process(KIND, stages)
