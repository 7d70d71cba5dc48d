"""Flask, marshmallow, and Dramatiq's `send`, which returns when RabbitMQ has confirmed the message."""

import os
import uuid

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from flask import Flask, Response, jsonify, request

from bench.peers.body import Payment

SCHEMA = Payment()

app = Flask(__name__)
dramatiq.set_broker(RabbitmqBroker(url=os.environ["BROKER_URL"], confirm_delivery=True))


@dramatiq.actor(queue_name="peers-dramatiq")  # type: ignore[untyped-decorator]
def settle(id: str, payment: dict[str, object]) -> None:
    """No worker runs while accepting is measured."""


@app.post("/amendes/payments/")
def pay() -> tuple[Response, int]:
    payment = SCHEMA.load(request.json)
    id = str(uuid.uuid4())
    settle.send(id, payment)
    return jsonify(id=id, status="accepted"), 202


@app.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")
