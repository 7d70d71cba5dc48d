"""Flask, marshmallow, and Celery's `delay`, which returns when RabbitMQ has confirmed the message."""

import os
import uuid

from celery import Celery
from flask import Flask, Response, jsonify, request

from bench.peers.body import Payment

SCHEMA = Payment()

app = Flask(__name__)
celery = Celery("peers", broker=os.environ["BROKER_URL"], broker_transport_options={"confirm_publish": True})
celery.conf.task_default_queue = "peers-celery"
celery.conf.task_ignore_result = True


@celery.task  # type: ignore[untyped-decorator]
def settle(id: str, payment: dict[str, object]) -> None:
    """No worker runs while accepting is measured."""


@app.post("/amendes/payments/")
def pay() -> tuple[Response, int]:
    payment = SCHEMA.load(request.json)
    id = str(uuid.uuid4())
    settle.delay(id, payment)
    return jsonify(id=id, status="accepted"), 202


@app.get("/healthz")
def healthz() -> Response:
    return jsonify(status="ok")
