"""Whether the queues on the server are as this release declares them. For a command; the connection is its own."""

from collections.abc import Iterable

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from core.broker.rabbitmq.addresses import addresses
from core.broker.rabbitmq.topology import NAME, Topology
from core.errors import BrokerUnavailable


def check(url: str, kinds: Iterable[str], name: str = NAME) -> list[str]:
    """The queues of these kinds that are there with other arguments. Makes those that are not there.

    Raises BrokerUnavailable.
    """
    topology = Topology(name)
    try:
        with pika.BlockingConnection(addresses(url)) as connection:
            return [topology.queue(kind) for kind in kinds if not _fits(connection, topology, kind)]
    except (AMQPError, OSError) as error:
        raise BrokerUnavailable(reason=str(error) or type(error).__name__) from None


def _fits(connection: pika.BlockingConnection, topology: Topology, kind: str) -> bool:
    channel = connection.channel()
    try:
        topology.declare(channel, kind)  # type: ignore[arg-type]  # it waits for the answer, as the check needs
    except ChannelClosedByBroker:
        return False
    channel.close()
    return True
