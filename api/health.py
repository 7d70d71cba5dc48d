"""Liveness, readiness and metrics."""

import os
import time
from functools import cache

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from api.auth.access import anyone
from api.figures import Figures
from api.http.context import core, method_of, this_request
from core.errors import StoreUnavailable
from core.metrics import STORE_ERRORS

blueprint = Blueprint("health", __name__)

REQUESTS = Counter("quittance_http_requests_total", "HTTP requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "quittance_http_request_seconds",
    "Time to answer a request, waiting on request not included",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)
ACCEPT_SECONDS = Histogram(
    "quittance_accept_seconds",
    "Time to answer 202, waiting on request not included",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)


# The library looks them up under a lock, at each request.
_requests, _seconds = cache(REQUESTS.labels), cache(SECONDS.labels)


@blueprint.get("/healthz")
@anyone
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@anyone
def readyz() -> tuple[Response, int]:
    """503 without the store. Without the broker, or a partner, the service is degraded and not down: payments wait."""
    broker = "ok" if core().broker.connected() else "down"
    try:
        health = core().partner_health.all()
    except StoreUnavailable:
        return jsonify(status="down", store="down", broker=broker), 503
    partners = {partner: "down" if down else "ok" for partner, down in health.items()}
    whole = broker == "ok" and not any(health.values())
    return jsonify(status="ready" if whole else "degraded", store="ok", broker=broker, partners=partners), 200


@blueprint.get("/metrics")
@anyone
def metrics() -> Response:
    """Prometheus' text format, of all processes of this server."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # set when the app is served by several processes
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    figures: Figures = current_app.extensions["figures"]
    own = generate_latest(registry) + generate_latest(figures.registry())
    return Response(own, content_type=CONTENT_TYPE_LATEST)


def measure(app: Flask) -> None:
    """Counts and times every request of the app, by route and never by path: paths hold ids."""
    STORE_ERRORS.labels("api")  # a 0 from the start: what is not there cannot be seen to rise

    @app.before_request
    def start() -> None:
        request.environ["quittance.start"] = time.perf_counter()

    @app.after_request
    def stop(response: Response) -> Response:
        answered = this_request()
        route = answered.url_rule.rule if answered.url_rule else "none"
        _requests(method_of(answered), route, response.status_code).inc()
        if "HTTP_PREFER" not in answered.environ:
            took_s = time.perf_counter() - answered.environ["quittance.start"]
            _seconds(route).observe(took_s)
            if response.status_code == 202:
                ACCEPT_SECONDS.observe(took_s)
        return response
