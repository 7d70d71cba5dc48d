"""The addresses that a BROKER_URL names: one server, or each node of a cluster."""

import ssl
from urllib.parse import parse_qsl, urlencode, urlsplit

from pika import SSLOptions, URLParameters

HEARTBEAT_S = 10
"""A server that dies with its machine says no goodbye: it is given up after two of these."""
CA_FILE = "cacertfile"
"""An option of RabbitMQ's own URLs (rabbitmq.com/docs/uri-query-parameters), which pika does not know."""


def addresses(url: str) -> list[URLParameters]:
    """One address for each host of `amqp://user:password@host:port,host:port/vhost`, in the order of the URL.

    Options: `cacertfile`, a file of certificates that `amqps:` trusts instead of the system's; others are pika's.
    Raises ValueError.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("amqp", "amqps"):
        raise ValueError("a RabbitMQ URL begins with amqp:// or amqps://")
    user, at, hosts = parts.netloc.rpartition("@")
    if at and ":" not in user:
        raise ValueError("the user has no password")
    options = dict(parse_qsl(parts.query))
    ca_file = options.pop(CA_FILE, None)
    found = []
    for host in hosts.split(","):
        one = parts._replace(netloc=f"{user}{at}{host}", query=urlencode(options))
        parameters = URLParameters(one.geturl())
        if parameters.heartbeat is None:
            parameters.heartbeat = HEARTBEAT_S
        if ca_file is not None:
            parameters.ssl_options = _trusting(ca_file, parameters.ssl_options)
        found.append(parameters)
    return found


def _trusting(ca_file: str, of_url: SSLOptions | None) -> SSLOptions:
    if of_url is None:
        raise ValueError(f"{CA_FILE} is for amqps://")
    try:
        return SSLOptions(ssl.create_default_context(cafile=ca_file))
    except OSError as error:
        raise ValueError(f"{CA_FILE} {ca_file}: {error}") from None
