"""Whether the process lives, whether it can serve, and its figures."""

import os
import time

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from core.bootstrap import Core
from core.errors import StoreUnavailable
from core.store.port import OPERATIONS

blueprint = Blueprint("health", __name__)

REQUESTS = Counter("quittance_http_requests_total", "HTTP requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "quittance_http_request_seconds",
    "Time to answer a request, waiting on request not included",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """503 without the store. Without the broker the service is degraded, not down: workers ask the store instead."""
    core: Core = current_app.extensions["core"]
    broker = "ok" if core.broker.connected() else "down"
    try:
        core.store.get(OPERATIONS, "-")
    except StoreUnavailable:
        return jsonify(status="down", store="down", broker=broker), 503
    return jsonify(status="ready" if broker == "ok" else "degraded", store="ok", broker=broker), 200


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus' text format, of all processes of this server."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # set by whoever serves the app with several processes
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def measure(app: Flask) -> None:
    """Counts and times every request of the app, by route and never by path: paths hold ids."""

    @app.before_request
    def start() -> None:
        request.environ["quittance.start"] = time.perf_counter()

    @app.after_request
    def stop(response: Response) -> Response:
        route = request.url_rule.rule if request.url_rule else "none"
        REQUESTS.labels(request.method, route, response.status_code).inc()
        if "Prefer" not in request.headers:
            SECONDS.labels(route).observe(time.perf_counter() - request.environ["quittance.start"])
        return response
