"""Liveness, readiness and metrics."""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import cache

from flask import Blueprint, Flask, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from api.auth.access import anyone
from api.http.context import core, this_request
from core.errors import StoreUnavailable
from core.partner_health import PartnerHealth

blueprint = Blueprint("health", __name__)

REQUESTS = Counter("quittance_http_requests_total", "HTTP requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "quittance_http_request_seconds",
    "Time to answer a request, waiting on request not included",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
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
    found_out = CollectorRegistry()
    found_out.register(PartnersDown(core().partner_health))
    return Response(generate_latest(registry) + generate_latest(found_out), content_type=CONTENT_TYPE_LATEST)


class PartnersDown(Collector):
    """The partner health that workers reported, read at each scrape."""

    def __init__(self, health: PartnerHealth) -> None:
        self._health = health

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily("quittance_partner_down", "1 while workers do not call it", labels=["partner"])
        with suppress(StoreUnavailable):
            for partner, down in self._health.all().items():
                family.add_metric([partner], down)
        yield family


def measure(app: Flask) -> None:
    """Counts and times every request of the app, by route and never by path: paths hold ids."""

    @app.before_request
    def start() -> None:
        request.environ["quittance.start"] = time.perf_counter()

    @app.after_request
    def stop(response: Response) -> Response:
        answered = this_request()
        route = answered.url_rule.rule if answered.url_rule else "none"
        _requests(answered.method, route, response.status_code).inc()
        if "HTTP_PREFER" not in answered.environ:
            _seconds(route).observe(time.perf_counter() - answered.environ["quittance.start"])
        return response
