"""Whether the process lives, whether it can serve, and its figures."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress

from flask import Blueprint, Flask, Response, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.auth import anyone
from core.bootstrap import Core
from core.errors import StoreUnavailable
from core.outages import Outages

blueprint = Blueprint("health", __name__)

REQUESTS = Counter("quittance_http_requests_total", "HTTP requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "quittance_http_request_seconds",
    "Time to answer a request, waiting on request not included",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
)


@blueprint.get("/healthz")
@anyone
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@anyone
def readyz() -> tuple[Response, int]:
    """503 without the store. Without the broker, or a partner, the service is degraded and not down: payments wait."""
    core: Core = current_app.extensions["core"]
    broker = "ok" if core.broker.connected() else "down"
    try:
        outages = Outages(core.store, core.clock).all()
    except StoreUnavailable:
        return jsonify(status="down", store="down", broker=broker), 503
    partners = {partner: "down" if down else "ok" for partner, down in outages.items()}
    whole = broker == "ok" and not any(outages.values())
    return jsonify(status="ready" if whole else "degraded", store="ok", broker=broker, partners=partners), 200


@blueprint.get("/metrics")
@anyone
def metrics() -> Response:
    """Prometheus' text format, of all processes of this server."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:  # set by whoever serves the app with several processes
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    found_out = CollectorRegistry()
    found_out.register(PartnersDown(current_app.extensions["core"]))
    return Response(generate_latest(registry) + generate_latest(found_out), content_type=CONTENT_TYPE_LATEST)


class PartnersDown(Collector):
    """What the workers found out, read when it is asked for."""

    def __init__(self, core: Core) -> None:
        self._outages = Outages(core.store, core.clock)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("quittance_partner_down", "1 while workers do not call it", labels=["partner"])
        with suppress(StoreUnavailable):
            for partner, down in self._outages.all().items():
                family.add_metric([partner], down)
        yield family


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
