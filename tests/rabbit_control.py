"""What tests do to a RabbitMQ: stop it, cut its connections, look into its queues."""

from collections.abc import Iterator

import pika
from pika import BasicProperties
from pika.exceptions import ChannelClosedByBroker

from core.broker.rabbitmq.addresses import addresses
from devtools.rabbit import Rabbit, wait_for_amqp


def stop_app(rabbit: Rabbit) -> None:
    """Stops RabbitMQ in an orderly way: its connections are closed and its port refuses new ones."""
    rabbit.ctl("stop_app")


def start_app(rabbit: Rabbit) -> None:
    rabbit.ctl("start_app")
    wait_for_amqp(rabbit.url)


def close_connections(rabbit: Rabbit) -> None:
    rabbit.ctl("close_all_connections", "closed by a test")


class Queues:
    """What is in the queues of a server, asked over AMQP: rabbitmqctl's figures for quorum queues are seconds old."""

    def __init__(self, url: str) -> None:
        self._parameters = addresses(url)

    def waiting(self, queue: str) -> int:
        """Messages no consumer has been given. Raises ChannelClosedByBroker when there is no such queue."""
        with pika.BlockingConnection(self._parameters) as connection:
            return int(connection.channel().queue_declare(queue, passive=True).method.message_count)

    def exists(self, queue: str) -> bool:
        try:
            return self.waiting(queue) >= 0
        except ChannelClosedByBroker:
            return False

    def publish(self, queue: str, body: str) -> None:
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish("", queue, body.encode(), mandatory=True)

    def take(self, queue: str) -> tuple[BasicProperties, bytes] | None:
        """The first message, which is then gone, or None."""
        with pika.BlockingConnection(self._parameters) as connection:
            method, properties, body = connection.channel().basic_get(queue, auto_ack=True)
            return (properties, body) if method and properties is not None and body is not None else None

    def drain(self, queue: str) -> Iterator[tuple[BasicProperties, bytes]]:
        """All messages, which are then gone."""
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            while (taken := channel.basic_get(queue, auto_ack=True))[1] is not None:
                yield taken[1], taken[2] or b""

    def reject(self, queue: str) -> None:
        """As a consumer does that can make nothing of the first message."""
        with pika.BlockingConnection(self._parameters) as connection:
            channel = connection.channel()
            method, _, _ = channel.basic_get(queue)
            assert method is not None
            channel.basic_reject(method.delivery_tag or 0, requeue=False)

    def give_back(self, queue: str) -> None:
        """As a consumer does that dies with the first message."""
        with pika.BlockingConnection(self._parameters) as connection:
            method, _, _ = connection.channel().basic_get(queue)
            assert method is not None

    def purge(self, queue: str) -> None:
        with pika.BlockingConnection(self._parameters) as connection:
            connection.channel().queue_purge(queue)

    def delete(self, *queues: str) -> None:
        with pika.BlockingConnection(self._parameters) as connection:
            for queue in queues:
                connection.channel().queue_delete(queue)

    def delete_exchange(self, exchange: str) -> None:
        with pika.BlockingConnection(self._parameters) as connection:
            connection.channel().exchange_delete(exchange)
