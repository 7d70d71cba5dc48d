"""Dead letters: rings whose handler raised, or that were delivered too often. They can be rung again."""

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from core.broker.rabbitmq.addresses import addresses
from core.broker.rabbitmq.topology import DEAD_EVENTS, FIRST_DEATH_QUEUE, NAME, SEPARATOR, Topology
from core.errors import BrokerUnavailable

COUNT_WITHIN_S = 2.0
"""How long each part of counting may take: whoever asks is waiting."""


def count(url: str, name: str = NAME) -> dict[str, int]:
    """How many dead letters there are, by queue: of rings, and of events. Raises BrokerUnavailable."""
    hosts = addresses(url)
    for host in hosts:
        host.socket_timeout = host.stack_timeout = host.blocked_connection_timeout = COUNT_WITHIN_S
        host.connection_attempts = 1
    try:
        with pika.BlockingConnection(hosts) as connection:
            return {queue: _length(connection, queue) for queue in (Topology(name).dead, DEAD_EVENTS)}
    except (AMQPError, OSError) as error:
        raise BrokerUnavailable(reason=str(error) or type(error).__name__) from None


def _length(connection: pika.BlockingConnection, queue: str) -> int:
    try:
        with connection.channel() as channel:
            return int(channel.queue_declare(queue, passive=True).method.message_count)
    except ChannelClosedByBroker:
        return 0  # nothing has ever made the queue


def requeue(url: str, name: str = NAME) -> list[str]:
    """Puts each dead letter back into the queue it came from, and returns the operations' ids.

    A letter is taken away only when its queue has it again. Raises BrokerUnavailable.
    """
    dead = Topology(name).dead
    try:
        with pika.BlockingConnection(addresses(url)) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            requeued: list[str] = []
            try:
                waiting = channel.queue_declare(dead, passive=True).method.message_count
            except ChannelClosedByBroker:
                return []  # no worker has ever made the queue
            for _ in range(waiting):  # and not those that die again meanwhile
                method, properties, body = channel.basic_get(dead)
                if method is None or properties is None or body is None:
                    break
                queue = str((properties.headers or {})[FIRST_DEATH_QUEUE])
                channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)
                channel.basic_ack(method.delivery_tag or 0)
                requeued += body.decode(errors="replace").split(SEPARATOR)
            return requeued
    except (AMQPError, OSError) as error:
        raise BrokerUnavailable(reason=str(error) or type(error).__name__) from None
