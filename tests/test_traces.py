"""One trace from the request over the worker to partners and webhooks; and nothing of it where nobody asks."""

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from api.app import create_app
from core.bootstrap import open_tracing
from core.otel import OtelTracing
from core.settings import BadSettings
from core.tracing import NO_TRACING
from devtools.stack import ROOT
from products.webhooks.breakers import Breakers
from products.webhooks.contract import WEBHOOK
from products.webhooks.endpoints import Endpoints
from products.webhooks.process import webhook
from products.webhooks.rights import Rights
from tests.answers import client_of
from tests.api.kit import PHONE, SETTINGS, URL, body, build
from tests.doubles import FakeClock, ScriptedPartner, engine, lent_sql, process, step
from tests.worker.webhook_kit import Receiver
from worker.partners.breaker import Breaker
from worker.partners.port import Confirmed, Pending

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{CALLER}-01"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def tracing(exporter: InMemorySpanExporter) -> Iterator[OtelTracing]:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing = OtelTracing(provider)
    yield tracing
    tracing.close()


def parents(spans: tuple[ReadableSpan, ...]) -> dict[str, str]:
    """The name of each span, and of its parent: its id where that is the caller's own."""
    names = {span.context.span_id: span.name for span in spans if span.context}
    return {span.name: names.get(span.parent.span_id, f"{span.parent.span_id:016x}") for span in spans if span.parent}


def test_one_trace_goes_from_the_request_to_partners_and_webhooks(
    tracing: OtelTracing, exporter: InMemorySpanExporter
) -> None:
    with lent_sql() as store:
        # Given a payment with a trace, which a client's endpoint hears of
        house = build(store, admin_token="")
        assert isinstance(house.clock, FakeClock)
        core = replace(house.core, tracing=tracing)
        Endpoints(store, house.clock).create("anonymous", "https://client.example/hook", ("payment.succeeded",))
        app = create_app(core)
        accepted = client_of(app).post(URL, json=body(), headers={"traceparent": TRACEPARENT})
        assert accepted.status_code == 202
        id = str(accepted.json["id"])
        client_of(app).get(f"{URL}{id}")

        # If it is settled, after an enquiry, and its webhook is delivered
        breaker, partner = Breaker("mtn", house.clock, 8), ScriptedPartner(Pending(), Confirmed())
        steps = process((step("debit", partner, breaker=breaker),), kind="fine_payment")
        worker = engine(store, house.clock, steps, tracing=tracing, announce=core.announcements.changed)
        worker.advance(id)
        house.tick(60)
        worker.advance(id)
        hooks = webhook(
            store,
            house.clock,
            Receiver(house.clock),
            Breakers(lambda _: Breaker("webhooks", house.clock, 8)),
            Rights(store, house.clock, frozenset({"anonymous"})),
        )
        (delivery,) = store.find("operations", {"kind": WEBHOOK.kind})
        engine(store, house.clock, hooks, tracing=tracing).advance(delivery["id"])

    # I expect one trace, the caller's, in which each knows where it came from
    spans = exporter.get_finished_spans()
    assert {f"{span.context.trace_id:032x}" for span in spans if span.context} == {TRACE}
    assert parents(spans) == {
        "POST /amendes/payments": CALLER,
        "advance fine_payment": "POST /amendes/payments",
        "submit mtn": "advance fine_payment",
        "enquire mtn": "advance fine_payment",
        "advance webhook": "POST /amendes/payments",
        "submit store": "advance webhook",
        "submit webhooks": "advance webhook",
    }
    said = {span.name: dict(span.attributes or {}) for span in spans}
    assert said["POST /amendes/payments"]["http.response.status_code"] == 202
    assert said["enquire mtn"] == {
        "quittance.partner": "mtn",
        "quittance.step": "debit",
        "quittance.reply": "confirmed",
    }
    assert said["advance webhook"]["quittance.status"] == "succeeded"
    assert PHONE not in "".join(span.to_json() for span in spans)


def test_a_bug_ends_its_span_without_its_text(tracing: OtelTracing, exporter: InMemorySpanExporter) -> None:
    with pytest.raises(RuntimeError), tracing.span("work", "consumer", None, {}):
        raise RuntimeError(PHONE)

    (span,) = exporter.get_finished_spans()
    assert (span.status.is_ok, span.status.description) == (False, "RuntimeError")
    assert PHONE not in span.to_json()


def test_without_a_url_nothing_is_imported_or_changed() -> None:
    assert open_tracing(SETTINGS) is NO_TRACING
    with NO_TRACING.span("work", "consumer", TRACEPARENT, {}) as span:
        assert span.traceparent == TRACEPARENT


def test_a_url_without_the_packages_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "core.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(BadSettings, match=r"pip install -r requirements-traces\.txt"):
        open_tracing(replace(SETTINGS, traces_url="http://collector:4318/v1/traces"))


def test_no_other_module_imports_it() -> None:
    folders = ("api", "core", "worker", "products", "ops")
    modules = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    assert [path.name for path in modules if "opentelemetry" in path.read_text()] == ["otel.py"]
